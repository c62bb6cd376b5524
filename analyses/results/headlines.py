"""An alignment as it lies in its folder, and the one correlation that it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from analyses.results.schema.alignments import AlignmentSummary, HeldOut, HeldOutTrace
from analyses.results.schema.comparisons import ComparisonRow
from analyses.results.schema.tails import FittedTail
from analyses.results.serialisation import OptionalInterval
from encoders.damage import refused_if_damaged
from encoders.numpy_files import open_npz

_DRAWS = {"in_sample_r1": 1, "held_out": 2, "held_out_trace": 1}
"""Axes of each statistic's draws, the first that of permutations."""


@dataclass(frozen=True)
class Alignment:
    """One arm (encoder) aligned with one brain view."""

    folder: Path
    summary: AlignmentSummary

    @property
    def name(self) -> str:
        """Folder name, ``<arm>__<view>``."""
        return self.folder.name

    @property
    def title(self) -> str:
        """What a reader sees, e.g. ``untrained dnabert-3 × thickness``."""
        return f"{self.summary.arm_label} × {self.summary.view}"

    @cached_property
    def null_draws(self) -> dict[str, np.ndarray]:
        """Draws by statistic, the observed one first.

        ``in_sample_r1`` and ``held_out_trace`` [n_permutations + 1], ``held_out`` [n_permutations + 1, n_components].
        """
        path = self.folder / "null_draws.npz"
        with refused_if_damaged(path, "an archive of null draws"):
            draws = open_npz(path)
            for name, n_axes in _DRAWS.items():
                if name in draws and (draws[name].ndim != n_axes or draws[name].dtype.kind != "f"):
                    raise ValueError(f"{name} has {draws[name].dtype} and shape {draws[name].shape}")
            if draws["held_out"].shape[1:] != (len(self.summary.held_out.rho),):
                raise ValueError(f"held_out has shape {draws['held_out'].shape}")
            return draws


@dataclass(frozen=True)
class Headline:
    """What an alignment is judged by: its first held-out correlation, and the trace of all dimensions.

    Attributes
    ----------
    alignment : Alignment
    rho : float
    interval : tuple of float
        95 % interval of `rho`; holds for the largest as well where arms and views were compared. None, None where none
        is valid.
    p, p_corrected : float
        Alone; corrected for the trace beside it, over all arms and views where they were compared.
    trace : HeldOutTrace or None
        None in results of format 1.
    trace_p_corrected : float or None
        As `p_corrected`.
    rho_at_80_percent_power : float or None
        Correlation that these tests, so corrected, find in 80 % of studies; None where there is none, or in results
        of an earlier format.
    tail, tail_corrected, trace_tail_corrected : FittedTail or None
        Beside `p`, `p_corrected` and `trace_p_corrected`; None where no tails were asked for.
    """

    alignment: Alignment
    rho: float
    interval: OptionalInterval
    p: float
    p_corrected: float
    trace: HeldOutTrace | None = None
    trace_p_corrected: float | None = None
    rho_at_80_percent_power: float | None = None
    tail: FittedTail | None = None
    tail_corrected: FittedTail | None = None
    trace_tail_corrected: FittedTail | None = None

    @property
    def p_link(self) -> float:
        """p of any link at all: the smaller of the corrected ones."""
        return self.p_corrected if self.trace_p_corrected is None else min(self.p_corrected, self.trace_p_corrected)

    @property
    def summary(self) -> AlignmentSummary:
        """All that the alignment publishes."""
        return self.alignment.summary


def make_headline(alignment: Alignment, compared: ComparisonRow | None) -> Headline:
    """The headline of an alignment; `compared` is its row of the comparison, where there is one."""
    held_out = alignment.summary.held_out
    alone = held_out.first_p if compared is None else compared.p_max_t
    both = held_out.trace and held_out.trace.p_corrected if compared is None else compared.p_of_both
    first, of_trace = both or (alone, None)
    of_all = None if compared is None else compared.interval_of_all
    found = alignment, held_out.rho[0], of_all or held_out.interval[0], held_out.first_p
    of_alignment = alignment.summary.detectability.held_out_rho_at_80_percent_power
    power = of_alignment if compared is None else compared.rho_at_80_percent_power
    return Headline(*found, first, held_out.trace, of_trace, power, *_fitted(held_out, compared))


def _fitted(held_out: HeldOut, compared: ComparisonRow | None) -> tuple[FittedTail | None, ...]:
    """Fitted tails of the first component: alone, corrected, and that of the trace corrected."""
    alone = held_out.tails[0] if held_out.tails else None
    if compared is None:
        both = held_out.trace and held_out.trace.tails_corrected
        return alone, *(both or (alone, None))
    return alone, *(compared.tails_of_both or (compared.tail, None))
