"""Genotypes of one BGEN v1.2 file (Band and Marchini 2018, doi:10.1101/308296); so UK Biobank gives imputed data."""

# ruff: noqa: F722

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from encoders.damage import how_absent, refused_if_damaged
from encoders.errors import InputError
from encoders.genome.intervals import Interval
from encoders.genome.variants.best_guess import (
    CALLED,
    DosagePolicy,
    Pairs,
    Sureness,
    from_haplotype_probabilities,
    from_probabilities,
)
from encoders.genome.variants.genotypes import GenotypeBlock
from encoders.genome.variants.source import Site, check_samples, overlapping, read_lines

_MOST_BYTES = 4
"""Of a probability."""

_SURE = 0.999
"""A genotype that was called is stored as a probability of one, to the bits of the file."""


@dataclass(frozen=True)
class _Records:
    """Records of one contig, sorted: number in the file, first base (from 0), alleles."""

    numbers: Int64[np.ndarray, " n_records"]
    starts: Int64[np.ndarray, " n_records"]
    alleles: list[tuple[str, ...]]

    @cached_property
    def ends(self) -> Int64[np.ndarray, " n_records"]:
        return self.starts + np.array([len(alleles[0]) for alleles in self.alleles], dtype=np.int64)

    @cached_property
    def furthest(self) -> Int64[np.ndarray, " n_records"]:
        return np.maximum.accumulate(self.ends)


class BgenSource:
    """A ``.bgen`` of layout 2, with the names of its samples in itself or in a ``.sample`` beside it.

    The first allele of a record is REF. Probabilities are genotypes where one of them is 1; others are nobody's call.
    Opening reads the head of every record.

    Parameters
    ----------
    path : Path
    dosages : {"refuse", "best-guess"}
        What becomes of genotypes of which no probability is 1: the most probable one under "best-guess".

    Raises
    ------
    InputError
        If the file is missing, damaged, of another layout, not sorted, or names no samples.
    """

    subjects_apart = False

    def __init__(self, path: Path, dosages: DosagePolicy = "refuse") -> None:
        self.path = path
        self._dosages = dosages
        self._file = _open(path)
        self.samples = check_samples(_read_samples(path, self._file), path)
        self._row_of = {name: row for row, name in enumerate(self.samples)}
        self._contigs = _list_records(path, self._file)
        self.contigs: tuple[str, ...] = tuple(self._contigs)
        self.contig_lengths: dict[str, int] = {}

    def has_records(self, contig: str) -> bool:
        """Whether the file has any record there."""
        return contig in self._contigs

    def sites(self, contig: str, interval: Interval) -> Iterator[Site]:
        """Records that overlap a region, without genotypes."""
        records = self._contigs[contig]
        for row in self._find(contig, interval).tolist():
            ref, *alts = records.alleles[row]
            yield Site(int(records.starts[row]), ref, ",".join(alts), self.path)

    def _find(self, contig: str, interval: Interval | None) -> Int64[np.ndarray, " n_found"]:
        records = self._contigs[contig]
        if interval is None:
            return np.arange(len(records.starts))
        return overlapping(records.starts, records.ends, records.furthest, interval)

    def chunks(
        self, contig: str, interval: Interval | None, subjects: tuple[str, ...], n_records: int
    ) -> Iterator[GenotypeBlock]:
        """Records that overlap a region, or all of a contig, in file order, at most ``n_records`` at a time."""
        rows = self._find(contig, interval)
        for first in range(0, len(rows), n_records):
            yield self._block(contig, rows[first : first + n_records], subjects)

    def _block(self, contig: str, rows: Int64[np.ndarray, " n_records"], subjects: tuple[str, ...]) -> GenotypeBlock:
        records = self._contigs[contig]
        columns = np.array([self._row_of[subject] for subject in subjects], dtype=np.int64)
        shape = (len(rows), len(subjects))
        spelled = [records.alleles[row] for row in rows.tolist()]
        block = GenotypeBlock(
            subjects=subjects,
            chrom=contig,
            positions=records.starts[rows],
            refs=tuple(alleles[0] for alleles in spelled),
            alts=tuple(alleles[1:] for alleles in spelled),
            info_ends=records.ends[rows],
            alleles=np.empty((*shape, 2), dtype=np.int16),
            phased=np.empty(shape, dtype=np.bool_),
            path=self.path,
        )
        guessed = np.full(shape, CALLED, dtype=np.int8)
        for record, row in enumerate(rows.tolist()):
            block.phased[record], (block.alleles[record], guessed[record]) = self._read(
                block, record, int(records.numbers[row]), columns
            )
        if not guessed.any():
            return block
        if self._dosages == "refuse":
            self._refuse(block, guessed != CALLED)
        return replace(block, guessed=guessed)

    def _read(
        self, block: GenotypeBlock, record: int, number: int, columns: Int64[np.ndarray, " n_subjects"]
    ) -> tuple[bool, tuple[Pairs, Sureness]]:
        """Whether a record is phased, its most probable alleles, and how sure those are that are not certain."""
        try:
            found = self._file[number]
            self._check_claim(found)
            ploidy, probabilities = found.ploidy[columns], found.probabilities[columns].astype(np.float64)
        except (ValueError, OSError, IndexError, RuntimeError) as error:
            raise InputError(f"{self.path} is damaged at {block.describe(record)} ({error}): copy it again.") from error
        alleles = (block.refs[record], *block.alts[record])
        if found.pos - 1 != block.positions[record] or tuple(map(str.upper, found.alleles)) != alleles:
            raise InputError(
                f"The index {self.path.name}.bgi is of another file than {self.path}: make it anew (bgenix -index "
                f"-clobber -g {self.path.name}) or remove it."
            )
        if (ploidy != 2).any():
            raise InputError(
                f"Every genotype needs two alleles; {block.describe(record)} has another number for "
                f"{block.subjects[int((ploidy != 2).argmax())]}: leave sex chromosomes and copy-number genotypes out."
            )
        return found.is_phased, _most_probable(probabilities, len(alleles), phased=found.is_phased)

    def _check_claim(self, record: Any) -> None:
        """Raise ValueError where a record says that it unpacks to more than genotypes of two alleles can be."""
        with self.path.open("rb") as file:
            file.seek(record.fileoffset)
            for _ in range(3):  # identifiers and contig, each behind its length
                file.seek(int.from_bytes(file.read(2), "little"), 1)
            file.seek(4, 1)
            n_alleles = int.from_bytes(file.read(2), "little")
            for _ in range(n_alleles):
                file.seek(int.from_bytes(file.read(4), "little"), 1)
            size = int.from_bytes(file.read(4), "little")
            claimed = int.from_bytes(file.read(4), "little") if self._file.header.compression else size
        values = max(2 * n_alleles, n_alleles * (n_alleles + 1) // 2)
        most = 10 + len(self.samples) * (1 + _MOST_BYTES * values)
        if claimed > most:
            raise ValueError(f"the record claims {claimed:,} bytes, where {most:,} are the most")
        if size > (held := self.path.stat().st_size):
            raise ValueError(f"the record claims {size:,} bytes of a file of {held:,}")

    def _refuse(self, block: GenotypeBlock, uncalled: Bool[np.ndarray, "n_records n_subjects"]) -> None:
        record, column = np.argwhere(uncalled)[0].tolist()
        n_refused = int(uncalled.any(axis=1).sum())
        raise InputError(
            f"Genotypes must be called; {n_refused} of {len(uncalled)} records of {self.path} read at once have "
            f"probabilities none of which is 1 (first {block.describe(record)} for {block.subjects[column]}): give "
            "called genotypes, leave these records out, or choose dosages: best-guess."
        )


def _most_probable(
    probabilities: Float64[np.ndarray, "n_subjects n_values"], n_alleles: int, *, phased: bool
) -> tuple[Pairs, Sureness]:
    if phased:
        by_haplotype = probabilities[:, : 2 * n_alleles].reshape(len(probabilities), 2, n_alleles)
        pairs, sureness = from_haplotype_probabilities(by_haplotype)
        largest = by_haplotype.max(axis=2).min(axis=1)
    else:
        probabilities = probabilities[:, : n_alleles * (n_alleles + 1) // 2]
        pairs, sureness = from_probabilities(probabilities, n_alleles)
        largest = probabilities.max(axis=1)
    return pairs, np.where(largest >= _SURE, CALLED, sureness).astype(np.int8)


def _open(path: Path) -> Any:
    from bgen import BgenReader

    if not path.is_file():
        raise InputError(f"The variant file {path} {how_absent(path)}: correct the path.")
    try:
        _check_header(path)
        file = BgenReader(str(path), delay_parsing=False)
    except (ValueError, OSError, RuntimeError) as error:
        raise InputError(f"The variant file {path} cannot be read as BGEN ({error}): copy it again.") from error
    if file.header.layout != 2:
        raise InputError(
            f"BGEN must be of layout 2 (v1.2 or later); {path} is of layout {file.header.layout}: convert it with "
            "qctool or plink2 --export bgen-1.2."
        )
    return file


def _check_header(path: Path) -> None:
    """Raise ValueError where the header says that it reaches beyond the file: the library makes room for it first."""
    with path.open("rb") as file:
        first_record, header = (int.from_bytes(file.read(4), "little") for _ in range(2))
    if max(first_record, header) > (held := path.stat().st_size):
        raise ValueError(f"its header claims {max(first_record, header):,} bytes of a file of {held:,}")


def _list_records(path: Path, file: Any) -> dict[str, _Records]:
    """Every record by contig; UK Biobank writes 01 to 09 for 1 to 9."""
    found: dict[str, list[tuple[int, int, tuple[str, ...]]]] = {}
    try:
        for number, record in enumerate(file):
            alleles = tuple(map(str.upper, record.alleles))
            if not alleles:
                raise ValueError(f"its record {number + 1} has no allele")
            contig = record.chrom.lstrip("0") if record.chrom.isdecimal() else record.chrom
            found.setdefault(contig, []).append((number, record.pos - 1, alleles))
    except (ValueError, OSError, RuntimeError, UnicodeDecodeError) as error:
        raise InputError(f"The variant file {path} is damaged ({error}): copy it again.") from error
    n_records = sum(map(len, found.values()))
    if n_records != file.header.nvariants or not n_records:
        raise InputError(
            f"The variant file {path} must hold as many records as its header says and at least one; it has "
            f"{n_records} of {file.header.nvariants}: copy it again."
        )
    contigs = {}
    for contig, records in found.items():
        numbers, starts = (np.array([record[place] for record in records], dtype=np.int64) for place in range(2))
        contigs[contig] = _Records(numbers, starts, [alleles for _, _, alleles in records])
        if (np.diff(contigs[contig].starts) < 0).any():
            raise InputError(
                f"Records must be sorted by position; contig {contig} of {path} is not: sort it (qctool -sort)."
            )
    return contigs


def _read_samples(path: Path, file: Any) -> tuple[str, ...]:
    """Names in the file itself, or the second column (ID_2, IID) of the ``.sample`` beside it."""
    with refused_if_damaged(path, "a BGEN whose samples have names"):
        inside = tuple(file.samples) if file.header.has_sample_ids else None
    beside = path.with_suffix(".sample")
    if not beside.is_file():
        if inside is None:
            raise InputError(f"{path} names no samples: put {beside.name} beside it, which came with the file.")
        return inside
    lines = [line.split() for line in read_lines(beside) if line.strip()]
    if len(lines) < 2 or set(lines[1][:2]) != {"0"}:
        raise InputError(
            f"A .sample starts with a line of names and a line of types (0 0 0 ...); {beside} does not: give the file "
            "that came with the BGEN."
        )
    column = 1 if len(lines[0]) > 1 and lines[0][1].upper() in {"ID_2", "IID"} else 0
    if short := [line for line in lines[2:] if len(line) <= column]:
        raise InputError(f"Every line of {beside} needs its column {column + 1}; {' '.join(short[0])!r} has it not.")
    names = tuple(line[column] for line in lines[2:])
    if len(names) != file.header.nsamples:
        raise InputError(
            f"{beside} must name the {file.header.nsamples} samples of {path.name}; it names {len(names)}: give the "
            "file that came with the BGEN."
        )
    if inside is not None and inside != names:
        row = next(row for row, pair in enumerate(zip(inside, names, strict=True)) if pair[0] != pair[1])
        raise InputError(
            f"{path.name} and {beside.name} must name the same samples; sample {row + 1} is {inside[row]} in the one "
            f"and {names[row]} in the other: remove the .sample, or strip the names from the BGEN."
        )
    return names
