"""The network of HyenaDNA (https://arxiv.org/abs/2306.15794): causal, one token per base, no attention.

Written from its equations. The names of the modules are those of the published checkpoints' keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from encoders.dna.networks.hyena import HyenaOperator
from encoders.errors import InputError

BLOCK_EPSILON = 1e-5
"""Of the norms inside a block, whatever config.json says; that of the last norm is in config.json."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HyenaDNAShape:
    """Sizes of the network, under the names of config.json; `vocab_size` counts the rows that are stored."""

    d_model: int
    n_layer: int
    d_inner: int
    max_seq_len: int
    vocab_size: int
    emb_dim: int = 5
    filter_order: int = 64
    num_inner_mlps: int = 2
    layer_norm_epsilon: float = 1e-5


class HyenaDNAOutput(NamedTuple):
    """Token vectors, shape (n_sequences, n_tokens, d_model): the last; embeddings, each block, and the last normed."""

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...]


class HyenaDNA(nn.Module):
    """Backbone without its head."""

    def __init__(self, shape: HyenaDNAShape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = nn.ModuleDict({"word_embeddings": nn.Embedding(shape.vocab_size, shape.d_model)})
        self.layers = nn.ModuleList(_Block(shape) for _ in range(shape.n_layer))
        self.ln_f = nn.LayerNorm(shape.d_model, eps=shape.layer_norm_epsilon)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> HyenaDNAOutput:
        """Token vectors of all layers.

        Parameters
        ----------
        input_ids : int Tensor, shape (n_sequences, n_tokens)
            Token ids; padding must be on the right, where a causal network never sees it.
        attention_mask : Tensor or None
            Not read: there is no attention. Padding on the left would be read like bases, as by the authors' code.

        Raises
        ------
        InputError
            There are more tokens than the filter has positions.
        """
        del attention_mask
        states = tuple(self._states(input_ids))
        return HyenaDNAOutput(states[-1], states)

    def layer_state(self, input_ids: Tensor, attention_mask: Tensor | None, layer: int) -> Tensor:
        """Token vectors of one layer, 0 being the embedding layer; nothing beyond it is computed or kept."""
        del attention_mask
        return next(islice(self._states(input_ids), layer, None))

    def _states(self, input_ids: Tensor) -> Iterator[Tensor]:
        n_tokens, most = input_ids.shape[1], self.shape.max_seq_len
        if n_tokens > most:
            raise InputError(f"This HyenaDNA reads at most {most} tokens; got {n_tokens}. Use shorter windows.")
        hidden = self.embeddings["word_embeddings"](input_ids)
        for block in self.layers:
            yield hidden
            hidden = block(hidden)
        yield hidden
        yield self.ln_f(hidden)


class _Block(nn.Module):
    """Hyena and units of GELU (its tanh form), each of the normed stream and added to it."""

    def __init__(self, shape: HyenaDNAShape) -> None:
        super().__init__()
        width = shape.d_model
        names = ("emb_dim", "filter_order", "num_inner_mlps", "max_seq_len")
        self.mixer = HyenaOperator(width, {name: getattr(shape, name) for name in names})
        self.norm1 = nn.LayerNorm(width, eps=BLOCK_EPSILON)
        self.norm2 = nn.LayerNorm(width, eps=BLOCK_EPSILON)
        self.mlp = _Units(width, shape.d_inner)

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = hidden + self.mixer(self.norm1(hidden))
        out: Tensor = hidden + self.mlp(self.norm2(hidden))
        return out


class _Units(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, hidden: Tensor) -> Tensor:
        out: Tensor = self.fc2(gelu(self.fc1(hidden), approximate="tanh"))
        return out


def make_hyenadna(shape: HyenaDNAShape, *, seed: int) -> HyenaDNA:
    """Network with random weights of a seed; the caller's stream of random numbers does not move."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return HyenaDNA(shape)
