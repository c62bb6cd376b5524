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
        n_sequences, n_tokens = is_token.shape
        distance = torch.arange(1 - n_tokens, n_tokens, device=slopes.device).abs()
        # Overlapping windows of one line, of which nothing is copied; row r belongs to the r-th query from the end.
        self._biases = (-slopes[:, None] * distance).unfold(1, n_tokens, 1)[None]
        self._is_padding = None if bool(is_token.all()) else ~is_token[:, None, None, :]
        n_biases_of_query = len(slopes) * n_tokens * (1 if self._is_padding is None else n_sequences)
        n_rows = max(1, BLOCK_VALUES // n_biases_of_query)
        self._blocks = [slice(first, first + n_rows) for first in range(0, n_tokens, n_rows)]
        self._whole = self._biases_of(self._blocks[0]) if len(self._blocks) == 1 else None

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attended values, all shapes being (n_sequences, n_heads, n_tokens, head_dim)."""
        from_end = query.flip(2)
        attended = [
            scaled_dot_product_attention(
                from_end[:, :, block],
                key,
                value,
                attn_mask=self._biases_of(block) if self._whole is None else self._whole,
            )
            for block in self._blocks
        ]
        return torch.cat(attended, dim=2).flip(2)

    def _biases_of(self, block: slice) -> Tensor:
        """Biases of a block of queries, shape (n_sequences or 1, n_heads, n_rows, n_tokens)."""
        biases = self._biases[:, :, block]
        return biases if self._is_padding is None else biases.masked_fill(self._is_padding, -torch.inf)
