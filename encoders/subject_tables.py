"""Tables on disk with one row per subject: ids are strings from the first byte read to the last result written."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from encoders.errors import InputError

if TYPE_CHECKING:
    import pandas

_SEPARATORS = {".csv": ",", ".csv.gz": ",", ".tsv": "\t", ".tsv.gz": "\t", ".txt": "\t"}
FLOAT_ID = re.compile(r"[+-]?\d+\.\d*(e[+-]?\d+)?|\d+e\+\d+", re.IGNORECASE)
_EXAMPLES = 3


def read_table(path: str | Path, id_column: str = "subject_id") -> "pandas.DataFrame":
    """Read a csv, tsv (optionally gzipped) or parquet table and index it by subject.

    Parameters
    ----------
    path
        ``.csv``, ``.tsv`` or ``.txt`` (tab separated), their ``.gz`` forms, ``.parquet``; under any other name, text
        whose header says whether tabs or commas separate.
    id_column
        Column holding the subject ids, read as text: ``0012`` stays ``0012``. Nothing is stripped or rewritten.

    Returns
    -------
    pandas.DataFrame
        Rows in file order, indexed by ``id_column`` (strings, unique); the other columns as pandas infers them.

    Raises
    ------
    InputError
        Missing, empty or unreadable file, missing id column, duplicate column names, and ids that are blank (or a
        missing-value mark such as ``NA``), padded with white space, duplicated, or floating-point numbers
        (``1001.0``: the mark of an id that passed through a spreadsheet or a join with missing values).
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"A subject table is required at {path}; there is no such file: check the path.")
    frame = _read_parquet(path) if path.name.endswith(".parquet") else _read_text(path, id_column)
    if id_column in frame.index.names and id_column not in frame.columns:
        frame = frame.reset_index()
    check_columns(path, frame.columns, id_column)
    ids = _string_ids(path, frame.pop(id_column))
    frame.index = ids
    return frame


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


def _read_parquet(path: Path) -> "pandas.DataFrame":
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{path} must be a parquet file; {_first_line(error)}: write it again as parquet.") from error


def _read_text(path: Path, id_column: str) -> "pandas.DataFrame":
    import pandas as pd

    try:
        separator = _separator(path)
        # Two rows without a header: a first row longer than the header fails here, and is no silent row index below.
        head = pd.read_csv(path, sep=separator, header=None, nrows=2, dtype=str, encoding="utf-8-sig")
        frame = pd.read_csv(path, sep=separator, dtype={id_column: str}, encoding="utf-8-sig", low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} must be a tab- or comma-separated UTF-8 table with a header; {_first_line(error)}: repair that "
            "line."
        ) from error
    names = head.iloc[0]
    repeated = sorted(set(names[names.duplicated()].dropna()))
    if repeated:
        raise InputError(f"Column names must be unique; {path} repeats {_quote(repeated)}: rename or drop the copies.")
    return frame


def _separator(path: Path) -> str:
    """By the name, else (``.panel``, ``.ped``, no suffix) by what the header holds."""
    for suffix, separator in _SEPARATORS.items():
        if path.name.lower().endswith(suffix):
            return separator
    with path.open(encoding="utf-8-sig") as lines:
        return "\t" if "\t" in lines.readline() else ","


def _string_ids(path: Path, column: "pandas.Series") -> "pandas.Index":
    import pandas as pd

    if pd.api.types.is_float_dtype(column.dtype):
        raise _bad_ids(path, column, "strings, not floating-point numbers", "store them as text")
    if column.empty:
        raise InputError(f"A subject table needs at least one row; {path} has only a header: check the file.")
    blank = column.isna() | (column == "")
    if blank.any():
        rows = [f"row {row + 1}" for row in blank.to_numpy().nonzero()[0]]
        raise _bad_ids(path, rows, "present in every row", "fill in the blank or NA ids or drop those rows")
    ids = pd.Index([str(value) for value in column], dtype=str, name=column.name)
    padded = [value for value in ids if value != value.strip()]
    if padded:
        raise _bad_ids(path, padded, "free of leading and trailing white space", "trim them in the file")
    floats = [value for value in ids if FLOAT_ID.fullmatch(value)]
    if floats:
        raise _bad_ids(path, floats, "strings, not floating-point numbers", "restore the original ids in the file")
    duplicates = ids[ids.duplicated()].unique()
    if len(duplicates):
        raise _bad_ids(path, list(duplicates), "unique", "keep one row per subject")
    return ids


def _bad_ids(path: Path, examples: "Sequence[object] | pandas.Series", requirement: str, remedy: str) -> InputError:
    return InputError(
        f"Subject ids must be {requirement}; got {_quote(examples)} ({len(examples)} in all) in {path}: {remedy}."
    )


def _quote(values: "Sequence[object] | pandas.Series") -> str:
    return ", ".join(f"'{value}'" for value in list(values)[:_EXAMPLES])


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
