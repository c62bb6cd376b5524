"""Fitted tails as the report lists them: the p-values that fewer than ten permutations decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analyses.formats import format_p
from analyses.results.headlines import Headline
from analyses.results.schema.tails import FittedTail
from fusion.permutation.tails.limits import ENOUGH_EXCEEDING

#: What a reader is told once beside the fitted p.
EXPLAINED = (
    f"Fewer than {ENOUGH_EXCEEDING} permutations reach these values, so the counted p is coarse. A law is fitted to "
    "the permuted values by their moments (Pearson's type III) or to the largest of them "
    "(generalised Pareto), where its goodness of fit allows and the 95 % interval spans less than a factor of ten "
    "either way; else the counted p stands alone. All verdicts are those of the counted p."
)


@dataclass(frozen=True, slots=True)
class TailRow:
    """One counted p and the fit beside it."""

    test: str
    p: float
    tail: FittedTail


def tail_rows(headline: Headline) -> list[TailRow]:
    """The fits of one alignment, without those that ten permutations or more leave unneeded."""
    return [row for row in _rows(headline) if row.tail.n_exceeding < ENOUGH_EXCEEDING]


def is_fitted(tails: Mapping[str, Sequence[TailRow]]) -> bool:
    """Whether any p of any alignment has a fit beside it."""
    return any(row.tail.p is not None for rows in tails.values() for row in rows)


def explain_tails(tails: Mapping[str, Sequence[TailRow]]) -> str:
    """What a reader is told once: what the fits are, or why there is none; empty where none was needed."""
    if is_fitted(tails):
        return EXPLAINED
    reasons = dict.fromkeys(row.tail.refusal for rows in tails.values() for row in rows if row.tail.refusal)
    return f"No law is fitted to the tails of these nulls. {' '.join(reasons)}" if reasons else ""


def _rows(headline: Headline) -> Iterator[TailRow]:
    held_out, in_sample = headline.summary.held_out, headline.summary.in_sample
    for k, (p, tail) in enumerate(zip(held_out.p, held_out.tails or (), strict=False), start=1):
        if p is not None:
            yield TailRow(f"held-out, component {k}", p, tail)
    if headline.trace is not None and headline.trace.tail is not None:
        yield TailRow("held-out trace", headline.trace.p, headline.trace.tail)
    if headline.tail_corrected is not None:
        yield TailRow("held-out, component 1, corrected", headline.p_corrected, headline.tail_corrected)
    if headline.trace_tail_corrected is not None and headline.trace_p_corrected is not None:
        yield TailRow("held-out trace, corrected", headline.trace_p_corrected, headline.trace_tail_corrected)
    for k, (p, tail) in enumerate(zip(in_sample.p_uncorrected, in_sample.tails or (), strict=False), start=1):
        if p is not None:
            yield TailRow(f"in-sample {in_sample.statistic.capitalize()}, component {k}", p, tail)


def format_tail(tail: FittedTail | None) -> str:
    """A fitted p, at most where it is a bound; empty where there is none."""
    if tail is None or tail.p is None:
        return ""
    return f"{'≤ ' if tail.is_least else ''}{format_p(tail.p)}"
