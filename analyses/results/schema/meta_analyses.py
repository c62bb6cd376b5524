"""``meta.json``: held-out correlations of several runs combined, without any subject's data."""

from __future__ import annotations

from dataclasses import dataclass

from analyses.results.schema.alignments import Role
from analyses.results.serialisation import Interval, OptionalInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A results folder that was combined: its ``name``, ``title``, when it was ``created``, its ``n_subjects``."""

    name: str
    title: str
    created: str
    n_subjects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFinding:
    """What one study found for an arm and view.

    Attributes
    ----------
    study : str
    n_subjects : int
    rho, p : float
        First held-out correlation and its one-sided permutation p, uncorrected.
    interval : tuple of (low, high)
        None, None where none is valid: the study then takes part in the combined p alone.
    se : float or None
        Standard error of Fisher's z, on which the interval rests.
    weight : float or None
        Share in the random-effects mean.
    """

    study: str
    n_subjects: int
    rho: float
    p: float
    interval: OptionalInterval
    se: float | None
    weight: float | None


@dataclass(frozen=True, slots=True)
class PooledCorrelation:
    """A combined correlation, its 95 % interval, and the standard error on Fisher's z."""

    rho: float
    interval: Interval
    se: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledEstimates:
    """What the studies with a valid interval give together.

    Attributes
    ----------
    n_studies : int
    fixed, dersimonian_laird, paule_mandel, hartung_knapp : PooledCorrelation
        As of `fusion.MetaAnalysis`.
    tau2 : tuple of float
        Variance between studies on Fisher's z, by DerSimonian and Laird and by Paule and Mandel.
    q, q_p, i2 : float
        Cochran's Q, its p, and the share (0 to 1) of scatter between studies.
    prediction : tuple of float, or None
        95 % interval for another study; None for fewer than three.
    """

    n_studies: int
    fixed: PooledCorrelation
    dersimonian_laird: PooledCorrelation
    paule_mandel: PooledCorrelation
    hartung_knapp: PooledCorrelation
    tau2: tuple[float, float]
    q: float
    q_p: float
    i2: float
    prediction: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinedAlignment:
    """An arm and view over the studies that have it.

    Attributes
    ----------
    arm, arm_label, view, role
        As of an alignment; the label is that of the first study.
    studies : tuple of StudyFinding
    pooled : PooledEstimates or None
        None where fewer than two studies have a valid interval.
    p, p_holm : float
        One-sided p of all studies (Stouffer, weighted by the root of their subjects); corrected by Holm over all arms
        and the views of one role.
    notes : tuple of str
    """

    arm: str
    arm_label: str
    view: str
    role: Role
    studies: tuple[StudyFinding, ...]
    pooled: PooledEstimates | None
    p: float
    p_holm: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaResult:
    """``meta.json``: studies, what was combined, sentences on what was not (``left_out``) and the ``answer``."""

    studies: tuple[Study, ...]
    combined: tuple[CombinedAlignment, ...]
    left_out: tuple[str, ...]
    answer: tuple[str, ...]
