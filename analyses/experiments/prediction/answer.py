"""The sentences of a prediction: what predicts, what both together add, which encoder leads, what is not defined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyses.experiments.prediction.predictors import BRAIN, COVARIATES, FUSION, GENES, STACKED
from analyses.formats import format_interval, format_number, format_p
from analyses.privacy.counts import format_count
from analyses.results.schema.experiments.predictions import (
    ArmAlignment,
    PredictedOutcome,
    PredictionDifference,
    PredictorScore,
)

LEVEL = 0.05


def sentences(
    outcome: PredictedOutcome,
    scores: Sequence[PredictorScore],
    differences: Sequence[PredictionDifference],
    alignments: Sequence[ArmAlignment],
) -> tuple[str, ...]:
    """The first stands alone."""
    defined = [score for score in scores if score.value is not None]
    return (
        _best(outcome, scores),
        *_additions(differences),
        *_arms(outcome, defined, alignments),
        *_undefined(scores),
    )


def _what(outcome: PredictedOutcome) -> str:
    levels = list(outcome.classes)
    if outcome.kind == "binary":
        return f"{outcome.column} ({levels[1]} against {levels[0]})"
    return outcome.column


def _best(outcome: PredictedOutcome, scores: Sequence[PredictorScore]) -> str:
    defined = [score for score in scores if score.value is not None]
    if not defined:
        return f"A prediction of {outcome.column} is not defined: {scores[0].reason}."
    best = max(defined, key=_size)
    own = [score for score in defined if score.kind != "covariates"]
    among = f" ({format_count(outcome.n_subjects)} have it)"
    is_found = best.p_corrected is not None and best.p_corrected < LEVEL
    if is_found and own and best.kind == "covariates":
        nearest = f"the nearest is {_found(outcome, max(own, key=_size), len(defined))}"
        reached = f"{outcome.metric} {format_number(best.value)} ({format_interval(best.interval or (None, None))})"
        return (
            f"Genes and brain tell {_what(outcome)} no better than covariates alone in held-out subjects{among}, which "
            f"reach {reached}; {nearest}."
        )
    covariates = next((score.value for score in defined if score.kind == "covariates" and own), None)
    beside = "" if covariates is None else f"; covariates alone reach {format_number(covariates)}"
    found = f"{_found(outcome, best, len(defined))}{beside}"
    if is_found:
        return f"{_what(outcome)} is predicted in held-out subjects{among}: {found}."
    return f"Nothing predicts {_what(outcome)} in held-out subjects{among}; the most is {found}."


def _size(score: PredictorScore) -> float:
    return score.value or 0.0


def _found(outcome: PredictedOutcome, score: PredictorScore, n_predictors: int) -> str:
    return (
        f"{outcome.metric} {format_number(score.value)} by {score.label} "
        f"({format_interval(score.interval or (None, None))}, p = {format_p(score.p_corrected)} corrected over "
        f"{n_predictors} predictors; chance is {format_number(outcome.chance, 1)})"
    )


def _additions(differences: Sequence[PredictionDifference]) -> Iterator[str]:
    """What fusion adds to each side, in the way in which it does so most clearly: a sentence a question."""
    for other in (GENES, BRAIN, COVARIATES):
        questions = (f"{FUSION} - {other}", f"{STACKED} - {other}")
        asked = [one for one in differences if one.question in questions and one.p_corrected is not None]
        if not asked:
            continue
        found = min(asked, key=lambda one: one.p_corrected if one.p_corrected is not None else 1.0)
        numbers = (
            f"{format_number(found.difference)} ({format_interval(found.interval or (None, None))}, "
            f"p = {format_p(found.p_corrected)} corrected) for {found.first_label}"
        )
        shown = found.p_corrected is not None and found.p_corrected < LEVEL
        if not shown:
            unlike = f"Genes and brain together are not shown to differ from {other} alone"
            yield f"{unlike}: the clearest difference is {numbers}."
        else:
            verb = "more" if (found.difference or 0.0) > 0 else "less"
            yield f"Genes and brain together tell {verb} than {other} alone: by {numbers}."


def _arms(
    outcome: PredictedOutcome, defined: Sequence[PredictorScore], alignments: Sequence[ArmAlignment]
) -> Iterator[str]:
    genes = [score for score in defined if score.kind == "genes" and score.model == "linear"]
    if len(genes) < 2 or not alignments:
        return
    predicts = max(genes, key=lambda score: score.value or 0.0)
    aligns = max(alignments, key=lambda one: one.rho)
    labels = {score.arm: score.label for score in genes}
    yield (
        f"Of {len(genes)} encoders {predicts.label} predicts best by itself ({outcome.metric} "
        f"{format_number(predicts.value)}) and {labels.get(aligns.arm, aligns.arm)} aligns best (held-out ρ₁ "
        f"{format_number(aligns.rho)} with {aligns.view}); whether two of them differ is in the table."
    )


def _undefined(scores: Sequence[PredictorScore]) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for score in scores:
        if score.reason is not None:
            reasons.setdefault(score.reason, []).append(score.label)
    if len(reasons) == 1 and all(score.reason is not None for score in scores):
        return  # said already
    for reason, labels in reasons.items():
        yield f"Not defined for {'; '.join(labels)}: {reason}."
