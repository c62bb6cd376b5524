"""Files that hold others, arrays, tables or texts within images, opened as far as a text may hide in them."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from analyses.privacy.identities import names_subjects
from analyses.privacy.pieces import Piece, packed_contents, read_text, text_pieces
from encoders.parquet_pages import check_pages_of

MOST_BYTES = 2**30
"""Of one file, unpacked: what is larger is said not to have been looked at whole."""

_PORTION = 2**22
"""Bytes asked for at once: Python makes room for all that is asked for, however small a file is."""


_ZLIB = 0x78
"""First byte of what zlib packs."""


_DEEPEST = 8


class TooLargeError(Exception):
    """A file is larger, unpacked, than what is searched."""


def read_most(stream: io.BufferedIOBase) -> bytes:
    """What a file holds, up to one byte more than `MOST_BYTES`."""
    held = bytearray()
    while len(held) <= MOST_BYTES and (piece := stream.read(min(_PORTION, MOST_BYTES + 1 - len(held)))):
        held += piece
    return bytes(held)


class Opened:
    """What was opened of one file, and how many rows its tables have.

    Parameters
    ----------
    name : str
        File name, for its suffix.
    content : bytes
    path : Path or None
        Where it lies, for what must be opened by its path: a database.
    depth : int
        How many files it lies in.
    """

    def __init__(self, name: str, content: bytes, path: Path | None = None, *, depth: int = 0) -> None:
        self.suffix, self.content, self.path, self.depth = Path(name).suffix.lower(), content, path, depth
        self.kind, self.n_rows, self.n_tables = self.suffix.removeprefix(".") or "other", 0, 0

    def pieces(self, place: str = "") -> Iterator[Piece]:
        """Every text of the file.

        Raises
        ------
        TooLargeError
            Unpacked, or files in files without end.
        """
        if self.depth > _DEEPEST:
            raise TooLargeError
        for mark, read in _READERS.items():
            if self.content.startswith(mark):
                yield from read(self, place)
                return
        text = read_text(self.content)
        if self.suffix in (".csv", ".tsv"):
            self.n_rows += max(text.count("\n") - 1, 0)
        yield from text_pieces(text, self.suffix, place)
        for number, packed in enumerate(packed_contents(text), start=1):
            yield from self._inner("packed", packed, f"{place} image {number}".strip())

    def _inner(self, name: str, content: bytes, place: str) -> Iterator[Piece]:
        inner = Opened(name, content, depth=self.depth + 1)
        yield from inner.pieces(place)
        self.n_rows, self.n_tables = self.n_rows + inner.n_rows, self.n_tables + inner.n_tables

    def _gzip(self, place: str) -> Iterator[Piece]:
        with gzip.open(io.BytesIO(self.content)) as stream:
            content = read_most(stream)
        if len(content) > MOST_BYTES:
            raise TooLargeError
        name = Path(self.path.stem if self.path else "").name
        yield from self._inner(name, content, f"{place} unpacked".strip())

    def _zip(self, place: str) -> Iterator[Piece]:
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
                raise TooLargeError
            for member in archive.infolist():
                where = f"{place} {member.filename}".strip()
                yield Piece(f"{place} name of a member".strip(), member.filename)
                yield from self._inner(member.filename, archive.read(member), where)
            yield Piece(f"{place} comment".strip(), read_text(archive.comment))

    def _npy(self, place: str) -> Iterator[Piece]:
        array = np.load(io.BytesIO(self.content), allow_pickle=False)
        fields = {f"{place}.{name}": array[name] for name in array.dtype.names or ()} or {place: array}
        for name, values in fields.items():
            if not values.dtype.itemsize:  # any number of them fits into no bytes, and nothing stands in them
                continue
            is_id = names_subjects(Path(name.split(" ")[-1]).stem or name, many=True)
            if values.dtype.kind in "USO" or (is_id and values.dtype.kind in "iuf"):
                for number, value in enumerate(values.ravel().tolist()):
                    yield Piece(f"{name}[{number}]", _cell(value), is_id)
                    if isinstance(value, str):  # such as a record in JSON
                        yield from text_pieces(value, "", f"{name}[{number}]")

    def _png(self, place: str) -> Iterator[Piece]:
        """Every chunk but the pixels, packed or not, and what stands behind the last."""
        at = 8
        while at + 8 <= len(self.content):
            length, kind = int.from_bytes(self.content[at : at + 4], "big"), self.content[at + 4 : at + 8]
            chunk = self.content[at + 8 : at + 8 + length]
            at += length + 12
            if kind == b"IEND":
                break
            if kind not in (b"IDAT", b"PLTE", b"fdAT"):
                where = f"{place} chunk {kind.decode('ascii', 'replace')}".strip()
                yield Piece(where, chunk.decode("utf-8", "replace").replace("\0", " "))
                yield Piece(f"{where} unpacked", _inflated(chunk))
        yield Piece(f"{place} behind the image".strip(), read_text(self.content[at:]))

    def _parquet(self, place: str) -> Iterator[Piece]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        check_pages_of(self.content)
        file = pq.ParquetFile(io.BytesIO(self.content))
        for key, value in (file.schema_arrow.metadata or {}).items():
            yield from text_pieces(read_text(value), "", f"{place} metadata {read_text(key)}".strip())
        for batch in file.iter_batches():
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                is_id = names_subjects(name, many=True)
                yield Piece(f"{place} names of columns".strip(), name)
                if is_id or not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
                    for number, value in enumerate(column.to_pylist(), start=self.n_rows + 1):
                        yield Piece(f"{place} row {number}, column {name}".strip(), _cell(value), is_id)
            self.n_rows += batch.num_rows

    def _sqlite(self, place: str) -> Iterator[Piece]:
        """Every column of every table, and the bytes of the file, where deleted rows may still stand."""
        self.kind = "SQLite database"
        yield Piece(f"{place} bytes of the file".strip(), read_text(self.content))
        if self.path is None:
            return
        with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.text_factory = bytes
            for (stored,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                yield from self._table(database, stored.decode("utf-8", "replace"))

    def _table(self, database: sqlite3.Connection, table: str) -> Iterator[Piece]:
        quoted = table.replace('"', '""')
        rows = database.execute(f'SELECT * FROM "{quoted}"')
        names = [column[0] for column in rows.description]
        self.n_tables += 1
        for number, row in enumerate(rows, start=1):
            self.n_rows += 1
            for name, value in zip(names, row, strict=True):
                where, is_id = f"table {table}, row {number}, column {name}", names_subjects(name)
                if isinstance(value, bytes):
                    text = read_text(value)
                    yield from text_pieces(text, "", where)
                    if is_id:
                        yield Piece(where, text, names_subjects=True)
                elif value is not None and is_id and name != "id":
                    yield Piece(where, _cell(value), names_subjects=True)


def _cell(value: Any) -> str:
    if isinstance(value, bytes):
        return read_text(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _inflated(chunk: bytes) -> str:
    """What stands packed behind the key of a chunk; nothing where nothing is packed."""
    for start in (at for at, byte in enumerate(chunk) if byte == _ZLIB):
        try:
            return read_text(zlib.decompress(chunk[start:]))
        except zlib.error:
            continue
    return ""


_READERS: dict[bytes, Callable[[Opened, str], Iterator[Piece]]] = {
    b"\x1f\x8b": Opened._gzip,
    b"PK\x03\x04": Opened._zip,
    b"\x93NUMPY": Opened._npy,
    b"\x89PNG": Opened._png,
    b"PAR1": Opened._parquet,
    b"SQLite format 3\0": Opened._sqlite,
}
"""Readers by the first bytes of a file."""
