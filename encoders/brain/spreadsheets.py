"""Text tables as people export them: separators, decimal commas, missing marks and empty rows found and told."""

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float64

from encoders.brain.ids import quote_some
from encoders.errors import InputError

if TYPE_CHECKING:
    import pandas

#: Cells that hold no value (compared without case).
MISSING_MARKS = (
    "", ".", "-", "na", "n/a", "#n/a", "nan", "<na>", "none", "null", "missing", "#null!", "#value!", "#div/0!",
)  # fmt: skip
_SEPARATORS = ("\t", ";", ",", "|")
_SEPARATOR_NAMES = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars", r"\s+": "white space"}
_DECIMAL_COMMA = r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?"
Numbers = Float64[np.ndarray, "n_rows n_columns"]
_UNNAMED = re.compile(r"Unnamed: \d+")


@dataclass(frozen=True)
class Spreadsheet:
    """A table of one file before ids and features are told apart.

    Attributes
    ----------
    path : Path
    frame : DataFrame
        Every column as text if the file is text, else as stored.
    decimal : str
        ``.`` or ``,``.
    notes : tuple of str
        What was found out, and what was left out.
    """

    path: Path
    frame: "pandas.DataFrame"
    decimal: Literal[".", ","]
    notes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Column names in file order."""
        return [str(name) for name in self.frame.columns]


def read_spreadsheet(
    path: Path, *, separator: str | None = None, decimal: Literal[".", ","] | None = None
) -> Spreadsheet:
    """Read a csv, tsv, txt (also ``.gz``) or parquet table without interpreting its cells.

    Raises
    ------
    InputError
        No such file, an encoding or a row that does not fit, repeated column names.
    """
    if not path.is_file():
        raise InputError(f"A brain table is required at {path}; there is no such file: check the path.")
    if path.name.endswith(".parquet"):
        return _read_parquet(path)
    text, notes = _decode(path)
    separator = separator or _find_separator(text)
    frame = _split(path, text, separator)
    frame, dropped = _drop_unnamed_and_empty(frame)
    decimal = decimal or _find_decimal(frame, separator)
    notes += (
        [f"Columns are separated by {_SEPARATOR_NAMES.get(separator, repr(separator))}."] if separator != "," else []
    )
    notes += ["Numbers are written with a decimal comma."] if decimal == "," else []
    return Spreadsheet(path, frame, decimal, (*notes, *dropped))


def check_unique_names(names: Sequence[str], path: object) -> None:
    """Raise InputError if a column name repeats."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"Column names must be unique; {path} repeats {quote_some(repeated)}: rename or drop the copies."
        )


def parse_numbers(
    column: "pandas.Series", decimal: str = ".", missing_codes: Sequence[str] = ()
) -> tuple["pandas.Series", list[str]]:
    """Numbers of a column.

    Parameters
    ----------
    column : Series, shape (n_rows,)
        Text or numbers.
    missing_codes : sequence of str
        Cells that stand for a missing value: numbers (``-9``, ``inf``) or words (``fail``).

    Returns
    -------
    values : float64 Series, shape (n_rows,)
        NaN where a cell is missing or no number.
    odd : list of str
        Distinct cells that are neither.
    """
    import pandas as pd

    codes = [code for code in map(_as_number, missing_codes) if code is not None]
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        numbers = pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index)
        return numbers.mask(numbers.isin(codes), np.nan), []
    cells = column.astype("str").str.strip().str.replace("\N{MINUS SIGN}", "-")
    cells = cells.mask(cells.isna() | cells.str.lower().isin([*MISSING_MARKS, *map(str.lower, missing_codes)]), None)
    plain = cells
    if decimal == ",":
        plain = cells.mask(cells.str.fullmatch(_DECIMAL_COMMA).fillna(False).astype(bool), cells.str.replace(",", "."))
    numbers = pd.to_numeric(plain, errors="coerce").astype(np.float64)
    odd = cells[numbers.isna() & cells.notna()]
    return numbers.mask(numbers.isin(codes), np.nan), list(dict.fromkeys(odd))


def _as_number(code: str) -> float | None:
    try:
        return float(code)
    except ValueError:
        return None


def _read_parquet(path: Path) -> Spreadsheet:
    import pandas as pd
    import pyarrow as pa

    try:
        frame = pd.read_parquet(path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            f"{path} must be a parquet file; {str(error).splitlines()[0].rstrip('.')}: write it again as parquet."
        ) from error
    except ValueError as error:  # pyarrow refuses repeated names with this
        raise InputError(f"{path} cannot be read as a table: {str(error).splitlines()[0].rstrip('.')}.") from error
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    frame.columns = frame.columns.map(str)
    check_unique_names(list(frame.columns), path)
    kept, notes = _drop_unnamed_and_empty(frame)
    return Spreadsheet(path, kept, ".", tuple(notes))


def _decode(path: Path) -> tuple[str, list[str]]:
    """Text of a file, line ends made one; UTF-8 unless a mark or its bytes say otherwise."""
    raw = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()
    if raw[:4] == b"PK\x03\x04":
        raise InputError(f"{path} must be a text or parquet table; it is an Excel or zip file: export it as csv.")
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16").replace("\r\n", "\n").replace("\r", "\n"), ["The file is UTF-16."]
    try:
        text, notes = raw.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        text, notes = raw.decode("cp1252", errors="replace"), ["The file is not UTF-8; it was read as Windows-1252."]
    if "\x00" in text:
        raise InputError(f"{path} must be a text or parquet table; it holds binary data: export it as csv.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    while text.startswith("# "):
        text, notes = text.partition("\n")[2], [*notes, "A comment above the header was left out."]
    if not text.strip():
        raise InputError(f"{path} must hold a header and at least one row; it is empty: check the file.")
    return text, notes


def _find_separator(text: str) -> str:
    header = re.sub(r'"[^"]*"', "", text.lstrip("\n").partition("\n")[0])
    counts = {separator: header.count(separator) for separator in _SEPARATORS}
    best = max(counts, key=lambda separator: counts[separator])
    if counts[best]:
        return best
    return r"\s+" if len(header.split()) > 1 else ","


def _split(path: Path, text: str, separator: str) -> "pandas.DataFrame":
    import pandas as pd

    try:
        # The header is read as a row: a longer row then fails with its line number instead of becoming an index.
        table = pd.read_csv(
            io.StringIO(text), sep=separator, header=None, dtype=str, na_filter=False, skipinitialspace=True
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        raise InputError(
            f"Every row of {path} must have as many cells as the header; {str(error).splitlines()[0].rstrip('.')}: "
            "repair that line or name the separator."
        ) from error
    names = [str(name).strip() for name in table.iloc[0]]
    check_unique_names([name for name in names if name], path)
    frame = table.iloc[1:].reset_index(drop=True)
    frame.columns = pd.Index([name or f"Unnamed: {i}" for i, name in enumerate(names)])
    if frame.empty:
        raise InputError(f"{path} must hold at least one row; it has only a header: check the file.")
    return frame


def _drop_unnamed_and_empty(frame: "pandas.DataFrame") -> tuple["pandas.DataFrame", list[str]]:
    """Leave out the index columns that pandas writes, and rows without any cell."""
    notes = []
    unnamed = [name for name in frame.columns if _UNNAMED.fullmatch(str(name)) or name == "__index_level_0__"]
    if unnamed and len(unnamed) < frame.shape[1]:
        frame = frame.drop(columns=unnamed)
        notes.append(f"{len(unnamed)} columns without a name were left out.")
    filled = np.zeros(len(frame), dtype=bool)
    for name in frame.columns:
        column = frame[name]
        as_text = column.dtype == object or column.dtype == "str"
        filled |= (column.notna() & (column.astype("str").str.strip() != "") if as_text else column.notna()).to_numpy()
        if filled.all():
            return frame, notes
    notes.append(f"{np.count_nonzero(~filled)} empty rows were left out.")
    return frame.loc[filled].reset_index(drop=True), notes


def _find_decimal(frame: "pandas.DataFrame", separator: str) -> Literal[".", ","]:
    """A comma if some cells of the head are numbers only with one; commas that separate columns cannot be it."""
    if separator == ",":
        return "."
    head = frame.head(50)
    with_comma = sum(int(head[name].str.strip().str.fullmatch(_DECIMAL_COMMA).sum()) for name in head.columns)
    with_point = sum(int(head[name].str.strip().str.fullmatch(r"[+-]?\d*\.\d+").sum()) for name in head.columns)
    return "," if with_comma > with_point else "."


def stack_columns(columns: Sequence["pandas.Series"], n_rows: int) -> Numbers:
    """Columns side by side."""
    return np.column_stack([column.to_numpy() for column in columns]) if columns else np.empty((n_rows, 0))
