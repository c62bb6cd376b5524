"""``experiment: predict``: what genes, brain and both together tell of an outcome, and which encoder tells most.

Everything is fitted inside the run's own training folds: confounds, PCA, scaling, penalties (by inner folds), stacking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.errors import InputError
from analyses.experiments import prediction_answer
from analyses.experiments.outcomes import ReadOutcome, read_outcome
from analyses.experiments.predictors import (
    BRAIN,
    COVARIATES,
    FUSION,
    GENES,
    POLYGENIC,
    STACKED,
    Features,
    Predictor,
    list_predictors,
    predict,
)
from analyses.formats import table_text
from analyses.privacy.counts import Count, show_count
from analyses.progress import progress_bar
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.experiments import Metrics, PredictResult, Trial
from analyses.results.schema.predictions import (
    ArmAlignment,
    BenefitCurve,
    CalibrationCurve,
    PredictedOutcome,
    PredictionDifference,
    PredictorScore,
)
from fusion.cross_validation.folds import folds_of
from fusion.prediction.corrected_t import corrected_resampled_t
from fusion.prediction.curves import calibration_bins, net_benefit
from fusion.prediction.delong import delong_test
from fusion.prediction.discrimination import CHANCE, NAMES, Discrimination, discriminate
from fusion.prediction.held_out import HeldOutPrediction
from fusion.prediction.metrics import prediction_metrics
from fusion.prediction.outcome import NotDefinedError, Outcome
from fusion.prediction.paired import contrast, paired_permutation
from fusion.prediction.splits import Split, make_splits

if TYPE_CHECKING:
    from analyses.run.run import Run

THRESHOLDS = np.linspace(0.05, 0.95, 19)
QUESTIONS = (
    (FUSION, GENES),
    (FUSION, BRAIN),
    (FUSION, COVARIATES),
    (FUSION, POLYGENIC),
    (STACKED, GENES),
    (STACKED, BRAIN),
    (STACKED, COVARIATES),
    (GENES, COVARIATES),
    (GENES, POLYGENIC),
    (BRAIN, COVARIATES),
    (GENES, GENES),
)
"""Kinds of predictors that are compared; two of genes are two arms."""


@dataclass(frozen=True)
class _Told:
    """What one predictor said in the run's folds, and in further repetitions of them where these are asked for."""

    predictor: Predictor
    prediction: HeldOutPrediction
    found: Discrimination
    repeated: tuple[Discrimination, ...] = ()


def run(run: Run) -> PredictResult:
    """Every predictor in the run's folds, and the differences between them."""
    read = read_outcome(run)
    outcome = read.outcome
    if outcome is None or read.reason is not None:
        return _undefined(run, read, str(read.reason))
    _check_test(run, outcome)
    try:
        splits = _splits(run, read, outcome)
    except NotDefinedError as error:
        return _undefined(run, read, str(error))
    features = Features(run, outcome, read.known)
    told, reasons = _tell(run, features, splits)
    _write_private(run, outcome, told)
    scores = _scores(run, features, told, reasons)
    differences = _differences(run, outcome, told, splits[0])
    alignments = _alignments(run)
    described = _describe_outcome(run, read)
    is_t = run.config.predict.test != "permutation"
    return PredictResult(
        outcome=described,
        reason=None,
        test=run.config.predict.test,
        correction="Holm" if is_t else "max-T",
        predictors=scores,
        differences=differences,
        alignments=alignments,
        calibration=tuple(_calibration(outcome, told)),
        benefit=tuple(_benefit(outcome, told)),
        answer=prediction_answer.sentences(described, scores, differences, alignments),
        metrics=_metrics(scores, differences),
        trials=tuple(_trial(score) for score in scores if score.value is not None),
    )


def _undefined(run: Run, read: ReadOutcome, reason: str) -> PredictResult:
    described = _describe_outcome(run, read)
    return PredictResult(
        outcome=described,
        reason=reason,
        test=run.config.predict.test,
        correction="max-T",
        predictors=(),
        differences=(),
        alignments=_alignments(run),
        calibration=(),
        benefit=(),
        answer=(f"A prediction of {described.column} is not defined: {reason}.",),
        metrics={},
        trials=(),
    )


def _check_test(run: Run, outcome: Outcome) -> None:
    if run.config.predict.test != "delong":
        return
    column, clusters = run.config.predict.outcome, run.relations.clusters
    if outcome.kind != "binary":
        raise InputError(
            f"predict.test: delong compares two AUROC of a binary outcome; '{column}' is {outcome.kind}. Set "
            "predict.test to permutation."
        )
    if len(np.unique(clusters)) < len(clusters):
        raise InputError(
            "predict.test: delong takes subjects for independent; this cohort keeps families or groups together. Set "
            "predict.test to permutation."
        )


def _splits(run: Run, read: ReadOutcome, outcome: Outcome) -> list[list[Split]]:
    """The run's folds; the first alone for DeLong, further repetitions for the corrected t."""
    settings, seed = run.config.predict, run.seeds.folds
    folds = [run.folds]
    if settings.test == "corrected-t":
        n_splits = run.config.folds.n_splits
        folds += [folds_of(run.relations, n_splits, seed + repeat) for repeat in range(1, settings.repeats)]
    made = [
        make_splits(one, outcome, read.known, inner_splits=settings.inner_splits, random_state=seed) for one in folds
    ]
    return [made[0][:1]] if settings.test == "delong" else made


def _tell(
    run: Run, features: Features, splits: Sequence[list[Split]]
) -> tuple[dict[str, _Told], dict[Predictor, str | None]]:
    """Held-out predictions by name, and for every predictor why it is not among them."""
    told: dict[str, _Told] = {}
    reasons: dict[Predictor, str | None] = {}
    listed = list_predictors(run, run.tested_views or list(run.config.brain))
    with progress_bar("predict") as advance:
        for done, predictor in enumerate(listed, start=1):
            try:
                told[predictor.name] = _tell_one(features, predictor, splits)
                reasons[predictor] = None
            except NotDefinedError as error:
                reasons[predictor] = str(error)
            advance(done, len(listed))
    return told, reasons


def _tell_one(features: Features, predictor: Predictor, splits: Sequence[list[Split]]) -> _Told:
    predictions = [predict(features, predictor, one) for one in splits]
    found = [discriminate(features.outcome, prediction) for prediction in predictions]
    return _Told(predictor, predictions[0], found[0], tuple(found[1:]))


def _scores(
    run: Run, features: Features, told: Mapping[str, _Told], reasons: Mapping[Predictor, str | None]
) -> tuple[PredictorScore, ...]:
    against_chance = {name: contrast(features.outcome, (one.found, one.prediction)) for name, one in told.items()}
    clusters, settings = run.relations.clusters, run.config.predict
    p = paired_permutation(
        against_chance,
        clusters,
        n_permutations=settings.n_permutations,
        one_sided=True,
        random_state=run.seeds.held_out,
    )
    chance = CHANCE[features.outcome.kind]
    scores = []
    for predictor, reason in reasons.items():
        one = told.get(predictor.name)
        interval = None
        if one is not None:
            low, high = against_chance[predictor.name].interval(clusters)
            interval = (max(low + chance, -1.0 if chance == 0 else 0.0), min(high + chance, 1.0))
        own_p = p.get(predictor.name, (None, None))
        scores.append(
            PredictorScore(
                name=predictor.name,
                label=predictor.label,
                kind=predictor.kind,
                model=predictor.model,
                arm=predictor.arm,
                view=predictor.view,
                components=_components(features, predictor),
                value=None if one is None else one.found.value,
                interval=interval,
                by_fold=() if one is None else tuple(None if np.isnan(v) else float(v) for v in one.found.by_fold),
                p=own_p[0],
                p_corrected=own_p[1],
                metrics={} if one is None else prediction_metrics(features.outcome, one.prediction),
                reason=reason,
            )
        )
    return tuple(scores)


def _components(features: Features, predictor: Predictor) -> tuple[tuple[int, int], ...]:
    asked = features.run.config.predict.n_components
    read = [block for block in predictor.blocks if block[0] in (GENES, BRAIN) and block in features.components]
    return tuple((asked, features.components[block]) for block in read)


Pair = tuple[str, str]


def _pairs(told: Mapping[str, _Told]) -> Iterator[tuple[Pair, str]]:
    """Pairs of predictors that differ in what is asked alone, each with its question."""
    for one, other in QUESTIONS:
        firsts = [name for name in told if told[name].predictor.kind == one]
        seconds = [name for name in told if told[name].predictor.kind == other]
        pairs = combinations(firsts, 2) if one == other else ((a, b) for a in firsts for b in seconds)
        for first, second in pairs:
            a, b = told[first].predictor, told[second].predictor
            shares = all(x is None or y is None or x == y for x, y in ((a.arm, b.arm), (a.view, b.view)))
            if a.model == b.model and (shares or one == other):
                yield (first, second), "arm - arm" if one == other else f"{one} - {other}"


def _differences(
    run: Run, outcome: Outcome, told: Mapping[str, _Told], splits: Sequence[Split]
) -> tuple[PredictionDifference, ...]:
    questions = dict(_pairs(told))
    settings = run.config.predict
    if settings.test == "permutation":
        tested = _by_permutation(run, outcome, told, questions)
    else:
        test = _delong if settings.test == "delong" else _corrected_t
        tested = _holm({pair: test(outcome, told, pair, splits) for pair in questions})
    return tuple(
        PredictionDifference(
            first=pair[0],
            second=pair[1],
            first_label=told[pair[0]].predictor.label,
            second_label=told[pair[1]].predictor.label,
            question=question,
            difference=tested[pair].difference,
            interval=tested[pair].interval,
            p=tested[pair].p,
            p_corrected=tested[pair].p_corrected,
            reason=tested[pair].reason,
        )
        for pair, question in questions.items()
    )


@dataclass
class _Tested:
    difference: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    p_corrected: float | None = None
    reason: str | None = None


def _by_permutation(
    run: Run, outcome: Outcome, told: Mapping[str, _Told], pairs: Mapping[Pair, str]
) -> dict[Pair, _Tested]:
    clusters = run.relations.clusters
    contrasts = {
        pair: contrast(outcome, *((told[name].found, told[name].prediction) for name in pair)) for pair in pairs
    }
    p = paired_permutation(
        contrasts, clusters, n_permutations=run.config.predict.n_permutations, random_state=run.seeds.held_out
    )
    return {pair: _Tested(one.difference, one.interval(clusters), *p[pair]) for pair, one in contrasts.items()}


def _delong(outcome: Outcome, told: Mapping[str, _Told], pair: Pair, splits: Sequence[Split]) -> _Tested:
    test = splits[0].test
    is_case = outcome.codes[test] == 1
    if min(is_case.sum(), (~is_case).sum()) < 2:
        return _Tested(reason="the first fold has fewer than two cases or two controls")
    first, second = (told[name].prediction.predicted[test, 0] for name in pair)
    found = delong_test(is_case, first, second)
    return _Tested(found.difference, found.interval, found.p)


def _corrected_t(outcome: Outcome, told: Mapping[str, _Told], pair: Pair, splits: Sequence[Split]) -> _Tested:
    first, second = (np.concatenate([one.by_fold for one in (told[name].found, *told[name].repeated)]) for name in pair)
    differences = first - second
    differences = differences[np.isfinite(differences)]
    if len(differences) < 2:
        return _Tested(reason=f"{NAMES[outcome.kind]} is defined in fewer than two folds")
    share = float(np.mean([len(split.test) / len(split.train) for split in splits]))
    found = corrected_resampled_t(differences, share)
    return _Tested(found.difference, found.interval, found.p)


def _holm(tested: dict[Pair, _Tested]) -> dict[Pair, _Tested]:
    from statsmodels.stats.multitest import multipletests

    defined = [one for one in tested.values() if one.p is not None]
    if defined:
        corrected = multipletests([one.p for one in defined], method="holm")[1]
        for one, p in zip(defined, corrected, strict=True):
            one.p_corrected = float(p)
    return tested


def _calibration(outcome: Outcome, told: Mapping[str, _Told]) -> Iterator[CalibrationCurve]:
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


def _benefit(outcome: Outcome, told: Mapping[str, _Told]) -> Iterator[BenefitCurve]:
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


def _alignments(run: Run) -> tuple[ArmAlignment, ...]:
    return tuple(
        ArmAlignment(
            arm=arm,
            view=view,
            rho=run.workspace.read_result(AlignmentSummary, f"alignments/{arm}__{view}/alignment.json").held_out.rho[0],
        )
        for arm in run.arms
        for view in run.tested_views
    )


def _describe_outcome(run: Run, read: ReadOutcome) -> PredictedOutcome:
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


def _write_private(run: Run, outcome: Outcome, told: Mapping[str, _Told]) -> None:
    """Held-out predictions by subject, for the owner's eyes alone."""
    import pandas as pd

    frame = pd.DataFrame({"subject_id": run.cohort.subject_ids, "outcome": outcome.values})
    for name, one in told.items():
        frame["fold"] = one.prediction.fold
        for column, values in enumerate(one.prediction.predicted.T):
            label = outcome.classes[column] if outcome.kind == "multiclass" else ""
            frame[f"{name}_{label}" if label else name] = values
    kept = frame[frame["fold"] >= 0] if told else frame[:0]
    run.workspace.write_text("private/predictions.csv", table_text(kept))


def _metrics(scores: Sequence[PredictorScore], differences: Sequence[PredictionDifference]) -> Metrics:
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


def _trial(score: PredictorScore) -> Trial:
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


def draw(result: PredictResult, folder: Path) -> dict[str, Path]:
    """Predictors beside each other, calibration, net benefit."""
    from analyses.figures.prediction import draw_predictions

    return draw_predictions(result, folder)
