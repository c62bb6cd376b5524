"""What pages of a parquet file claim to unpack to: pyarrow makes room for a page before it looks into it.

The end of the file is read here and not by pyarrow, which ends the process where a column's own head is damaged.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SMALL = 1 << 26
"""Bytes that a page may claim without a question: writers differ in what they count."""

_MAGIC = b"PAR1"

_ROW_GROUPS, _COLUMNS, _COLUMN = 4, 1, 3
"""Fields of FileMetaData, RowGroup and ColumnChunk, as `parquet.thrift` numbers them."""

_PATH, _N_VALUES, _UNCOMPRESSED, _COMPRESSED, _DATA, _DICTIONARY = 3, 5, 6, 7, 9, 11
"""Fields of ColumnMetaData."""

_UNPACKED, _PACKED, _DATA_PAGE, _DATA_PAGE_V2 = 2, 3, 5, 8
"""Fields of a PageHeader; the first field of both kinds of data pages is the number of their values."""

_FIXED = {1: 0, 2: 0, 3: 1, 7: 8}
"""Bytes of a value, by its type in Thrift's compact protocol: true, false, byte, double."""

_WHOLE, _BINARY, _LISTS, _STRUCT = (4, 5, 6), 8, (9, 10), 12

Content = bytes | mmap.mmap

NOT_FOLLOWED = (IndexError, KeyError, TypeError, AttributeError, ValueError, RecursionError)


def check_pages(path: Path) -> None:
    """`check_pages_of` a file."""
    if path.stat().st_size:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            check_pages_of(content)


def check_pages_of(content: Content) -> None:
    """Raise ArrowInvalid where a page claims to unpack to more than all pages of its column together.

    What cannot be followed is left to pyarrow, which says what is wrong with it.

    Parameters
    ----------
    content : bytes or mmap
        Of the whole file.

    Raises
    ------
    pyarrow.ArrowInvalid

    References
    ----------
    Apache Parquet, `parquet.thrift`; Apache Thrift, compact protocol.
    """
    import pyarrow as pa

    try:
        for column in _columns(content):
            for claimed in _claims(content, column):
                if claimed > max(all_pages := column[_UNCOMPRESSED], SMALL):
                    where = f"a page of column {b'.'.join(column[_PATH]).decode('utf-8', 'replace')!r}"
                    raise pa.ArrowInvalid(f"{where} claims {claimed:,} bytes, all of its pages {all_pages:,}")
    except pa.ArrowInvalid:
        raise
    except NOT_FOLLOWED:
        return


def _columns(content: Content) -> Iterator[dict[int, Any]]:
    """ColumnMetaData of every column of every row group."""
    length = int.from_bytes(content[-8:-4], "little")
    if content[-4:] != _MAGIC or length > len(content) - 12:
        return
    metadata, _ = _struct(content, len(content) - 8 - length)
    for group in metadata[_ROW_GROUPS]:
        yield from (chunk[_COLUMN] for chunk in group[_COLUMNS])


def _claims(content: Content, column: dict[int, Any]) -> Iterator[int]:
    """Bytes that each page of a column says that it unpacks to."""
    place = min(filter(None, (column.get(_DICTIONARY), column[_DATA])))
    end, left = place + column[_COMPRESSED], column[_N_VALUES]
    while place < end and left > 0:
        header, behind = _struct(content, place)
        yield header[_UNPACKED] & 0x7FFFFFFF  # read as 32 bits; pyarrow refuses less than none
        left -= max(header.get(_DATA_PAGE, header.get(_DATA_PAGE_V2, {})).get(1, 0), 0)
        place = behind + (header[_PACKED] & 0x7FFFFFFF)


def _struct(content: Content, place: int) -> tuple[dict[int, Any], int]:
    """Fields by their number, and the place behind the struct."""
    fields: dict[int, Any] = {}
    number = 0
    while head := content[place]:
        place += 1
        if head >> 4:
            number += head >> 4
        else:
            number, place = _whole(content, place)
        fields[number], place = _value(content, place, head & 15)
    return fields, place + 1


def _value(content: Content, place: int, kind: int) -> tuple[Any, int]:
    if kind in _WHOLE:
        return _whole(content, place)
    if kind == _BINARY:
        length, place = _varint(content, place)
        return content[place : place + length], place + length
    if kind == _STRUCT:
        return _struct(content, place)
    if kind in _FIXED:
        return None, place + _FIXED[kind]
    if kind not in _LISTS:
        raise ValueError(f"no value has type {kind}")
    head, place = content[place], place + 1
    length, place = _varint(content, place) if head >> 4 == 15 else (head >> 4, place)
    values = []
    for _ in range(min(length, len(content))):
        value, place = _value(content, place, head & 15)
        values.append(value)
    return values, place


def _whole(content: Content, place: int) -> tuple[int, int]:
    """A signed number, zigzag-coded."""
    coded, place = _varint(content, place)
    return (coded >> 1) ^ -(coded & 1), place


def _varint(content: Content, place: int) -> tuple[int, int]:
    number = shift = 0
    while shift < 70:
        byte = content[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place
    raise ValueError("a number of more than 64 bits")
