"""The sentences of associations: what goes with what, on which side, and what could have been found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyses.formats import format_interval, format_number, format_p
from analyses.results.schema.experiments.associations import AssociatedOutcome, Association

LEVEL = 0.05
SHOWN = 3
NAMES = {
    "genes": "the score of genes",
    "brain": "the score of the brain",
    "average": "the average of both scores",
    "product": "the product of both scores",
}


def sentences(
    outcomes: Sequence[AssociatedOutcome], associations: Sequence[Association], detectable: float | None
) -> tuple[str, ...]:
    """The first stands alone."""
    family = [one for one in associations if one.role == "test" and one.p_max_t is not None]
    return (
        _first(outcomes, family),
        *_by_side(family),
        *_missed(family, detectable),
        *_controls(associations),
        *_undefined(outcomes, associations),
    )


def _first(outcomes: Sequence[AssociatedOutcome], family: Sequence[Association]) -> str:
    columns = " or ".join(dict.fromkeys(one.column for one in outcomes))
    if not family:
        reasons = "; ".join(dict.fromkeys(one.reason for one in outcomes if one.reason is not None))
        return f"Associations with {columns} are not defined: {reasons or 'no score could be tested'}."
    best = min(family, key=_order)
    found = [one for one in family if _p(one) < LEVEL]
    over = f"corrected over {format_number(len(family))} tests"
    if not found:
        return f"No held-out score goes with {columns}; the closest is {_describe(best)}, {over}."
    rest = f"; {len(found) - 1} more of them" if len(found) > 1 else ""
    return f"Held-out scores go with {best.column}: {_describe(best)}, {over}{rest}."


def _p(one: Association) -> float:
    return 1.0 if one.p_max_t is None else one.p_max_t


def _order(one: Association) -> tuple[float, float]:
    return _p(one), 1.0 if one.p_model is None else one.p_model


def _describe(one: Association) -> str:
    said = f"{NAMES[one.score]} (component {one.component} of {one.arm_label} × {one.view}) with {one.contrast}"
    unit = " per standard deviation" if "ratio" in one.measure else ""
    if one.value is None:
        return f"{said} ({one.measure} not defined: {one.reason}; p = {format_p(one.p_max_t)})"
    interval = format_interval(one.interval or (None, None))
    return f"{said} ({one.measure} {format_number(one.value)}{unit}, {interval}, p = {format_p(one.p_max_t)})"


def _by_side(family: Sequence[Association]) -> Iterator[str]:
    """Whether genes by themselves go with anything: a brain score may without any gene."""
    sides = list(dict.fromkeys(one.score for one in family))
    if len(sides) < 2 or not any(_p(one) < LEVEL for one in family):
        return
    for side in ("genes", "brain"):
        own = [one for one in family if one.score == side]
        if not own:
            continue
        best = min(own, key=_order)
        if _p(best) < LEVEL:
            columns = dict.fromkeys(one.column for one in own if _p(one) < LEVEL)
            yield f"Scores of {side} alone go with {', '.join(columns)}; the clearest is {_describe(best)}."
        else:
            yield f"Scores of {side} alone go with none of them; the closest is {_describe(best)}."


def _missed(family: Sequence[Association], detectable: float | None) -> Iterator[str]:
    if detectable is not None and not any(_p(one) < LEVEL for one in family):
        yield (
            f"A partial correlation of {format_number(detectable)} would have been found in 80 % of such studies, all "
            "tests corrected together."
        )


def _controls(associations: Sequence[Association]) -> Iterator[str]:
    controls = [one for one in associations if one.role != "test" and one.p_max_t is not None]
    found = [one for one in controls if _p(one) < LEVEL]
    if found:
        yield (
            f"Scores of a negative control go with {', '.join(dict.fromkeys(one.column for one in found))} as well, so "
            "that these say nothing of the link between genes and brain."
        )


def _undefined(outcomes: Sequence[AssociatedOutcome], associations: Sequence[Association]) -> Iterator[str]:
    some = bool(associations)
    for one in outcomes:
        if one.reason is not None and some:
            yield f"Associations with {one.column} are not defined: {one.reason}."
        yield from (f"{contrast} is not defined: {reason}." for contrast, reason in one.undefined.items())
    reasons: dict[str, list[str]] = {}
    for row in associations:
        if row.reason is not None:
            reasons.setdefault(row.reason, []).append(f"{row.arm_label} × {row.view}, {row.score} {row.component}")
    for reason, rows in reasons.items():
        more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
        yield f"Not defined for {'; '.join(rows[:SHOWN])}{more}: {reason}."
