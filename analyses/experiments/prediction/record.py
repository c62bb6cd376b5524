"""What a prediction leaves: the outcome in figures, curves, metrics and trials for tracking, the private file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analyses.experiments.prediction.outcomes import ReadOutcome
from analyses.experiments.prediction.predictors import BRAIN, COVARIATES, FUSION, GENES, POLYGENIC, STACKED, Told
from analyses.formats import table_text
from analyses.privacy.counts import Count, show_count
from analyses.results.schema.experiments import Metrics, Trial
from analyses.results.schema.experiments.predictions import (
    BenefitCurve,
    CalibrationCurve,
    PredictedOutcome,
    PredictionDifference,
    PredictorScore,
)
from fusion.prediction.curves import calibration_bins, net_benefit
from fusion.prediction.discrimination import CHANCE, NAMES
from fusion.prediction.outcome import Outcome

if TYPE_CHECKING:
    from analyses.run.run import Run

PRIVATE = "private/predictions.csv"
THRESHOLDS = np.linspace(0.05, 0.95, 19)


def calibration_curves(outcome: Outcome, told: Mapping[str, Told]) -> Iterator[CalibrationCurve]:
    """Predicted beside observed, in tenths of the subjects; for several classes there is none."""
    if outcome.kind == "multiclass":
        return
    for name, one in told.items():
        rows = np.flatnonzero(one.prediction.tested)
        bins = calibration_bins(outcome.values[rows], one.prediction.predicted[rows, 0])
        yield CalibrationCurve(
            name=name,
            label=one.predictor.label,
            predicted=tuple(part.predicted for part in bins),
            observed=tuple(part.observed for part in bins),
        )


def benefit_curves(outcome: Outcome, told: Mapping[str, Told]) -> Iterator[BenefitCurve]:
    """Net benefit of every predictor, and of treating everybody; of a binary outcome alone."""
    if outcome.kind != "binary" or not told:
        return
    thresholds = tuple(THRESHOLDS.round(2).tolist())
    rows = np.flatnonzero(next(iter(told.values())).prediction.tested)
    is_case = outcome.codes[rows] == 1
    said = {name: (one.predictor.label, one.prediction.predicted[rows, 0]) for name, one in told.items()}
    said["everybody"] = ("everybody is treated", np.ones(len(rows)))
    for name, (label, probability) in said.items():
        benefit = net_benefit(is_case, probability, THRESHOLDS)
        yield BenefitCurve(name=name, label=label, thresholds=thresholds, benefit=tuple(benefit.tolist()))


def describe_outcome(run: Run, read: ReadOutcome) -> PredictedOutcome:
    """The outcome in figures that name nobody."""
    outcome, known = read.outcome, read.known
    smallest = run.config.privacy.smallest_count
    missing = show_count(int((~known).sum()), smallest)
    # Beside the size of the cohort, the number of those who have the outcome would tell the number of those who do not.
    n_subjects: Count = int(known.sum()) if isinstance(missing, int) else f"<{len(known)}"
    classes: dict[str, float] = {}
    if outcome is not None and outcome.classes:
        shares = np.bincount(outcome.codes[known], minlength=len(outcome.classes)) / known.sum()
        classes = {name: round(float(share), 2) for name, share in zip(outcome.classes, shares, strict=True)}
    kind = None if outcome is None else outcome.kind
    return PredictedOutcome(
        column=str(run.config.predict.outcome),
        kind=kind,
        classes=classes,
        n_subjects=n_subjects,
        n_missing=missing,
        metric="" if kind is None else NAMES[kind],
        chance=0.0 if kind is None else CHANCE[kind],
    )


def write_private(run: Run, outcome: Outcome, told: Mapping[str, Told]) -> None:
    """Held-out predictions by subject, for the owner's eyes alone."""
    import pandas as pd

    frame = pd.DataFrame({"subject_id": run.cohort.subject_ids, "outcome": outcome.values})
    for name, one in told.items():
        frame["fold"] = one.prediction.fold
        for column, values in enumerate(one.prediction.predicted.T):
            label = outcome.classes[column] if outcome.kind == "multiclass" else ""
            frame[f"{name}_{label}" if label else name] = values
    kept = frame[frame["fold"] >= 0] if told else frame[:0]
    run.workspace.write_text(PRIVATE, table_text(kept))


def list_metrics(scores: Sequence[PredictorScore], differences: Sequence[PredictionDifference]) -> Metrics:
    """The best fusion and what it adds first; at most a dozen keys, the trials have the rest."""
    found: Metrics = {}
    for kind in (FUSION, STACKED, GENES, BRAIN, COVARIATES, POLYGENIC):
        values = [score.value for score in scores if score.kind == kind and score.value is not None]
        if values:
            found[f"predict/{kind.replace(' ', '_')}"] = max(values)
    for question in dict.fromkeys(one.question for one in differences):
        p = [one.p_corrected for one in differences if one.question == question and one.p_corrected is not None]
        if p:
            found[f"predict/p {question}".replace(" - ", "_vs_").replace(" ", "_")] = min(p)
    return found


def make_trial(score: PredictorScore) -> Trial:
    """One predictor as a child run of tracking."""
    params = {"predictor": score.kind, "model": score.model, "encoder.name": score.arm, "brain.view": score.view}
    metrics: Metrics = {f"predict/{name.replace(' ', '_')}": value for name, value in score.metrics.items()}
    leading: Metrics = {} if score.value is None else {"predict/value": score.value}
    if score.p_corrected is not None:
        leading["predict/p_corrected"] = score.p_corrected
    return Trial(
        name=score.label,
        params={key: value for key, value in params.items() if value is not None},
        metrics=leading | metrics,
    )
