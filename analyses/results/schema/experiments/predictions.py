"""Parts of a prediction's result: the outcome, predictors in subjects held out, their differences and curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analyses.privacy.counts import Count
from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedOutcome:
    """What is predicted.

    Attributes
    ----------
    column : str
    kind : {"binary", "multiclass", "continuous"} or None
        None where the column holds nothing to predict.
    classes : dict of str to float
        Share of every class, to two digits; of a binary outcome the last is the case.
    n_subjects, n_missing : Count
        With the outcome, and without.
    metric : str
        What ``value`` of a predictor and ``difference`` are: AUROC, macro AUROC or correlation.
    chance : float
        Its value without any information.
    """

    column: str
    kind: Literal["binary", "multiclass", "continuous"] | None
    classes: dict[str, float]
    n_subjects: Count
    n_missing: Count
    metric: str
    chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictorScore:
    """One predictor in subjects who took no part.

    Attributes
    ----------
    name, label : str
    kind : {"covariates", "polygenic score", "genes", "brain", "fusion", "stacked fusion"}
    model : {"linear", "boosting"}
    arm, view : str or None
        What it reads.
    components : tuple of (int, int)
        Components requested and the fewest there were in any fold, of every block that it reads.
    value : float or None
        Mean over folds; None where it is not defined, and ``reason`` says why.
    interval : tuple of float, or None
    by_fold : tuple of float or None
    p, p_corrected : float or None
        One-sided against chance; corrected over all predictors by max-T.
    metrics : dict of str to float
        AUPRC, Brier, ECE and balanced accuracy; or R2 and MAE.
    reason : str or None
    """

    name: str
    label: str
    kind: str
    model: str
    arm: str | None
    view: str | None
    components: tuple[tuple[int, int], ...]
    value: float | None
    interval: Interval | None
    by_fold: tuple[float | None, ...]
    p: float | None
    p_corrected: float | None
    metrics: dict[str, float]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionDifference:
    """One predictor less another on the same folds.

    Attributes
    ----------
    first, second, first_label, second_label : str
        ``name`` and ``label`` of the predictors.
    question : str
        Such as ``fusion - genes``.
    difference, interval, p, p_corrected
        Two-sided; None where ``reason`` says that the difference is not defined.
    """

    first: str
    second: str
    first_label: str
    second_label: str
    question: str
    difference: float | None
    interval: Interval | None
    p: float | None
    p_corrected: float | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmAlignment:
    """First held-out canonical correlation of an arm and a view."""

    arm: str
    view: str
    rho: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationCurve:
    """Mean prediction and mean outcome of groups of at least ten subjects with neighbouring predictions."""

    name: str
    label: str
    predicted: tuple[float, ...]
    observed: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenefitCurve:
    """Net benefit at thresholds of the probability; ``name`` is ``everybody`` where all are treated."""

    name: str
    label: str
    thresholds: tuple[float, ...]
    benefit: tuple[float, ...]


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

    @property
    def tables(self) -> Tables:
        """One row a predictor with all of its metrics, and one a difference of two."""
        of = {"outcome": self.outcome.column, "metric": self.outcome.metric}
        return long_tables(
            predictors=[cells(one, **of) | one.metrics for one in self.predictors],
            prediction_differences=[cells(one, **of) for one in self.differences],
        )
