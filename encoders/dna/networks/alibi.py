"""Attention with linear biases: a pair of tokens loses weight with its distance (https://arxiv.org/abs/2108.12409).

Both directions count alike here, as an encoder needs it. There is no position table, hence no longest sequence.
On a CPU every sequence attends by itself, so that the biases are those of its own length and need no mask; a GPU
takes the batch at once. The biases of a float32 GPU pass are made for a block of queries at a time, those of a
bfloat16 one inside the kernel: in bfloat16 a bias at a distance of 1,000 tokens would be off by several thousandths.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import no_type_check

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from encoders.dna.networks.packing import Packing

BLOCK_VALUES = 2**24
"""Most biases held at once (64 MiB) where a kernel needs them in memory."""

MIN_KERNEL_WIDTH = 16
"""Narrowest heads that the kernel of flex_attention takes."""


def alibi_slopes(n_heads: int) -> list[float]:
    """Bias per token of distance, of each head; where heads are no power of two the order is not monotone.

    Examples
    --------
    >>> from encoders.dna.networks.alibi import alibi_slopes
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
    packing : Packing
        Where the tokens of the batch are.
    dtype : torch.dtype
        Number format of the network's products; attention follows it on a GPU only.
    """

    def __init__(self, slopes: Tensor, packing: Packing, dtype: torch.dtype = torch.float32) -> None:
        self._slopes, self._packing, self._dtype = slopes, packing, dtype
        self._spans = packing.spans() if slopes.device.type == "cpu" else []
        longest = packing.is_token.shape[1]
        self._line = -slopes[:, None] * torch.arange(1 - longest, longest, device=slopes.device).abs()

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attended values, all shapes being (n_packed, n_heads, head_dim)."""
        if query.device.type == "cpu":
            return self.attend_one_by_one(query, key, value)
        if self._dtype == torch.float32 or query.shape[-1] < MIN_KERNEL_WIDTH:
            return self.attend_padded(query, key, value)
        return self.attend_in_kernel(query, key, value)

    def attend_one_by_one(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Each sequence by itself; the biases are views of one line, of which nothing is copied."""
        from_end = query.flip(0)
        n_packed = len(query)
        attended = torch.empty_like(query)
        for span in self._spans:
            turned = slice(n_packed - span.stop, n_packed - span.start)
            q, k, v = (part.transpose(0, 1)[None] for part in (from_end[turned], key[span], value[span]))
            out = scaled_dot_product_attention(q, k, v, attn_mask=self._biases(span.stop - span.start))
            attended[turned] = out[0].transpose(0, 1)
        return attended.flip(0)

    def attend_padded(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """The whole batch at once, with biases for a block of queries at a time."""
        queries, keys, values = (self._heads(one) for one in (query, key, value))
        n_sequences, n_heads, n_tokens, _ = queries.shape
        is_padding = torch.arange(n_tokens, device=query.device) >= self._packing.lengths[:, None, None, None]
        biases, n_rows = self._biases(n_tokens), max(1, BLOCK_VALUES // (n_sequences * n_heads * n_tokens))
        from_end, attended = queries.flip(2), []
        for first in range(0, n_tokens, n_rows):
            block = slice(first, first + n_rows)
            masked = biases[:, :, block].masked_fill(is_padding, -torch.inf)
            attended.append(scaled_dot_product_attention(from_end[:, :, block], keys, values, attn_mask=masked))
        return self._packing.pack_left(torch.cat(attended, dim=2).flip(2).transpose(1, 2))

    def attend_in_kernel(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """The whole batch at once, with biases that exist in float32 inside the kernel alone."""
        heads = [self._heads(one).to(self._dtype) for one in (query, key, value)]
        attend: Callable[..., Tensor] = _compiled_kernel() if query.device.type == "cuda" else _flex_alibi
        attended = attend(*heads, slopes=self._slopes, lengths=self._packing.lengths)
        return self._packing.pack_left(attended.transpose(1, 2)).to(query.dtype)

    def _heads(self, packed: Tensor) -> Tensor:
        """Shape (n_sequences, n_heads, n_tokens, head_dim), padding on the right."""
        return self._packing.unpack_left(packed).transpose(1, 2)

    def _biases(self, n_tokens: int) -> Tensor:
        """Shape (1, n_heads, n_tokens, n_tokens); the r-th row belongs to the r-th query from the end."""
        middle = self._line.shape[1] // 2
        return self._line[:, middle - n_tokens + 1 : middle + n_tokens].unfold(1, n_tokens, 1)[None]


def _flex_alibi(query: Tensor, key: Tensor, value: Tensor, *, slopes: Tensor, lengths: Tensor) -> Tensor:
    from torch.nn.attention.flex_attention import flex_attention

    @no_type_check  # traced by torch, which cannot follow a check of types
    def biased(score: Tensor, sequence: Tensor, head: Tensor, row: Tensor, column: Tensor) -> Tensor:
        return torch.where(column < lengths[sequence], score - slopes[head] * (row - column).abs(), -torch.inf)

    attended = flex_attention(query, key, value, score_mod=biased)
    assert isinstance(attended, Tensor)
    return attended


@cache
def _compiled_kernel() -> Callable[..., Tensor]:
    """Without compilation the kernel would be a plain product of all pairs."""
    return torch.compile(_flex_alibi, dynamic=True)
