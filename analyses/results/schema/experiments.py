"""``experiments/<name>.json``: what experiments beyond alignments found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from analyses.results.schema.audits import CovariateLeak, Duplicates, RandomPairings
from analyses.results.schema.escalations import CurvePoint, MethodDifference, MethodScore, UndefinedPair
from analyses.results.schema.predictions import (
    ArmAlignment,
    BenefitCurve,
    CalibrationCurve,
    PredictedOutcome,
    PredictionDifference,
    PredictorScore,
)
from analyses.results.schema.replications import FirstStudy, Replication
from analyses.results.serialisation import Number, OptionalInterval

#: Settings and numbers that a tracking store shows beside a run: names are the store's, values what they happen to be.
Params = dict[str, str | int | float]
Metrics = dict[str, Number]


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting that was tried: a child run in tracking."""

    name: str
    params: Params
    metrics: Metrics


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionSearch:
    """Numbers of components on trial for one arm and view: G sizes, F outer folds.

    Attributes
    ----------
    arm, arm_label, view : str
    grid : tuple of int, [G]
        Components a side.
    inner_mean, inner_se : tuple of float, [G]
        First held-out correlation of the inner folds and its standard error, averaged over outer folds.
    inner_mean_by_fold : tuple of tuple of float, [F, G]
    chosen : tuple of int, [F]
        Smallest size within one standard error of the best.
    rho, p, null_q95 : float
        With the chosen sizes, in the outer folds; p keeps the choices.
    rho_by_fold : tuple of float, [F]
    grid_rho, grid_p : tuple of float, [G]
        Each size in all outer folds; p by max-T over the grid.
    n_permutations : int
    """

    arm: str
    arm_label: str
    view: str
    grid: tuple[int, ...]
    inner_mean: tuple[float, ...]
    inner_se: tuple[float, ...]
    inner_mean_by_fold: tuple[tuple[float, ...], ...]
    chosen: tuple[int, ...]
    rho: float
    rho_by_fold: tuple[float, ...]
    p: float
    null_q95: float
    grid_rho: tuple[float, ...]
    grid_p: tuple[float, ...]
    n_permutations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DimsResult:
    """``experiments/dims.json``."""

    searches: tuple[DimensionSearch, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BestSetting:
    """The trial with the largest ``inner_rho`` (first correlation in inner folds, too large by selection): pooling,
    layer, components a side, penalty of ridge CCA (0 to 1), and the ``trial``'s number from 0."""

    pooling: str
    layer: int
    n_components: int
    penalty: Number
    inner_rho: float
    trial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAsideTest:
    """The one test in ``n_test`` subjects set aside, fitted on ``n_train``: first correlation, 95 % interval (None,
    None where none is valid), p."""

    rho: float
    interval: OptionalInterval
    p: float
    n_train: int
    n_test: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingTrial:
    """One finished trial; fields as of `BestSetting`."""

    number: int
    inner_rho: float
    pooling: str
    layer: int
    n_components: int
    penalty: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSearch:
    """The search of one arm and view: its best setting, the test of that, every finished trial in order."""

    arm: str
    arm_label: str
    view: str
    best: BestSetting
    tested: SetAsideTest
    trials: tuple[SettingTrial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneResult:
    """``experiments/tune.json``."""

    searches: tuple[SettingSearch, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictResult:
    """``experiments/predict.json``.

    Attributes
    ----------
    outcome : PredictedOutcome
    reason : str or None
        Why nothing could be predicted; there are no predictors then.
    test : {"permutation", "delong", "corrected-t"}
    correction : {"max-T", "Holm"}
        Over all differences. p against chance is always by permutation, corrected by max-T over predictors.
    predictors : tuple of PredictorScore
    differences : tuple of PredictionDifference
    alignments : tuple of ArmAlignment
        How well the same arms align, beside how well they predict.
    calibration : tuple of CalibrationCurve
        Of a binary or continuous outcome.
    benefit : tuple of BenefitCurve
        Of a binary outcome.
    """

    outcome: PredictedOutcome
    reason: str | None
    test: str
    correction: str
    predictors: tuple[PredictorScore, ...]
    differences: tuple[PredictionDifference, ...]
    alignments: tuple[ArmAlignment, ...]
    calibration: tuple[CalibrationCurve, ...]
    benefit: tuple[BenefitCurve, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicateResult:
    """``experiments/replicate.json``."""

    first: FirstStudy
    replications: tuple[Replication, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalateResult:
    """``experiments/escalate.json``.

    Attributes
    ----------
    scores : tuple of MethodScore
        Every method on every arm and view; linear CCA first.
    differences : tuple of MethodDifference
    curve : tuple of CurvePoint
    undefined : tuple of UndefinedPair
    n_permutations : int
        In each of which every method was fitted anew.
    warnings : tuple of str
    """

    scores: tuple[MethodScore, ...]
    differences: tuple[MethodDifference, ...]
    curve: tuple[CurvePoint, ...]
    undefined: tuple[UndefinedPair, ...]
    n_permutations: int
    warnings: tuple[str, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


ExperimentResult = AuditResult | DimsResult | EscalateResult | PredictResult | ReplicateResult | TuneResult

#: What an experiment's file holds, by its name; a new experiment adds its type here.
RESULT_TYPES: Mapping[str, type[ExperimentResult]] = {
    "audit": AuditResult,
    "dims": DimsResult,
    "escalate": EscalateResult,
    "predict": PredictResult,
    "replicate": ReplicateResult,
    "tune": TuneResult,
}


def result_file(experiment: str) -> str:
    """Where the result of an experiment lies in a results folder."""
    return f"experiments/{experiment}.json"
