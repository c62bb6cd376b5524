"""The networks of Nucleotide Transformer v1 and v2 (https://doi.org/10.1038/s41592-024-02523-z) and of Agro-NT.

Written from their equations. The names of the modules are those of the published checkpoints' keys. v1 and Agro-NT
add learned positions and have units of GELU; v2 turns queries and keys and has units gated by SiLU.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention, silu

from encoders.dna.networks.rotary import RotaryPositions, inverse_frequencies

PAD, MASK = 1, 2
"""Ids of <pad> and <mask>: positions and the scaling of the embeddings are read from them."""

MASKED_IN_TRAINING = 0.15 * 0.8
"""Share of the tokens that were <mask> in training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NucleotideTransformerShape:
    """Sizes of the network under the names of config.json, and its variant.

    Attributes
    ----------
    is_rotary, is_gated : bool
        v2; v1 and Agro-NT are neither.
    has_unit_bias : bool
        Whether the two linear maps of the units have biases (v1 and Agro-NT; `add_bias_fnn`).
    token_dropout : bool
        v1: embeddings are scaled for the share of <mask>, also where there is none.
    """

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    is_rotary: bool
    is_gated: bool
    has_unit_bias: bool
    token_dropout: bool = False
    emb_layer_norm_before: bool = False
    layer_norm_eps: float = 1e-12


class NucleotideTransformerOutput(NamedTuple):
    """Token vectors, shape (n_sequences, n_tokens, hidden_size): the last; of the embedding layer and every layer.

    The last are normed; those before are the raw residual stream.
    """

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...]


class NucleotideTransformer(nn.Module):
    """Encoder without its heads."""

    def __init__(self, shape: NucleotideTransformerShape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = _Embeddings(shape)
        layers = nn.ModuleList(_Layer(shape) for _ in range(shape.num_hidden_layers))
        self.encoder = nn.ModuleDict({"layer": layers, "emb_layer_norm_after": _norm(shape)})

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> NucleotideTransformerOutput:
        """Token vectors of all layers.

        Parameters
        ----------
        input_ids : int Tensor, shape (n_sequences, n_tokens)
            Token ids.
        attention_mask : Tensor, shape (n_sequences, n_tokens), or None
            0 at padding, on either side; None: every token is read. Vectors of padding mean nothing.
        """
        states = tuple(self._states(input_ids, attention_mask))
        return NucleotideTransformerOutput(states[-1], states)

    def layer_state(self, input_ids: Tensor, attention_mask: Tensor | None, layer: int) -> Tensor:
        """Token vectors of one layer, 0 being the embedding layer; nothing beyond it is computed or kept."""
        return next(islice(self._states(input_ids, attention_mask), layer, None))

    def _states(self, input_ids: Tensor, attention_mask: Tensor | None) -> Iterator[Tensor]:
        is_token = (torch.ones_like(input_ids) if attention_mask is None else attention_mask).bool()
        hidden = self.embeddings(input_ids, is_token)
        for layer in self.encoder["layer"].children():
            yield hidden
            hidden = layer(hidden, is_token[:, None, None, :])
        yield self.encoder["emb_layer_norm_after"](hidden)


class _Embeddings(nn.Module):
    def __init__(self, shape: NucleotideTransformerShape) -> None:
        super().__init__()
        self.token_dropout = shape.token_dropout
        self.word_embeddings = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.position_embeddings = None
        if not shape.is_rotary:
            self.position_embeddings = nn.Embedding(shape.max_position_embeddings, shape.hidden_size)
        self.layer_norm = _norm(shape) if shape.emb_layer_norm_before else None

    def forward(self, input_ids: Tensor, is_token: Tensor) -> Tensor:
        hidden: Tensor = self.word_embeddings(input_ids)
        if self.token_dropout:
            hidden = self._scale(hidden, input_ids == MASK, is_token)
        if self.position_embeddings is not None:  # counted over what is no <pad>, whatever the mask says
            is_read = (input_ids != PAD).long()
            hidden = hidden + self.position_embeddings(is_read.cumsum(dim=1) * is_read + PAD)
        if self.layer_norm is not None:
            hidden = self.layer_norm(hidden)
        return hidden * is_token[..., None]

    @staticmethod
    def _scale(hidden: Tensor, is_masked: Tensor, is_token: Tensor) -> Tensor:
        masked_share = is_masked.sum(dim=1) / is_token.sum(dim=1)
        scale = (1 - MASKED_IN_TRAINING) / (1 - masked_share)
        return hidden.masked_fill(is_masked[..., None], 0) * scale[:, None, None].to(hidden.dtype)


class _Layer(nn.Module):
    """Attention and units, each of the normed stream and added to it."""

    def __init__(self, shape: NucleotideTransformerShape) -> None:
        super().__init__()
        self.is_gated = shape.is_gated
        widths = (shape.hidden_size, shape.intermediate_size)
        self.attention = _Attention(shape)
        self.LayerNorm = _norm(shape)
        inner = nn.Linear(widths[0], widths[1] * (2 if shape.is_gated else 1), bias=shape.has_unit_bias)
        self.intermediate = nn.ModuleDict({"dense": inner})
        self.output = nn.ModuleDict({"dense": nn.Linear(widths[1], widths[0], bias=shape.has_unit_bias)})

    def forward(self, hidden: Tensor, is_key: Tensor) -> Tensor:
        hidden = hidden + self.attention(hidden, is_key)
        inner = self.intermediate["dense"](self.LayerNorm(hidden))
        if self.is_gated:
            gate, value = inner.chunk(2, dim=-1)
            inner = silu(gate) * value
        else:
            inner = gelu(inner)
        out: Tensor = hidden + self.output["dense"](inner)
        return out


class _Attention(nn.Module):
    def __init__(self, shape: NucleotideTransformerShape) -> None:
        super().__init__()
        width = shape.hidden_size
        self.n_heads = shape.num_attention_heads
        self.LayerNorm = _norm(shape)
        self.self = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        self.output = nn.ModuleDict({"dense": nn.Linear(width, width)})
        if shape.is_rotary:
            self.self["rotary_embeddings"] = _Frequencies(width // shape.num_attention_heads)

    def forward(self, hidden: Tensor, is_key: Tensor) -> Tensor:
        normed = self.LayerNorm(hidden)
        query, key, value = (
            self.self[name](normed).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        if "rotary_embeddings" in self.self:
            turn = self.self["rotary_embeddings"](hidden.shape[1])
            query, key = turn(query), turn(key)
        attended = scaled_dot_product_attention(query, key, value, attn_mask=is_key)
        out: Tensor = self.output["dense"](attended.transpose(1, 2).flatten(-2))
        return out


class _Frequencies(nn.Module):
    """Stored with the published weights, and read from there."""

    inv_freq: Tensor

    def __init__(self, head_size: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", inverse_frequencies(head_size))

    def forward(self, n_tokens: int) -> RotaryPositions:
        return RotaryPositions(self.inv_freq, n_tokens)


def _norm(shape: NucleotideTransformerShape) -> nn.LayerNorm:
    return nn.LayerNorm(shape.hidden_size, eps=shape.layer_norm_eps)
