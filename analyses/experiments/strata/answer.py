"""The sentences of a comparison of strata: where coupling differs, and what difference could have been found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyses.formats import format_interval, format_number, format_p
from analyses.results.schema.experiments.strata import StrataDifference, StrataFinding

LEVEL = 0.05

Row = tuple[StrataFinding, StrataDifference]


def sentences(column: str, findings: Sequence[StrataFinding], reason: str | None) -> tuple[str, ...]:
    """The first stands alone."""
    if reason is not None:
        return (f"A comparison of strata of {column} is not defined: {reason}.",)
    one_model = _rows(findings, "one model", "test")
    return (
        _first(column, one_model),
        *_own_models(_rows(findings, "own models", "test")),
        *_controls(
            [*_rows(findings, "one model", "negative control"), *_rows(findings, "own models", "negative control")]
        ),
        *_undefined(findings),
    )


def _rows(findings: Sequence[StrataFinding], models: str, role: str) -> list[Row]:
    return [(one, row) for one in findings if one.models == models and one.role == role for row in one.differences]


def _order(row: Row) -> tuple[float, float]:
    return row[1].p_corrected, row[1].p


def _first(column: str, rows: Sequence[Row]) -> str:
    if not rows:
        return f"A comparison of strata of {column} is not defined: no brain view is tested."
    best = min(rows, key=_order)
    found = [row for row in rows if row[1].p_corrected < LEVEL]
    over = f" corrected over {format_number(len(rows))} differences" if len(rows) > 1 else ""
    if not found:
        return (
            f"Genes and brain are not shown to be coupled otherwise in one stratum of {column} than in another: the "
            f"clearest difference is {_describe(best)}{over}; a difference of {format_number(best[1].smallest)} would "
            "have been found in 80 % of such studies."
        )
    rest = f"; {len(found) - 1} more differ" if len(found) > 1 else ""
    return f"Coupling of genes and brain differs between strata of {column}: {_describe(best)}{over}{rest}."


def _describe(row: Row) -> str:
    one, difference = row
    component = f", component {one.component}" if one.component > 1 else ""
    return (
        f"{one.arm_label} × {one.view}{component}, held-out ρ {format_number(difference.rho[0])} in {difference.first} "
        f"and {format_number(difference.rho[1])} in {difference.second} (difference "
        f"{format_number(difference.difference)}, {format_interval(difference.interval)}, "
        f"p = {format_p(difference.p_corrected)})"
    )


def _own_models(rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    best = min(rows, key=_order)
    same = _alike(best)
    if best[1].p_corrected < LEVEL:
        yield f"With a model for each stratum they differ as well: {_describe(best)}{same}."
    else:
        yield f"With a model for each stratum no difference is shown; the clearest is {_describe(best)}{same}."


def _alike(row: Row) -> str:
    """How alike the models' scores are; those of one dimension cannot differ but by sign, which is no finding."""
    finding, difference = row
    if difference.agreement is None or finding.dimensions is None:
        return ""
    sides = zip(("genes", "brain"), difference.agreement, finding.dimensions, strict=True)
    told = [f"{format_number(alike)} ({side})" for side, alike, size in sides if size > 1]
    if not told:
        return "; both models have one dimension a side, so that their scores are the same but for the sign"
    return f"; the scores of both models correlate by {' and '.join(told)}"


def _controls(rows: Sequence[Row]) -> Iterator[str]:
    found = [row for row in rows if row[1].p_corrected < LEVEL]
    if found:
        yield f"A negative control differs as well, so that strata may differ in something else: {_describe(found[0])}."


def _undefined(findings: Sequence[StrataFinding]) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for one in findings:
        if one.reason is not None:
            reasons.setdefault(one.reason, []).append(f"{one.arm_label} × {one.view}")
    for reason, rows in reasons.items():
        yield f"Models of their own are not defined for {'; '.join(dict.fromkeys(rows))}: {reason}."
