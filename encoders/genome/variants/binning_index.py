"""Indexes of VCF and BCF files, TBI and CSI: where the records of each bin stand, and which record stands there."""

# ruff: noqa: F722

import re
import struct
import zlib
from dataclasses import dataclass
from gzip import BadGzipFile
from gzip import open as open_gzip
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from encoders.genome.blocks import Blocks

_TBI, _CSI = b"TBI\x01", b"CSI\x01"
_WINDOW = 14
_TBI_DEPTH = 5
_MOST_SHIFT, _MOST_DEPTH = 30, 9
_LARGEST = 1 << 29
_LONGEST_PLACE = 1 << 16
_BCF_RECORD = struct.Struct("<4i")
_FEWEST_SHARED = 24
_FIRST_RECORD = re.compile(rb"(?<=\n)[^#]")
_Row = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class BinningIndex:
    """Pieces of a file, each of which holds records of one bin, and the contig and bin that each is of.

    Parameters
    ----------
    names : tuple of str
        Contigs by number; empty where the index leaves that to the file (BCF).
    contigs, bins : int64 [n_pieces]
        Number of the contig and of the bin.
    begins, ends : int64 [n_pieces]
        Virtual offsets.
    furthest : int64 [n_pieces]
        Before this virtual offset nothing is looked for in the bin: it must not lie behind ``begins``.
    min_shift, depth : int
        Bases of the smallest bins, as a power of two, and levels above them, each of eight times larger bins.
    """

    names: tuple[str, ...]
    contigs: Int64[np.ndarray, " n_pieces"]
    bins: Int64[np.ndarray, " n_pieces"]
    begins: Int64[np.ndarray, " n_pieces"]
    ends: Int64[np.ndarray, " n_pieces"]
    furthest: Int64[np.ndarray, " n_pieces"]
    min_shift: int
    depth: int

    def contig(self, number: int) -> str:
        """Name of a contig, or its number where the index has no names, as records of BCF have it."""
        return self.names[number] if number < len(self.names) else str(number)

    def span(self, number: int) -> tuple[int, int]:
        """First base of a bin, and one past its last, from 0."""
        level, first = 0, 0
        while number >= first + (1 << 3 * level):
            first += 1 << 3 * level
            level += 1
        shift = self.min_shift + 3 * (self.depth - level)
        return (number - first) << shift, (number - first + 1) << shift


def read_index(path: Path) -> BinningIndex:
    """An index from its file.

    Raises
    ------
    ValueError
        If the file is cut, damaged, or neither TBI nor CSI.
    """
    try:
        with open_gzip(path) as file:
            content = file.read(_LARGEST + 1)
    except (BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"it cannot be unpacked ({error})") from error
    if len(content) > _LARGEST:
        raise ValueError("it is larger than any index")
    if content[:4] not in {_TBI, _CSI}:
        raise ValueError("it is neither TBI nor CSI")
    try:
        return _Parser(content).parse()
    except (struct.error, OverflowError) as error:
        raise ValueError("it is cut or damaged") from error


class _Parser:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 4
        self._is_csi = content[:4] == _CSI

    def _take(self, layout: str) -> tuple[int, ...]:
        found = struct.unpack_from(layout, self._content, self._place)
        self._place += struct.calcsize(layout)
        return found

    def parse(self) -> BinningIndex:
        min_shift, depth = _WINDOW, _TBI_DEPTH
        if self._is_csi:
            min_shift, depth, n_names = self._take("<3i")
            if not (0 < min_shift <= _MOST_SHIFT and 0 < depth <= _MOST_DEPTH):
                raise ValueError("it has bins of no size")
            names = self._names(self._content[self._place + 28 : self._place + n_names]) if n_names > 28 else ()
            self._place += n_names
            (n_contigs,) = self._take("<i")
        else:
            n_contigs, *_, n_names = self._take("<8i")
            names = self._names(self._content[self._place : self._place + n_names])
            self._place += n_names
        counts = ((1 << 3 * (depth + 1)) - 1) // 7 + 1  # a bin that is none: it holds counts
        rows = [row for contig in range(n_contigs) for row in self._contig(contig, counts)]
        contigs, bins, begins, ends, furthest = np.array(rows, dtype=np.int64).reshape(-1, 5).T
        return BinningIndex(names, contigs, bins, begins, ends, furthest, min_shift, depth)

    def _names(self, text: bytes) -> tuple[str, ...]:
        return tuple(name.decode() for name in text.split(b"\0")[:-1])

    def _contig(self, contig: int, counts: int) -> list[_Row]:
        """Rows of contig, bin, begin, end, furthest."""
        (n_bins,) = self._take("<i")
        found: list[_Row] = []
        for _ in range(n_bins):
            number, furthest, n_pieces = (
                self._take("<IQi") if self._is_csi else (*self._take("<I"), 0, *self._take("<i"))
            )
            offsets = self._take(f"<{2 * n_pieces}Q")
            if number != counts:
                pieces = zip(offsets[::2], offsets[1::2], strict=True)
                found += [(contig, number, begin, end, furthest) for begin, end in pieces]
        return found if self._is_csi else self._bounded(found)

    def _bounded(self, rows: list[_Row]) -> list[_Row]:
        """TBI states the furthest offsets by windows of 16,384 bases: of use are those of the smallest bins."""
        (n_windows,) = self._take("<i")
        windows = self._take(f"<{n_windows}Q")
        first = ((1 << 3 * _TBI_DEPTH) - 1) // 7
        bounds = dict(enumerate(windows, start=first))
        return [(contig, number, begin, end, bounds.get(number, 0)) for contig, number, begin, end, _ in rows]


class RecordReader:
    """Contig and position of the record at a virtual offset, and the offset of the first record.

    Parameters
    ----------
    blocks : Blocks
        Of a VCF.gz or BCF.
    """

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        start = next(blocks.follow(0), b"")
        self._is_bcf = start[:3] == b"BCF"
        n_bytes = 9 + int.from_bytes(start[5:9], "little") if self._is_bcf else _header_length(blocks)
        self.first = blocks.advance(0, n_bytes)

    def ends(self, begin: int, end: int) -> list[tuple[str, int]]:
        """Contigs and positions, from 0, of the first and last record between two virtual offsets.

        Contigs of BCF are numbers. The last record is left out where its beginning cannot be found from behind: BCF,
        and lines across blocks.

        Raises
        ------
        ValueError
            If no record begins at the first offset.
        """
        if self._is_bcf:
            return [self._read_bcf(begin)]
        before = self.blocks.read(end >> 16)[0][: end & 0xFFFF] if end >> 16 < self.blocks.size else b""
        place = before.rfind(b"\n", 0, max(len(before) - 1, 0)) + 1
        last = end >> 16 << 16 | place
        return [self._read_vcf(virtual) for virtual in (begin, *((last,) if place and last > begin else ()))]

    def _read_bcf(self, virtual: int) -> tuple[str, int]:
        found = b""
        for piece in self.blocks.follow(virtual):
            found += piece
            if len(found) >= _BCF_RECORD.size:
                break
        shared, _, contig, position = _BCF_RECORD.unpack(found[: _BCF_RECORD.size].ljust(_BCF_RECORD.size, b"\0"))
        if shared < _FEWEST_SHARED:
            raise ValueError(f"no record begins at byte {virtual >> 16}, {virtual & 0xFFFF}")
        return str(contig), position

    def _read_vcf(self, virtual: int) -> tuple[str, int]:
        inside = virtual & 0xFFFF
        before = self.blocks.read(virtual >> 16)[0][inside - 1 : inside]
        text, fields = b"", [b""]
        for piece in self.blocks.follow(virtual):
            text += piece
            if len(fields := text.split(b"\t", 2)) > 2 or len(text) > _LONGEST_PLACE:
                break
        contig, position, *_ = [*fields, b""]
        if before not in {b"", b"\n"} or not position.isdigit():
            raise ValueError(f"no record begins at byte {virtual >> 16}, {inside}")
        return contig.decode(), int(position) - 1


def _header_length(blocks: Blocks) -> int:
    """Bytes before the first line that begins with no #."""
    done, last = 0, b"\n"
    for piece in blocks.follow(0):
        text = last + piece
        if found := _FIRST_RECORD.search(text):
            return done + found.start() - len(last)
        done, last = done + len(piece), text[-1:]
    return done
