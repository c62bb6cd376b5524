"""FASTA files with indexes that fit them: made where they are missing, made anew where they are of another file."""

import os
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

import pysam
from pysam.utils import SamtoolsError

from encoders.damage import how_absent, which_packing
from encoders.errors import InputError
from encoders.genome.blocks import read_ends
from encoders.genome.fasta_index import find_mismatch, is_beginning, read_fai
from encoders.genome.scratch import scratch_path
from encoders.publishing import published_file

_GZIP = b"\x1f\x8b"
_FIRST_LINES = 1 << 16
_UTF8_MARK = b"\xef\xbb\xbf"
_OTHER_FORMATS = {
    b"@": ("is FASTQ", "give the reference, not its reads"),
    b"LOCUS": ("is GenBank", "write it as FASTA"),
    b"ID ": ("is EMBL", "write it as FASTA"),
    b"\x43\x27\x41\x1a": ("is 2bit", "run twoBitToFa"),
    b"\x1a\x41\x27\x43": ("is 2bit", "run twoBitToFa"),
    b"\n": ("begins with an empty line", "leave it out"),
    b"\r\n": ("begins with an empty line", "leave it out"),
    b"<": ("is a page of the web", "download the file itself"),
    _UTF8_MARK: ("begins with a byte order mark", "save it as UTF-8 without one"),
}
"""What a file is by its first bytes, and what to do then."""


def choose_indexes(path: Path) -> tuple[Path, Path | None]:
    """The ``.fai`` of a FASTA, and its ``.gzi`` where it is bgzip, that account for every byte of it.

    Those beside the file are made where they are missing. If they are of another file, others are made for this
    process, with a warning.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        If the file is missing, cut off, gzip without bgzip's blocks or cannot be indexed, or if an index is missing
        and the folder is not writable.
    """
    blocked = _check_file(path)
    suffixes = (".fai", ".gzi") if blocked else (".fai",)
    given = tuple(Path(f"{path}{suffix}") for suffix in suffixes)
    if not all(index.is_file() for index in given):
        _make_beside(path, given)
    indexes = given
    if mismatch := find_mismatch(path, *_fai_and_gzi(given)):
        stat = path.stat()
        indexes = _make_anew(path, suffixes, stat.st_size, stat.st_mtime_ns)
        _check_anew(path, given, indexes)
        warnings.warn(
            f"The index {given[0]} is not that of {path.name} ({mismatch}): one was made for this run instead; run "
            f"samtools faidx {path.name} where it is, so that it need not be made every time.",
            stacklevel=5,
        )
    return _fai_and_gzi(indexes)


def _fai_and_gzi(indexes: Sequence[Path]) -> tuple[Path, Path | None]:
    return indexes[0], indexes[1] if len(indexes) > 1 else None


def _check_file(path: Path) -> bool:
    """Whether the file, which is there and whole as far as its ends show, is bgzip."""
    if not path.is_file():
        raise InputError(f"The reference FASTA {path} {how_absent(path)}: correct the path.")
    head, blocked, is_whole = read_ends(path)
    if head[:2] == _GZIP and not blocked:
        raise InputError(f"A compressed FASTA must be bgzip; {path} is plain gzip: run gunzip and bgzip on it.")
    if not blocked and not head.startswith(b">"):
        raise InputError(f"A FASTA begins with > and the name of a contig; {path} {_say_otherwise(head)}.")
    if not blocked and _has_old_line_ends(path):
        raise InputError(f"Lines of a FASTA end in a line feed; those of {path} end in CR alone: run dos2unix -c mac.")
    if blocked and not is_whole:
        raise InputError(f"The reference FASTA {path} is truncated (its end-of-file block is missing): copy it again.")
    return blocked


def _has_old_line_ends(path: Path) -> bool:
    with path.open("rb") as file:
        begins = file.read(_FIRST_LINES)
    return b"\r" in begins and b"\n" not in begins


def _say_otherwise(head: bytes) -> str:
    """What a file is that is no FASTA, and what to do about it."""
    if form := which_packing(head):
        return f"is {form}: unpack it, or save it as plain text or bgzip"
    if not head:
        return "is empty: copy it again"
    known = (told for begins, told in _OTHER_FORMATS.items() if head.startswith(begins))
    first = head.split(b"\n")[0].decode("ascii", "replace")
    what, then = next(known, (f"begins with {first!r}", "give the FASTA of the reference"))
    return f"{what}: {then}"


def _make_beside(path: Path, indexes: Sequence[Path]) -> None:
    if not os.access(path.parent, os.W_OK):
        raise InputError(
            f"The reference {path} has no {' and '.join(index.suffix for index in indexes)} index and its folder is "
            f"not writable: run samtools faidx {path.name} where it is."
        )
    with ExitStack() as published:  # what is entered last is published first: .fai says that all is there
        _make(path, [published.enter_context(published_file(index)) for index in indexes])


@lru_cache
def _make_anew(path: Path, suffixes: tuple[str, ...], size: int, modified: int) -> tuple[Path, ...]:
    """Indexes of a file in its present state, by its size and time, in a folder of this process."""
    made = tuple(scratch_path(f"{path.name}{suffix}") for suffix in suffixes)
    _make(path, made)
    return made


def _make(path: Path, indexes: Sequence[Path]) -> None:
    options = [
        word for kind, index in zip(("fai", "gzi"), indexes, strict=False) for word in (f"--{kind}-idx", str(index))
    ]
    try:
        pysam.faidx(str(path), *options)
    except SamtoolsError as error:
        raise InputError(
            f"The reference FASTA {path} cannot be indexed, for the reason that samtools faidx gives above (each "
            "contig needs a name and lines of one length): repair the file."
        ) from error


def _check_anew(path: Path, given: Sequence[Path], anew: Sequence[Path]) -> None:
    """Refuse a file that no index fits, and one that lacks what its own index knew of."""
    if mismatch := find_mismatch(path, *_fai_and_gzi(anew)):
        raise InputError(
            f"A FASTA needs a name of its own for every contig, lines of one length and only letters in them; an index "
            f"of {path} cannot hold all of it ({mismatch}): repair the file."
        )
    try:
        former = read_fai(given[0])
    except ValueError:
        return
    if is_beginning(left := read_fai(anew[0]), former):
        raise InputError(
            f"A FASTA must be whole; {path} ends in {left[-1].name}, {sum(one.length for one in left):,} bases of the "
            f"{sum(one.length for one in former):,} that its index knows: copy it again, or if it is meant to be so, "
            f"run samtools faidx {path.name}."
        )
