"""Reference sequence from indexed FASTA files."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pysam

from encoders.errors import InputError
from encoders.genome.contigs import find_contig, list_contigs
from encoders.genome.intervals import Interval
from encoders.publishing import published_file

_GZIP, _BGZF = b"\x1f\x8b", b"BC"


class Reference:
    """One or several FASTA files, plain or bgzip, read as one reference.

    Parameters
    ----------
    paths : Path or sequence of Path
        FASTA files; a missing index is built beside the file where the folder is writable.

    Raises
    ------
    InputError
        If a file is missing, is gzip without bgzip's blocks, has no index and none can be written, or if two files
        hold the same contig.
    """

    def __init__(self, paths: Path | Sequence[Path]) -> None:
        listed = [paths] if isinstance(paths, str | os.PathLike) else paths
        self.paths = tuple(Path(path) for path in listed)
        self.contigs: dict[str, int] = {}
        self._file_of: dict[str, Any] = {}
        for path in self.paths:
            self._add(path)

    def _add(self, path: Path) -> None:
        _make_index(path)
        fasta: Any = pysam.FastaFile(str(path))
        for name, length in zip(fasta.references, fasta.lengths, strict=True):
            if (other := find_contig(name, self.contigs)) is not None:
                holder = self._file_of[other].filename.decode()
                raise InputError(f"A contig may be in one FASTA only; {name} is in {holder} and in {path}: drop one.")
            self.contigs[name] = length
            self._file_of[name] = fasta

    def resolve(self, chrom: str) -> str:
        """Name of the contig here: chr20 finds 20, M finds MT, and the other way round.

        Raises
        ------
        InputError
            If no alias is a contig of the reference.
        """
        if (name := find_contig(chrom, self.contigs)) is None:
            raise InputError(
                f"Contig {chrom} is not in the reference ({', '.join(map(str, self.paths))}), whose contigs are "
                f"{list_contigs(self.contigs)}: give the FASTA that holds it."
            )
        return name

    def fetch(self, interval: Interval) -> str:
        """Upper-case sequence of the plus strand.

        Raises
        ------
        InputError
            If the contig is unknown or the interval runs past its end.
        """
        name = self.resolve(interval.chrom)
        if interval.end > self.contigs[name]:
            raise InputError(
                f"{interval} runs past the end of contig {name}, which has {self.contigs[name]} bases: check that "
                "annotation and reference are of one build."
            )
        sequence: str = self._file_of[name].fetch(name, interval.start, interval.end)
        return sequence.upper()


def _make_index(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"The reference FASTA {path} does not exist: correct the path.")
    with path.open("rb") as file:
        head = file.read(14)
    blocked = head[12:14] == _BGZF
    if head[:2] == _GZIP and not blocked:
        raise InputError(f"A compressed FASTA must be bgzip; {path} is plain gzip: run gunzip and bgzip on it.")
    suffixes = (".fai", ".gzi") if blocked else (".fai",)
    if all(Path(f"{path}{suffix}").is_file() for suffix in suffixes):
        return
    if not os.access(path.parent, os.W_OK):
        raise InputError(
            f"The reference {path} has no {' and '.join(suffixes)} index and its folder is not writable: "
            f"run samtools faidx {path.name} where it is."
        )
    with ExitStack() as published:
        options: list[str] = []
        for suffix in suffixes:  # what is entered last is published first: .fai says that all is there
            unfinished = published.enter_context(published_file(Path(f"{path}{suffix}")))
            options += [f"--{suffix[1:]}-idx", str(unfinished)]
        pysam.faidx(str(path), *options)
