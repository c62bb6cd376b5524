"""Whether the index of a FASTA is that of this very file: every byte of the file must be accounted for."""

# ruff: noqa: F722

import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from encoders.genome.blocks import Blocks

_LONGEST_HEADER = 1 << 20
_BLOCKS_LOOKED_AT = 2_048
_NEWLINES = b"\r\n"
_MARKS = (b"\n", b"\r")
_AT_ONCE = 1 << 24
"""Bytes of lines that are looked at together."""


class Contig(NamedTuple):
    """A line of a ``.fai``: where a contig begins in the unpacked file and how its lines are broken."""

    name: str
    length: int
    offset: int
    line_bases: int
    line_width: int

    @property
    def end(self) -> int:
        """One past the byte of the last base."""
        return self.place(self.length - 1) + 1 if self.length else self.offset

    def place(self, base: int) -> int:
        """The byte of a base, counted from 0."""
        lines, rest = divmod(base, self.line_bases)
        return self.offset + lines * self.line_width + rest


def read_fai(path: Path) -> list[Contig]:
    """Contigs of an index, in its order.

    Raises
    ------
    ValueError
        If a line is not of a FASTA index.
    """
    contigs = []
    for line in path.read_text("utf-8").splitlines():
        name, *numbers = line.split("\t")
        if len(numbers) != 4:
            raise ValueError(f"its line of {name} has {len(numbers) + 1} columns, not 5")
        contig = Contig(name, *map(int, numbers))
        if contig.length < 0 or (contig.length and not 0 < contig.line_bases < contig.line_width):
            raise ValueError(f"its line of {name} has no length of lines")
        contigs.append(contig)
    return contigs


def find_mismatch(fasta: Path, fai: Path, gzi: Path | None) -> str:
    """What shows that an index is not of this file; empty where it accounts for the whole file.

    Parameters
    ----------
    fasta, fai : Path
    gzi : Path or None
        Index of the blocks, where the FASTA is bgzip.

    Returns
    -------
    str
        A clause for a message.
    """
    try:
        contigs = read_fai(fai)
        if gzi is None:
            return _compare(contigs, _PlainText(fasta))
        with Blocks(fasta) as blocks:
            return _compare(contigs, _BlockText(blocks, _read_gzi(gzi)))
    except ValueError as error:  # a damaged block, a number or letter that is none
        return str(error)


class LineEnds:
    """Where the lines of a FASTA end, by its index: held against the file before bases are read.

    What stands between two lines is skipped by whoever reads a FASTA by its index, wherever it stands: a file that was
    damaged since, but is as long as before, would give the bases behind the damage in place of those asked for. Of a
    file of text the whole contig is looked at, once (64 MB in a tenth of a second); blocks of bgzip carry checksums,
    and of them it is what is asked for.

    Parameters
    ----------
    fasta, fai : Path
    gzi : Path or None
        Index of the blocks, where the FASTA is bgzip.
    """

    def __init__(self, fasta: Path, fai: Path, gzi: Path | None) -> None:
        self._contigs = {contig.name: contig for contig in read_fai(fai)}
        self._text: _PlainText | _BlockText = _PlainText(fasta)
        self._breaks: dict[str, int | None] = {}
        if gzi is not None:
            blocks = Blocks(fasta)
            weakref.finalize(self, blocks.close)
            self._text = _BlockText(blocks, _read_gzi(gzi))

    def find_break(self, name: str, start: int, end: int) -> int | None:
        """The first base beside which a line ends, or does not end, as the index says otherwise, or a header begins.

        Parameters
        ----------
        name : str
        start, end : int
            Within the contig, 0-based half-open.
        """
        contig = self._contigs[name]
        if not isinstance(self._text, _PlainText):
            return self._find_within(contig, start, end)
        if name not in self._breaks:
            self._breaks[name] = self._find_within(contig, 0, contig.length)
        return self._breaks[name]

    def _find_within(self, contig: Contig, start: int, end: int) -> int | None:
        """In the lines that hold a stretch, some of them at once."""
        if start >= end:
            return None
        width, at_once = contig.line_width, max(1, _AT_ONCE // contig.line_width)
        last = (end - 1) // contig.line_bases + 1
        for line in range(start // contig.line_bases, last, at_once):
            first = contig.offset + line * width
            behind = min(contig.offset + min(line + at_once, last) * width, contig.end)
            held = self._text.read(first, behind)
            if len(held) < behind - first or not _is_even(held, contig):
                return line * contig.line_bases + _first_uneven(held, contig)
        return None


def _is_even(held: bytes, contig: Contig) -> bool:
    """Whether lines end where they should and nowhere else, and none is a header; as fast as bytes are counted."""
    ends = b"".join(held[place :: contig.line_width] for place in range(contig.line_bases, contig.line_width))
    n_found = sum(held.count(mark) for mark in _MARKS)
    return b">" not in held and not ends.strip(_NEWLINES) and n_found == len(ends)


def _first_uneven(held: bytes, contig: Contig) -> int:
    """Letters before the first byte that is none where one should be, or the other way round."""
    found = np.frombuffer(held, dtype=np.uint8)
    inside = np.arange(len(found)) % contig.line_width < contig.line_bases
    differs = np.isin(found, list(_NEWLINES + b">")) == inside
    return int(inside[: int(differs.argmax()) if differs.any() else len(found)].sum())


def is_beginning(contigs: Sequence[Contig], whole: Sequence[Contig]) -> bool:
    """Whether a file with these contigs is what is left where a file with all of ``whole`` was cut off."""
    if not 0 < len(contigs) <= len(whole):
        return False
    n_last = len(contigs) - 1
    last, former = contigs[n_last], whole[n_last]
    shorter = last.length < former.length or len(contigs) < len(whole)
    same = contigs[:n_last] == whole[:n_last] and (last.name, last.offset) == (former.name, former.offset)
    return same and shorter and last.length <= former.length


class _PlainText:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size

    def read(self, start: int, end: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)


class _BlockText:
    def __init__(self, blocks: Blocks, table: Int64[np.ndarray, "n_blocks 2"]) -> None:
        self._blocks = blocks
        self._table = table
        self.size = self._check()

    def _check(self) -> int:
        """Hold the table against the blocks, at most some thousands of them; bytes of the unpacked file."""
        n_followed = len(self._table) - 1
        for number in np.linspace(0, n_followed - 1, min(n_followed, _BLOCKS_LOOKED_AT), dtype=np.int64).tolist():
            (packed, unpacked), following = self._table[number].tolist(), self._table[number + 1].tolist()
            after, held = self._blocks.span(packed)
            if [after, unpacked + held] != following:
                raise ValueError(f"its table of blocks does not hold at byte {packed}")
        packed, size = self._table[-1].tolist()
        while packed < self._blocks.size:
            packed, held = self._blocks.span(packed)
            size += held
        return int(size)

    def read(self, start: int, end: int) -> bytes:
        number = int(np.searchsorted(self._table[:, 1], start, side="right")) - 1
        packed, unpacked = self._table[number].tolist()
        found = bytearray()
        while len(found) < end - unpacked and packed < self._blocks.size:
            data, packed = self._blocks.read(packed)
            found += data
        return bytes(found[start - unpacked : end - unpacked])


def _read_gzi(path: Path) -> Int64[np.ndarray, "n_blocks 2"]:
    """Offsets of the blocks in the file and in what it unpacks to."""
    content = path.read_bytes()
    numbers = np.frombuffer(content[: len(content) // 8 * 8], dtype="<u8").astype(np.int64)
    if len(content) % 8 or not len(numbers) or len(numbers) != 1 + 2 * int(numbers[0]):
        raise ValueError("its table of blocks is cut")
    return np.concatenate([np.zeros((1, 2), dtype=np.int64), numbers[1:].reshape(-1, 2)])


def _compare(contigs: Sequence[Contig], text: _PlainText | _BlockText) -> str:
    place = 0
    for contig in contigs:
        if mismatch := _compare_contig(contig, place, text):
            return mismatch
        place = contig.end
    if text.size - place > _LONGEST_HEADER or text.read(place, text.size).strip(_NEWLINES):
        return f"it does not know what follows byte {place}"
    return "" if contigs else "it is empty"


def _compare_contig(contig: Contig, place: int, text: _PlainText | _BlockText) -> str:
    """Hold one contig against the file; it must follow on ``place``, where the one before it ended."""
    if not 0 < contig.offset - place <= _LONGEST_HEADER:
        return f"{contig.name} does not follow on the contig before it"
    header = text.read(place, contig.offset).lstrip(_NEWLINES)
    named = header[:1] == b">" and header[1:].split(maxsplit=1)[:1] == [contig.name.encode()]
    if not named or header.find(b"\n") != len(header) - 1:
        return f"the line before byte {contig.offset} is not the header of {contig.name}"
    if contig.end > text.size:
        return f"{contig.name} ends after the end of the file"
    line = contig.offset + contig.line_bases
    if contig.length > contig.line_bases and text.read(line, contig.offset + contig.line_width).strip():
        return f"the lines of {contig.name} have not {contig.line_bases} bases"
    return ""
