"""Lists of subjects as people keep them: one id a line, plink's two columns, a table with a header."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analyses.errors import InputError
from encoders.damage import how_absent

_ID_HEADERS = ("iid", "subject_id", "sample_id", "subject", "sample", "eid", "id")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_UTF_8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class _Reading:
    """Ids as one way to read a list gives them, and what the user is told of it."""

    ids: tuple[str, ...]
    told: str = ""


def read_subjects(path: Path | None, samples: Sequence[str]) -> tuple[str, ...]:
    """Ids of a file, in its order; every sample if there is no file.

    An id may hold blanks: a line that is a sample is one id. Else lines are split at tabs, at commas or at blanks. A
    header names the column of the ids; without one the first two columns are plink's FID and IID, and the IID names
    the subject. How a list was read is told by a warning wherever it is not one id a line.

    Parameters
    ----------
    path : Path or None
    samples : sequence of str
        Samples of the variant files.

    Raises
    ------
    InputError
        If the file is missing, empty or no text, names a subject twice, or has its samples in a first column without
        a header.
    """
    if path is None:
        return tuple(samples)
    lines, told = _read_lines(path)
    known = frozenset(samples)
    reading = _read_table(lines, known, path) or _read_whole(lines, known) or _read_columns(lines, known, path)
    if told := [*told, *filter(None, [reading.told])]:
        warnings.warn(f"The list of subjects {path} was read so: {'; '.join(told)}.", stacklevel=3)
    if not reading.ids:
        raise InputError(f"A list of subjects needs one id a line; {path} has none. Correct the file.")
    if len(set(reading.ids)) < len(reading.ids):
        again = next(number for number, one in enumerate(reading.ids) if one in reading.ids[:number])
        raise InputError(
            f"A list of subjects names each once; id {again + 1} of {path} is there before. Remove the repeat."
        )
    return reading.ids


def _read_lines(path: Path) -> tuple[list[str], list[str]]:
    """Lines that hold anything, as they are, and what there is to tell of their bytes."""
    if not path.is_file():
        raise InputError(f"The list of subjects {path} {how_absent(path)}. Correct the path.")
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in _UTF_16 else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"A list of subjects is text in UTF-8; {path} is not ({error.reason} at byte {error.start}). Save it so."
        ) from error
    told = {
        "it is UTF-16": encoding == "utf-16",
        "the byte order mark before its first line is no part of an id": content.startswith(_UTF_8_MARK),
        "its lines end as on Windows (CR LF)": "\r\n" in text,
    }
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]
    return lines, [words for words, holds in told.items() if holds]


def _read_table(lines: Sequence[str], known: frozenset[str], path: Path) -> _Reading | None:
    """A list whose first line names the column of the ids; None where it names none."""
    header = _split(lines[0], _separator(lines[:1])) if lines else []
    names = [name.lstrip("#").lower() for name in header]
    column = next((names.index(name) for name in _ID_HEADERS if name in names), None)
    if column is None or known.intersection([*header, lines[0]]):
        return None
    if len(header) == 1:
        whole = _read_whole(lines[1:], known)
        return whole or _Reading(tuple(line.strip() for line in lines[1:]))
    rows = [_split(line, _separator(lines[:1])) for line in lines[1:]]
    if short := [number for number, row in enumerate(rows, start=2) if len(row) <= column]:
        raise InputError(
            f"Every line of a list with the header {' '.join(header)!r} needs {header[column]}; line {short[0]} of "
            f"{path} has it not. Complete the line."
        )
    return _Reading(tuple(row[column] for row in rows), f"its column {header[column]} names the subjects")


def _read_whole(lines: Sequence[str], known: frozenset[str]) -> _Reading | None:
    """One id a line; None where a line is no sample."""
    if known.issuperset(lines):
        return _Reading(tuple(lines))
    for told, strip in (
        ("blanks at the ends of its lines are no part of an id", str.strip),
        ("quotes and blanks around its lines are no part of an id", lambda line: line.strip(" \t\"'")),
    ):
        ids = tuple(line if line in known else strip(line) for line in lines)
        if known.issuperset(ids):
            return _Reading(ids, told)
    return None


def _read_columns(lines: Sequence[str], known: frozenset[str], path: Path) -> _Reading:
    """Lines of two and more columns as plink writes them, others as they are; what is no sample is refused later."""
    rows = [_split(line, _separator(lines)) for line in lines]
    if {len(row) for row in rows} & {0, 1} or len({len(row) for row in rows}) > 1:
        return _Reading(tuple(line.strip() for line in lines))
    first, second, *_ = zip(*rows, strict=True)
    if known.issuperset(first) and not known.issuperset(second):
        raise InputError(
            f"Two columns without a header are FID and IID, and the IID names the subject; in {path} the first column "
            "is of samples and the second is not. Give one id a line, or a header with sample_id."
        )
    return _Reading(second, "its first two columns are FID and IID, and the IID names the subjects")


def _separator(lines: Sequence[str]) -> str | None:
    """Tab or comma where a line has one; None for blanks."""
    return next((mark for mark in "\t," if any(mark in line for line in lines)), None)


def _split(line: str, separator: str | None) -> list[str]:
    if separator is None:
        return line.split()
    return [field.strip() for field in next(csv.reader([line], delimiter=separator))]
