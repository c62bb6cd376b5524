"""``experiment: predict``: what genes, brain and both together tell of an outcome, and which encoder tells most.

Everything is fitted inside the run's own training folds: confounds, PCA, scaling, penalties (by inner folds), stacking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.experiments.prediction import answer as prediction_answer
from analyses.experiments.prediction.differences import check_test, compare_predictors
from analyses.experiments.prediction.outcomes import ReadOutcome, read_outcome
from analyses.experiments.prediction.predictors import (
    BRAIN,
    GENES,
    Features,
    Predictor,
    Told,
    list_predictors,
    predict,
    read_score,
)
from analyses.experiments.prediction.record import (
    PRIVATE,
    benefit_curves,
    calibration_curves,
    describe_outcome,
    list_metrics,
    make_trial,
    write_private,
)
from analyses.progress import progress_bar
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.experiments import PredictResult
from analyses.results.schema.experiments.predictions import ArmAlignment, PredictorScore
from fusion.cross_validation.folds import folds_of
from fusion.prediction.discrimination import CHANCE, discriminate
from fusion.prediction.metrics import prediction_metrics
from fusion.prediction.outcome import NotDefinedError, Outcome
from fusion.prediction.paired import contrast, paired_permutation
from fusion.prediction.splits import Split, make_splits

if TYPE_CHECKING:
    from analyses.run.run import Run


def check(run: Run) -> None:
    """Read outcome and score: columns that are not what their keys say are known before anything is embedded."""
    read = read_outcome(run)
    if read.outcome is not None:
        check_test(run, read.outcome)
    if run.config.predict.polygenic_score is not None:
        read_score(run)


def run(run: Run) -> PredictResult:
    """Every predictor in the run's folds, and the differences between them."""
    read = read_outcome(run)
    outcome = read.outcome
    if outcome is None or read.reason is not None:
        return _undefined(run, read, str(read.reason))
    check_test(run, outcome)
    try:
        splits = _splits(run, read, outcome)
    except NotDefinedError as error:
        return _undefined(run, read, str(error))
    features = Features(run, outcome, read.known)
    told, reasons = _tell(run, features, splits)
    write_private(run, outcome, told)
    scores = _scores(run, features, told, reasons)
    differences = compare_predictors(run, outcome, told, splits[0])
    alignments = _alignments(run)
    described = describe_outcome(run, read)
    is_t = run.config.predict.test != "permutation"
    return PredictResult(
        outcome=described,
        reason=None,
        test=run.config.predict.test,
        correction="Holm" if is_t else "max-T",
        predictors=scores,
        differences=differences,
        alignments=alignments,
        calibration=tuple(calibration_curves(outcome, told)),
        benefit=tuple(benefit_curves(outcome, told)),
        answer=prediction_answer.sentences(described, scores, differences, alignments),
        metrics=list_metrics(scores, differences),
        trials=tuple(make_trial(score) for score in scores if score.value is not None),
    )


def _undefined(run: Run, read: ReadOutcome, reason: str) -> PredictResult:
    described = describe_outcome(run, read)
    (run.workspace.folder / PRIVATE).unlink(missing_ok=True)  # what an earlier outcome left is none of this one's
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
) -> tuple[dict[str, Told], dict[Predictor, str | None]]:
    """Held-out predictions by name, and for every predictor why it is not among them."""
    told: dict[str, Told] = {}
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


def _tell_one(features: Features, predictor: Predictor, splits: Sequence[list[Split]]) -> Told:
    predictions = [predict(features, predictor, one) for one in splits]
    found = [discriminate(features.outcome, prediction) for prediction in predictions]
    return Told(predictor, predictions[0], found[0], tuple(found[1:]))


def _scores(
    run: Run, features: Features, told: Mapping[str, Told], reasons: Mapping[Predictor, str | None]
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


def draw(result: PredictResult, folder: Path) -> dict[str, Path]:
    """Predictors beside each other, calibration, net benefit."""
    from analyses.figures.prediction import draw_predictions

    return draw_predictions(result, folder)
