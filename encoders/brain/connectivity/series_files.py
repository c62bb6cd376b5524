"""One file of parcellated time series: time points x regions, and names of regions where the file has them."""

import csv
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from encoders.brain.layouts.array_files import load_npy
from encoders.errors import InputError
from encoders.tables.quoting import quote_some

SUFFIXES = (".npy", ".csv", ".tsv", ".txt", ".1D")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf)", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)")
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})


@dataclass(frozen=True)
class SeriesFile:
    """What a file holds.

    Attributes
    ----------
    path : Path
    values : array, shape (n_timepoints, n_rois)
    names : tuple of str, or None
        None where the file does not name its regions.
    """

    path: Path
    values: np.ndarray
    names: tuple[str, ...] | None


def read_series_file(path: Path, *, header: bool | None = None) -> SeriesFile:
    """Read an npy, csv, tsv, txt or 1D file.

    Parameters
    ----------
    header : bool, optional
        Whether the first row of a text file names the regions; found out if None: a row of words does, and one of
        whole numbers above rows of fractions; a row of numbers like the others does not.

    Raises
    ------
    InputError
        A damaged file, rows of unequal length, cells that are no numbers, a first row that may be either.
    """
    if path.suffix == ".npy":
        return SeriesFile(path, load_npy(path, allow_pickle=False), None)
    try:
        comments, rows = _rows(_decode(path.read_bytes()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} must be a text file in UTF-8, UTF-16 or Windows-1252 with numbers in rows; it is not ({error}): "
            "save it as UTF-8, or leave it out."
        ) from error
    if not rows:
        raise InputError(f"{path} must hold the time series of a subject; it holds no row of numbers: leave it out.")
    has_header = _has_header(path, rows) if header is None else header
    names = tuple(cell.strip() for cell in rows[0]) if has_header else _names_above(comments, len(rows[0]))
    body = rows[1:] if has_header else rows
    return _without_index(SeriesFile(path, _numbers(path, body, len(rows[0]), len(comments) + has_header), names))


def _decode(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252")


def _rows(text: str) -> tuple[list[str], list[list[str]]]:
    """Lines of comment above the numbers, and the cells of all other lines."""
    lines = [line for line in text.splitlines() if line.strip()]
    n_comments = next((i for i, line in enumerate(lines) if not line.lstrip().startswith(("#", "%"))), len(lines))
    comments = [line.lstrip(" #%").strip() for line in lines[:n_comments]]
    lines = lines[n_comments:]
    numbers = "\n".join(lines[1:] or lines)
    separator = next((mark for mark in ("\t", ";", ",", "|") if mark in numbers), None)
    if separator is None or (separator == "," and re.search(r"\d,\d+[ ]+[-+\d]", numbers)):
        return comments, [[cell.strip('"') for cell in line.split()] for line in lines]
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator, skipinitialspace=True)]
    if len(rows[0]) > 1 and all(row[-1] == "" for row in rows):  # each line ends in a separator
        rows = [row[:-1] for row in rows]
    return comments, rows


def _as_number(cell: str) -> str:
    return _DECIMAL_COMMA.sub(r"\1.\2", cell) if _DECIMAL_COMMA.fullmatch(cell) else cell


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(_as_number(cell)) is not None


def _has_header(path: Path, rows: list[list[str]]) -> bool:
    """Whether the first row names regions, by words, or by numbers unlike those beneath."""
    first, body = rows[0], [cell for row in rows[1:] for cell in row]
    if not all(_is_number(cell) or cell.lower() in _MISSING for cell in first):
        return True
    if not all(cell.isdigit() for cell in first if cell) or not body:
        return False
    numbers = [int(cell) for cell in first if cell]
    counted = numbers in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))
    whole = all(re.fullmatch(r"[+-]?\d+", cell) for cell in body)
    labels = len(numbers) > 1 and all(a < b for a, b in pairwise(numbers))
    if (counted and len(numbers) > 1) or (not whole and labels):
        return True
    if whole and labels and len(numbers) > 2:
        raise InputError(
            f"The first row of {path} ({', '.join(first[:4])}, ...) may be the numbers of regions or the first time "
            "point: say which (header)."
        )
    return False


def _names_above(comments: list[str], n: int) -> tuple[str, ...] | None:
    """Names in the last comment, as `numpy.savetxt` writes a header: as many as there are columns."""
    for mark in ("\t", ";", ",", None) if comments else ():
        cells = [cell.strip() for cell in comments[-1].split(mark)]
        if len(cells) == n and not all(map(_is_number, cells)):
            return tuple(cells)
    return None


def _numbers(path: Path, rows: list[list[str]], width: int, n_above: int) -> np.ndarray:
    for i, row in enumerate(rows):
        if len(row) != width:
            raise InputError(
                f"Every row of {path} needs as many cells; row {i + 1 + n_above} has {len(row)} where the first has "
                f"{width}: repair it."
            )
    odd = [cell for row in rows for cell in row if not _is_number(cell) and cell.lower() not in _MISSING]
    if odd:
        raise InputError(f"Time series must be numbers under a header of regions; {path} holds {quote_some(odd)}.")
    values = [[np.nan if cell.lower() in _MISSING else float(_as_number(cell)) for cell in row] for row in rows]
    return np.array(values, dtype=np.float64).reshape(len(rows), width)


def _without_index(file: SeriesFile) -> SeriesFile:
    """Leave out the column without a name in which pandas counts the rows."""
    if file.names is None or file.names[0] not in ("", "Unnamed: 0") or len(file.names) < 2:
        return file
    return SeriesFile(file.path, file.values[:, 1:], file.names[1:])
