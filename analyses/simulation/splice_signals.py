"""Splice signals of simulated introns, so that what reads sequence has something to find beside alleles.

Exons and variable sites keep their bases: windows of exons, genotypes and the planted link are what they are without.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from analyses.simulation.genome import Contig, Haplotypes
from encoders.genome.intervals import Gene
from encoders.genome.sequences import reverse_complement

DONOR = ({"G": 1.0}, {"T": 1.0}, {"A": 0.6, "G": 0.4}, {"A": 0.75}, {"G": 0.85}, {"T": 0.55})
"""First bases of an intron, and how often each has the base of the consensus GTRAGT; others are drawn evenly."""

ACCEPTOR = (*({"C": 0.4, "T": 0.5} for _ in range(12)), {}, {"C": 0.75, "T": 0.2}, {"A": 1.0}, {"G": 1.0})
"""Last bases of an intron: a run of pyrimidines, any base, YAG."""

_BASES = np.frombuffer(b"ACGT", np.uint8)


def plant_splice_signals(reference: str, contig: Contig, haplotypes: Haplotypes, rng: np.random.Generator) -> str:
    """The bases of a contig with a donor and an acceptor in every intron.

    Parameters
    ----------
    reference : str
    contig : Contig
    haplotypes : Haplotypes
        Of this contig; bases that any allele spans stay.
    rng : numpy.random.Generator

    References
    ----------
    Consensus: Mount 1982, doi:10.1093/nar/10.2.459.
    """
    bases = np.frombuffer(reference.encode(), np.uint8).copy()
    fixed = np.zeros(len(bases), dtype=bool)
    for position, texts in zip(haplotypes.positions.tolist(), haplotypes.texts, strict=True):
        fixed[position : position + max(len(texts[0]), 1) + 1] = True
    for gene in contig.genes:
        for start, signal in _signals(gene, rng):
            drawn = np.frombuffer(signal.encode(), np.uint8)
            place = slice(start, start + len(drawn))
            bases[place] = np.where(fixed[place], bases[place], drawn)
    return bases.tobytes().decode()


def _signals(gene: Gene, rng: np.random.Generator) -> Iterator[tuple[int, str]]:
    """First base on the plus strand, and bases there, of both ends of every intron."""
    backwards = gene.interval.strand == "-"
    for before, after in pairwise(gene.exons):
        donor, acceptor = _draw(DONOR, rng), _draw(ACCEPTOR, rng)
        if backwards:
            yield before.start - len(donor), reverse_complement(donor)
            yield after.end, reverse_complement(acceptor)
        else:
            yield before.end, donor
            yield after.start - len(acceptor), acceptor


def _draw(signal: tuple[dict[str, float], ...], rng: np.random.Generator) -> str:
    drawn = []
    for shares in signal:
        p = np.array([shares.get(base, 0.0) for base in "ACGT"])
        drawn.append(_BASES[rng.choice(4, p=p + (1 - p.sum()) / 4)])
    return bytes(drawn).decode()
