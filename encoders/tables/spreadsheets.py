"""Tables of one file, text or parquet, before ids and features are told apart; what was found out is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.parquet_pages import check_pages
from encoders.tables.notation import (
    Decimal,
    Evidence,
    find_decimal,
    find_evidence,
    has_points_alone,
    plain_numbers,
    read_written,
)
from encoders.tables.quoting import INDEX_COLUMN
from encoders.tables.separators import (
    SEPARATOR_NAMES,
    check_row_lengths,
    check_unique_names,
    find_separator,
    split_cells,
)
from encoders.tables.text_files import read_text, take_comments, take_separator_line

if TYPE_CHECKING:
    import pandas

#: Cells that hold no value among numbers (compared without case).
MISSING_MARKS = (
    "", ".", "-", "na", "n/a", "#n/a", "nan", "<na>", "none", "null", "missing", "#null!", "#value!", "#div/0!",
)  # fmt: skip
Numbers = Float64[np.ndarray, "n_rows n_columns"]


@dataclass(frozen=True)
class Spreadsheet:
    """A table of one file before ids and features are told apart.

    Attributes
    ----------
    path : Path
    frame : DataFrame
        Every column as text if the file is text, else as stored.
    decimal : str or None
        ``.`` or ``,`` as asked for; else found for each column.
    notes : tuple of str
        What was found out, and what was left out.
    index : Series or None
        The index without a name that pandas stored in a parquet file or in the first column of a text, where it is no
        count of rows.
    separator : str or None
        Of the columns, where the file is text.
    """

    path: Path
    frame: "pandas.DataFrame"
    decimal: Decimal | None
    notes: tuple[str, ...]
    index: "pandas.Series | None" = None
    separator: str | None = None

    @property
    def names(self) -> list[str]:
        """Column names in file order."""
        return [str(name) for name in self.frame.columns]

    @cached_property
    def _evidence(self) -> Evidence:
        return find_evidence(_cells(self.frame[name]) for name in self.names if _is_text(self.frame[name]))

    def numbers(self, name: str, missing_codes: Sequence[str] = ()) -> tuple["pandas.Series", list[str]]:
        """Numbers of a column.

        Parameters
        ----------
        missing_codes : sequence of str
            Cells that stand for a missing value: numbers (``-9``, ``inf``) or words (``fail``).

        Returns
        -------
        values : float64 Series, shape (n_rows,)
            NaN where a cell is missing or no number.
        odd : list of str
            Distinct cells that are neither.

        Raises
        ------
        InputError
            Numbers that have two readings (``5,843``), see `encoders.tables.notation.find_decimal`.
        """
        import pandas as pd

        column = self.frame[name]
        codes = numeric_codes(missing_codes)
        if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
            stored = pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index)
            return stored.mask(stored.isin(codes), np.nan), []
        written = self.written(name)
        if written is not None:
            values = written.astype(np.float64)
            return values.mask(values.isin(codes), np.nan), []
        cells = _cells(column, missing_codes)
        numbers = pd.to_numeric(cells, errors="coerce").astype(np.float64)
        if self.decimal == "," or (numbers.isna() & cells.notna()).any() or not has_points_alone(cells):
            numbers = pd.to_numeric(self.plain(name, cells), errors="coerce").astype(np.float64)
        odd = cells[numbers.isna() & cells.notna()]
        return numbers.mask(numbers.isin(codes), np.nan), list(dict.fromkeys(odd))

    def written(self, name: str) -> "pandas.Series | None":
        """What `encoders.tables.notation.read_written` reads at once, where no decimal comma is asked for."""
        column = self.frame[name]
        return read_written(column) if column.dtype == "str" and self.decimal != "," else None

    def plain(self, name: str, cells: "pandas.Series") -> "pandas.Series":
        """Cells of a column with decimal points and nothing between thousands."""
        if self.decimal is not None:
            return plain_numbers(cells, self.decimal)
        own = find_evidence([cells])
        if not own.certain and not own.either:
            return plain_numbers(cells, ".")
        if list(own.certain) == ["."] or "," in own.certain:
            return plain_numbers(cells, find_decimal(self.path, name, own, own))
        found = find_decimal(self.path, name, own, self._evidence, separator=self.separator)
        return plain_numbers(cells, found)


def read_spreadsheet(path: Path, *, separator: str | None = None, decimal: Decimal | None = None) -> Spreadsheet:
    """Read a csv, tsv, txt (also ``.gz``) or parquet table without interpreting its cells.

    Parameters
    ----------
    separator, decimal : str, optional
        Found out, and refused where two readings are possible.

    Raises
    ------
    InputError
        No such file, an encoding or a row that does not fit, repeated column names.
    """
    if not path.is_file():
        raise InputError(f"A table is required at {path}; there is no such file: check the path.")
    if path.name.endswith(".parquet"):
        return read_parquet(path)
    text, notes = read_text(path)
    said, text = take_separator_line(text)
    comments, text = take_comments(text)
    if not text.strip():
        raise InputError(f"{path} must hold a header and at least one row; it holds comments alone: check the file.")
    separator = separator or said or find_separator(path, text)
    if comments and _is_header(path, comments[-1], text, separator):
        text, comments = f"{comments[-1]}\n{text}", comments[:-1]
        notes.append("The header stands behind '#'.")
    notes += ["A comment above the header was left out."] * bool(comments)
    if separator != "," and not path.name.lower().removesuffix(".gz").endswith((".tsv", ".txt")):
        notes.append(f"Columns are separated by {SEPARATOR_NAMES.get(separator, repr(separator))}.")
    cells = split_cells(path, text, separator)
    notes += check_row_lengths(path, text, separator)
    frame, dropped = _drop_unnamed_and_empty(path, cells)
    return Spreadsheet(path, frame, decimal, (*notes, *dropped), _find_index(cells, frame), separator)


def read_parquet(path: Path) -> Spreadsheet:
    """Read a parquet table; an index with a name is a column of it, one without a name stands beside it.

    Raises
    ------
    InputError
        No parquet file, or repeated column names.
    """
    import pandas as pd
    import pyarrow as pa

    with refused_if_damaged(path, "a parquet file"):
        try:
            check_pages(path)
            frame = pd.read_parquet(path)
            _check_letters(frame)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise
        except ValueError as error:  # pyarrow refuses repeated names with this
            raise InputError(f"{path} cannot be read as a table: {str(error).splitlines()[0].rstrip('.')}.") from error
    index = None
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    elif not isinstance(frame.index, pd.RangeIndex):
        index = pd.Series(frame.index.to_numpy(dtype=object), name=INDEX_COLUMN)
        frame = frame.reset_index(drop=True)
    frame.columns = frame.columns.map(str)
    check_unique_names(list(frame.columns), path)
    if frame.empty:
        raise InputError(f"{path} must hold at least one row and one column; its shape is {frame.shape}.")
    if index is not None:  # its ids fill every row
        return Spreadsheet(path, frame, None, (), index)
    kept, notes = _drop_unnamed_and_empty(path, frame)
    return Spreadsheet(path, kept, None, tuple(notes), _find_index(frame, kept))


def _check_letters(frame: "pandas.DataFrame") -> None:
    """Raise ArrowInvalid where the bytes of a text are no UTF-8: pyarrow looks at them when they are used, or never."""
    import pyarrow as pa

    for columns in (frame, frame.index.to_frame()):
        for place, kind in enumerate(columns.dtypes):
            if kind == "str":
                pa.array(columns.iloc[:, place]).validate(full=True)


def stack_columns(columns: Sequence["pandas.Series"], n_rows: int) -> Numbers:
    """Columns side by side."""
    return np.column_stack([column.to_numpy() for column in columns]) if columns else np.empty((n_rows, 0))


def _is_header(path: Path, comment: str, text: str, separator: str) -> bool:
    """Whether a comment names the columns: as many words as the first row has cells, of which some are numbers."""
    first = split_cells(path, f"{text.partition(chr(10))[0]}\n{text.partition(chr(10))[0]}", separator)
    names = comment.split() if separator == r"\s+" else comment.split(separator)
    return len(names) == first.shape[1] and any(map(_is_number, first.iloc[0])) and not any(map(_is_number, names))


def _is_number(cell: object) -> bool:
    return _as_number(str(cell).strip().replace(",", ".")) is not None


def numeric_codes(missing_codes: Sequence[str]) -> list[float]:
    """Those codes of missing values that are numbers."""
    return [code for code in map(_as_number, missing_codes) if code is not None]


def _as_number(code: str) -> float | None:
    try:
        return float(code)
    except ValueError:
        return None


def _is_text(column: "pandas.Series") -> bool:
    return bool(column.dtype == object or column.dtype == "str")


def _cells(column: "pandas.Series", missing_codes: Sequence[str] = ()) -> "pandas.Series":
    """Trimmed text with one minus sign, None where a mark of missing values stands."""
    cells = column.astype("str").str.strip().str.replace("\N{MINUS SIGN}", "-")
    absent = column.isna() | cells.isna() | cells.str.lower().isin([*MISSING_MARKS, *map(str.lower, missing_codes)])
    return cells.mask(absent, None)


def _find_index(cells: "pandas.DataFrame", kept: "pandas.DataFrame") -> "pandas.Series | None":
    """The index without a name as pandas writes it: a first column without one, whose cells differ and are no count."""
    import pandas as pd

    name, first = cells.columns[0], cells.iloc[:, 0]
    is_left_out = str(name).startswith("Unnamed: ") and name not in kept.columns
    if not is_left_out or len(kept) != len(cells) or not _is_text(first):
        return None
    index = first.fillna("").str.strip()
    is_count = (pd.to_numeric(index, errors="coerce").diff().iloc[1:] == 1).all()
    if is_count or index.duplicated().any() or (index == "").any():
        return None
    return index.astype(object).rename(INDEX_COLUMN)


def _drop_unnamed_and_empty(path: Path, frame: "pandas.DataFrame") -> tuple["pandas.DataFrame", list[str]]:
    """Leave out columns without a name, as pandas writes of its index and Excel of nothing, and rows without a cell."""
    notes = []
    unnamed = [name for name in frame.columns if str(name).startswith("Unnamed: ")]
    if unnamed and len(unnamed) < frame.shape[1]:
        frame = frame.drop(columns=unnamed)
        notes.append(f"{len(unnamed)} columns without a name were left out.")
    filled = np.zeros(len(frame), dtype=bool)
    for name in frame.columns:
        column = frame[name]
        has = column.notna()
        filled |= (has & (column.astype("str").str.strip() != "") if column.dtype == "str" else has).to_numpy()
        if filled.all():
            return frame, notes
    if not filled.any():
        raise InputError(f"{path} must hold a value in at least one row; every row is empty: check the file.")
    notes.append(f"{np.count_nonzero(~filled)} empty rows were left out.")
    return frame.loc[filled].reset_index(drop=True), notes
