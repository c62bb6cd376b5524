"""Decimal marks and thousands separators: what a table's numbers mean, or that two readings are possible."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from encoders.errors import InputError
from encoders.tables.codes import CODES

if TYPE_CHECKING:
    import pandas

Decimal = Literal[".", ","]
_MARKS: tuple[Decimal, Decimal] = (".", ",")
_OTHER: dict[Decimal, Decimal] = {".": ",", ",": "."}
_NAMES: dict[Decimal, str] = {".": "point", ",": "comma"}
#: Blanks and apostrophes between groups; as they are, since the engine of pyarrow knows no ``\\u``.
_SPACES = " '\u2019\u00a0\u202f"
#: Looks like a number in some notation. Without looking ahead, which pyarrow cannot: it takes a table at once.
_NUMBER_LIKE = rf"[+-]?[.,]?\d[\d.,{_SPACES}]*(?:[eE][+-]?\d+)?"
_DIGITS_OF_A_GROUP = 3
#: Cells of a column in which a decimal point is looked for that is certain, before all of them are asked.
_SHOWS_A_POINT = 50
_NEGATIVE_CODES = [f"{code:g}" for code in CODES if code < 0]
#: Separators of the tables that spreadsheets export where the decimal mark is a comma.
_OF_SPREADSHEETS = (";", "\t")
#: Blanks and apostrophes between groups of three digits can be nothing else.
_SPACED = rf"[+-]?\d{{1,3}}(?:[{_SPACES}]\d{{3}})+(?:[.,]\d+)?"


#: Cells as programs write numbers, which nobody can read otherwise but for one with three decimals.
_WHOLE = r"^-?(?:0|[1-9]\d{0,17})$"
_WRITTEN = r"^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$"
_NOTHING = ("", "NA", "NaN", "nan", "n/a", "N/A")


def _certain(decimal: Decimal) -> str:
    """Cells that can be numbers only if this is the decimal mark."""
    d, t = re.escape(decimal), re.escape(_OTHER[decimal])
    groups = rf"[1-9]\d{{0,2}}(?:{t}\d{{3}})"
    plain = rf"0\d*{d}\d*|{d}\d+|\d+{d}(?:\d{{0,2}}|\d{{4,}})|\d{{4,}}{d}\d*"
    return rf"[+-]?(?:{groups}+{d}\d*|{groups}{{2,}}|(?:{plain})(?:[eE][+-]?\d+)?|\d+{d}\d+[eE][+-]?\d+)"


def _either(mark: Decimal) -> str:
    """Cells in which this mark may stand before decimals as well as between groups of three digits."""
    return rf"[+-]?[1-9]\d{{0,2}}{re.escape(mark)}\d{{3}}"


_CERTAIN = {mark: _certain(mark) for mark in _MARKS}
_EITHER = {mark: _either(mark) for mark in _MARKS}
_GROUPED: dict[Decimal, str] = {
    mark: rf"[+-]?\d{{1,3}}(?:{re.escape(_OTHER[mark])}\d{{3}})+(?:{re.escape(mark)}\d*)?" for mark in _MARKS
}


@dataclass(frozen=True)
class Evidence:
    """What the cells of a column, or of a table, say of their decimal mark.

    Attributes
    ----------
    certain : dict of mark to str
        A cell that can be read with this decimal mark alone.
    either : dict of mark to str
        A cell in which this mark may be decimal or stand between thousands.
    whole : str
        The longest integer of at most three digits without a mark, in a column of which all other cells are like those
        of ``either``: so look thousands of which the smaller ones have no mark. Empty where there is none.
    """

    certain: dict[Decimal, str]
    either: dict[Decimal, str]
    whole: str = ""


def find_evidence(columns: Iterable["pandas.Series"]) -> Evidence:
    """What cells say that look like numbers; columns mostly of words do not count.

    Parameters
    ----------
    columns : iterable of Series of text, each of shape (n_rows,)
        Trimmed; None where missing.
    """
    certain: dict[Decimal, str] = {}
    either: dict[Decimal, str] = {}
    whole = ""
    for column in columns:
        marked = column[column.str.contains(r"[.,]", na=False)]
        if not len(marked) or column.str.fullmatch(_NUMBER_LIKE).dropna().mean() < 0.5:
            continue
        for mark in _MARKS:
            for patterns, found in ((_CERTAIN, certain), (_EITHER, either)):
                if mark not in found:
                    cells = marked[marked.str.fullmatch(patterns[mark])]
                    found |= {mark: str(cells.iloc[0])} if len(cells) else {}
        whole = whole or _find_whole(column, marked)
    return Evidence(certain, either, whole)


def has_points_alone(numbers: "pandas.Series") -> bool:
    """Whether decimal points are the one reading, as a few cells show: what `find_evidence` would say of all of them.

    Parameters
    ----------
    numbers : Series of text, shape (n_rows,)
        None where missing. All cells are numbers as they are, so that no comma stands in them, nor two points.
    """
    marked = numbers[numbers.str.contains(".", regex=False, na=False)].head(_SHOWS_A_POINT)
    return not len(marked) or any(re.fullmatch(_CERTAIN["."], cell) for cell in marked)


def _find_whole(column: "pandas.Series", marked: "pandas.Series") -> str:
    """The longest integer, if none has more than three digits and every other number is of thousands with one mark.

    Negative codes of missing values are none: they are written without decimals beside numbers that have them.
    """
    whole = column[column.str.fullmatch(r"[+-]?\d+", na=False) & ~column.isin(_NEGATIVE_CODES)].str.lstrip("+-")
    thousands = marked.str.fullmatch(r"[+-]?[1-9]\d{0,2}\.\d{3}", na=False)
    lengths = whole.str.len()
    if not len(whole) or not thousands.all() or lengths.max() > _DIGITS_OF_A_GROUP:
        return ""
    return str(whole[lengths == lengths.max()].iloc[0])


def read_written(column: "pandas.Series") -> "pandas.Series | None":
    """Numbers of a column whose cells are all as programs write them, at once; None where anything must be looked into.

    Parameters
    ----------
    column : Series of text, shape (n_rows,)
        As it stands in a file.

    Returns
    -------
    Series of int64 or float64, shape (n_rows,), or None
        What reading cell by cell gives, for which a table of thousands of columns takes three times as long.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = pa.array(column)
    if not cells.null_count and _all_match(cells, _WHOLE):
        return pd.Series(pc.cast(cells, pa.int64()).to_numpy(), index=column.index)
    absent = pc.is_in(cells, value_set=pa.array(_NOTHING, cells.type))
    cells = pc.if_else(absent, None, cells)
    if cells.null_count == len(cells) or not _all_match(cells, _WRITTEN):
        return None
    head = cells[:_SHOWS_A_POINT].to_pylist()
    if not any(re.fullmatch(_CERTAIN["."], cell) for cell in head if cell is not None):
        return None
    values = pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False)
    return None if np.isinf(values).any() else pd.Series(values, index=column.index)


def _all_match(cells: Any, pattern: str) -> bool:
    """Whether all cells that are there match."""
    import pyarrow.compute as pc

    return bool(pc.all(pc.match_substring_regex(cells, pattern), skip_nulls=True).as_py())


def find_decimal(path: Path, name: str, column: Evidence, table: Evidence, *, separator: str | None = None) -> Decimal:
    """The decimal mark of a column: by its own cells, else by those of its table; a point where none says otherwise.

    Points before three digits in all cells but integers of at most three (1.234, 98, 15.321, 7) may stand between
    thousands: programs that write three decimals write them of whole numbers as well (7.000), and those that drop zeros
    drop them of every tenth number (1.23). Integers of three digits raise the doubt in every table. Shorter ones do
    where a spreadsheet may have written points between thousands, behind semicolons or tabs; between commas a point is
    decimal, as a table with decimal commas is separated by semicolons.

    Parameters
    ----------
    separator : str, optional
        Of the table's columns, where it is a text.

    Raises
    ------
    InputError
        Cells that contradict one another, or that have two readings between which nothing decides.
    """
    if len(column.certain) == 2:
        raise InputError(
            f"A column must have one decimal mark; {name!r} of {path} holds {column.certain[',']!r} (comma) and "
            f"{column.certain['.']!r} (point): write the column in one way."
        )
    if column.certain:
        return next(iter(column.certain))
    if not column.either:
        return "."
    if len(table.certain) == 1:
        return next(iter(table.certain))
    is_doubted = len(column.whole) == _DIGITS_OF_A_GROUP or (column.whole != "" and separator in _OF_SPREADSHEETS)
    if not table.certain and "," not in table.either and not is_doubted:
        return "."
    mark: Decimal = next(iter(column.either))
    cell = column.either[mark]
    whole, decimals = cell.replace(mark, ""), cell.replace(mark, ".")
    why = "cells of both kinds stand in the table" if len(table.certain) == 2 else "no cell of the table decides"
    if is_doubted:
        why += f" ({column.whole!r} beside it has no decimals)"
    raise InputError(
        f"Numbers must have one reading; {cell!r} in column {name!r} of {path} is {whole} (the {_NAMES[mark]} between "
        f"thousands) or {decimals} (a decimal {_NAMES[mark]}), and {why}: name the decimal mark by the option decimal "
        f"('{_OTHER[mark]}' for {whole}, '{mark}' for {decimals})."
    )


def plain_numbers(cells: "pandas.Series", decimal: Decimal) -> "pandas.Series":
    """Cells with a decimal point and nothing between thousands; those of another notation become no numbers.

    Parameters
    ----------
    cells : Series of text, shape (n_rows,)
        Trimmed; None where missing.

    Examples
    --------
    >>> from encoders.tables.notation import plain_numbers
    >>> import pandas as pd
    >>> plain_numbers(pd.Series(["1.234,5", "2 345", "7,25", "3.5"]), ",").tolist()
    ['1234.5', '2345', '7.25', '3,5']
    """
    spaced = cells.str.contains(rf"[{_SPACES}]", na=False)
    if spaced.any():
        is_spaced = _matches(cells, _SPACED)
        cells = cells.mask(is_spaced, cells.str.replace(rf"[{_SPACES}]", "", regex=True))
    if not cells.str.contains(",", na=False).any() and decimal == ".":
        return cells
    other = _OTHER[decimal]
    cells = cells.mask(_matches(cells, _GROUPED[decimal]), cells.str.replace(other, "", regex=False))
    if decimal == ".":
        return cells
    return cells.str.translate(str.maketrans(".,", ",."))


def _matches(cells: "pandas.Series", pattern: str) -> "pandas.Series":
    return cells.str.fullmatch(pattern).fillna(False).astype(bool)
