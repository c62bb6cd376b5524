"""The network of DNABERT-2 and DNABERT-S: BERT with ALiBi and gated linear units (https://arxiv.org/abs/2312.17482).

Written from its equations. The names of the modules are those of the published checkpoints' keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from encoders.dna.networks.alibi import AlibiAttention, alibi_slopes
from encoders.dna.networks.packing import Packing


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicBertShape:
    """Sizes of the network, under the names of config.json."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12


class MosaicBertOutput(NamedTuple):
    """Token vectors, shape (n_sequences, n_tokens, hidden_size): of the last layer; of the embedding layer and then
    of every layer. After the embedding layer they are 0 at padding."""

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...]


class MosaicBert(nn.Module):
    """Encoder without a head. The pooler of the authors' code is left out: the checkpoint has no weights for it."""

    slopes: Tensor

    def __init__(self, shape: MosaicBertShape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = _Embeddings(shape)
        layers = nn.ModuleList(_Layer(shape) for _ in range(shape.num_hidden_layers))
        self.encoder = nn.ModuleDict({"layer": layers})
        self.register_buffer("slopes", torch.tensor(alibi_slopes(shape.num_attention_heads)), persistent=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> MosaicBertOutput:
        """Token vectors of all layers.

        Parameters
        ----------
        input_ids : int Tensor, shape (n_sequences, n_tokens)
            Token ids.
        attention_mask : Tensor, shape (n_sequences, n_tokens), or None
            0 at padding, which may be on either side; None: there is no padding.
        """
        packing = Packing(torch.ones_like(input_ids) if attention_mask is None else attention_mask)
        states = tuple(self._states(input_ids, packing))
        return MosaicBertOutput(states[-1], states)

    def layer_state(self, input_ids: Tensor, attention_mask: Tensor, layer: int) -> Tensor:
        """Hidden state `layer`, counted from 0, of those of `forward`, in memory for one and no time for later ones."""
        return next(islice(self._states(input_ids, Packing(attention_mask)), layer, None))

    def _states(self, input_ids: Tensor, packing: Packing) -> Iterator[Tensor]:
        layers = list(self.encoder["layer"].children())
        dtype = layers[0].get_parameter("attention.self.Wqkv.weight").dtype
        attention = AlibiAttention(self.slopes, packing, dtype)
        embedded: Tensor = self.embeddings(input_ids)
        yield embedded
        hidden = packing.pack(embedded)
        for layer in layers:
            hidden = layer(hidden, attention)
            yield packing.unpack(hidden)


class _Embeddings(nn.Module):
    def __init__(self, shape: MosaicBertShape) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.token_type_embeddings = nn.Embedding(shape.type_vocab_size, shape.hidden_size)
        self.LayerNorm = _norm(shape)

    def forward(self, input_ids: Tensor) -> Tensor:
        normed: Tensor = self.LayerNorm(self.word_embeddings(input_ids) + self.token_type_embeddings.weight[0])
        return normed


class _Layer(nn.Module):
    """Attention and gated units, each normed after its residual was added."""

    def __init__(self, shape: MosaicBertShape) -> None:
        super().__init__()
        self.attention = _Attention(shape)
        self.mlp = _GatedUnits(shape)

    def forward(self, hidden: Tensor, attention: AlibiAttention) -> Tensor:
        out: Tensor = self.mlp(self.attention(hidden, attention))
        return out


class _Attention(nn.Module):
    def __init__(self, shape: MosaicBertShape) -> None:
        super().__init__()
        width = shape.hidden_size
        self.n_heads = shape.num_attention_heads
        self.self = nn.ModuleDict({"Wqkv": nn.Linear(width, 3 * width)})
        self.output = nn.ModuleDict({"dense": nn.Linear(width, width), "LayerNorm": _norm(shape)})

    def forward(self, hidden: Tensor, attention: AlibiAttention) -> Tensor:
        heads = self.self["Wqkv"](hidden).unflatten(-1, (3, self.n_heads, -1))
        attended = attention(*heads.unbind(1)).flatten(-2)
        normed: Tensor = self.output["LayerNorm"](self.output["dense"](attended).add_(hidden))
        return normed


class _GatedUnits(nn.Module):
    def __init__(self, shape: MosaicBertShape) -> None:
        super().__init__()
        self.gated_layers = nn.Linear(shape.hidden_size, 2 * shape.intermediate_size, bias=False)
        self.wo = nn.Linear(shape.intermediate_size, shape.hidden_size)
        self.layernorm = _norm(shape)

    def forward(self, hidden: Tensor) -> Tensor:
        gate, value = self.gated_layers(hidden).chunk(2, dim=-1)
        normed: Tensor = self.layernorm(self.wo(gelu(gate).mul_(value)).add_(hidden))
        return normed


def _norm(shape: MosaicBertShape) -> nn.LayerNorm:
    return nn.LayerNorm(shape.hidden_size, eps=shape.layer_norm_eps)
