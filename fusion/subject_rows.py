"""Whose rows they are: every public function that takes tables of subjects asks here whether they belong together.

Views, frames and series carry ids; arrays and lists do not, and are taken by position. Ids are never reordered behind
the user's back: tables whose ids name other subjects, or the same in another order, are refused.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import pandas as pd

from fusion.arrays import LabelsLike, Positions, ViewLike
from fusion.errors import InputError


@runtime_checkable
class SizedRows(Protocol):
    """What was made of rows and says how many there were: blocks, folds' relations."""

    def __len__(self) -> int: ...


RowsLike: TypeAlias = ViewLike | LabelsLike | SizedRows
"""Anything with one entry per subject."""
Kind = Literal["numbers", "integers", "text"]


@dataclass(frozen=True)
class RowIds:
    """Ids of rows.

    Attributes
    ----------
    names : tuple of str
    kind : {"numbers", "integers", "text"}
        ``numbers`` are the numbers of the rows themselves, 0, 1, ..., as pandas counts them where no ids were given:
        beside text they say nothing, beside other integers they say that rows were moved.
    """

    names: tuple[str, ...]
    kind: Kind

    def take(self, rows: Positions) -> "RowIds":
        """Ids of these rows."""
        return RowIds(tuple(self.names[row] for row in rows), self.kind)

    def agrees(self, other: "RowIds") -> bool:
        """Whether both name the same subjects in the same order, or one of them names nobody."""
        return {self.kind, other.kind} == {"numbers", "text"} or self.names == other.names


def row_ids(table: object) -> RowIds | None:
    """Return the ids that rows carry: of a view, frame, series, or what was made of one; None for an array or list."""
    if hasattr(table, "row_ids"):
        ids: RowIds | None = table.row_ids
        return ids
    if hasattr(table, "subject_ids"):
        return _named(tuple(map(str, table.subject_ids)), is_integer=False)
    index = getattr(table, "index", None)
    if not isinstance(index, pd.Index):
        return None
    return _named(tuple(map(str, index)), is_integer=index.dtype.kind in "iu")


def _named(names: tuple[str, ...], *, is_integer: bool) -> RowIds:
    if names == tuple(map(str, range(len(names)))):
        return RowIds(names, "numbers")
    return RowIds(names, "integers" if is_integer else "text")


def check_same_subjects(**tables: RowsLike | None) -> None:
    """Raise an `InputError` if tables differ in their number of rows or, where rows carry ids, in the ids' order.

    Parameters
    ----------
    **tables : view, frame, series, array, list, or None
        By the name that the message gives them; None is left out.
    """
    given = {name: table for name, table in tables.items() if table is not None}
    sizes = {name: _n_rows(table) for name, table in given.items()}
    for name, size in sizes.items():
        reference = next(iter(sizes))
        if size != sizes[reference]:
            raise InputError(
                f"{name} must have the rows of {reference}: got {size} for {sizes[reference]}; align the tables by "
                "subject id first."
            )
    known = {name: ids for name, table in given.items() if (ids := row_ids(table)) is not None}
    for (reference, left), (name, right) in combinations(known.items(), 2):
        if not left.agrees(right):
            raise InputError(_disagreement(reference, left, name, right))


def _disagreement(reference: str, left: RowIds, name: str, right: RowIds) -> str:
    row = next(i for i, pair in enumerate(zip(left.names, right.names, strict=True)) if pair[0] != pair[1])
    return (
        f"{name} must list the subjects of {reference} in the same order; row {row} is {right.names[row]!r}, "
        f"not {left.names[row]!r}: align the tables by subject id first."
    )


def row_count(subjects: "int | np.integer[Any] | ViewLike", **labels: RowsLike | None) -> int:
    """Return the number of subjects, once labels were held against their ids.

    Parameters
    ----------
    subjects : int, or view, frame, series, array
        Their number, or a table of them.
    **labels : series, array, list, or None

    Raises
    ------
    InputError
        Labels that name other subjects, or that carry ids where a number alone says whose rows they are.
    """
    if not isinstance(subjects, int | np.integer):
        check_same_subjects(subjects=subjects, **labels)
        return _n_rows(subjects)
    check_same_subjects(**labels)
    wrong = next((name for name, table in labels.items() if table is not None and _n_rows(table) != subjects), None)
    if wrong is not None:
        raise InputError(f"{wrong} needs one label per subject: got {_n_rows(labels[wrong])} for {subjects}.")
    for name, table in labels.items():
        ids = row_ids(table)
        if ids is not None and ids.kind != "numbers":
            raise InputError(
                f"{name} must be held against the ids of the subjects; it carries ids such as {ids.names[0]!r}, and of "
                f"the subjects only their number, {subjects}, was given: pass the table of the subjects in its place."
            )
    return int(subjects)


def _n_rows(table: Any) -> int:
    """Rows of anything that numpy takes for an array."""
    if hasattr(table, "shape"):
        return int(table.shape[0])
    return len(table) if hasattr(table, "__len__") else len(np.asarray(table))
