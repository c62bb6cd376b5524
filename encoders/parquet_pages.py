"""What pages of a parquet file claim to unpack to: pyarrow makes room for a page before it looks into it."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow.parquet as pq

SMALL = 1 << 26
"""Bytes that a page may claim without a question: writers differ in what they count."""

_UNPACKED, _PACKED, _DATA_PAGE, _DATA_PAGE_V2 = 2, 3, 5, 8
"""Fields of a PageHeader; the first field of both kinds of data pages is the number of their values."""

_FIXED = {1: 0, 2: 0, 3: 1, 7: 8}
"""Bytes of a value, by its type in Thrift's compact protocol: true, false, byte, double."""

_WHOLE, _BINARY, _LISTS, _STRUCT = (4, 5, 6), 8, (9, 10), 12


def check_pages(path: Path) -> None:
    """`check_pages_of` a file.

    Raises
    ------
    pyarrow.ArrowInvalid
        What it raises, and a file whose end is not that of a parquet file.
    """
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        check_pages_of(metadata, content)


def check_pages_of(metadata: pq.FileMetaData, content: bytes | mmap.mmap) -> None:
    """Raise ArrowInvalid where a page claims to unpack to more than all pages of its column together.

    Headers that cannot be followed are left to pyarrow, which says what is wrong with them.

    Parameters
    ----------
    metadata : FileMetaData
    content : bytes or mmap
        Of the whole file.

    References
    ----------
    Apache Parquet, `parquet.thrift`; Apache Thrift, compact protocol.
    """
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for place in range(row_group.num_columns):
            _check_column(content, row_group.column(place))


def _check_column(content: bytes | mmap.mmap, column: pq.ColumnChunkMetaData) -> None:
    import pyarrow as pa

    first = min(filter(None, (column.dictionary_page_offset, column.data_page_offset)), default=0)
    most, end, left = column.total_uncompressed_size, first + column.total_compressed_size, column.num_values
    while first < end and left > 0:
        try:
            header, after = _struct(content, first)
            claimed, packed = header[_UNPACKED] & 0xFFFFFFFF, header[_PACKED] & 0xFFFFFFFF  # read as 32 bits
            left -= max(header.get(_DATA_PAGE, header.get(_DATA_PAGE_V2, {})).get(1, 0), 0)
        except (IndexError, KeyError, TypeError, AttributeError, ValueError, RecursionError):
            return
        if SMALL < claimed < 1 << 31 and claimed > most:
            where = f"a page of column {column.path_in_schema!r}"
            raise pa.ArrowInvalid(f"{where} claims {claimed:,} bytes where all of its pages have {most:,}")
        first = after + packed


def _struct(content: bytes | mmap.mmap, place: int) -> tuple[dict[int, Any], int]:
    """Fields that are whole numbers or structs of such, by their number, and the place behind the struct."""
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


def _value(content: bytes | mmap.mmap, place: int, kind: int) -> tuple[Any, int]:
    if kind in _WHOLE:
        return _whole(content, place)
    if kind in _FIXED:
        return None, place + _FIXED[kind]
    if kind == _BINARY:
        length, place = _varint(content, place)
        return None, place + length
    if kind == _STRUCT:
        return _struct(content, place)
    if kind not in _LISTS:
        raise ValueError(f"no value of a page header has type {kind}")
    head, place = content[place], place + 1
    length, place = _varint(content, place) if head >> 4 == 15 else (head >> 4, place)
    for _ in range(min(length, len(content))):
        _, place = _value(content, place, head & 15)
    return None, place


def _whole(content: bytes | mmap.mmap, place: int) -> tuple[int, int]:
    """A signed number, zigzag-coded."""
    coded, place = _varint(content, place)
    return (coded >> 1) ^ -(coded & 1), place


def _varint(content: bytes | mmap.mmap, place: int) -> tuple[int, int]:
    number = shift = 0
    while shift < 70:
        byte = content[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place
    raise ValueError("a number of more than 64 bits")
