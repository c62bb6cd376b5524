"""Selective state spaces (https://arxiv.org/abs/2312.00752) in both directions, in plain torch.

Tensors are time-major, so that one step of all sequences is one contiguous block of memory. Sequences are padded on
the right and reversed each within its own length: padding then follows the last base in both directions, and since
both directions look back only, no base ever sees it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from encoders.dna.networks.linears import product
from encoders.dna.networks.scans.learning import LearningScan
from encoders.dna.networks.scans.plain import blocked_scan, is_compiled, selective_scan

BLOCK_STEPS, CUDA_BLOCK_STEPS = 256, 16_384
"""Steps that are projected at once: memory beyond the inputs and outputs of a mixer does not grow with the length."""

MIN_STEP, MAX_STEP = 1e-3, 1e-1
"""Range of the step sizes of an untrained mixer, as the authors draw them."""


@dataclass(frozen=True, slots=True)
class MambaSizes:
    """Sizes of one mixer.

    Attributes
    ----------
    d_model, d_inner : int
        Width outside and inside the mixer.
    d_state : int
        States per inner channel.
    d_conv : int
        Positions that the convolution sees.
    dt_rank : int
        Rank of the projection that gives the step sizes.
    """

    d_model: int
    d_inner: int
    d_state: int
    d_conv: int
    dt_rank: int


class Reversal:
    """Reverses right-padded sequences, each within its own length; padding stays where it is.

    Parameters
    ----------
    lengths : int Tensor, shape (n_sequences,)
        Tokens of each sequence.
    n_steps : int
        Padded length.
    """

    def __init__(self, lengths: Tensor, n_steps: int) -> None:
        step = torch.arange(n_steps, device=lengths.device)[:, None]
        self.steps = torch.where(step < lengths, lengths - 1 - step, step)
        self._columns = torch.arange(len(lengths), device=lengths.device)

    def take(self, x: Tensor, steps: slice = slice(None)) -> Tensor:
        """These steps of the reversed `x`, shape (n_steps, n_sequences, ...)."""
        return x[self.steps[steps], self._columns]

    def add(self, x: Tensor, steps: slice, reversed_values: Tensor) -> None:
        """Add values of these reversed steps to `x`, in place."""
        x[self.steps[steps], self._columns] += reversed_values  # a step is named once per sequence


class Mamba(nn.Module):
    """Parameters of one direction, and what it does to each step before the scan.

    Parameters
    ----------
    sizes : MambaSizes
        Sizes of the mixer.
    owns_projections : bool
        Whether the projections into and out of the mixer are stored here; the reverse direction shares the forward's.
    """

    def __init__(self, sizes: MambaSizes, *, owns_projections: bool) -> None:
        super().__init__()
        inner, rank, n_states = sizes.d_inner, sizes.dt_rank, sizes.d_state
        if owns_projections:
            self.in_proj = nn.Linear(sizes.d_model, 2 * inner, bias=False)
            self.out_proj = nn.Linear(inner, sizes.d_model, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, sizes.d_conv, groups=inner)
        self.x_proj = nn.Linear(inner, rank + 2 * n_states, bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.A_log = nn.Parameter(torch.arange(1.0, n_states + 1).log().repeat(inner, 1))
        self.D = nn.Parameter(torch.ones(inner))
        self._split = (rank, n_states, n_states)
        self._draw_step_sizes(rank)

    def _draw_step_sizes(self, rank: int) -> None:
        """Steps log-uniform in their range: the bias is the inverse of the softplus that follows it."""
        nn.init.uniform_(self.dt_proj.weight, -(rank**-0.5), rank**-0.5)
        drawn = torch.empty_like(self.dt_proj.bias).uniform_(math.log(MIN_STEP), math.log(MAX_STEP)).exp()
        self.dt_proj.bias.data = drawn + torch.log(-torch.expm1(-drawn))

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Inputs, step sizes, b and c of the scan.

        Parameters
        ----------
        x : Tensor, shape (d_conv - 1 + n_steps, n_sequences, d_inner)
            Steps of one block, after those before it that the convolution still sees.
        """
        weight, bias = self.conv1d.weight, self.conv1d.bias
        assert bias is not None
        n_steps = len(x) - weight.shape[-1] + 1
        u = x[:n_steps] * weight[:, 0, 0] + bias
        for lag in range(1, weight.shape[-1]):
            u.addcmul_(x[lag : lag + n_steps], weight[:, 0, lag])
        functional.silu(u, inplace=True)
        rank_step, b, c = self.x_proj(u).split(self._split, dim=-1)
        return u, functional.softplus(self.dt_proj(rank_step)), b, c


class BiMamba(nn.Module):
    """Sum of a mixer along the sequences and one against them, with projections in common.

    Both share the gate and the projection out of the mixer, so the two are summed before it: exact, at half the
    products.

    Parameters
    ----------
    sizes : MambaSizes
        Sizes of the mixer.
    """

    def __init__(self, sizes: MambaSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.mamba_fwd = Mamba(sizes, owns_projections=True)
        self.mamba_rev = Mamba(sizes, owns_projections=False)

    def forward(self, hidden: Tensor, reversal: Reversal) -> Tensor:
        """Mix.

        Parameters
        ----------
        hidden : Tensor, shape (n_steps, n_sequences, d_model)
            Right-padded sequences.
        reversal : Reversal
            Of their lengths.
        """
        to_inner, to_gate = self.mamba_fwd.in_proj.weight.chunk(2)
        x = product(hidden, to_inner)
        mixed = torch.zeros_like(x)
        for steps, (forward, backward) in self._scan_blocks(x, reversal):
            mixed[steps] += forward
            reversal.add(mixed, steps, backward)
        del x  # long before the output is whole: a gene of 200 kb is 400 MB here
        output = torch.empty_like(hidden)
        for steps in _blocks(hidden):
            gate = functional.silu(product(hidden[steps], to_gate))
            # A gradient of the projection needs what it was given, which the next block must not change.
            gated = mixed[steps] * gate if mixed.requires_grad else mixed[steps].mul_(gate)
            output[steps] = self.mamba_fwd.out_proj(gated)
        return output

    def _scan_blocks(self, x: Tensor, reversal: Reversal) -> Iterator[tuple[slice, Tensor]]:
        """Outputs of both directions, block by block; the backward one in reversed steps."""
        directions = (self.mamba_fwd, self.mamba_rev)
        a = torch.stack([-one.A_log.exp().T for one in directions])
        skip = torch.stack([one.D for one in directions])[:, None, None]
        n_before = self.sizes.d_conv - 1
        before = x.new_zeros(2, n_before, *x.shape[1:])
        state = x.new_zeros(2, x.shape[1], *a.shape[1:])
        for steps in _blocks(x):
            seen = torch.cat([before, torch.stack([x[steps], reversal.take(x, steps)])], dim=1)
            before = seen[:, seen.shape[1] - n_before :]
            pairs = zip(*(one.project(part) for one, part in zip(directions, seen, strict=True)), strict=True)
            u, step, b, c = (torch.stack(pair) for pair in pairs)
            y, state = _scan(u, step, a, b, c, state)
            yield steps, y.addcmul_(u, skip)


def _scan(*inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The scan that keeps what gradients need where they are wanted, as it takes memory; else the fastest."""
    if torch.is_grad_enabled() and any(one.requires_grad for one in inputs):
        found: tuple[Tensor, Tensor] = LearningScan.apply(*inputs)  # type: ignore[no-untyped-call]
        return found
    if inputs[0].device.type == "cuda":
        return blocked_scan(*inputs)
    if is_compiled(*inputs):
        from encoders.dna.networks.scans.compiled import compiled_scan  # numba: a second to import

        return compiled_scan(*inputs)
    return selective_scan(*inputs)


def _blocks(x: Tensor) -> list[slice]:
    size = CUDA_BLOCK_STEPS if x.device.type == "cuda" else BLOCK_STEPS
    return [slice(start, start + size) for start in range(0, len(x), size)]
