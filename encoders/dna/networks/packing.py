"""Sequences of a batch laid end to end: nothing is computed for padding."""

import torch
from torch import Tensor

from encoders.errors import InputError


class Packing:
    """Where the tokens of a padded batch are.

    Parameters
    ----------
    attention_mask : Tensor, shape (n_sequences, n_tokens)
        0 at padding, which may be on either side.

    Raises
    ------
    InputError
        There is padding between the tokens of a sequence.
    """

    def __init__(self, attention_mask: Tensor) -> None:
        self.is_token = attention_mask.bool()
        self.lengths = self.is_token.sum(dim=1)
        self.is_full = bool(self.is_token.all())
        begins = self.is_token[:, :1].sum() + (self.is_token[:, 1:] & ~self.is_token[:, :-1]).sum()
        if begins > len(self.is_token) or begins > (self.lengths > 0).sum():
            raise InputError(
                "Distances between tokens need each sequence in one piece; attention_mask has padding inside one. "
                "Pad on one side."
            )

    def spans(self) -> list[slice]:
        """Rows of each sequence in the packed tokens."""
        ends = self.lengths.cumsum(0).tolist()
        return [slice(end - length, end) for end, length in zip(ends, self.lengths.tolist(), strict=True)]

    def pack(self, padded: Tensor) -> Tensor:
        """Tokens end to end, shape (n_packed, ...), of a tensor of shape (n_sequences, n_tokens, ...)."""
        return padded.flatten(0, 1) if self.is_full else padded[self.is_token]

    def unpack(self, packed: Tensor) -> Tensor:
        """The padded tensor again, 0 at padding."""
        if self.is_full:
            return packed.reshape(*self.is_token.shape, *packed.shape[1:])
        padded = packed.new_zeros(*self.is_token.shape, *packed.shape[1:])
        padded[self.is_token] = packed
        return padded

    def unpack_left(self, packed: Tensor) -> Tensor:
        """The tensor with all padding on the right, whichever side it was on."""
        if self.is_full:
            return packed.reshape(*self.is_token.shape, *packed.shape[1:])
        padded = packed.new_zeros(*self.is_token.shape, *packed.shape[1:])
        padded[self._on_left()] = packed
        return padded

    def pack_left(self, padded: Tensor) -> Tensor:
        """What `unpack_left` takes apart."""
        return padded.flatten(0, 1) if self.is_full else padded[self._on_left()]

    def _on_left(self) -> Tensor:
        position = torch.arange(self.is_token.shape[1], device=self.is_token.device)
        return position < self.lengths[:, None]
