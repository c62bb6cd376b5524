"""Bytes of a text table to lines: compression, encodings, and what stands above the header."""

import re
from pathlib import Path

from encoders.claims import unpack_gzip
from encoders.damage import refused_if_damaged
from encoders.errors import InputError

_SEPARATOR_LINE = re.compile(r"sep=(.)\n", re.IGNORECASE)
_ARCHIVES = {b"PK\x03\x04": "an Excel or zip file", b"\xd0\xcf\x11\xe0": "an Excel file", b"PAR1": "a parquet file"}


def read_text(path: Path) -> tuple[str, list[str]]:
    """Text of a file, line ends made one.

    UTF-8 unless a byte order mark or every second byte says UTF-16, or bytes that UTF-8 lacks say Windows-1252.

    Returns
    -------
    text : str
    notes : list of str
        What the file was read as, where that is not UTF-8.

    Raises
    ------
    InputError
        A damaged gzip file, another format, an encoding that is none of these, nothing in it.
    """
    with refused_if_damaged(path, "a text table" if not _is_gzip(path) else "a text table in a gzip file"):
        raw = unpack_gzip(path) if _is_gzip(path) else path.read_bytes()
    for mark, what in _ARCHIVES.items():
        if raw.startswith(mark):
            raise InputError(f"{path} must be a text or parquet table; it is {what}: export it as csv.")
    text, notes = _decode(path, raw)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text:
        raise InputError(f"{path} must be a text or parquet table; it holds binary data: export it as csv.")
    if not text.strip():
        raise InputError(f"{path} must hold a header and at least one row; it is empty: check the file.")
    return text, notes


def take_comments(text: str) -> tuple[list[str], str]:
    """Lines above the header that begin with ``#`` and a blank, and the text from the header on."""
    comments = []
    while text.startswith(("# ", "#\n", "\n")):
        line, _, text = text.partition("\n")
        comments += [line[1:].strip()] if line.strip("# ") else []
    return comments, text


def take_separator_line(text: str) -> tuple[str | None, str]:
    """What the line ``sep=;`` says, which Excel writes and reads, and the text beneath it."""
    said = _SEPARATOR_LINE.match(text)
    return (None, text) if said is None else (said[1], text[said.end() :])


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b" or path.name.lower().endswith(".gz")


def _decode(path: Path, raw: bytes) -> tuple[str, list[str]]:
    encoding = _utf16(raw)
    if encoding is not None:
        with refused_if_damaged(path, "a text table in UTF-16"):
            return raw.decode(encoding), ["The file is UTF-16."]
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
    try:
        return raw.decode("cp1252"), [f"The file is not UTF-8 (line {line}); it was read as Windows-1252."]
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} must be a text table in UTF-8, UTF-16 or Windows-1252; line {line} is none of these: save it as "
            "UTF-8."
        ) from error


def _utf16(raw: bytes) -> str | None:
    """By its mark, or by zeros in every second byte, as of letters and digits."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    head = raw[:4096]
    zeros = [head[first::2].count(0) / max(len(head) // 2, 1) for first in (0, 1)]
    if zeros[1] > 0.4 and zeros[0] == 0:
        return "utf-16-le"
    return "utf-16-be" if zeros[0] > 0.4 and zeros[1] == 0 else None
