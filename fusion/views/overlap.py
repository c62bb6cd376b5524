"""Which subjects every table holds, in which order, and why the others are left out."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fusion.errors import InputError

# What ids of the same people most often differ by; only used to word a hint, never applied.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "the prefix 'sub-'": lambda i: i.removeprefix("sub-"),
    "upper and lower case": str.casefold,
    "leading zeros": lambda i: i.lstrip("0"),
    "surrounding spaces": str.strip,
    "a trailing '.0' (ids read as numbers)": lambda i: i.removesuffix(".0"),
    "a doubled id such as 'A_A' (family and individual)": lambda i: i.partition("_")[0],
}


@dataclass(frozen=True, slots=True)
class OverlapTable:
    """Subjects common to all tables.

    Attributes
    ----------
    order : tuple of str
        Common ids, in the order of the first table.
    rows : dict of str to int64 array of shape (n_common,)
        Per table, the rows that bring it into `order`.
    counts : dict of str to int
        Subjects in each table.
    dropped : dict of str to dict of str to tuple of str
        Per table, reason ("not in brain") to the ids left out for it; every such id has one reason.
    """

    order: tuple[str, ...]
    rows: dict[str, npt.NDArray[np.int64]]
    counts: dict[str, int]
    dropped: dict[str, dict[str, tuple[str, ...]]]

    def to_dict(self) -> list[dict[str, Any]]:
        """Return ``{"table", "n", "in_all", "dropped": {reason: n}}`` per table: counts, no ids."""
        return [
            {
                "table": table,
                "n": n,
                "in_all": len(self.order),
                "dropped": {reason: len(ids) for reason, ids in self.dropped[table].items()},
            }
            for table, n in self.counts.items()
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per table with the columns of :meth:`to_dict`."""
        return pd.DataFrame(self.to_dict())


def align_subjects(tables: Mapping[str, Sequence[Hashable]]) -> OverlapTable:
    """Find the subjects that every table holds.

    Parameters
    ----------
    tables : mapping of str to sequence of str
        Name of each table to its subject ids, in row order.

    Returns
    -------
    OverlapTable

    Raises
    ------
    InputError
        No table, an id that is not text or is repeated, or no common subject (with examples, and what the ids seem
        to differ by).

    Examples
    --------
    >>> overlap = align_subjects({"genome": ["s2", "s1", "s3"], "brain": ["s1", "s2"]})
    >>> overlap.order, overlap.rows["brain"].tolist(), overlap.dropped["genome"]
    (('s2', 's1'), [1, 0], {'not in brain': ('s3',)})
    """
    if not tables:
        raise InputError("Subjects are aligned between tables; got none: pass a mapping of name to subject ids.")
    ids = {name: _checked(name, table) for name, table in tables.items()}
    members = {name: set(table) for name, table in ids.items()}
    common = set.intersection(*members.values())
    if not common:
        raise InputError(_no_overlap(ids))
    order = tuple(i for i in next(iter(ids.values())) if i in common)
    places = {name: {i: row for row, i in enumerate(table)} for name, table in ids.items()}
    return OverlapTable(
        order=order,
        rows={name: np.array([place[i] for i in order], dtype=np.int64) for name, place in places.items()},
        counts={name: len(table) for name, table in ids.items()},
        dropped={name: _reasons(table, members) for name, table in ids.items()},
    )


def _checked(name: str, table: Sequence[Hashable]) -> tuple[str, ...]:
    wrong = next((i for i in table if not isinstance(i, str)), None)
    if wrong is not None:
        raise InputError(
            f"Table {name!r} needs text as subject ids; got {wrong!r} of type {type(wrong).__name__}: read the id "
            "column as text, so that leading zeros survive."
        )
    twice = [i for i, count in Counter(table).items() if count > 1]
    if twice:
        shown = ", ".join(map(repr, twice[:3]))
        raise InputError(
            f"Table {name!r} needs one row per subject; {len(twice)} ids repeat, such as {shown}: keep one row of each."
        )
    return tuple(str(i) for i in table)


def _reasons(table: tuple[str, ...], members: dict[str, set[str]]) -> dict[str, tuple[str, ...]]:
    reasons: dict[str, list[str]] = {}
    for i in table:
        absent = [name for name, ids in members.items() if i not in ids]
        if absent:
            reasons.setdefault(f"not in {' and '.join(absent)}", []).append(i)
    return {reason: tuple(ids) for reason, ids in reasons.items()}


def _no_overlap(ids: dict[str, tuple[str, ...]]) -> str:
    shown = "; ".join(f"{name}: {', '.join(map(repr, table[:2])) or 'empty'}" for name, table in ids.items())
    for difference, spelling in SPELLINGS.items():
        if set.intersection(*({spelling(i) for i in table} - {""} for table in ids.values())):
            return f"Tables share no subject id ({shown}): they would match but for {difference}; make the ids equal."
    return f"Tables share no subject id ({shown}): check that they name the same subjects in the same way."
