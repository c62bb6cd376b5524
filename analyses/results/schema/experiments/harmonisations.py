"""Parts of ``experiments/harmonise.json``: sites brought together in several ways, and what that changes."""

from __future__ import annotations

from dataclasses import dataclass

from analyses.privacy.counts import Count
from analyses.results.schema.alignments import Role
from analyses.results.schema.experiments.audits import CorrectedPrediction
from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import OptionalInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """The sites of a run.

    Attributes
    ----------
    column : str
    n_sites : int
    smallest : Count
        Subjects of the smallest site.
    wanted : int
        Subjects that a site should have.
    small : tuple of str
        Sites with fewer, which were kept all the same.
    n_unseen_folds : int
        Folds whose test subjects have a site that their training subjects lack, and so are left as they are.
    """

    column: str
    n_sites: int
    smallest: Count
    wanted: int
    small: tuple[str, ...]
    n_unseen_folds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmonisedAlignment:
    """One encoder and brain view under one method.

    Attributes
    ----------
    arm, arm_label, view, role
        As of an alignment.
    method, method_label : str
        ``none``, ``combat``, ``combat-keep`` or ``covbat``, and in words.
    reason : str or None
        Why there is no correlation; everything below is None then.
    rho : float or None
        Held-out correlation of the first component.
    interval : tuple of float or None
        95 %; None, None where none is valid.
    p, p_corrected : float or None
        One-sided; corrected by max-T over all methods, arms and views of one role.
    null_q95 : float or None
    """

    arm: str
    arm_label: str
    view: str
    role: Role
    method: str
    method_label: str
    reason: str | None = None
    rho: float | None = None
    interval: OptionalInterval = (None, None)
    p: float | None = None
    p_corrected: float | None = None
    null_q95: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmonisedDifference:
    """Held-out correlation with one method less that of the view as it is, on the same folds and subjects.

    Attributes
    ----------
    interval : tuple of float or None
        95 %, the same subjects drawn for both.
    p, p_corrected : float
        Two-sided; corrected by max-T over all methods, arms and views of one role.
    """

    arm: str
    arm_label: str
    view: str
    role: Role
    method: str
    method_label: str
    difference: float
    interval: OptionalInterval
    p: float
    p_corrected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePrediction:
    """How well one brain view tells the site under one method, in subjects who took no part.

    Attributes
    ----------
    chance : float
        Balanced accuracy without any information.
    reason : str or None
        Why it is not defined; ``before`` and ``after`` are None then.
    before, after : CorrectedPrediction or None
        Before and after confounds, the site among them, are removed.
    """

    view: str
    method: str
    method_label: str
    chance: float
    reason: str | None = None
    before: CorrectedPrediction | None = None
    after: CorrectedPrediction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmoniseResult:
    """``experiments/harmonise.json``: alignments by method, what each changes, and how well each tells the site."""

    sites: Sites
    alignments: tuple[HarmonisedAlignment, ...]
    differences: tuple[HarmonisedDifference, ...]
    predictions: tuple[SitePrediction, ...]
    warnings: tuple[str, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row an arm, view and method, one a change by a method, and one a view that tells sites."""
        told = [
            cells(one)
            | {f"{name}_{key}": value for name, score in scores.items() for key, value in cells(score).items()}
            for one in self.predictions
            for scores in [{name: score for name, score in (("before", one.before), ("after", one.after)) if score}]
        ]
        return long_tables(
            harmonised=[cells(one) for one in self.alignments],
            harmonised_differences=[cells(one) for one in self.differences],
            sites_told=told,
        )
