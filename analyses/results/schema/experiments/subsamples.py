"""Parts of ``experiments/subsample.json``: what parts of a cohort find as studies of their own."""

from __future__ import annotations

from dataclasses import dataclass

from analyses.results.schema.alignments import Role
from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import OptionalInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsamplePoint:
    """Studies of one size, of one arm and view.

    Attributes
    ----------
    arm, arm_label, view, role
        As of an alignment.
    n_subjects : int
        Mean over draws; of the last point all subjects, and the numbers are those of the alignment.
    share : float
        Of the subjects.
    dimensions : tuple of int
        Leading components of genes and brain that enter CCA; 0 where there is no value.
    rho : float or None
        First held-out correlation, the mean over draws on Fisher's scale.
    interval : tuple of float or None
        95 %, of what studies of this size find on average (of all subjects: of the alignment).
    studies : tuple of float or None
        Where 95 % of further studies of this size find theirs; None, None of all subjects.
    n_draws : int
    reason : str or None
        Why there is no value.
    """

    arm: str
    arm_label: str
    view: str
    role: Role
    n_subjects: int
    share: float
    dimensions: tuple[int, int]
    rho: float | None
    interval: OptionalInterval
    studies: OptionalInterval
    n_draws: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsampleResult:
    """``experiments/subsample.json``: points of every arm and view, the smallest first."""

    points: tuple[SubsamplePoint, ...]
    n_draws: int
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row a size of every arm and view."""
        rows = [cells(one) | {"lower_studies": one.studies[0], "upper_studies": one.studies[1]} for one in self.points]
        return long_tables(subsamples=rows)
