"""Parts of an audit's result: covariates predicted, random pairings, subjects that are nearly one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A covariate predicted in subjects that took no part.

    Attributes
    ----------
    score : float
        Balanced accuracy of a category, correlation of a number; the mean over folds.
    null_mean, null_q95 : float
        Of shuffled labels.
    p : float
        One-sided.
    """

    score: float
    null_mean: float
    null_q95: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedPrediction(Prediction):
    """With ``q``, the false discovery rate over all views and covariates, before and after alike."""

    q: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateLeak:
    """What a view tells of a covariate, before and after confounds are removed.

    Attributes
    ----------
    side : {"genes", "brain"}
    view : str
        Label of the arm, or name of the brain view.
    target : str
        The covariate.
    metric : str
        What ``score`` is.
    chance : float
        Score without any information.
    removed : bool
        Whether the covariate is among the confounds.
    before, after : CorrectedPrediction
    """

    side: Literal["genes", "brain"]
    view: str
    target: str
    metric: str
    chance: float
    removed: bool
    before: CorrectedPrediction
    after: CorrectedPrediction


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomPairings:
    """Held-out p of one arm and view with brains paired at random: it must be uniform.

    Attributes
    ----------
    arm, arm_label, view : str
    n, n_below_05 : int
        Pairings, and those with p at most .05.
    interval : tuple of float
        95 % interval (Wilson) of the rate.
    ks_p : float
        Kolmogorov-Smirnov p against uniformity.
    p : tuple of float, [n]
    """

    arm: str
    arm_label: str
    view: str
    n: int
    n_below_05: int
    interval: Interval
    ks_p: float
    p: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SharedGroups:
    """``n`` groups of more than one subject, ``split`` of them over more than one fold."""

    n: int
    split: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """Subjects that are nearly one.

    Attributes
    ----------
    brain : dict of view to SharedGroups
        With equal rows.
    genes, families : SharedGroups
        With equal haplotypes in every window; with one family id.
    n_across_folds : int
        Brain duplicates and families over more than one fold.
    sentences : tuple of str
    """

    brain: dict[str, SharedGroups]
    genes: SharedGroups
    families: SharedGroups
    n_across_folds: int
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """``experiments/audit.json``; ``duplicates`` lies under the key ``twins``.

    ``answer`` (sentences, the first of which stands alone), ``metrics`` (the most important first) and ``trials`` are
    part of every experiment's result.
    """

    leaks: tuple[CovariateLeak, ...]
    pairings: tuple[RandomPairings, ...]
    duplicates: Annotated[Duplicates, Field(alias="twins")]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row a covariate and view, and one an arm and view with brains paired at random."""
        return long_tables(
            leaks=[
                cells(one) | {f"{name}_{key}": value for key, value in cells(score).items()}
                for one in self.leaks
                for name, score in (("before", one.before), ("after", one.after))
            ],
            random_pairings=[cells(one) for one in self.pairings],
        )
