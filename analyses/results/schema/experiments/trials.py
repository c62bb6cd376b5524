"""What a result of an experiment has in common with every other: numbers for tracking, and what was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from analyses.results.serialisation import Number

#: Settings and numbers that a tracking store shows beside a run: names are the store's, values what they happen to be.
Params = dict[str, str | int | float]
Metrics = dict[str, Number]


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting that was tried: a child run in tracking."""

    name: str
    params: Params
    metrics: Metrics


Cell = str | float | None
Tables = dict[str, dict[str, list[Cell]]]
"""Long tables by name, cells by column: the same names in every run make a table across runs."""


def cells(part: Any, **before: Cell) -> dict[str, Cell]:
    """One row of a long table: the numbers and words of a part of a result, an interval as ``lower`` and ``upper``.

    Parameters
    ----------
    part : dataclass
        Fields that hold parts of their own, or many values, have tables of theirs and are left out.
    **before : str or float
        Columns that stand first.
    """
    found = dict(before)
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name.startswith("interval"):
            end, bounds = field.name.removeprefix("interval"), (None, None) if value is None else value
            if not any(isinstance(bound, tuple) for bound in bounds):  # of one value, not of many
                found[f"lower{end}"], found[f"upper{end}"] = bounds
        elif value is None or isinstance(value, str | int | float):
            found.setdefault(field.name, value)
    return found


def long_tables(**tables: Sequence[Mapping[str, Cell]]) -> Tables:
    """Rows as columns; a table without rows is left out, and one that a row lacks a column of has an empty cell."""
    found: Tables = {}
    for name, rows in tables.items():
        columns = dict.fromkeys(column for row in rows for column in row)
        if columns:
            found[name] = {column: [row.get(column) for row in rows] for column in columns}
    return found
