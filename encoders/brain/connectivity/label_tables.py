"""Names of the labels of an atlas, and coordinates of regions: the user's tables, read from disk."""

from pathlib import Path
from typing import TYPE_CHECKING

from encoders.errors import InputError
from encoders.tables.quoting import quote_some
from encoders.tables.spreadsheets import read_spreadsheet

if TYPE_CHECKING:
    import pandas

_INDEX = ("index", "id", "label_id", "value", "#no.", "no.", "number")
_NAME = ("name", "label", "region", "labelname", "label name:", "roi", "roi_name", "feature")


def read_lut(path: Path) -> "pandas.DataFrame":
    """Names of labels.

    Parameters
    ----------
    path : Path
        csv or tsv with the columns ``index`` (also ``id``, ``value``) and ``name`` (also ``label``, ``region``).

    Returns
    -------
    DataFrame with columns ``index`` (int) and ``name`` (str).
    """
    sheet = read_spreadsheet(path)
    index, name = _find(sheet.names, _INDEX), _find(sheet.names, _NAME)
    if index is None or name is None:
        raise InputError(f"A label table needs the columns index and name; {path} has {quote_some(sheet.names)}.")
    numbers, odd = sheet.numbers(index)
    if odd or numbers.isna().any() or (numbers % 1 != 0).any():
        raise InputError(f"Labels are whole numbers; column {index!r} of {path} holds others: {quote_some(odd)}.")
    frame = sheet.frame[[index, name]].set_axis(["index", "name"], axis=1)
    return frame.assign(index=numbers.astype(int), name=frame["name"].astype("str").str.strip())


def read_coordinates(path: Path) -> "pandas.DataFrame":
    """Positions of regions.

    Parameters
    ----------
    path : Path
        csv or tsv with the columns ``name`` (also ``label``, ``region``), ``x``, ``y``, ``z`` (MNI, mm).

    Returns
    -------
    DataFrame with columns ``name`` (str), ``x``, ``y``, ``z`` (float).
    """
    sheet = read_spreadsheet(path)
    name, axes = _find(sheet.names, _NAME), [_find(sheet.names, (axis,)) for axis in "xyz"]
    if name is None or None in axes:
        raise InputError(f"A coordinate table needs the columns name, x, y, z; {path} has {quote_some(sheet.names)}.")
    columns = {}
    for axis, column in zip("xyz", axes, strict=True):
        columns[axis], odd = sheet.numbers(str(column))
        if odd or columns[axis].isna().any():
            raise InputError(
                f"Coordinates are numbers (mm); column {column!r} of {path} holds others: {quote_some(odd)}."
            )
    frame = sheet.frame[[name]].set_axis(["name"], axis=1)
    return frame.assign(name=frame["name"].astype("str").str.strip(), **columns)


def _find(names: list[str], known: tuple[str, ...]) -> str | None:
    by_lower = {name.lower(): name for name in names}
    return next((by_lower[one] for one in known if one in by_lower), None)
