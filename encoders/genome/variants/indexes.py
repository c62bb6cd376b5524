"""Whether the index of a VCF or BCF is that of this very file, and another one where it is not."""

import re
import warnings
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pysam
import pysam.bcftools
from pysam.utils import SamtoolsError

from encoders.errors import InputError
from encoders.genome.blocks import Blocks
from encoders.genome.scratch import scratch_path
from encoders.genome.variants.binning_index import BinningIndex, read_index

_SUFFIXES = (".csi", ".tbi")
_SMALL = 1 << 16
"""A file of so many bytes is indexed anew in less time than its index is checked in."""
_PIECES_LOOKED_AT = 256
_RECORD = re.compile(rb"(?<=\n)[^#]")


def indexed_path(path: Path, *, small: int = _SMALL) -> Path:
    """The path by which to open a VCF.gz or BCF, so that only an index of this very file is found beside it.

    Of a small file an index is made anew. Else the ones beside it are held against the file: first and last record, no
    gap between, and the records where pieces of bins begin, at most some hundreds spread over the file. If none fits,
    one is made for this process, with a warning.

    Parameters
    ----------
    path : Path
    small : int
        Bytes up to which a file is small.

    Returns
    -------
    Path
        ``path`` itself where all indexes beside it fit; else a link to the file in a folder of this process, with the
        right index beside it.

    Raises
    ------
    InputError
        If there is no index beside the file, or none can be made: the records are not sorted, or the file is damaged.
    """
    given = [index for suffix in _SUFFIXES if (index := Path(f"{path}{suffix}")).is_file()]
    if not given:
        _refuse_missing(path)
    stat = path.stat()
    if stat.st_size <= small:
        return _index_anew(path.resolve(), path.name, stat.st_size, stat.st_mtime_ns)
    mismatches = {index: find_mismatch(path, index) for index in given}
    if not any(mismatches.values()):
        return path
    told = "; ".join(f"{index.name}: {mismatch}" for index, mismatch in mismatches.items() if mismatch)
    if right := [index for index in given if not mismatches[index]]:
        _warn(path, f"{told}): {right[0].name} is used instead; remove the other")
        return _link(path.resolve(), right[0])
    _warn(path, f"{told}): one was made for this run instead; run {_command(path, '-f ')} where it is")
    return _index_anew(path.resolve(), path.name, stat.st_size, stat.st_mtime_ns)


def _warn(path: Path, told: str) -> None:
    warnings.warn(f"An index of {path} is that of another file ({told}.", stacklevel=4)


def find_mismatch(path: Path, index: Path) -> str:
    """What shows that an index is not of this file; empty where nothing does.

    Parameters
    ----------
    path, index : Path

    Returns
    -------
    str
        A clause for a message.
    """
    try:
        found = read_index(index)
        with Blocks(path) as blocks:
            records = _Records(blocks, path)
            return _find_gap(found, records) or _find_stranger(found, records)
    except ValueError as error:  # a damaged block or index, a number that is none
        return str(error)


class _Records:
    """Contig and position of the record at a virtual offset, and where the first one stands."""

    def __init__(self, blocks: Blocks, path: Path) -> None:
        self.blocks = blocks
        start = next(blocks.follow(0), b"")
        self._is_bcf = start[:3] == b"BCF"
        self._path = path
        n_bytes = 9 + int.from_bytes(start[5:9], "little") if self._is_bcf else _header_length(blocks)
        self.first = blocks.advance(0, n_bytes)

    @cached_property
    def _declared(self) -> tuple[str, ...]:
        with pysam.VariantFile(str(self._path)) as file:
            return tuple(map(str, file.header.contigs))

    def contig(self, number: int, names: tuple[str, ...]) -> str:
        """Name of a contig of the index."""
        listed = names or self._declared
        return listed[number] if number < len(listed) else ""

    def ends(self, begin: int, end: int) -> list[tuple[str, int]]:
        """Contigs and positions, from 0, of the first and last record between two virtual offsets.

        The last one is left out where its beginning cannot be found from behind: BCF, and lines across blocks.

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
        shared, _, contig, position = (
            int.from_bytes(self._take(virtual, 16)[n : n + 4], "little", signed=True) for n in (0, 4, 8, 12)
        )
        if shared < 24 or not 0 <= contig < len(self._declared):
            raise ValueError(f"no record begins at byte {virtual >> 16}, {virtual & 0xFFFF}")
        return self._declared[contig], position

    def _read_vcf(self, virtual: int) -> tuple[str, int]:
        inside = virtual & 0xFFFF
        before = self.blocks.read(virtual >> 16)[0][inside - 1 : inside]
        text, fields = b"", [b""]
        for piece in self.blocks.follow(virtual):
            text += piece
            if len(fields := text.split(b"\t", 2)) > 2:
                break
        contig, position, *_ = [*fields, b""]
        if before not in {b"", b"\n"} or not position.isdigit():
            raise ValueError(f"no record begins at byte {virtual >> 16}, {inside}")
        return contig.decode(), int(position) - 1

    def _take(self, virtual: int, n_bytes: int) -> bytes:
        text = b""
        for piece in self.blocks.follow(virtual):
            text += piece
            if len(text) >= n_bytes:
                break
        return text[:n_bytes]


def _header_length(blocks: Blocks) -> int:
    """Bytes before the first line that begins with no #."""
    done, last = 0, b"\n"
    for piece in blocks.follow(0):
        text = last + piece
        if found := _RECORD.search(text):
            return done + found.start() - len(last)
        done, last = done + len(piece), text[-1:]
    return done


def _find_gap(index: BinningIndex, records: _Records) -> str:
    """Records that no piece holds."""
    order = np.argsort(index.begins)
    begins, ends = index.begins[order], np.maximum.accumulate(index.ends[order])
    first, last = (int(begins[0]), int(ends[-1])) if len(begins) else (records.first, records.first)
    advance = records.blocks.advance
    if advance(first, 0) != records.first:
        return "its first record is not the first of the file"
    for hole in np.flatnonzero(begins[1:] > ends[:-1]).tolist():
        if advance(int(ends[hole]), 0) != advance(int(begins[hole + 1]), 0):
            return f"it does not know the records at byte {int(ends[hole]) >> 16}"
    if last >> 16 > records.blocks.size:
        return "its records go on behind the end of the file"
    if next(records.blocks.follow(last), None) is not None:
        return f"it does not know the records from byte {last >> 16} on"
    return ""


def _find_stranger(index: BinningIndex, records: _Records) -> str:
    """Pieces that do not begin with a record of their bin, or that the index itself would skip."""
    if (index.furthest > index.begins).any():
        return "it contradicts itself"
    order = np.argsort(index.begins)
    for piece in order[np.linspace(0, len(order) - 1, min(len(order), _PIECES_LOOKED_AT), dtype=np.int64)].tolist():
        first, end = index.span(int(index.bins[piece]))
        expected = records.contig(int(index.contigs[piece]), index.names)
        for contig, position in records.ends(int(index.begins[piece]), int(index.ends[piece])):
            if contig != expected or not first <= max(position, 0) < end:
                return f"it has {contig}:{position + 1} among other records"
    return ""


def _link(path: Path, index: Path) -> Path:
    link = scratch_path(index.name.removesuffix(index.suffix))
    link.symlink_to(path)
    link.with_name(index.name).symlink_to(index.resolve())
    return link


@lru_cache
def _index_anew(path: Path, name: str, size: int, modified: int) -> Path:
    """A link to a file in its present state, by its size and time, with a new index beside it."""
    link = scratch_path(name)
    link.symlink_to(path)
    try:
        pysam.bcftools.index("--csi", "--output", f"{link}.csi", str(link), catch_stdout=False)
    except SamtoolsError as error:
        _refuse_unsorted(path)
        raise InputError(
            f"The variant file {path} is damaged, so that no index of it can be made, for the reason that bcftools "
            "gives above: copy it again."
        ) from error
    return link


def _refuse_missing(path: Path) -> None:
    _refuse_unsorted(path)
    raise InputError(f"The variant file {path} has no index: run {_command(path)} where it is.")


def _refuse_unsorted(path: Path) -> None:
    if place := _first_unsorted(path):
        raise InputError(
            f"The variant file {path} is not sorted ({place} follows a later position), so it has no index: run "
            f"bcftools sort on it, then {_command(path)}."
        )


def _command(path: Path, again: str = "") -> str:
    return f"bcftools index {again}{path.name}" if path.suffix == ".bcf" else f"tabix {again}-p vcf {path.name}"


def _first_unsorted(path: Path) -> str:
    """Place of the first record before its predecessor; empty where there is none, or where the file breaks off."""
    seen: set[str] = set()
    contig, position = "", -1
    with pysam.VariantFile(str(path), drop_samples=True) as file, suppress(OSError):
        for record in file:
            if (record.contig != contig and record.contig in seen) or (
                record.contig == contig and record.pos < position
            ):
                return f"{record.contig}:{record.pos}"
            contig, position = record.contig, record.pos
            seen.add(contig)
    return ""
