"""Every allele that some subject carries, applied alone to the reference: windows that it changes, and its carriers.

Windows, places and the rules by which an allele becomes letters are those of the window table (`builder`), so that the
sequence of an allele which a haplotype carries alone in its window is one of the table's, and its vector in the store.
"""

# ruff: noqa: F722

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int8

from encoders.genome.annotation.panel import Panel
from encoders.genome.haplotypes.consensus import Consensus
from encoders.genome.haplotypes.patterns import records_at_once
from encoders.genome.intervals import Gene
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.windows.builder import WindowCutter
from encoders.genome.windows.callable_regions import CallableRegions, keep_inside, mask_outside
from encoders.genome.windows.regions import Region, Unit, make_regions, make_tiles


@dataclass(frozen=True, eq=False)
class CarriedAllele:
    """One non-reference allele in one gene.

    Attributes
    ----------
    gene : int
        Into the genes of the panel.
    exon : int
        Rank of the exon from the 5' end, from 1; 0 where the unit is not the exon. The first, where it lies in several.
    chrom : str
        As the annotation names it.
    position : int
        First base of ``ref``, 0-based.
    ref, alt : str
        As the record writes them, on the plus strand.
    copies : int8 [n_subjects]
        Copies of the allele in every subject.
    changed : tuple of (int, str)
        Windows of the table that it changes, and their sequences with it alone, in the orientation of the gene.
    """

    gene: int
    exon: int
    chrom: str
    position: int
    ref: str
    alt: str
    copies: Int8[np.ndarray, " n_subjects"]
    changed: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class AlleleReader:
    """Reads the alleles of a cohort as its window table was made.

    Parameters
    ----------
    reference : Reference
    panel : Panel
    variants : VariantFiles
    subjects : tuple of str
        Of the table.
    unit, window, promoter_flank
        As of `encoders.genome.make_window_table`.
    callable_regions : CallableRegions, optional
        Where bases outside became N; None where they are the reference.
    """

    reference: Reference
    panel: Panel
    variants: VariantFiles
    subjects: tuple[str, ...]
    unit: Unit
    window: int
    promoter_flank: int
    callable_regions: CallableRegions | None = None

    def read(self) -> Iterator[CarriedAllele]:
        """Alleles gene by gene, by position within each; one in two genes comes twice.

        An allele that changes no window (``*``, or one outside callable regions) is left out.

        Raises
        ------
        InputError
            An allele is no sequence, or its record does not spell the reference.
        """
        first = 0
        for number, gene in enumerate(self.panel.genes):
            found: dict[tuple[int, str, str], CarriedAllele] = {}
            for region in make_regions(gene, self.unit, self.promoter_flank, self.reference):
                n_windows = -(-len(region.interval) // self.window)
                for allele in self._read_region(number, gene, region, first):
                    key = (allele.position, allele.ref, allele.alt)
                    found[key] = _joined(found[key], allele) if key in found else allele
                first += n_windows
            yield from sorted(found.values(), key=lambda one: (one.position, one.ref, one.alt))

    def _read_region(self, number: int, gene: Gene, region: Region, first: int) -> Iterator[CarriedAllele]:
        interval = region.interval
        raw = self.reference.fetch(interval)
        inside = None if self.callable_regions is None else self.callable_regions.inside(interval)
        shown = raw if inside is None else mask_outside(raw, inside)
        sequences: dict[str, int] = {}
        cutter = WindowCutter(shown, make_tiles(interval, self.window), interval, sequences, codes=False)
        row_of = {subject: row for row, subject in enumerate(self.subjects)}
        for position, ref, alt, members, copies, edits in self._alleles(raw, region):
            kept = edits if inside is None else keep_inside(edits, inside)
            changed = tuple((first + tile, index) for tile, index in cutter.cut(kept))
            if not changed:
                continue
            texts = list(sequences)
            everybody = np.zeros(len(self.subjects), dtype=np.int8)
            everybody[[row_of[subject] for subject in members]] = copies
            of_windows = tuple((window, texts[index]) for window, index in changed)
            yield CarriedAllele(number, region.exon, gene.interval.chrom, position, ref, alt, everybody, of_windows)

    def _alleles(self, raw: str, region: Region) -> Iterator[tuple]:  # type: ignore[type-arg]
        """Position, REF, ALT, members of the file, copies in each, edits."""
        interval, n_records = region.interval, records_at_once(len(self.subjects))
        for members, chunks in self.variants.stream(interval, self.subjects, n_records=n_records):
            for block in chunks:
                consensus = Consensus(raw, interval.start, block.without_genotypes())
                for record, alts in enumerate(block.alts):
                    for code, alt in enumerate(alts, start=1):
                        copies = (block.alleles[record] == code).sum(axis=1)
                        if copies.any():
                            edits, _ = consensus.resolve([(record, code)])
                            yield int(block.positions[record]), block.refs[record], alt, members, copies, edits


def _joined(one: CarriedAllele, other: CarriedAllele) -> CarriedAllele:
    """One allele of two files (their subjects differ), or of two regions (their windows do)."""
    changed = tuple(dict(one.changed + other.changed).items())
    copies = np.maximum(one.copies, other.copies)
    return CarriedAllele(one.gene, one.exon, one.chrom, one.position, one.ref, one.alt, copies, changed)


def point_mutants(sequence: str) -> Iterator[tuple[int, str, str]]:
    """Every sequence that differs from one in a single base: its place (0-based), the base, and the sequence.

    Places with a letter other than A, C, G, T have none.

    Examples
    --------
    >>> from encoders.genome.windows.carried_alleles import point_mutants
    >>> [(place, base, mutant) for place, base, mutant in point_mutants("AN")]
    [(0, 'C', 'CN'), (0, 'G', 'GN'), (0, 'T', 'TN')]
    """
    for place, letter in enumerate(sequence):
        for base in "ACGT" if letter in "ACGT" else "":
            if base != letter:
                yield place, base, sequence[:place] + base + sequence[place + 1 :]
