"""Token models whose frame of special tokens is their own: one before, none after, or none at all."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from encoders.dna.buckets import make_buckets
from encoders.dna.hygiene import check_sequences
from encoders.dna.kmer_tokenizer import TokenIds
from encoders.dna.pooling import pool
from encoders.dna.protocol import EncoderSpec, Vectors
from encoders.dna.token_encoder import TOKEN_BUDGET, HiddenStates
from encoders.errors import InputError


class FramedTokenizer(Protocol):
    """From bases in upper case to token ids, the first `n_before` and the last `n_after` of which are special."""

    @property
    def version(self) -> str:
        """Version of the rule."""
        ...

    @property
    def vocabulary_size(self) -> int:
        """Number of token ids that a network must have."""
        ...

    @property
    def k(self) -> int:
        """Fewest bases that give a token."""
        ...

    @property
    def n_before(self) -> int:
        """Special tokens before the bases."""
        ...

    @property
    def n_after(self) -> int:
        """Special tokens after the bases."""
        ...

    @property
    def pad_id(self) -> int:
        """Token id of padding."""
        ...

    def encode(self, sequence: str) -> TokenIds:
        """Token ids, special tokens included."""
        ...


class FramedEncoder:
    """A token model as an encoder; padding is on the right, so a causal model never sees it.

    Parameters
    ----------
    model : nn.Module
        Filled; called with input_ids and attention_mask, it returns `HiddenStates`.
    tokenizer : FramedTokenizer
        From bases to token ids.
    spec : EncoderSpec
        `layer` counts from the embedding layer, 0.
    device : torch.device
        Where the model goes.
    max_tokens : int or None
        Most tokens of a sequence, special ones included.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: FramedTokenizer,
        spec: EncoderSpec,
        *,
        device: torch.device,
        max_tokens: int | None = None,
    ) -> None:
        self.model = model.train(False).requires_grad_(False).to(device)
        self.tokenizer = tokenizer
        self.spec = spec
        self.max_tokens = max_tokens
        self._device = device

    def embed(self, sequences: Sequence[str]) -> Vectors:
        """Pooled vectors of the layer that the spec names. See `SequenceEncoder.embed`."""
        tokens = [
            torch.from_numpy(self._encode(index, bases))
            for index, bases in enumerate(check_sequences(sequences, self.spec))
        ]
        vectors = np.empty((len(tokens), self.spec.hidden_dim), dtype=np.float32)
        for batch in make_buckets([len(ids) for ids in tokens], TOKEN_BUDGET[self._device.type]):
            vectors[batch] = self._forward([tokens[index] for index in batch])
        return vectors

    def _encode(self, index: int, bases: str) -> TokenIds:
        ids = self.tokenizer.encode(bases)
        if self.max_tokens is not None and len(ids) > self.max_tokens:
            raise InputError(
                f"{self.spec.label} reads at most {self.max_tokens} tokens and never truncates; sequence {index} of "
                f"{len(bases)} bp has {len(ids)}, as unknown bases cost more tokens. Cut it into shorter windows."
            )
        return ids

    @torch.inference_mode()
    def _forward(self, tokens: list[Tensor]) -> Vectors:
        lengths = torch.tensor([len(ids) for ids in tokens])[:, None]
        input_ids = nn.utils.rnn.pad_sequence(tokens, batch_first=True, padding_value=self.tokenizer.pad_id)
        position = torch.arange(input_ids.shape[1])
        is_base = (position >= self.tokenizer.n_before) & (position < lengths - self.tokenizer.n_after)
        output: HiddenStates = self.model(
            input_ids.to(self._device), attention_mask=(position < lengths).long().to(self._device)
        )
        hidden = output.hidden_states[self.spec.layer].float()
        vectors: Vectors = pool(hidden, is_base.to(self._device), self.spec.pooling).cpu().numpy()
        return vectors
