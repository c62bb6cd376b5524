"""The gradients of the selective scan on a processor, compiled: states of one stretch and one rate fit its first cache.

The equations are those of `encoders.dna.networks.scans.learning`. A sum over channels takes the order of the vectors of
the machine, so that bits are those of one machine, whatever the number of threads.
"""

from typing import Any, no_type_check

import numba
import numpy as np
import torch
from torch import Tensor

from encoders.dna.networks.scans.compiled import LOG2_E, in_parts, power_of_two

TILE = 128
"""Channels that go together: decays and states of a stretch of 16 steps are 8 KiB each."""

_float = np.float32


@no_type_check  # compiled by numba
@numba.njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz"}, error_model="numpy")
def _retreat(  # noqa: C901 (of its loops in a function of their own the compiler makes no vectors: half the speed)
    inputs: Any, kept: Any, results: Any, per_stretch: int, first: int, last: int
) -> None:
    """Pieces first..last - 1 as in the compiled scan. What sums over sequences or tiles is summed by the caller."""
    u, step, a, b, c, dy = inputs
    of_u, of_step, of_a, of_b, of_c, flowing = results
    n_steps, n_sequences, d_inner = u.shape[1:]
    n_tiles = (d_inner + TILE - 1) // TILE
    scaled, of_scaled = np.empty((per_stretch, TILE), _float), np.empty((per_stretch, TILE), _float)
    decay, states = np.empty((per_stretch, TILE), _float), np.empty((per_stretch + 1, TILE), _float)
    exponent = np.empty(TILE, np.int32)
    power = exponent.view(_float)  # the same bits, read as 2 to the exponent
    for piece in range(first, last):
        tile = piece % n_tiles
        channels = slice(tile * TILE, min(d_inner, (tile + 1) * TILE))
        direction, sequence = piece // n_tiles // n_sequences, piece // n_tiles % n_sequences
        width = channels.stop - channels.start
        for stretch in range(kept.shape[0] - 1, -1, -1):
            start = stretch * per_stretch
            length = min(per_stretch, n_steps - start)
            for i in range(length):
                size, value = (
                    step[direction, start + i, sequence, channels],
                    u[direction, start + i, sequence, channels],
                )
                of_size = of_step[direction, start + i, sequence, channels]
                for j in range(width):
                    scaled[i, j] = size[j] * value[j]
                    of_scaled[i, j] = _float(0)
                    of_size[j] = _float(0)
            for k in range(a.shape[1]):
                rate, of_rate = a[direction, k, channels], of_a[sequence, direction, k, channels]
                before, flow = (
                    kept[stretch, direction, sequence, k, channels],
                    flowing[direction, sequence, k, channels],
                )
                for j in range(width):
                    states[0, j] = before[j]
                for i in range(length):
                    size, weight = step[direction, start + i, sequence, channels], b[direction, start + i, sequence, k]
                    for j in range(width):
                        decay[i, j], exponent[j] = power_of_two(size[j] * (rate[j] * _float(LOG2_E)))
                    for j in range(width):
                        decay[i, j] *= power[j]
                        states[i + 1, j] = states[i, j] * decay[i, j] + scaled[i, j] * weight
                for i in range(length - 1, -1, -1):
                    t = start + i
                    size, given = step[direction, t, sequence, channels], dy[direction, t, sequence, channels]
                    of_size = of_step[direction, t, sequence, channels]
                    weight_in, weight_out = b[direction, t, sequence, k], c[direction, t, sequence, k]
                    sum_in, sum_out = _float(0), _float(0)
                    for j in range(width):
                        of_state = weight_out * given[j] + flow[j]
                        flow[j] = decay[i, j] * of_state
                        of_product = flow[j] * states[i, j]  # of the step size times the rate
                        of_size[j] += of_product * rate[j]
                        of_rate[j] += of_product * size[j]
                        of_scaled[i, j] += of_state * weight_in
                        sum_in += of_state * scaled[i, j]
                        sum_out += states[i + 1, j] * given[j]
                    of_b[tile, direction, t, sequence, k] = sum_in
                    of_c[tile, direction, t, sequence, k] = sum_out
            for i in range(length):
                t = start + i
                size, value = step[direction, t, sequence, channels], u[direction, t, sequence, channels]
                of_size, of_value = of_step[direction, t, sequence, channels], of_u[direction, t, sequence, channels]
                for j in range(width):
                    of_size[j] += of_scaled[i, j] * value[j]
                    of_value[j] = of_scaled[i, j] * size[j]


def compiled_gradient(
    u: Tensor,
    step: Tensor,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    kept: Tensor,
    grad_y: Tensor,
    grad_state: Tensor,
    *,
    per_stretch: int,
) -> tuple[Tensor, ...]:
    """Gradients of u, step, a, b, c and the state before the first step, of float32 tensors on a processor.

    Parameters
    ----------
    u, step, a, b, c : Tensor
        As of `encoders.dna.networks.scans.plain.selective_scan`.
    kept : Tensor, shape (n_stretches, 2, n_sequences, d_state, d_inner)
        States before each stretch of `per_stretch` steps.
    grad_y, grad_state : Tensor
        Gradients of the outputs and of the state after the last step.
    """
    n_tiles = -(-u.shape[3] // TILE)
    flowing = grad_state.clone(memory_format=torch.contiguous_format)
    of_u, of_step = torch.empty_like(u), torch.empty_like(step)
    of_a = a.new_zeros(u.shape[2], *a.shape)
    of_b, of_c = b.new_empty(n_tiles, *b.shape), c.new_empty(n_tiles, *c.shape)
    inputs = tuple(one.contiguous().numpy() for one in (u, step, a, b, c, grad_y))
    results = tuple(one.numpy() for one in (of_u, of_step, of_a, of_b, of_c, flowing))
    in_parts(_retreat, (inputs, kept.numpy(), results, per_stretch), n_pieces=2 * u.shape[2] * n_tiles)
    return of_u, of_step, of_a.sum(0), of_b.sum(0), of_c.sum(0), flowing
