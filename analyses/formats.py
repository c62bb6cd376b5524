"""Numbers and tables as a reader sees them in figures, sentences, files and spreadsheets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame


def format_p(p: float | None) -> str:
    """A p-value in as many digits as permutations can give it, ``–`` where nothing was tested."""
    if p is None or math.isnan(p):
        return "–"
    return f"{p:.2f}" if p >= 0.1 else f"{p:.3f}" if p >= 0.001 else f"{p:.2g}"


def format_number(value: float | None, digits: int = 2) -> str:
    """A number with a typographic minus, whole numbers in groups of three, ``–`` where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")  # + 0.0: no minus zero


_FORMULA: tuple[str, ...] = (
    "=",
    "+",
    "-",
    "@",
    "\N{FULLWIDTH EQUALS SIGN}",
    "\N{FULLWIDTH PLUS SIGN}",
    "\N{FULLWIDTH HYPHEN-MINUS}",
)
_FORMULA += ("\N{FULLWIDTH COMMERCIAL AT}",)


def table_text(table: DataFrame, *, separator: str = ",", float_format: str | None = None) -> str:
    """A table as text that a spreadsheet opens without running anything.

    A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@``, of either width and behind blanks or line
    ends, for a formula; names of genes, regions and columns come from files, so such a cell gets an apostrophe before
    it. Numbers stay numbers.
    """
    shown = table.map(_harmless).rename(columns=_harmless)
    text: str = shown.to_csv(index=False, sep=separator, float_format=float_format, lineterminator="\n")
    return text


def _harmless(cell: object) -> object:
    if not isinstance(cell, str) or not (cell.lstrip().startswith(_FORMULA) or cell.startswith(("\t", "\r", "\n"))):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
