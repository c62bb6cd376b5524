"""Attention with linear biases: a pair of tokens loses weight with its distance (https://arxiv.org/abs/2108.12409).

Both directions count alike here, as an encoder needs it. There is no position table, hence no longest sequence.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

BLOCK_VALUES = 2**24
"""Most biases held at once (64 MiB); longer inputs are attended to in blocks of queries."""


def alibi_slopes(n_heads: int) -> list[float]:
    """Bias per token of distance, of each head; where heads are no power of two the order is not monotone.

    Examples
    --------
    >>> alibi_slopes(4)
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    power = 2 ** int(math.log2(n_heads))
    slopes = [2.0 ** (-8 * (head + 1) / power) for head in range(power)]
    return slopes if power == n_heads else slopes + alibi_slopes(2 * power)[0::2][: n_heads - power]


class AlibiAttention:
    """Attention of all layers over one batch: they share the biases.

    Parameters
    ----------
    slopes : Tensor, shape (n_heads,)
        See `alibi_slopes`.
    is_token : bool Tensor, shape (n_sequences, n_tokens)
        False at padding, which no token then sees. Padding may be on either side.
    """

    def __init__(self, slopes: Tensor, is_token: Tensor) -> None:
        n_sequences, self._n_tokens = is_token.shape
        self._slopes = slopes
        self._is_token = None if bool(is_token.all()) else is_token
        n_biased = len(slopes) * self._n_tokens * (1 if self._is_token is None else n_sequences)
        self._n_rows = max(1, min(self._n_tokens, BLOCK_VALUES // n_biased))
        self._whole = self._biases(0) if self._n_rows == self._n_tokens else None

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attended values, all shapes being (n_sequences, n_heads, n_tokens, head_dim)."""
        if self._whole is not None:
            return scaled_dot_product_attention(query, key, value, attn_mask=self._whole)
        blocks = [
            scaled_dot_product_attention(
                query[:, :, first : first + self._n_rows], key, value, attn_mask=self._biases(first)
            )
            for first in range(0, self._n_tokens, self._n_rows)
        ]
        return torch.cat(blocks, dim=2)

    def _biases(self, first: int) -> Tensor:
        """Biases of a block of queries, shape (n_sequences or 1, n_heads, n_rows, n_tokens)."""
        position = torch.arange(self._n_tokens, device=self._slopes.device)
        distance = (position[first : first + self._n_rows, None] - position).abs()
        biases = (-self._slopes[:, None, None] * distance)[None]
        if self._is_token is None:
            return biases
        return biases.masked_fill(~self._is_token[:, None, None, :], -torch.inf)
