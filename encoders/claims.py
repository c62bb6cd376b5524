"""What packed and endless text may unpack to, held to bounds before it fills the memory."""

import gzip
import zipfile
from collections.abc import Iterator
from functools import partial
from io import TextIOWrapper
from pathlib import Path

from encoders.errors import InputError

SMALL = 2**28
"""Bytes that are unpacked whatever they were packed into."""

MOST_GAIN = 200
"""Times by which more than that may grow: tables and arrays of data pack far less, zeros a thousand times."""

LONGEST_LINE = 2**24
"""Letters; a line of more is no line of a text that people exchange."""


def unpack_gzip(path: Path) -> bytes:
    """Contents of a gzip file.

    Raises
    ------
    InputError
        It unpacks to far more than a table is packed by.
    OSError, EOFError, zlib.error
        It is damaged.
    """
    limit = max(SMALL, MOST_GAIN * path.stat().st_size)
    with gzip.open(path, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise InputError(
            f"{path} must hold data; its {path.stat().st_size:,} bytes unpack to more than {limit:,}, as nothing but "
            "repeats do: get it again, or unpack it yourself."
        )
    return content


def check_zip(path: Path) -> None:
    """Hold what the members of a zip archive claim against its bytes; what is no zip archive is left to its reader.

    Raises
    ------
    InputError
        A member claims more than it holds, or holds nothing but repeats.
    zipfile.BadZipFile, OSError
        It is damaged.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                check_zip_member(member, path)


def check_zip_member(member: zipfile.ZipInfo, path: Path) -> None:
    """As `check_zip`, of one member."""
    size = path.stat().st_size
    if member.compress_size > size:
        raise InputError(
            f"{path} must hold data; {member.filename!r} claims {member.compress_size:,} bytes of the {size:,} that "
            "there are: get it again."
        )
    if member.file_size > max(SMALL, MOST_GAIN * member.compress_size):
        raise InputError(
            f"{path} must hold data; {member.filename!r} claims {member.file_size:,} bytes out of "
            f"{member.compress_size:,}, as nothing but repeats would give: write the file again."
        )


def bounded_lines(file: TextIOWrapper, path: Path) -> Iterator[str]:
    """Lines of a text, however long it is; a line without an end is refused before it fills the memory.

    Raises
    ------
    InputError
    """
    for number, line in enumerate(iter(partial(file.readline, LONGEST_LINE), ""), start=1):
        if len(line) == LONGEST_LINE:
            raise InputError(
                f"{path} must be text in lines; line {number} has more than {LONGEST_LINE:,} letters: get it again."
            )
        yield line
