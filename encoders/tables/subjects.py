"""Tables with one row per subject: ids are strings from the first byte read to the last result written."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from encoders.errors import InputError
from encoders.tables.notation import Decimal
from encoders.tables.quoting import FLOAT_ID, INDEX_COLUMN, quote_some
from encoders.tables.spreadsheets import Spreadsheet, numeric_codes, read_spreadsheet

if TYPE_CHECKING:
    import pandas

#: Words that hold no value where a column holds words; ``none``, ``-`` and ``.`` may be levels there.
_MISSING_WORDS = frozenset(
    {
        "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
        "NULL", "NaN", "None", "n/a", "nan", "null",
    }
)  # fmt: skip
_TRUE, _FALSE = frozenset({"True", "TRUE", "true"}), frozenset({"False", "FALSE", "false"})
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_EXAMPLES = 3


@dataclass(frozen=True)
class SubjectTable:
    """A table by subject, and what its reader found out.

    Attributes
    ----------
    frame : DataFrame
        Rows in file order, indexed by the id column (strings, unique); numbers as numbers, words as text.
    notes : tuple of str
        What was found out of a dialect, left out, or trimmed.
    missing_words : mapping of str to tuple of str
        Of columns of words: the words (``NA``) that were taken for missing values.
    """

    frame: "pandas.DataFrame"
    notes: tuple[str, ...]
    missing_words: Mapping[str, tuple[str, ...]]


def read_subject_table(
    path: str | Path,
    id_column: str = "subject_id",
    *,
    decimal: Decimal | None = None,
    missing_codes: Sequence[str] = (),
) -> SubjectTable:
    """Read a text or parquet table and index it by subject.

    Parameters
    ----------
    path
        As `encoders.tables.spreadsheets.read_spreadsheet` reads it, whatever its separator and encoding.
    id_column
        Column holding the subject ids, read as text: ``0012`` stays ``0012``. Nothing is stripped or rewritten.
        ``__index_level_0__`` is the index without a name of a parquet file.
    decimal
        The decimal mark of numbers; found out, and refused where two readings are possible.
    missing_codes
        Cells that stand for a missing value, in every column but the ids: ``-9``, ``999``, ``unknown``.

    Raises
    ------
    InputError
        Missing, empty or unreadable file, missing id column, duplicate column names, numbers with two readings, and
        ids that are blank (or a missing-value mark such as ``NA``), padded with white space, duplicated, or
        floating-point numbers (``1001.0``: the mark of an id that passed through a spreadsheet or a join with missing
        values).
    """
    path = Path(path)
    sheet = read_spreadsheet(path, decimal=decimal)
    ids = _string_ids(path, _id_cells(sheet, id_column))
    columns, notes, missing_words = {}, list(sheet.notes), {}
    for name in sheet.names:
        if name == id_column:
            continue
        column = _Column(sheet, name, tuple(missing_codes))
        columns[name] = column.typed()
        notes += column.notes
        if column.missing_words:
            missing_words[name] = tuple(column.missing_words)
    frame = _side_by_side(columns) if columns else sheet.frame[[]].copy()
    frame.index = ids
    return SubjectTable(frame, tuple(notes), missing_words)


def _side_by_side(columns: Mapping[str, "pandas.Series"]) -> "pandas.DataFrame":
    import pandas as pd

    return pd.concat(columns, axis=1)


class _Column:
    """A column as numbers, truth values or words, whichever all of its cells are.

    Parameters
    ----------
    sheet : Spreadsheet
    name : str
    missing_codes : tuple of str
    """

    def __init__(self, sheet: Spreadsheet, name: str, missing_codes: tuple[str, ...]) -> None:
        self.sheet, self.name, self.missing_codes = sheet, name, missing_codes
        self.notes: list[str] = []
        self.missing_words: list[str] = []

    def typed(self) -> "pandas.Series":
        """The column, shape (n_rows,)."""

        stored = self.sheet.frame[self.name]
        if not (stored.dtype == object or stored.dtype == "str"):
            return self._without_codes(stored)
        if stored.dtype == object and not all(isinstance(cell, str) for cell in stored.dropna()):
            return stored  # vectors, dates and other objects of a parquet file
        written = self.sheet.written(self.name)
        if written is not None:
            codes = numeric_codes(self.missing_codes)
            has_codes = bool(codes) and bool(written.isin(codes).any())
            return written.mask(written.isin(codes), np.nan) if has_codes else written
        cells = stored.str.strip()
        if cells.isin(_TRUE | _FALSE).all():
            return cells.isin(_TRUE)
        numbers, odd = self.sheet.numbers(self.name, self.missing_codes)
        return self._words(stored, cells) if odd else self._whole_or_not(cells, numbers)

    def _without_codes(self, stored: "pandas.Series") -> "pandas.Series":
        if not self.missing_codes or stored.dtype.kind not in "iuf":
            return stored
        numbers, _ = self.sheet.numbers(self.name, self.missing_codes)
        return numbers if numbers.isna().sum() > stored.isna().sum() else stored

    def _whole_or_not(self, cells: "pandas.Series", numbers: "pandas.Series") -> "pandas.Series":
        """Whole numbers stay whole, as levels are; a column with gaps cannot."""
        if numbers.isna().any() or (numbers % 1 != 0).any():
            return numbers
        plain = self.sheet.plain(self.name, cells)
        if not plain.str.fullmatch(_WHOLE.pattern).fillna(False).all():
            return numbers
        self._note_zeros(plain)
        return plain.astype(np.int64)

    def _note_zeros(self, plain: "pandas.Series") -> None:
        """Codes such as 01 and 1, which words would keep apart, are one number."""
        padded = plain[plain.str.match("[+-]?0[0-9]")]
        if padded.empty:
            return
        bare = plain[plain.isin(padded.astype(np.int64).astype(str))]
        if not bare.empty:
            number = str(bare.iloc[0])
            spelled = str(padded[padded.astype(np.int64) == int(number)].iloc[0])
            self.notes.append(
                f"Column {self.name!r} spells numbers in two ways, such as {spelled!r} and {number!r}: they are read "
                "as one."
            )

    def _words(self, stored: "pandas.Series", cells: "pandas.Series") -> "pandas.Series":
        n_trimmed = int((stored != cells).sum())
        if n_trimmed:
            self.notes.append(f"{n_trimmed} cells of column {self.name!r} were trimmed of white space.")
        marks = [*_MISSING_WORDS, *self.missing_codes]
        self.missing_words = [word for word in dict.fromkeys(cells.dropna()) if word in marks and word]
        return cells.mask(cells.isin(marks))


def _id_cells(sheet: Spreadsheet, id_column: str) -> "pandas.Series":
    if sheet.index is not None and id_column == INDEX_COLUMN:
        return sheet.index
    if sheet.index is not None and id_column not in sheet.names:
        raise InputError(
            f"{sheet.path} needs a column {id_column!r}; it has none, and an index without a name that holds "
            f"{quote_some(list(sheet.index))}: set the id column to {INDEX_COLUMN} if these are the subjects."
        )
    check_columns(sheet.path, sheet.names, id_column)
    return sheet.frame[id_column]


def check_columns(path: Path, columns: Iterable[str], *required: str) -> None:
    """Raise InputError unless every required column exists; near names are offered."""
    names = [str(name) for name in columns]
    missing = [name for name in required if name not in names]
    if missing:
        near = get_close_matches(missing[0], names, n=_EXAMPLES, cutoff=0.5) or names[:8]
        raise InputError(
            f"{path} needs a column {missing[0]!r}; it has {len(names)} other columns (nearest: {', '.join(near)}): "
            "name the right column in the configuration or rename it in the file."
        )


def _string_ids(path: Path, column: "pandas.Series") -> "pandas.Index":
    import pandas as pd

    if pd.api.types.is_float_dtype(column.dtype):
        raise _bad_ids(path, column, "strings, not floating-point numbers", "store them as text")
    blank = column.isna() | column.isin(_MISSING_WORDS)
    if blank.any():
        rows = [f"row {row + 1}" for row in blank.to_numpy().nonzero()[0]]
        raise _bad_ids(path, rows, "present in every row", "fill in the blank or NA ids or drop those rows")
    ids = pd.Index([str(value) for value in column], dtype=str, name=column.name)
    padded = [value for value in ids if value != value.strip()]
    if padded:
        raise _bad_ids(path, padded, "free of leading and trailing white space", "trim them in the file")
    floats = [value for value in ids if FLOAT_ID.fullmatch(value.replace(",", "."))]
    if floats:
        raise _bad_ids(path, floats, "strings, not floating-point numbers", "restore the original ids in the file")
    duplicates = ids[ids.duplicated()].unique()
    if len(duplicates):
        raise _bad_ids(path, list(duplicates), "unique", "keep one row per subject")
    return ids


def _bad_ids(path: Path, examples: "Sequence[object] | pandas.Series", requirement: str, remedy: str) -> InputError:
    shown = ", ".join(f"'{value}'" for value in list(examples)[:_EXAMPLES])
    return InputError(f"Subject ids must be {requirement}; got {shown} ({len(examples)} in all) in {path}: {remedy}.")
