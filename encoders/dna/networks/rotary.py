"""Rotary positions (https://arxiv.org/abs/2104.09864), always computed in float32.

In bfloat16 positions beyond 256 would share one number, and the angles of distant tokens with them.
"""

import torch
from torch import Tensor

BASE = 10_000.0


def inverse_frequencies(head_size: int) -> Tensor:
    """Radians per position of each pair of dimensions, shape (head_size // 2,)."""
    return 1.0 / BASE ** (torch.arange(0, head_size, 2, dtype=torch.float32) / head_size)


class RotaryPositions:
    """Turns queries and keys by angles that grow with their position.

    Dimension i is paired with dimension i + head_size / 2 (halves, not neighbours). The position is the column of the
    batch, special tokens and padding counted; only differences of positions reach the attention.

    Parameters
    ----------
    frequencies : float Tensor, shape (head_size // 2,)
        Radians per position.
    n_tokens : int
        Columns of the batch.
    """

    def __init__(self, frequencies: Tensor, n_tokens: int) -> None:
        positions = torch.arange(n_tokens, dtype=torch.float32, device=frequencies.device)
        angles = torch.outer(positions, frequencies.float())
        angles = torch.cat([angles, angles], dim=-1)
        self._cosine, self._sine = angles.cos(), angles.sin()

    def __call__(self, heads: Tensor) -> Tensor:
        """Turned heads, shape (..., n_tokens, head_size), in the dtype they came in."""
        exact = heads.float()
        first, second = exact.chunk(2, dim=-1)
        turned = exact * self._cosine + torch.cat([-second, first], dim=-1) * self._sine
        return turned.to(heads.dtype)
