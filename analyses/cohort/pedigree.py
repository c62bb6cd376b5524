"""Kinship from a pedigree: who is whose father and mother."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.related_pairs import RelatedPairs, check_spelling, trimmed_ids
from analyses.errors import InputError
from encoders.damage import refused_if_damaged
from encoders.tables import MISSING_MARKS, read_spreadsheet

if TYPE_CHECKING:
    import pandas as pd

_SUBJECT = ("iid", "id", "subject_id", "subject", "participant_id", "individual_id")
_FATHER = ("pat", "father", "father_id", "paternal_id", "fatherid", "dad")
_MOTHER = ("mat", "mother", "mother_id", "maternal_id", "motherid", "mom")
_UNKNOWN = frozenset({*MISSING_MARKS, "0", "-9", "unknown"})
"""An unknown parent, compared without case."""

_OF_FAM = (1, 2, 3)
"""Columns of subject, father and mother in .fam and .ped files, which have no header."""

_PARENT = 1
"""Code of parents and children, who are not siblings, though of the same kinship."""


@dataclass(frozen=True)
class Pedigree:
    """Parents by subject, None where unknown; whoever is named as a parent alone is a founder."""

    parents: dict[str, tuple[str | None, str | None]]
    source: Path

    def in_order(self) -> list[str]:
        """Everyone, parents before children.

        Raises
        ------
        InputError
            Someone who is an ancestor of themselves.
        """
        graph = {one: [parent for parent in known if parent] for one, known in self.parents.items()}
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            raise InputError(
                f"Nobody is an ancestor of themselves; {self.source} says so of {error.args[1][0]!r}: correct it."
            ) from None


def read_pedigree(path: Path, subjects: Sequence[str]) -> RelatedPairs:
    """Pairs of these subjects with common ancestors, or of whom one is the other's.

    Parameters
    ----------
    path : Path
        A .fam or .ped file, or a table with a header (``IID``, ``PAT``, ``MAT``, or words such as ``father_id``). 0,
        -9, unknown, nothing and marks of missing values (``n/a``, ``None``) are an unknown parent.
    subjects : sequence of str
        Every one must stand in the file.

    Raises
    ------
    InputError
        Missing columns, ids that became floating-point numbers or lost their leading zeros, a subject that is not in
        the file or is twice, someone who is father and mother or an ancestor of themselves.
    """
    pedigree = _read(path)
    absent = [subject for subject in subjects if subject not in pedigree.parents]
    if absent:
        raise InputError(
            f"cohort.pedigree needs every subject; {path} lacks {len(absent)} of {len(subjects)}, first {absent[0]!r}: "
            "add them, with 0 for unknown parents, or correct the ids."
        )
    return RelatedPairs.of(_pairs(pedigree, subjects), subjects, source="cohort.pedigree")


def _read(path: Path) -> Pedigree:
    frame = _table(path)
    ids, fathers, mothers = ([_known(one) for one in trimmed_ids(frame[column], path)] for column in frame)
    if None in ids or len(set(ids)) < len(ids):
        twice = next(one for one in ids if one is None or ids.count(one) > 1)
        raise InputError(f"Ids in a pedigree must be there and unique; {path} has {twice!r}: correct it.")
    of_mothers = set(mothers)
    both_sides = [one for one in fathers if one and one in of_mothers]
    if both_sides:
        raise InputError(
            f"Nobody is father and mother; {path} says so of {both_sides[0]!r}: correct it, with 0 for unknown parents."
        )
    check_spelling([one for one in (*fathers, *mothers) if one], set(filter(None, ids)), str(path))
    parents = dict(zip(ids, zip(fathers, mothers, strict=True), strict=True))
    return Pedigree({one: both for one, both in parents.items() if one is not None}, path)


def _table(path: Path) -> pd.DataFrame:
    """Columns of subject, father and mother as text."""
    import pandas as pd

    text = _fam_text(path)
    if text is not None:
        lines = [line.split() for line in text.splitlines() if line.strip()]
        short = next((number for number, cells in enumerate(lines, 1) if len(cells) < 4), None)
        if short is not None or not lines:
            raise InputError(f"{path} needs family, subject, father and mother in every line; line {short} has fewer.")
        return pd.DataFrame([[cells[column] for column in _OF_FAM] for cells in lines])
    frame = read_spreadsheet(path).frame
    named = {str(name).lstrip("#").lower(): name for name in frame.columns}
    wanted = [[named[name] for name in names if name in named] for names in (_SUBJECT, _FATHER, _MOTHER)]
    for found, names in zip(wanted, (_SUBJECT, _FATHER, _MOTHER), strict=True):
        if len(found) != 1:
            raise InputError(
                f"A pedigree needs one column {', '.join(names[:3])} or the like; {path} has {len(found)} among "
                f"{', '.join(map(str, frame.columns))}: rename it."
            )
    return frame[[found[0] for found in wanted]].astype(str)


def _fam_text(path: Path) -> str | None:
    """What a file without a header holds; None where it is another table."""
    if not path.name.lower().endswith((".fam", ".ped")):
        return None
    with refused_if_damaged(path, "text in UTF-8"):
        text = path.read_text(encoding="utf-8-sig")
    return None if text.startswith("#") else text


def _known(one: str) -> str | None:
    return None if one.casefold() in _UNKNOWN else one


def _pairs(pedigree: Pedigree, subjects: Sequence[str]) -> pd.DataFrame:
    """Pairs ``first``, ``second`` with a ``code``: parent and child, else the kinship in units of 2^-20, plus 1."""
    import pandas as pd

    wanted, rows = set(subjects), []
    for line in _lines(pedigree):
        kinship = _kinship(line, pedigree)
        members = [(place, one) for place, one in enumerate(line) if one in wanted]
        for i, (row, first) in enumerate(members):
            for column, second in members[i + 1 :]:
                if kinship[row, column] > 0:
                    is_parent = first in pedigree.parents[second]
                    shared = float(kinship[row, column])
                    rows.append((first, second, _PARENT if is_parent else 1 + round(2**20 * shared), shared))
    return pd.DataFrame(rows, columns=["first", "second", "code", "kinship"])


def _lines(pedigree: Pedigree) -> list[list[str]]:
    """Those connected by parents and children, parents before children."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ordered = pedigree.in_order()
    row_of = {one: row for row, one in enumerate(ordered)}
    links = [(row_of[one], row_of[parent]) for one, both in pedigree.parents.items() for parent in both if parent]
    ends = np.array(links, dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), ends.T), shape=(len(ordered), len(ordered)))
    line_of = connected_components(graph, directed=False)[1]
    lines: dict[int, list[str]] = {}
    for one, line in zip(ordered, line_of.tolist(), strict=True):
        lines.setdefault(line, []).append(one)
    return [line for line in lines.values() if len(line) > 1]


def _kinship(line: Sequence[str], pedigree: Pedigree) -> np.ndarray:
    """Coefficients of kinship, founders being strangers: half the parents' with everyone before."""
    place = {one: row for row, one in enumerate(line)}
    found = np.zeros((len(line), len(line)))
    for row, one in enumerate(line):
        known = [place[parent] for parent in pedigree.parents.get(one, (None, None)) if parent]
        found[row, :row] = found[:row, row] = sum((found[parent, :row] for parent in known), np.zeros(row)) / 2
        both = found[known[0], known[1]] if len(known) == 2 else 0.0
        found[row, row] = (1 + both) / 2
    return found
