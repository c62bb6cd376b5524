"""The flow of the cohort in words: who is in each table, in all of them, and who was left out, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyses.errors import printable
from analyses.privacy.counts import Count, format_count, show_count, show_sentence, show_total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analyses.cohort.subjects import Cohort

_SHOWN = 12


@dataclass(frozen=True)
class Flow:
    """The flow of a cohort in counts that may be shown.

    Attributes
    ----------
    overlap : tuple of dict
        Per table ``table``, ``n`` subjects in it, ``in_all`` tables, ``dropped`` by reason.
    in_all : Count
        Subjects in all tables.
    exclusions : tuple of dict
        Subjects left out, ``reason`` and ``n``.
    n_subjects : int
        Subjects analysed.
    remarks : tuple of str
    """

    overlap: tuple[dict[str, Any], ...]
    in_all: Count
    exclusions: tuple[dict[str, Any], ...]
    n_subjects: int
    remarks: tuple[str, ...]


def count_flow(cohort: Cohort, smallest: int = 1) -> Flow:
    """Counts of a cohort's flow, those from 1 to `smallest` - 1 suppressed.

    Subjects analysed and left out add up to those in all tables, and these and the dropped ones to a table: a sum with
    a part that is not shown is itself shown as what it stays below.
    """

    def shown(left_out: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one | {"n": show_count(one["n"], smallest)} for one in left_out]

    joined = shown(cohort.exclusions)
    in_all = show_total([len(cohort.subject_ids), *(one["n"] for one in joined)])
    overlap = []
    for table in cohort.overlap:
        dropped = {reason: show_count(n, smallest) for reason, n in table["dropped"].items()}
        n = show_total([in_all, *dropped.values()])
        overlap.append({"table": table["table"], "n": n, "in_all": in_all, "dropped": dropped})
    return Flow(
        overlap=tuple(overlap),
        in_all=in_all,
        exclusions=(*joined, *shown(cohort.unread)),
        n_subjects=len(cohort.subject_ids),
        remarks=tuple(show_sentence(remark, smallest) for remark in cohort.remarks),
    )


def describe_flow(cohort: Cohort, smallest: int = 1) -> list[str]:
    """One line a table, one for all of them, one for each reason to leave subjects out, and remarks of the readers."""
    flow, lines = count_flow(cohort, smallest), []
    for table in flow.overlap:
        lost = "; ".join(f"{format_count(n)} {reason}" for reason, n in table["dropped"].items())
        lines.append(f"{format_count(table['n'])} subjects in {table['table']}{f' ({lost})' if lost else ''}")
    lines.append(f"{format_count(flow.in_all)} subjects are in all tables")
    lines += [f"{format_count(one['n'])} left out: {one['reason']}" for one in flow.exclusions]
    lines.append(f"{flow.n_subjects:,} subjects are analysed")
    return [*lines, *flow.remarks]


def describe_genes(name: str, dropped: Mapping[str, int], unread: Sequence[str] = ()) -> list[str]:
    """A line on the genes of precomputed embeddings that hold subjects whom other genes lack, one on what is no gene.

    Examples
    --------
    >>> describe_genes("mine", {"APOE": 3, "BIN1": 1})
    ['embeddings mine: subjects whom another gene lacks were left out: 3 of APOE, 1 of BIN1']
    >>> describe_genes("mine", {}, ["BIN1.npy"])
    ['embeddings mine: what is no gene in a known form was not read: BIN1.npy']
    """
    lines = []
    if unread:
        more = f" and {len(unread) - _SHOWN} more" if len(unread) > _SHOWN else ""
        names = ", ".join(map(printable, unread[:_SHOWN]))
        lines.append(f"embeddings {name}: what is no gene in a known form was not read: {names}{more}")
    if not dropped:
        return lines
    shown = [f"{n:,} of {gene}" for gene, n in list(dropped.items())[:_SHOWN]]
    more = f" and of {len(dropped) - _SHOWN} genes more" if len(dropped) > _SHOWN else ""
    return [*lines, f"embeddings {name}: subjects whom another gene lacks were left out: {', '.join(shown)}{more}"]
