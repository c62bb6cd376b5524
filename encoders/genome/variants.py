"""Genotypes of a cohort from indexed VCF and BCF files; the only place where POS becomes 0-based."""

# ruff: noqa: F722

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cyvcf2
import numpy as np
import pysam
from jaxtyping import Bool, Int16, Int64

from encoders.errors import InputError
from encoders.genome.contigs import check_autosome, find_contig, list_contigs
from encoders.genome.intervals import Interval

_ABSENT = -2


@dataclass(frozen=True)
class GenotypeBlock:
    """Records of one file that overlap one region, with the genotypes of some subjects.

    Parameters
    ----------
    subjects : tuple of str
    chrom : str
        Contig as the file names it.
    positions : int64 [n_records]
        First base of REF, from 0, in file order.
    refs : tuple of str [n_records]
    alts : tuple of tuple of str [n_records]
        Empty for a record without ALT.
    info_ends : int64 [n_records]
        One past the last reference base of the record (from 0), INFO/END and SVLEN included.
    alleles : int16 [n_records, n_subjects, 2]
        0 is REF, k is the k-th ALT, -1 is missing.
    phased : bool [n_records, n_subjects]
    path : Path
    """

    subjects: tuple[str, ...]
    chrom: str
    positions: Int64[np.ndarray, " n_records"]
    refs: tuple[str, ...]
    alts: tuple[tuple[str, ...], ...]
    info_ends: Int64[np.ndarray, " n_records"]
    alleles: Int16[np.ndarray, "n_records n_subjects 2"]
    phased: Bool[np.ndarray, "n_records n_subjects"]
    path: Path

    def describe(self, record: int) -> str:
        """The record as messages name it."""
        alts = ",".join(self.alts[record]) or "."
        return f"{self.chrom}:{self.positions[record] + 1} {self.refs[record]}>{alts} of {self.path}"

    def take(self, columns: Int64[np.ndarray, " n_kept"]) -> "GenotypeBlock":
        """The same records with some of the subjects."""
        subjects = tuple(self.subjects[column] for column in columns)
        return replace(self, subjects=subjects, alleles=self.alleles[:, columns], phased=self.phased[:, columns])


class VariantFiles:
    """Indexed VCF.gz or BCF files of one cohort: per chromosome, per gene, or with different subjects.

    Parameters
    ----------
    paths : Path or sequence of Path

    Raises
    ------
    InputError
        If a file is missing, is not block-compressed, or has no index.
    """

    def __init__(self, paths: Path | Sequence[Path]) -> None:
        listed = [paths] if isinstance(paths, str | os.PathLike) else paths
        self.paths = tuple(Path(path) for path in listed)
        self._samples = {path: _read_samples(path) for path in self.paths}
        self._sites: dict[Path, Any] = {path: pysam.VariantFile(str(path), drop_samples=True) for path in self.paths}
        self._readers: dict[Path, tuple[tuple[str, ...], Any]] = {}
        self._contigs: dict[tuple[Path, str], bool] = {}
        self.samples = tuple(dict.fromkeys(name for names in self._samples.values() for name in names))

    @property
    def contigs(self) -> tuple[str, ...]:
        """Contigs on which any file has records."""
        declared = ((path, name) for path in self.paths for name in self._sites[path].header.contigs)
        return tuple(dict.fromkeys(name for path, name in declared if self._has_records(path, name)))

    def sites(self, interval: Interval) -> Iterator[tuple[int, str]]:
        """First base (from 0) and REF of every record that overlaps a region, file by file."""
        for path, contig in self._files_with(interval.chrom).items():
            for record in self._sites[path].fetch(contig, interval.start, interval.end):
                yield record.start, record.ref.upper()

    def fetch(self, interval: Interval, subjects: Sequence[str]) -> list[GenotypeBlock]:
        """Records that overlap a region, one block per file that has any.

        A subject in no block has no record there: it carries the reference.

        Raises
        ------
        InputError
            If the contig is in no file, is not an autosome, or a subject's file lacks it; if a subject is in two
            files that disagree; if a genotype has not two alleles.
        """
        check_autosome(interval.chrom, str(interval))
        holding = self._files_with(interval.chrom)
        samples = {path: set(self._samples[path]) for path in holding}
        for subject in subjects:
            if not any(subject in names for names in samples.values()):
                raise InputError(
                    f"every subject needs genotypes for {interval}; {subject} is in none of "
                    f"{', '.join(map(str, holding))}: leave the subject or the gene out"
                )
        blocks = []
        for path, contig in holding.items():
            present = tuple(subject for subject in subjects if subject in samples[path])
            if present and len((block := self._read(path, contig, interval, present)).positions):
                blocks.append(block)
        return _without_repeats(blocks, interval)

    def _files_with(self, chrom: str) -> dict[Path, str]:
        found = {path: find_contig(chrom, self._sites[path].header.contigs) for path in self.paths}
        holding = {path: name for path, name in found.items() if name and self._has_records(path, name)}
        if not holding:
            raise InputError(
                f"contig {chrom} has no records in the variant files, whose contigs are {list_contigs(self.contigs)}: "
                "give the file of that chromosome"
            )
        return holding

    def _has_records(self, path: Path, contig: str) -> bool:
        if (path, contig) not in self._contigs:
            self._contigs[path, contig] = next(self._sites[path].fetch(contig), None) is not None
        return self._contigs[path, contig]

    def _reader(self, path: Path, subjects: tuple[str, ...]) -> Any:
        """An open reader limited to these subjects; kept, because opening parses header and index anew."""
        kept = self._readers.get(path)
        if kept is None or kept[0] != subjects:
            kept = self._readers[path] = (subjects, cyvcf2.VCF(str(path), samples=list(subjects)))
        return kept[1]

    def _read(self, path: Path, contig: str, interval: Interval, subjects: tuple[str, ...]) -> GenotypeBlock:
        reader = self._reader(path, subjects)
        records, alleles, phased = [], [], []
        for record in reader(f"{contig}:{interval.start + 1}-{interval.end}"):
            genotypes = _genotypes(record, reader.samples, path)
            records.append((record.start, record.REF.upper(), tuple(alt.upper() for alt in record.ALT), record.end))
            alleles.append(genotypes[:, :2])
            phased.append(genotypes[:, 2] != 0)
        starts, refs, alts, ends = zip(*records, strict=True) if records else ((), (), (), ())
        block = GenotypeBlock(
            subjects=tuple(reader.samples),
            chrom=contig,
            positions=np.array(starts, dtype=np.int64),
            refs=refs,
            alts=alts,
            info_ends=np.array(ends, dtype=np.int64),
            alleles=np.array(alleles, dtype=np.int16).reshape(len(records), len(subjects), 2),
            phased=np.array(phased, dtype=bool).reshape(len(records), len(subjects)),
            path=path,
        )
        column_of = {name: column for column, name in enumerate(reader.samples)}
        return block.take(np.array([column_of[name] for name in subjects], dtype=np.int64))


def _read_samples(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        raise InputError(f"the variant file {path} does not exist: correct the path")
    with path.open("rb") as file:
        head = file.read(14)
    if head[12:14] != b"BC":
        raise InputError(
            f"variants must be bgzip-compressed VCF or BCF; {path} is not: run bgzip {path.name} and tabix -p vcf on it"
        )
    if not any(Path(f"{path}{suffix}").is_file() for suffix in (".tbi", ".csi")):
        command = f"bcftools index {path.name}" if path.suffix == ".bcf" else f"tabix -p vcf {path.name}"
        raise InputError(f"the variant file {path} has no index: run {command} where it is")
    with pysam.VariantFile(str(path)) as file:
        return tuple(file.header.samples)


def _genotypes(record: Any, samples: Sequence[str], path: Path) -> Int16[np.ndarray, "n_samples 3"]:
    """Two alleles and the phase of every sample; a lone dot is missing, any other haploid call is refused."""
    if "GT" not in record.FORMAT:
        return np.tile(np.array([-1, -1, 0], dtype=np.int16), (len(samples), 1))
    genotypes: Int16[np.ndarray, "n_samples n_columns"] = record.genotype.array(_ABSENT)
    if genotypes.shape[1] == 2:
        genotypes = np.insert(genotypes, 1, _ABSENT, axis=1)
    second = genotypes[:, 1]
    second[(second == _ABSENT) & (genotypes[:, 0] == -1)] = -1
    wrong = (second == _ABSENT) | (genotypes[:, 2:-1] != _ABSENT).any(axis=1)
    if wrong.any():
        subject = samples[int(wrong.argmax())]
        raise InputError(
            f"every genotype needs two alleles; {record.CHROM}:{record.POS} of {path} has another number for "
            f"{subject}: leave sex chromosomes and copy-number genotypes out"
        )
    return genotypes[:, [0, 1, -1]]


def _without_repeats(blocks: Sequence[GenotypeBlock], interval: Interval) -> list[GenotypeBlock]:
    """Keep each subject once: files that overlap (per-gene files do) must repeat one another."""
    kept: list[GenotypeBlock] = []
    for block in sorted(blocks, key=lambda block: -len(block.positions)):
        rest = np.ones(len(block.subjects), dtype=bool)
        for other in kept:
            shared = np.isin(np.array(block.subjects), np.array(other.subjects))
            if shared.any() and not _repeats(block.take(np.flatnonzero(shared)), other):
                subject = block.subjects[int(shared.argmax())]
                raise InputError(
                    f"a subject may be in one file only for a region; {subject} is in {other.path} and {block.path}, "
                    f"which differ in {interval}: drop one of the files"
                )
            rest &= ~shared
        if rest.any():
            kept.append(block.take(np.flatnonzero(rest)))
    return kept


def _repeats(block: GenotypeBlock, other: GenotypeBlock) -> bool:
    """Whether every record of ``block``, with its genotypes, is in ``other``."""
    rows = {key: row for row, key in enumerate(zip(other.positions.tolist(), other.refs, other.alts, strict=True))}
    keys = list(zip(block.positions.tolist(), block.refs, block.alts, strict=True))
    if any(key not in rows for key in keys):
        return False
    column_of = {name: column for column, name in enumerate(other.subjects)}
    columns = [column_of[name] for name in block.subjects]
    return np.array_equal(other.alleles[np.ix_([rows[key] for key in keys], columns)], block.alleles)
