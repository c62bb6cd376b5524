"""Stretches that may become sequences of a labelled set, before any is chosen."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from encoders.genome.annotation.panel import Panel
from encoders.genome.contigs import find_contig
from encoders.genome.intervals import Gene, Interval
from encoders.genome.reference import Reference
from encoders.genome.sequences import reverse_complement
from encoders.training.tasks.annotated import Annotated


class Candidate(NamedTuple):
    """A stretch with its strand, the class it would be of, and the gene it was found by ("" where by none)."""

    label: int
    interval: Interval
    gene: str


@dataclass(frozen=True)
class Source:
    """What candidates are found in.

    Parameters
    ----------
    panel : Panel
        Genes with the transcript by which each is labelled.
    annotated : Annotated
        What every transcript of every gene marks.
    reference : Reference
    window : int
        Bases of a sequence, even.
    pool : int
        Candidates of the background for each labelled one; composition is matched among them.
    seed : int
        Of the order of genes: where a part of them is enough, it is a random one.
    """

    panel: Panel
    annotated: Annotated
    reference: Reference
    window: int
    pool: int = 10
    seed: int = 0

    def genes(self) -> Iterator[Gene]:
        """Genes on contigs that the reference holds, under its names for them, in an order that the seed decides."""
        order = np.random.default_rng([self.seed, 1]).permutation(len(self.panel.genes))
        for gene in (self.panel.genes[place] for place in order):
            chrom = self.contig(gene.interval.chrom)
            if chrom is not None:
                exons = tuple(replace(exon, chrom=chrom) for exon in gene.exons)
                coding = tuple(part._replace(interval=replace(part.interval, chrom=chrom)) for part in gene.coding)
                yield replace(gene, interval=replace(gene.interval, chrom=chrom), exons=exons, coding=coding)

    def contig(self, chrom: str) -> str | None:
        """Name of a contig in the reference, None where it is not there."""
        return find_contig(chrom, self.reference.contigs)

    def centred(self, label: int, gene: Gene, position: int) -> Candidate | None:
        """The window around a position between bases, in the gene's orientation; None past the contig's ends."""
        return self.placed(label, gene, position - self.window // 2)

    def placed(self, label: int, gene: Gene, start: int) -> Candidate | None:
        """The window that begins at a base of the plus strand; None past the contig's ends."""
        chrom, strand = gene.interval.chrom, gene.interval.strand
        if start < 0 or start + self.window > self.reference.contigs[chrom]:
            return None
        return Candidate(label, Interval(chrom, start, start + self.window, strand), gene.gene_id)

    def read(self, interval: Interval) -> str:
        """Bases of a stretch, 5' to 3' on its strand, upper case."""
        bases = self.reference.fetch(interval)
        return reverse_complement(bases) if interval.strand == "-" else bases


def draw_starts(first: int, last: int, n: int, rng: np.random.Generator) -> list[int]:
    """At most `n` different numbers from ``first`` up to and without ``last``, in random order."""
    size = max(0, last - first)
    return [] if size == 0 else [first + int(k) for k in rng.choice(size, size=min(n, size), replace=False)]
