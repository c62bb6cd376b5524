"""The flow of the cohort in words: who is in each table, in all of them, and who was left out, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyses.cohort.subjects import Cohort

_SHOWN = 12


def describe_flow(cohort: Cohort) -> list[str]:
    """One line a table, one for all of them, one for each reason to leave subjects out, and remarks of the readers."""
    n_all = cohort.overlap[0]["in_all"]
    lines = []
    for table in cohort.overlap:
        lost = "; ".join(f"{n:,} {reason}" for reason, n in table["dropped"].items())
        lines.append(f"{table['n']:,} subjects in {table['table']}{f' ({lost})' if lost else ''}")
    lines.append(f"{n_all:,} subjects are in all tables")
    lines += [f"{one['n']:,} left out: {one['reason']}" for one in cohort.exclusions]
    lines.append(f"{len(cohort.subject_ids):,} subjects are analysed")
    return [*lines, *cohort.remarks]


def describe_genes(name: str, dropped: Mapping[str, int]) -> list[str]:
    """A line on the genes of precomputed embeddings that hold subjects whom other genes lack; none if none do.

    Examples
    --------
    >>> describe_genes("mine", {"APOE": 3, "BIN1": 1})
    ['embeddings mine: subjects whom another gene lacks were left out: 3 of APOE, 1 of BIN1']
    """
    shown = [f"{n:,} of {gene}" for gene, n in list(dropped.items())[:_SHOWN]]
    more = f" and of {len(dropped) - _SHOWN} genes more" if len(dropped) > _SHOWN else ""
    said = f"embeddings {name}: subjects whom another gene lacks were left out: {', '.join(shown)}{more}"
    return [said] if dropped else []
