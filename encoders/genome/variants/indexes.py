"""Whether the index of a VCF or BCF is that of this very file, and another one where it is not."""

import warnings
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pysam
import pysam.bcftools
from pysam.utils import SamtoolsError

from encoders.errors import InputError
from encoders.genome.blocks import Blocks
from encoders.genome.scratch import scratch_path
from encoders.genome.variants.binning_index import BinningIndex, RecordReader, read_index

_SUFFIXES = (".csi", ".tbi")
_SMALL = 1 << 16
"""A file of so many bytes is indexed anew in less time than its index is checked in."""
_PIECES_LOOKED_AT = 256
_State = tuple[Path, int, int]
"""A file, its size and the time of its last change."""


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
    if path.stat().st_size <= small:
        return _index_anew(_state(path), path.name)
    mismatches = {index: _compare(*map(_state, (path, index))) for index in given}
    if not any(mismatches.values()):
        return path
    told = "; ".join(f"{index.name}: {mismatch}" for index, mismatch in mismatches.items() if mismatch)
    if right := [index for index in given if not mismatches[index]]:
        _warn(path, f"{told}): {right[0].name} is used instead; remove the other")
        return _link(path.resolve(), right[0])
    _warn(path, f"{told}): one was made for this run instead; run {_command(path, '-f ')} where it is")
    return _index_anew(_state(path), path.name)


def _state(path: Path) -> _State:
    stat = path.stat()
    return path.resolve(), stat.st_size, stat.st_mtime_ns


def _warn(path: Path, told: str) -> None:
    warnings.warn(f"An index of {path} is that of another file ({told}.", stacklevel=4)


@lru_cache
def _compare(path: _State, index: _State) -> str:
    """As :func:`find_mismatch`, once for each state of the files."""
    return find_mismatch(path[0], index[0])


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
            records = RecordReader(blocks)
            return _find_gap(found, records) or _find_stranger(found, records)
    except ValueError as error:  # a damaged block or index, a number that is none
        return str(error)


def _find_gap(index: BinningIndex, records: RecordReader) -> str:
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


def _find_stranger(index: BinningIndex, records: RecordReader) -> str:
    """Pieces that do not begin with a record of their bin, or that the index itself would skip."""
    if (index.furthest > index.begins).any():
        return "it contradicts itself"
    order = np.argsort(index.begins)
    for piece in order[np.linspace(0, len(order) - 1, min(len(order), _PIECES_LOOKED_AT), dtype=np.int64)].tolist():
        first, end = index.span(int(index.bins[piece]))
        expected = index.contig(int(index.contigs[piece]))
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
def _index_anew(state: _State, name: str) -> Path:
    """A link to a file in its present state, with a new index beside it."""
    path, link = state[0], scratch_path(name)
    link.symlink_to(path)
    try:
        pysam.bcftools.index("--csi", "--output", f"{link}.csi", str(link), catch_stdout=False)
    except SamtoolsError as error:
        _refuse_unsorted(path)
        raise InputError(
            f"The variant file {path} is damaged, or there is no room in {link.parent.parent}: no index of it can be "
            "made, for the reason that bcftools gives above. Copy it again, or set TMPDIR to a folder with room."
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


def open_without_index(path: Path, *, drop_samples: bool = False) -> Any:
    """A VCF or BCF by a name beside which there is no index: htslib loads any, and a damaged one kills the process.

    Raises
    ------
    ValueError, OSError
        If it is neither.
    """
    link = scratch_path(path.name)
    link.symlink_to(path.resolve())
    before = pysam.set_verbosity(0)  # it would tell the user of the index that it does not find
    try:
        return pysam.VariantFile(str(link), drop_samples=drop_samples)
    finally:
        pysam.set_verbosity(before)


def _first_unsorted(path: Path) -> str:
    """Place of the first record before its predecessor; empty where there is none, or where the file breaks off."""
    seen: set[str] = set()
    contig, position = "", -1
    with open_without_index(path, drop_samples=True) as file, suppress(OSError):
        for record in file:
            if (record.contig != contig and record.contig in seen) or (
                record.contig == contig and record.pos < position
            ):
                return f"{record.contig}:{record.pos}"
            contig, position = record.contig, record.pos
            seen.add(contig)
    return ""
