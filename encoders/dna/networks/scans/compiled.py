"""The selective scan on a processor, compiled: states stay in its first cache, and no step is stored but its output.

What plain torch does in five passes over the states of some steps is one loop here, three to six times as fast. The
exponential is a polynomial that the compiler can put into vectors of any width; its error is that of float32.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, no_type_check

import numba
import numpy as np
import torch
from torch import Tensor

TILE = 256
"""Channels whose states are advanced together: 16 states of each are 16 KiB."""

LOG2_E = 1.4426950408889634
_float = np.float32


@no_type_check  # compiled by numba
@numba.njit(inline="always", error_model="numpy")
def power_of_two(x: Any) -> Any:
    """The float32 2^r and the bits of the float32 2^n, with x = n + r, |r| <= 1/2 and n whole, of at least -126."""
    x = _float(-126) if x < _float(-126) else x  # what is no number stays none
    n = np.floor(x + _float(0.5))
    r = x - n
    p = _float(1.535336188319500e-4) * r + _float(1.339887440266574e-3)  # the polynomial of Cephes' exp2f
    p = p * r + _float(9.618437357674640e-3)
    p = p * r + _float(5.550332471162809e-2)
    p = p * r + _float(2.402264791363012e-1)
    p = p * r + _float(6.931472028550421e-1)
    return p * r + _float(1), (np.int32(n) + np.int32(127)) << np.int32(23)


@no_type_check  # compiled by numba
@numba.njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
def _advance(u: Any, step: Any, rates: Any, b: Any, c: Any, state: Any, y: Any, kept: Any, per_stretch: int, first: int,
             last: int) -> None:  # fmt: skip
    """Scan pieces first..last - 1: a direction, a sequence and a tile of channels each; `rates` are a log2(e)."""
    n_steps, n_sequences, d_inner = u.shape[1:]
    n_tiles = (d_inner + TILE - 1) // TILE
    decay, scaled = np.empty(TILE, _float), np.empty(TILE, _float)
    exponent = np.empty(TILE, np.int32)
    power = exponent.view(_float)  # the same bits, read as 2 to the exponent
    for piece in range(first, last):
        channels = slice(piece % n_tiles * TILE, min(d_inner, (piece % n_tiles + 1) * TILE))
        direction, sequence = piece // n_tiles // n_sequences, piece // n_tiles % n_sequences
        width = channels.stop - channels.start
        for t in range(n_steps):
            if t % per_stretch == 0:
                kept[t // per_stretch, direction, sequence, :, channels] = state[direction, sequence, :, channels]
            size, output = step[direction, t, sequence, channels], y[direction, t, sequence, channels]
            value = u[direction, t, sequence, channels]
            for j in range(width):
                scaled[j] = size[j] * value[j]
                output[j] = _float(0)
            for k in range(rates.shape[1]):
                rate, own = rates[direction, k, channels], state[direction, sequence, k, channels]
                weight_in, weight_out = b[direction, t, sequence, k], c[direction, t, sequence, k]
                for j in range(width):
                    decay[j], exponent[j] = power_of_two(size[j] * rate[j])
                for j in range(width):
                    new = own[j] * (decay[j] * power[j]) + scaled[j] * weight_in
                    own[j] = new
                    output[j] += weight_out * new


def compiled_scan(u: Tensor, step: Tensor, a: Tensor, b: Tensor, c: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """What `encoders.dna.networks.scans.plain.selective_scan` gives, of float32 tensors on a processor, by as many
    threads as torch has: each piece is computed alone, so that their number changes no bit.

    Step sizes are at least 0 and rates at most 0, so that no state grows by itself.
    """
    y, state, _ = compiled_scan_with_states(u, step, a, b, c, state, per_stretch=max(1, u.shape[1]))
    return y, state


def compiled_scan_with_states(
    u: Tensor, step: Tensor, a: Tensor, b: Tensor, c: Tensor, state: Tensor, *, per_stretch: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs, the state after the last step, and the states before each stretch of steps, shape (n_stretches, 2,
    n_sequences, d_state, d_inner).
    """
    y, state = torch.empty_like(u), state.clone(memory_format=torch.contiguous_format)
    kept = state.new_empty(-(-u.shape[1] // per_stretch), *state.shape)
    arrays = [one.detach().contiguous().numpy() for one in (u, step, a * LOG2_E, b, c)]
    n_pieces = 2 * u.shape[2] * -(-u.shape[3] // TILE)
    in_parts(_advance, (*arrays, state.numpy(), y.numpy(), kept.numpy(), per_stretch), n_pieces)
    return y, state, kept


def in_parts(compiled: Callable[..., None], arguments: tuple[Any, ...], n_pieces: int) -> None:
    """Call with these arguments and a range of pieces, in as many ranges as torch has threads."""
    n_threads = min(torch.get_num_threads(), n_pieces)
    if n_threads == 1:
        compiled(*arguments, 0, n_pieces)
        return
    with ThreadPoolExecutor(n_threads) as threads:
        list(threads.map(lambda part: compiled(*arguments, *part), _parts(n_pieces, n_threads)))


def _parts(n_pieces: int, n_threads: int) -> Iterator[tuple[int, int]]:
    bounds = [n_pieces * number // n_threads for number in range(n_threads + 1)]
    return pairwise(bounds)
