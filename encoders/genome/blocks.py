"""Blocks of bgzip files: where each begins, what it holds, and what follows an offset.

A virtual offset is the offset of a block in the file, shifted left by 16 bits, plus a place in what the block holds
(the SAM/BAM specification, section 4.1).
"""

import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

END_OF_FILE = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every bgzip file."""

_HEADER = struct.Struct("<4s6xH2sHH")
_MAGIC, _FIELD = b"\x1f\x8b\x08\x04", b"BC"
_TRAILER = 8
_KEPT = 8
_MOST_HELD = 1 << 16


def read_ends(path: Path) -> tuple[bytes, bool, bool]:
    """First bytes of a file, whether it begins as bgzip does, and whether it ends so: a cut file does not."""
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
        file.seek(max(0, path.stat().st_size - len(END_OF_FILE)))
        return head, head[:4] == _MAGIC and head[12:14] == _FIELD, file.read() == END_OF_FILE


class NotABlockError(ValueError):
    """No block begins at an offset, or what it holds cannot be unpacked."""


class Blocks:
    """A bgzip file, read block by block.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.size = path.stat().st_size
        self.read = lru_cache(maxsize=_KEPT)(self._read)

    def __enter__(self) -> "Blocks":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def span(self, offset: int) -> tuple[int, int]:
        """Offset of the block after the one at ``offset``, and how many bytes that one holds; nothing is unpacked.

        Raises
        ------
        NotABlockError
        """
        self._file.seek(offset)
        head = self._file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            raise NotABlockError(f"no block begins at byte {offset}")
        magic, _, field, _, size = _HEADER.unpack(head)
        after = offset + size + 1
        if magic != _MAGIC or field != _FIELD or not offset + _HEADER.size + _TRAILER <= after <= self.size:
            raise NotABlockError(f"no block begins at byte {offset}")
        self._file.seek(after - 4)
        held = int.from_bytes(self._file.read(4), "little")
        if held > _MOST_HELD:
            raise NotABlockError(f"the block at byte {offset} says it holds {held} bytes, more than a block can")
        return after, held

    def _read(self, offset: int) -> tuple[bytes, int]:
        """What the block at ``offset`` holds, and the offset of the next one."""
        after, held = self.span(offset)
        self._file.seek(offset + _HEADER.size)
        packed = self._file.read(after - _TRAILER - offset - _HEADER.size)
        try:
            data = zlib.decompress(packed, wbits=-zlib.MAX_WBITS, bufsize=max(held, 1))
        except zlib.error as error:
            raise NotABlockError(f"the block at byte {offset} cannot be unpacked ({error})") from error
        if len(data) != held:
            raise NotABlockError(f"the block at byte {offset} holds {len(data)} bytes and says {held}")
        return data, after

    def follow(self, virtual: int) -> Iterator[bytes]:
        """What stands from a virtual offset on, block by block, empty ones left out.

        Raises
        ------
        NotABlockError
            If a block cannot be read, or the offset points behind what its block holds.
        """
        offset, inside = virtual >> 16, virtual & 0xFFFF
        while offset < self.size:
            data, after = self.read(offset)
            if inside > len(data):
                raise NotABlockError(f"the block at byte {offset} holds {len(data)} bytes, fewer than {inside}")
            if inside < len(data):
                yield data[inside:]
            offset, inside = after, 0

    def advance(self, virtual: int, n_bytes: int) -> int:
        """The virtual offset ``n_bytes`` further on, never at the end of a block that another follows."""
        offset, inside = virtual >> 16, (virtual & 0xFFFF) + n_bytes
        while offset < self.size:
            after, held = self.span(offset)
            if inside < held:
                break
            offset, inside = after, inside - held
        return offset << 16 | inside
