"""What the description of a run says, in Markdown: the answer, four figures, and a table of the arms."""

from __future__ import annotations

import re
from collections.abc import Sequence

from analyses.formats import format_number, format_p
from analyses.report.findings import CONTROL
from analyses.report.opening import Opening, make_opening
from analyses.results.folder import Results
from analyses.results.headlines import Headline
from analyses.results.schema.comparisons import ComparisonRow

#: Tag that the interface shows as the description of a run or of an experiment.
NOTE_TAG = "mlflow.note.content"
_LONGEST = 4500  # a tag of a tracking store holds 5,000 characters
_HEAD = "| encoder | view | held-out ρ₁ | 95 % interval | null 95 % | corrected p |\n|---|---|--:|--:|--:|--:|"


def describe_experiment(results: Results) -> str:
    """The first screen of the report: sentences, four figures, a row an alignment."""
    opening = make_opening(results)
    rows = sorted(results.headlines(), key=lambda one: (one.summary.role == CONTROL, one.summary.view, -one.rho))
    parts = [_sentences(opening), _cells(opening), _table(rows), "Report: `report.html` among the artifacts."]
    return _within("\n\n".join(parts))


def describe_alignment(headline: Headline, row: ComparisonRow | None, report: str) -> str:
    """One arm on one view in a sentence, its place, its flags, and where the report is.

    Parameters
    ----------
    headline : Headline
    row : ComparisonRow or None
        Of the comparison, where there is one.
    report : str
        Address of the report of the whole run.
    """
    summary = headline.summary
    said = [
        f"Held-out ρ₁ = **{format_number(headline.rho, 3)}** ({_interval(headline)}), 95 % point of its null "
        f"{format_number(summary.held_out.first_null_q95, 3)}, corrected p = **{format_p(headline.p_corrected)}**."
    ]
    if row is not None:
        low, high = (int(bound) for bound in row.rank_interval)
        said.append(
            f"Place {row.rank} on {as_text(row.view)}"
            + (f" (left open: {low} to {high})." if row.interval_of_all else ".")
        )
    if summary.role == CONTROL:
        said.append("A negative control: no link is there by design.")
    said[-1] += f" [Report of the whole run]({report})"
    return _within("\n\n".join([*said, *(f"⚑ {as_text(flag)}" for flag in summary.flags)]))


def as_text(text: str) -> str:
    """Text in which no character is Markdown or a tag; line ends become blanks."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&$-])", r"\\\1", " ".join(text.split()))


def _sentences(opening: Opening) -> str:
    first, *others = (as_text(sentence) for sentence in opening.sentences)
    return "\n\n".join([f"**{first}**", *others])


def _cells(opening: Opening) -> str:
    return "\n".join(
        f"- {as_text(cell.question)}: **{as_text(cell.value)}** – {as_text(cell.detail)}" for cell in opening.cells
    )


def _table(rows: Sequence[Headline]) -> str:
    lines = [
        f"| {as_text(one.summary.arm_label)} | {as_text(one.summary.view)}"
        f"{' (control)' if one.summary.role == CONTROL else ''} | {format_number(one.rho, 3)} | {_interval(one)} | "
        f"{format_number(one.summary.held_out.first_null_q95, 3)} | {format_p(one.p_corrected)} |"
        for one in rows
    ]
    return "\n".join([_HEAD, *lines])


def _interval(one: Headline) -> str:
    low, high = one.interval
    return "none valid" if low is None or high is None else f"{format_number(low, 3)} to {format_number(high, 3)}"


def _within(text: str) -> str:
    """Cut at a line, and said, where a tag cannot hold all."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST].rsplit(chr(10), 1)[0]}\n\n… more in the report."
