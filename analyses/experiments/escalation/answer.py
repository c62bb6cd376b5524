"""The sentences of an escalation: whether a method finds more than linear CCA, and whether any finds something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyses.formats import format_interval, format_number, format_p
from analyses.results.schema.experiments.escalations import MethodDifference, MethodScore, UndefinedPair

LEVEL = 0.05
LINEAR = "linear"


def sentences(
    scores: Sequence[MethodScore], differences: Sequence[MethodDifference], undefined: Sequence[UndefinedPair]
) -> tuple[str, ...]:
    """The first stands alone."""
    if not scores:
        reason = undefined[0].reason if undefined else "there is no arm and view."
        return (f"Methods beyond linear CCA cannot be tested: {reason}",)
    role = "test" if any(score.role == "test" for score in scores) else "negative control"
    tested = [score for score in scores if score.role == role]
    asked = [one for one in differences if one.role == role and one.second == LINEAR]
    methods = dict.fromkeys(one.first for one in asked)
    clearest = (
        min((one for one in asked if one.first == method), key=lambda one: (one.p_corrected, -one.difference))
        for method in methods
    )
    return (
        *(_difference(one, tested) for one in sorted(clearest, key=lambda one: one.p_corrected)),
        _found(tested),
        _retrieval(tested),
        *_undefined(undefined),
    )


def _difference(one: MethodDifference, scores: Sequence[MethodScore]) -> str:
    rho = {score.method: score.rho for score in scores if (score.arm, score.view) == (one.arm, one.view)}
    numbers = (
        f"{one.arm_label} × {one.view}: held-out ρ₁ {format_number(rho[one.first])} against "
        f"{format_number(rho[one.second])}, difference {format_number(one.difference)} "
        f"({format_interval(one.interval)}, p = {format_p(one.p_corrected)} corrected)"
    )
    name = one.first_label[0].upper() + one.first_label[1:]
    if one.p_corrected >= LEVEL:
        return f"{name} is not shown to find more or less than {one.second_label} in {numbers}."
    return f"{name} finds {'more' if one.difference > 0 else 'less'} than {one.second_label} in {numbers}."


def _p(score: MethodScore) -> float:
    return min(score.p_corrected, score.retrieval.p_corrected)


def _found(scores: Sequence[MethodScore]) -> str:
    """Which methods find a link at all: a difference between two that find nothing says nothing of genes and brain."""
    n_tests = 2 * len(scores)
    best = [
        min((score for score in scores if score.method == method), key=lambda score: (_p(score), -score.rho))
        for method in dict.fromkeys(score.method for score in scores)
    ]
    listed = "; ".join(
        f"{score.label} ρ₁ {format_number(score.rho)} (95 % point of its null {format_number(score.null_q95)}), "
        f"p = {format_p(score.p_corrected)}, by retrieval {format_p(score.retrieval.p_corrected)}"
        for score in best
    )
    if not any(_p(score) < LEVEL for score in best):
        return f"No method finds a link, corrected over all {n_tests} tests: {listed}."
    labels = [score.label for score in best if _p(score) < LEVEL]
    verb = "finds" if len(labels) == 1 else "find"
    named = " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)
    return f"{named[0].upper()}{named[1:]} {verb} a link, corrected over all {n_tests} tests: {listed}."


def _retrieval(scores: Sequence[MethodScore]) -> str:
    best = min(scores, key=lambda score: (score.retrieval.p_corrected, -score.retrieval.recall))
    found = best.retrieval
    return (
        f"Of held-out subjects {format_number(100 * found.recall, 0)} % have their partner among the {found.k} nearest "
        f"by {best.label} in {best.arm_label} × {best.view} (chance {format_number(100 * found.chance, 0)} %, "
        f"p = {format_p(found.p_corrected)} corrected), the clearest of all methods."
    )


def _undefined(undefined: Sequence[UndefinedPair]) -> Iterator[str]:
    for one in undefined:
        yield f"Not defined for {one.arm_label} × {one.view}: {one.reason}"
