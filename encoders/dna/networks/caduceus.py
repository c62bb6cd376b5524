"""The network of Caduceus (https://arxiv.org/abs/2403.03234), in plain torch and with the published key layout.

Ph reads one strand. PS reads both through one set of weights, and its output for the reverse complement is its output
flipped. Here the two strands lie side by side in the batch, each in its own reading direction.

With ``fused_add_norm`` (as published) the authors' PS takes, in every layer, the second half of the channels for the
forward strand and does not flip it: the strands change places and directions. The weights were trained so; without
this swap they are another function.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from encoders.dna.networks.mamba import BiMamba, MambaSizes, Reversal
from encoders.dna.tokenizers.single_base import complement_ids
from encoders.errors import InputError


@dataclass(frozen=True, slots=True)
class CaduceusShape:
    """What decides the network.

    Attributes
    ----------
    n_layer, vocab_size : int
        Layers; rows of the embedding.
    mixer : MambaSizes
        Sizes of every mixer.
    norm_epsilon : float
        Added to the mean square before its root.
    rcps : bool
        Whether this is PS.
    fused_add_norm : bool
        Whether the strands of PS swap in every layer; decides nothing in Ph.
    """

    n_layer: int
    vocab_size: int
    mixer: MambaSizes
    norm_epsilon: float
    rcps: bool
    fused_add_norm: bool

    @property
    def swaps_strands(self) -> bool:
        """Whether the strands change places in every layer."""
        return self.rcps and self.fused_add_norm


@dataclass(frozen=True, slots=True)
class CaduceusOutput:
    """Output of the network.

    Attributes
    ----------
    last_hidden_state : Tensor, shape (n_sequences, n_tokens, hidden_dim)
        After the last norm. In PS the channels are those of the forward strand, then those of the reverse strand
        flipped in both token and channel.
    hidden_states : tuple of Tensor
        Input of each layer (without the residual), then `last_hidden_state`; the authors leave the last one out
        when the norm is not fused.
    """

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...]


class Wrapped(nn.Module):
    """Gives a module the key the authors' wrapper for both strands gives it."""

    def __init__(self, submodule: nn.Module) -> None:
        super().__init__()
        self.submodule = submodule

    def forward(self, *inputs: object) -> Tensor:
        """Both strands are in the batch already."""
        output: Tensor = self.submodule(*inputs)
        return output


class StrandEmbedding(nn.Module):
    """Embedding of PS, with the complement of each token."""

    complement_map: Tensor

    def __init__(self, vocab_size: int, d_model: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.register_buffer("complement_map", torch.tensor(complement_ids(vocab_size)))


class CaduceusLayer(nn.Module):
    """Sum, norm and mixer."""

    def __init__(self, shape: CaduceusShape) -> None:
        super().__init__()
        mixer = BiMamba(shape.mixer)
        self.mixer = Wrapped(mixer) if shape.rcps else mixer
        self.norm = _make_norm(shape)
        self._swaps = shape.swaps_strands

    def forward(self, hidden: Tensor, residual: Tensor, reversal: Reversal) -> tuple[Tensor, Tensor]:
        """Output of the mixer, and the residual that is still to be added to it."""
        residual = hidden + residual
        if self._swaps:
            residual = reversal.take(residual.roll(residual.shape[1] // 2, dims=1)).flip(-1)
        return self.mixer(self.norm(residual), reversal), residual


class CaduceusModel(nn.Module):
    """Caduceus without its head, whose weights are those of the embedding.

    Parameters
    ----------
    shape : CaduceusShape
        What decides the network. Weights are drawn as the authors draw them before training.
    """

    def __init__(self, shape: CaduceusShape) -> None:
        super().__init__()
        self.shape = shape
        width, n_tokens = shape.mixer.d_model, shape.vocab_size
        words = StrandEmbedding(n_tokens, width) if shape.rcps else nn.Embedding(n_tokens, width)
        self.embeddings = nn.ModuleDict({"word_embeddings": words})
        self.layers = nn.ModuleList(CaduceusLayer(shape) for _ in range(shape.n_layer))
        self.norm_f = _make_norm(shape)
        self._draw_weights()

    def _draw_weights(self) -> None:
        """Small embeddings, and outputs of mixers that add up to one layer's worth; the rest is torch's default."""
        nn.init.normal_(self.word_embedding.weight, std=0.02)
        for key, weight in self.named_parameters():
            if key.endswith("out_proj.weight"):
                weight.data /= self.shape.n_layer**0.5

    @property
    def word_embedding(self) -> nn.Embedding:
        """Vectors of the tokens, which are also the weights of the head."""
        words = self.embeddings["word_embeddings"]
        embedding = words.embedding if isinstance(words, StrandEmbedding) else words
        assert isinstance(embedding, nn.Embedding)
        return embedding

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> CaduceusOutput:
        """Hidden states of all layers.

        Parameters
        ----------
        input_ids : int Tensor, shape (n_sequences, n_tokens)
            Padded on one side.
        attention_mask : Tensor of 0 and 1, shape (n_sequences, n_tokens), or None
            1 where there is a token; None where there is no padding.

        Raises
        ------
        InputError
            A sequence has no token, or padding inside.
        """
        n_before = _left_padding(input_ids, attention_mask)
        if attention_mask is not None:
            attention_mask = _rotate(attention_mask, n_before)
        reversal = self._make_reversal(input_ids, attention_mask)
        found = self._states(_rotate(input_ids, n_before), reversal)
        states = tuple(_rotate(self._publish(state, reversal), -n_before) for state in found)
        return CaduceusOutput(states[-1], states)

    def layer_state(self, input_ids: Tensor, attention_mask: Tensor, layer: int) -> Tensor:
        """Hidden state `layer`, counted from 0, of those of `forward`, in memory for one and no time for later ones.

        Padding is on the right here.
        """
        reversal = self._make_reversal(input_ids, attention_mask)
        return self._publish(next(islice(self._states(input_ids, reversal), layer, None)), reversal)

    def logits(self, last_hidden_state: Tensor) -> Tensor:
        """Scores of the masked-language head, shape (n_sequences, n_tokens, vocab_size)."""
        weight = self.word_embedding.weight
        if not self.shape.rcps:
            return last_hidden_state @ weight.T
        forward, reverse = last_hidden_state.chunk(2, dim=-1)
        return forward @ weight.T + reverse.flip(-1) @ weight[self.complement_map].T

    @property
    def complement_map(self) -> Tensor:
        """Id of the complement of each token, in PS."""
        words = self.embeddings["word_embeddings"]
        assert isinstance(words, StrandEmbedding)
        return words.complement_map

    def _make_reversal(self, input_ids: Tensor, attention_mask: Tensor | None) -> Reversal:
        """Of all strands: those of PS lie one set after the other."""
        n_sequences, n_tokens = input_ids.shape
        if attention_mask is None:
            lengths = torch.full((n_sequences,), n_tokens, device=input_ids.device)
        else:
            lengths = _lengths_of(attention_mask)
        return Reversal(lengths.repeat(2 if self.shape.rcps else 1), n_tokens)

    def _states(self, input_ids: Tensor, reversal: Reversal) -> Iterator[Tensor]:
        """Hidden states, time-major, each strand in its own reading direction."""
        ids = input_ids.T
        if self.shape.rcps:
            _, reverse = reversal.take(ids.repeat(1, 2)).chunk(2, dim=1)
            ids = torch.cat([ids, self.complement_map[reverse]], dim=1)
        hidden = self.word_embedding(ids)
        residual = torch.zeros_like(hidden)
        for layer in self.layers:
            yield hidden
            hidden, residual = layer(hidden, residual, reversal)
        yield self.norm_f(hidden + residual)

    def _publish(self, state: Tensor, reversal: Reversal) -> Tensor:
        """State with sequences first, and the strands of PS side by side as the authors have them."""
        if self.shape.rcps:
            forward, _ = state.chunk(2, dim=1)
            _, reverse = reversal.take(state).chunk(2, dim=1)
            state = torch.cat([forward, reverse.flip(-1)], dim=-1)
        return state.transpose(0, 1)


def _make_norm(shape: CaduceusShape) -> nn.Module:
    norm = nn.RMSNorm(shape.mixer.d_model, eps=shape.norm_epsilon)
    return Wrapped(norm) if shape.rcps and not shape.fused_add_norm else norm


def _left_padding(input_ids: Tensor, attention_mask: Tensor | None) -> Tensor:
    """Padding before the first token of each sequence: the published tokenizer pads there."""
    if attention_mask is None:
        return input_ids.new_zeros(len(input_ids))
    return attention_mask.bool().int().argmax(dim=1)


def _rotate(x: Tensor, n_steps: Tensor) -> Tensor:
    """Each sequence turned to the left by its number of steps, shape (n_sequences, n_tokens, ...)."""
    if not n_steps.any():
        return x
    position = torch.arange(x.shape[1], device=x.device)
    source = (position + n_steps[:, None]) % x.shape[1]
    return x[torch.arange(len(x), device=x.device)[:, None], source]


def _lengths_of(attention_mask: Tensor) -> Tensor:
    is_token = attention_mask.bool()
    lengths = is_token.sum(dim=1)
    position = torch.arange(is_token.shape[1], device=is_token.device)
    if not lengths.all() or not torch.equal(is_token, position < lengths[:, None]):
        raise InputError(
            "Caduceus needs sequences of at least one token, with all of them in one piece; attention_mask has padding "
            "elsewhere. Pad on the right."
        )
    return lengths
