"""An alignment as it lies in its folder, and the one correlation that it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.comparisons import ComparisonRow
from analyses.results.serialisation import Interval


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
        """``in_sample_r1`` [n_permutations + 1] and ``held_out`` [n_permutations + 1, n_components], observed first."""
        with np.load(self.folder / "null_draws.npz", allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}


@dataclass(frozen=True)
class Headline:
    """What an alignment is judged by: its first held-out correlation.

    Attributes
    ----------
    alignment : Alignment
    rho : float
    interval : tuple of float
        95 % interval of `rho`.
    p, p_corrected : float
        Alone; corrected over all arms and views where they were compared, else over the components of this alignment.
    """

    alignment: Alignment
    rho: float
    interval: Interval
    p: float
    p_corrected: float

    @property
    def summary(self) -> AlignmentSummary:
        """All that the alignment publishes."""
        return self.alignment.summary


def make_headline(alignment: Alignment, compared: ComparisonRow | None) -> Headline:
    """The headline of an alignment; `compared` is its row of the comparison, where there is one."""
    held_out = alignment.summary.held_out
    p_corrected = held_out.p_fwer[0] if compared is None else compared.p_max_t
    return Headline(alignment, held_out.rho[0], held_out.interval[0], held_out.p[0], p_corrected)
