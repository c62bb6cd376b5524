"""The texts in a file, each with its place: as they stand, unescaped, and cell by cell where there are cells."""

from __future__ import annotations

import base64
import binascii
import csv
import html
import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from analyses.privacy.identities import names_subjects

_DATA = re.compile(r"data:[\w/+.-]*;base64,([A-Za-z0-9+/=\s]+)")
_DEFLATED = re.compile(r"deflate;([A-Za-z0-9+/=]+)")
_PRINTABLE = re.compile(rb"[\x20-\x7e\t]{6,}")
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A text in a file.

    Attributes
    ----------
    place : str
        Where in the file it stands.
    text : str
    names_subjects : bool
        Whether it is a cell of which the name of its column, key or array says that it is an id.
    is_whole : bool
        Whether it is a text of many lines, so that the line is to be said too.
    """

    place: str
    text: str
    names_subjects: bool = False
    is_whole: bool = False


def read_text(content: bytes) -> str:
    """Bytes as text, UTF-16 by its mark; of what is no text the printable runs, a line each.

    A run is of six characters and more: shorter ones stand in any compressed data by chance.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    if b"\0" not in content:
        return content.decode("utf-8", "replace")
    return "\n".join(run.decode("ascii") for run in _PRINTABLE.findall(content))


def text_pieces(text: str, suffix: str, place: str = "") -> Iterator[Piece]:
    """Pieces of a text of any kind; what is packed into it as base64 is the caller's to open.

    Parameters
    ----------
    text : str
    suffix : str
        Of its file, such as ``.csv``.
    place : str
        Of the text in a file that holds more than it.
    """
    bare = _DATA.sub("", text)
    yield Piece(place, bare, is_whole=True)
    if "&" in bare and (plain := html.unescape(bare)) != bare:
        yield Piece(f"{place} unescaped".strip(), plain, is_whole=True)
    if "%" in bare and (plain := unquote(bare)) != bare:
        yield Piece(f"{place} unquoted".strip(), plain, is_whole=True)
    for packed in _DEFLATED.findall(text):
        yield Piece(f"{place} deflated".strip(), read_text(_inflate(packed)))
    if text.lstrip()[:1] in ("{", "[", '"'):
        yield from _json_pieces(text, place)
    if suffix in _SEPARATORS:
        yield from _table_pieces(text, _SEPARATORS[suffix], place)


def packed_contents(text: str) -> Iterator[bytes]:
    """What a page or a drawing holds as base64, such as images."""
    for packed in _DATA.findall(text):
        try:
            yield base64.b64decode(packed)
        except binascii.Error:
            continue  # cut off: no image that a reader could open


def _inflate(packed: str) -> bytes:
    try:
        return zlib.decompress(base64.b64decode(packed))
    except (binascii.Error, zlib.error):
        return b""  # these letters stood there by chance


def _json_pieces(text: str, place: str) -> Iterator[Piece]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return  # no JSON: its text was searched as it stands
    yield from _walk(tree, place)


def _walk(root: Any, place: str) -> Iterator[Piece]:
    """Keys and values of JSON: a number is text only under a name that says it is an id."""
    waiting: list[tuple[Any, str, str]] = [(root, place, "")]
    while waiting:
        node, where, name = waiting.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                yield Piece(f"{where} key".strip(), str(key), names_subjects(name, many=True))
                waiting.append((value, f"{where}.{key}" if len(str(key)) < 40 else where, str(key)))
        elif isinstance(node, list):
            many = names_subjects(name, many=True)
            for number, value in enumerate(node):
                if isinstance(value, dict | list):
                    waiting.append((value, f"{where}[{number}]", name))
                elif isinstance(value, str) or many:
                    yield Piece(f"{where}[{number}]", str(value), many)
        elif isinstance(node, str) or names_subjects(name):
            yield Piece(where, str(node), names_subjects(name))


def _table_pieces(text: str, separator: str, place: str) -> Iterator[Piece]:
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    names: list[str] = []
    try:
        for number, row in enumerate(rows, start=1):
            names = names or row
            for column, cell in enumerate(row):
                name = names[column] if column < len(names) else ""
                is_id = number > 1 and names_subjects(name, many=True)
                if is_id or '"' in cell or cell.startswith("'"):  # others stand in the text as they are
                    yield Piece(f"{place} row {number}, column {column + 1}".strip(), cell.removeprefix("'"), is_id)
    except csv.Error:
        return  # no table: its text was searched as it stands
