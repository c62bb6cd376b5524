"""Genotypes of a cohort from indexed VCF and BCF files; the only place where POS becomes 0-based."""

# ruff: noqa: F722

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cyvcf2
import numpy as np
import pysam
from jaxtyping import Int16, Int64

from encoders.errors import InputError
from encoders.genome.contigs import check_autosome, find_contig, list_contigs
from encoders.genome.genotypes import GenotypeBlock, drop_repeats
from encoders.genome.intervals import Interval

__all__ = ["GenotypeBlock", "VariantFiles"]

_ABSENT = -2
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_OPEN_READERS = 128


class Site(NamedTuple):
    """Place and alleles of one record; ``position`` is the first base of REF, from 0."""

    position: int
    ref: str
    alts: str
    path: Path


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
        self._samples = {path: dict.fromkeys(_read_samples(path)) for path in self.paths}
        self._sites: dict[Path, Any] = {path: pysam.VariantFile(str(path), drop_samples=True) for path in self.paths}
        self._readers: dict[tuple[Path, tuple[str, ...]], tuple[Any, Int64[np.ndarray, " n_subjects"]]] = {}
        self._sources_of: dict[str, tuple[tuple[str, ...], list[tuple[Path, str, tuple[str, ...]]]]] = {}
        self._contigs: dict[tuple[Path, str], bool] = {}
        self.samples = tuple(dict.fromkeys(name for names in self._samples.values() for name in names))

    @property
    def contigs(self) -> tuple[str, ...]:
        """Contigs on which any file has records."""
        declared = ((path, name) for path in self.paths for name in self._sites[path].header.contigs)
        return tuple(dict.fromkeys(name for path, name in declared if self._has_records(path, name)))

    def samples_on(self, chroms: Sequence[str]) -> tuple[str, ...]:
        """Samples with genotypes on every one of these contigs, in file order."""
        groups = [self._files_with(chrom) for chrom in dict.fromkeys(chroms)]
        present = [{name for path in group for name in self._samples[path]} for group in groups]
        return tuple(name for name in self.samples if all(name in names for names in present))

    def sites(self, interval: Interval) -> Iterator[Site]:
        """Every record that overlaps a region, file by file, without genotypes."""
        for path, contig in self._files_with(interval.chrom).items():
            for record in self._sites[path].fetch(contig, interval.start, interval.end):
                yield Site(record.start, record.ref.upper(), ",".join(record.alts or ()), path)

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
        blocks = [
            self._read(path, contig, interval, present)
            for path, contig, present in self._sources(interval, tuple(subjects))
        ]
        return drop_repeats([block for block in blocks if len(block.positions)], interval)

    def _sources(self, interval: Interval, subjects: tuple[str, ...]) -> list[tuple[Path, str, tuple[str, ...]]]:
        """Files of a chromosome with their name for it and their subjects; the same for all regions in a row."""
        known = self._sources_of.get(interval.chrom)
        if known is not None and known[0] == subjects:
            return known[1]
        holding = self._files_with(interval.chrom)
        present = {path: tuple(filter(self._samples[path].__contains__, subjects)) for path in holding}
        if lacking := set(subjects).difference(*present.values()):
            raise InputError(
                f"every subject needs genotypes for {interval}; {len(lacking)} of {len(subjects)} (first "
                f"{min(lacking)}) are in none of {', '.join(map(str, holding))}: leave the subjects or the gene out"
            )
        sources = [(path, contig, present[path]) for path, contig in holding.items() if present[path]]
        self._sources_of[interval.chrom] = (subjects, sources)
        return sources

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

    def _reader(self, path: Path, subjects: tuple[str, ...]) -> tuple[Any, Int64[np.ndarray, " n_subjects"]]:
        """An open reader limited to these subjects, and where each stands in it; opening parses header and index."""
        key = (path, subjects)
        if key not in self._readers:
            if len(self._readers) == _OPEN_READERS:
                self._readers.pop(next(iter(self._readers)))
            reader = cyvcf2.VCF(str(path), samples=list(subjects))
            column_of = {name: column for column, name in enumerate(reader.samples)}
            self._readers[key] = (reader, np.array([column_of[name] for name in subjects], dtype=np.int64))
        return self._readers[key]

    def _read(self, path: Path, contig: str, interval: Interval, subjects: tuple[str, ...]) -> GenotypeBlock:
        reader, columns = self._reader(path, subjects)
        records, genotypes = [], []
        for record in reader(f"{contig}:{interval.start + 1}-{interval.end}"):
            records.append((record.start, record.REF.upper(), tuple(alt.upper() for alt in record.ALT), record.end))
            genotypes.append(_genotypes(record, reader.samples, path)[columns])
        stacked = np.array(genotypes, dtype=np.int16).reshape(len(records), len(subjects), 3)
        starts, refs, alts, ends = zip(*records, strict=True) if records else ((), (), (), ())
        return GenotypeBlock(
            subjects=subjects,
            chrom=contig,
            positions=np.array(starts, dtype=np.int64),
            refs=refs,
            alts=alts,
            info_ends=np.array(ends, dtype=np.int64),
            alleles=stacked[..., :2],
            phased=stacked[..., 2] != 0,
            path=path,
        )


def _read_samples(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        raise InputError(f"the variant file {path} does not exist: correct the path")
    with path.open("rb") as file:
        head = file.read(14)
        file.seek(max(0, path.stat().st_size - len(_BGZF_END)))
        tail = file.read()
    if head[12:14] != b"BC":
        raise InputError(
            f"variants must be bgzip-compressed VCF or BCF; {path} is not: run bgzip {path.name} and tabix -p vcf on it"
        )
    if tail != _BGZF_END:
        raise InputError(f"the variant file {path} is truncated (its end-of-file block is missing): copy it again")
    if not any(Path(f"{path}{suffix}").is_file() for suffix in (".tbi", ".csi")):
        command = f"bcftools index {path.name}" if path.suffix == ".bcf" else f"tabix -p vcf {path.name}"
        raise InputError(f"the variant file {path} has no index: run {command} where it is")
    try:
        with pysam.VariantFile(str(path)) as file:
            return tuple(file.header.samples)
    except ValueError as error:
        raise InputError(f"the variant file {path} cannot be read as VCF or BCF ({error}): repair it") from error


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
