"""Reference sequence from indexed FASTA files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pysam

from encoders.errors import InputError
from encoders.genome.contigs import find_contig, list_contigs, unequal_ploidy
from encoders.genome.fasta_files import choose_indexes
from encoders.genome.fasta_index import LineEnds
from encoders.genome.intervals import Interval


class Reference:
    """One or several FASTA files, plain or bgzip, read as one reference.

    Parameters
    ----------
    paths : Path or sequence of Path
        FASTA files; a missing index is built beside the file where the folder is writable. An index of another file
        is not used: one is made for this process, with a warning.

    Raises
    ------
    InputError
        If a file is missing, cut off, gzip without bgzip's blocks, has no index and none can be written, or if two
        files hold the same contig.
    """

    def __init__(self, paths: Path | Sequence[Path]) -> None:
        listed = [paths] if isinstance(paths, str | os.PathLike) else paths
        self.paths = tuple(Path(path) for path in listed)
        self.contigs: dict[str, int] = {}
        self._file_of: dict[str, _Fasta] = {}
        for path in self.paths:
            self._add(path)

    def _add(self, path: Path) -> None:
        fasta = _open(path)
        others = dict(self._file_of)
        for name, length in zip(fasta.file.references, fasta.file.lengths, strict=True):
            # UCSC's hg19 has two mitochondria, chrM and chrMT; no haplotype is built of them, nor of sex chromosomes.
            other = name if name in others or unequal_ploidy(name) else find_contig(name, others)
            if other in others:
                holder = others[other].path
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
        """Upper-case sequence of the plus strand, U read as T.

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
        return _read(self._file_of[name], Interval(name, interval.start, interval.end)).upper().replace("U", "T")


_NUCLEOTIDES = frozenset("ACGTUNRYSWKMBDHVX")
"""IUPAC codes of nucleic acids, and X, by which some programs mask."""


@dataclass(frozen=True)
class _Fasta:
    """An open file and what its index says of its lines."""

    path: Path
    file: Any
    line_ends: LineEnds


def _open(path: Path) -> _Fasta:
    fai, gzi = choose_indexes(path)
    try:
        file = pysam.FastaFile(str(path), filepath_index=str(fai), filepath_index_compressed=str(gzi) if gzi else None)
        return _Fasta(path, file, LineEnds(path, fai, gzi))
    except (OSError, ValueError) as error:
        raise InputError(f"The reference FASTA {path} cannot be opened ({error}): repair it.") from error


def _read(fasta: _Fasta, place: Interval) -> str:
    """Letters of a place, each of its bases one."""
    path = fasta.path
    try:
        sequence: str = fasta.file.fetch(place.chrom, place.start, place.end)
        broken = fasta.line_ends.find_break(place.chrom, place.start, place.end)
    except (OSError, ValueError) as error:
        raise InputError(f"The reference {path} is damaged at {place} ({error}): copy it again.") from error
    letters = sequence if sequence.isascii() and sequence.isalpha() else _leading_letters(sequence)
    if len(letters) != len(place):
        raise InputError(
            f"A reference must hold one letter per base; {path} has something else at {place.chrom}:"
            f"{place.start + len(letters) + 1} (such as the NUL bytes of a broken copy, or a gap): repair the FASTA."
        )
    if broken is not None:
        raise InputError(
            f"The lines of a reference must end where its index says; those of {path} do not at {place.chrom}:"
            f"{broken + 1}: the file was damaged since it was indexed: copy it again, or run samtools faidx if it is "
            "as it should be."
        )
    if odd := set(letters.upper()) - _NUCLEOTIDES:
        letter = min(odd)
        raise InputError(
            f"A reference must be DNA (A, C, G, T, N or an IUPAC code); {path} has {letter} at {place.chrom}:"
            f"{place.start + letters.upper().index(letter) + 1}: give the FASTA of the genome, not of proteins."
        )
    return letters


def _leading_letters(sequence: str) -> str:
    end = next((n for n, letter in enumerate(sequence) if not (letter.isascii() and letter.isalpha())), len(sequence))
    return sequence[:end]
