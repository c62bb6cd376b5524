"""Which character separates the columns of a text table, and its cells as text."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.tables.quoting import quote_some

if TYPE_CHECKING:
    import pandas

SEPARATOR_NAMES = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars", r"\s+": "white space"}
_CANDIDATES = ("\t", ";", ",", "|")
_QUOTED = re.compile(r'"[^"\n]*"')
_SAMPLE = 50


def find_separator(path: Path, text: str) -> str:
    """The character that cuts the header and all rows of the head into equally many cells.

    Raises
    ------
    InputError
        Two do, or none does and the header holds two equally often.
    """
    lines = [_QUOTED.sub("", line) for line in islice(_filled_lines(text), _SAMPLE)]
    header = {mark: lines[0].count(mark) for mark in _CANDIDATES if mark in lines[0]}
    if not header:
        return r"\s+" if len(lines[0].split()) > 1 else ","
    even = [mark for mark, n in header.items() if all(line.count(mark) == n for line in lines)]
    even = even or [mark for mark, n in header.items() if n == max(header.values())]
    suffix = path.name.lower().removesuffix(".gz")
    told = {".tsv": "\t", ".csv": ","}.get(suffix[-4:])
    if len(even) > 1 and told == "\t" and told in even:
        return told
    if len(even) > 1:
        readings = " or ".join(f"{header[mark] + 1} columns by {SEPARATOR_NAMES[mark]}" for mark in even)
        raise InputError(
            f"One separator must be told from the header of {path}; it may be {readings}: name the separator, or quote "
            "the cells that hold the other one."
        )
    return even[0]


def _filled_lines(text: str) -> Iterator[str]:
    """Lines that hold anything, without cutting all of the text."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if text[start:end].strip():
            yield text[start:end]
        start = end + 1


def check_row_lengths(path: Path, text: str, separator: str) -> list[str]:
    """What to tell of rows with fewer cells than the header, which are read as if the others were empty.

    Spreadsheets leave out empty cells at the end of a row. A last line that is short and does not end, however, was cut
    within a value, and between blanks nobody can say which of the cells is lacking.

    Raises
    ------
    InputError
        The text was cut within its last line; a short row of a table that is separated by white space.
    """
    widths = [(row, width) for row, width in _row_widths(path, text, separator) if width]
    wanted = _named_cells(text, separator)
    short = [(row, width) for row, width in widths if width < wanted]
    if not short:
        return []
    required = f"Every row of {path} must have as many cells as the header, {wanted}"
    row, width = short[-1]
    if row == widths[-1][0] and not text.endswith("\n"):
        raise InputError(f"{required}; its last has {width} and does not end: the file was cut short, copy it again.")
    row, width = short[0]
    if separator == r"\s+":
        raise InputError(
            f"{required}; row {row} below it has {width}, and between blanks nobody can say which are lacking: write "
            "n/a for what is missing, or separate columns by tabs."
        )
    which = "1 row has" if len(short) == 1 else f"{len(short)} rows have"
    return [
        f"{which} fewer cells than the header (row {row} below it: {width} of {wanted}); the others count as missing."
    ]


def _named_cells(text: str, separator: str) -> int:
    """Cells of the header up to the last that names a column."""
    header = next(_filled_lines(text))
    if separator == r"\s+":
        return len(header.split())
    cells = next(csv.reader([header], delimiter=separator))
    return max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=len(cells))


def _row_widths(path: Path, text: str, separator: str) -> Iterator[tuple[int, int]]:
    """Number of every row, 0 that of the header, and of its cells, 0 where it is blank."""
    if separator == r"\s+":
        yield from ((row, len(line.split())) for row, line in enumerate(text.split("\n")))
        return
    if '"' not in text:
        for row, line in enumerate(text.split("\n")):
            yield row, line.count(separator) + 1 if line.strip() else 0
        return
    blanks, row = _opens_after_blanks(text, separator), 0
    try:
        for row, cells in enumerate(csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=blanks)):
            yield row, len(cells) if any(cell.strip() for cell in cells) else 0
    except csv.Error as error:
        raise InputError(
            f"Every row of {path} must have as many cells as the header; behind row {row} this cannot be said "
            f"({error}): repair its quotes."
        ) from error


def _opens_after_blanks(text: str, separator: str) -> bool:
    """Whether a quote after a blank opens a cell; other blanks are their cells' own, and whoever reads them decides."""
    return separator != r"\s+" and re.search(rf'{re.escape(separator)} +"', text) is not None


def split_cells(path: Path, text: str, separator: str) -> "pandas.DataFrame":
    """Cells as text under the names of the header, which are trimmed.

    Raises
    ------
    InputError
        A row of another length, quotes that do not end, repeated names, no row.
    """
    import pandas as pd

    blanks = _opens_after_blanks(text, separator)
    with refused_if_damaged(path, "a table of rows and cells"):
        try:
            # The header is read as a row: a longer row then fails with its line number instead of becoming an index.
            table = pd.read_csv(
                io.StringIO(text), sep=separator, header=None, dtype=str, na_filter=False, skipinitialspace=blanks
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


def check_unique_names(names: Sequence[str], path: object) -> None:
    """Raise InputError if a column name repeats."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"Column names must be unique; {path} repeats {quote_some(repeated)}: rename or drop the copies."
        )
