"""Allele counts over the whole genome, one record after another, with what was left out and why."""

# ruff: noqa: F722

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float64, Int8

from encoders.errors import InputError
from encoders.genome.contigs import find_contig, unequal_ploidy
from encoders.genome.haplotypes.patterns import records_at_once
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.genotypes import GenotypeBlock

MISSING = -1


@dataclass
class RecordReport:
    """Records seen, kept, and left out by reason.

    Parameters
    ----------
    n_records, n_kept : int
    left_out : Counter of str
    """

    n_records: int = 0
    n_kept: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, object]:
        """Plain counts."""
        return {"n_records": self.n_records, "n_kept": self.n_kept, "left_out": dict(self.left_out)}


def read_dosages(
    variants: VariantFiles,
    subjects: Sequence[str],
    report: RecordReport,
    *,
    min_maf: float = 0.0,
    max_missing: float = 1.0,
    counted: Bool[np.ndarray, " n_subjects"] | None = None,
) -> Iterator[Int8[np.ndarray, "n_records n_subjects"]]:
    """ALT counts of biallelic single-nucleotide records on autosomes, chunk by chunk.

    Parameters
    ----------
    variants : VariantFiles
    subjects : sequence of str
    report : RecordReport
        Counts are added to it.
    min_maf, max_missing : float
        Smallest minor allele frequency and largest share of missing genotypes.
    counted : bool [n_subjects], optional
        Subjects in whom frequency and missingness are measured; by default all.

    Yields
    ------
    int8 [n_records, n_subjects]
        0, 1, 2; -1 where the genotype is missing.

    Raises
    ------
    InputError
        If a subject is no sample of the files, or a genotype cannot be read.
    """
    variants.check_samples(subjects)
    columns = slice(None) if counted is None else counted
    seen: set[tuple[str, int, str, str]] = set()
    autosomes = [chrom for chrom in variants.contigs if not unequal_ploidy(chrom, variants.length(chrom))]
    if n_others := len(variants.contigs) - len(autosomes):
        report.left_out["contig that is no autosome"] += n_others
    _check_names(autosomes)
    for chrom in autosomes:
        seen.clear()
        for block in variants.chunks(chrom, subjects, n_records=records_at_once(len(subjects))):
            report.n_records += len(block.positions) + block.n_repeated
            if block.n_repeated:
                report.left_out["in two files"] += block.n_repeated
            kept = _simple(block, seen, report)
            dosages = _count(block, kept)
            usable = _usable(dosages[:, columns], report, min_maf=min_maf, max_missing=max_missing)
            report.n_kept += int(usable.sum())
            if usable.any():
                yield dosages[usable]


def frequencies(dosages: Int8[np.ndarray, "n_records n_subjects"]) -> Float64[np.ndarray, " n_records"]:
    """ALT frequency among known genotypes; 0 where none is known."""
    known = dosages >= 0
    n_known: Float64[np.ndarray, " n_records"] = known.sum(axis=1, dtype=np.float64)
    total = np.where(known, dosages, 0).sum(axis=1, dtype=np.float64)
    shares: Float64[np.ndarray, " n_records"] = total / np.maximum(2 * n_known, 1)
    return shares


def _check_names(chroms: Sequence[str]) -> None:
    """Refuse a contig that two files name in two ways: they may be of two builds, and nothing here tells."""
    for number, chrom in enumerate(chroms):
        if (other := find_contig(chrom, set(chroms[:number]))) is not None:
            raise InputError(
                f"Contig names must agree between variant files; one says '{other}' and another '{chrom}': rename them "
                "(bcftools annotate --rename-chrs) if both are of one build."
            )


def _simple(
    block: GenotypeBlock, seen: set[tuple[str, int, str, str]], report: RecordReport
) -> Bool[np.ndarray, " n_records"]:
    """Biallelic single-nucleotide records; one that is in a file twice counts once."""
    kept = np.zeros(len(block.positions), dtype=np.bool_)
    for record, (position, ref, alts) in enumerate(zip(block.positions.tolist(), block.refs, block.alts, strict=True)):
        key = (block.chrom, position, ref, ",".join(alts))
        if len(alts) != 1:
            report.left_out["not biallelic"] += 1
        elif len(ref) != 1 or alts[0] not in {"A", "C", "G", "T"}:
            report.left_out["not a single nucleotide"] += 1
        elif key in seen:
            report.left_out["twice in a file"] += 1
        else:
            kept[record] = True
            seen.add(key)
    return kept


def _count(block: GenotypeBlock, kept: Bool[np.ndarray, " n_records"]) -> Int8[np.ndarray, "n_kept n_subjects"]:
    alleles = block.alleles[kept]
    dosages: Int8[np.ndarray, "n_kept n_subjects"] = alleles.sum(axis=2).astype(np.int8)
    dosages[(alleles < 0).any(axis=2)] = MISSING
    return dosages


def _usable(
    dosages: Int8[np.ndarray, "n_records n_subjects"], report: RecordReport, *, min_maf: float, max_missing: float
) -> Bool[np.ndarray, " n_records"]:
    absent: Bool[np.ndarray, " n_records"] = np.mean(dosages < 0, axis=1) > max_missing
    alt = frequencies(dosages)
    rare: Bool[np.ndarray, " n_records"] = (np.minimum(alt, 1 - alt) < min_maf) & ~absent
    report.left_out["too many missing genotypes"] += int(absent.sum())
    report.left_out["minor allele too rare"] += int(rare.sum())
    usable: Bool[np.ndarray, " n_records"] = ~(absent | rare)
    return usable
