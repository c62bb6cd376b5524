"""Splice donors, acceptors and neither: the ends of introns, and places within genes that have the same two bases."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from encoders.genome.intervals import Gene
from encoders.training.tasks.candidates import Candidate, Source, draw_starts

CLASSES = ("neither", "donor", "acceptor")
NEITHER, DONOR, ACCEPTOR = range(3)


def intron_ends(gene: Gene) -> Iterator[tuple[int, int]]:
    """Class and position (between bases) of both ends of every intron, 5' to 3'.

    Examples
    --------
    >>> from encoders.genome.intervals import Gene, Interval
    >>> from encoders.training.tasks.splice import intron_ends
    >>> exons = (Interval("1", 90, 99, "-"), Interval("1", 10, 20, "-"))
    >>> list(intron_ends(Gene("A", "A", Interval("1", 10, 99, "-"), exons, "A-1")))
    [(1, 90), (2, 20)]
    """
    for before, after in pairwise(gene.exons):
        backwards = gene.interval.strand == "-"
        yield DONOR, before.start if backwards else before.end
        yield ACCEPTOR, after.end if backwards else after.start


def core(bases: str, label: int) -> str:
    """The first two bases of the intron of a donor's window, the last two of an acceptor's."""
    middle = len(bases) // 2
    return bases[middle : middle + 2] if label == DONOR else bases[middle - 2 : middle]


def splice_candidates(source: Source, rng: np.random.Generator) -> Iterator[Candidate]:
    """Windows around the ends of introns, and around other places of the same genes.

    Those are drawn so that they have the two bases of the sites (GT after the middle as donors, AG before it as
    acceptors, as often as the sites have these and others), on the same strand, and lie at no edge of an exon of any
    transcript: what is learnt is what stands around the two bases.

    Parameters
    ----------
    source : Source
    rng : numpy.random.Generator
    """
    for gene in source.genes():
        sites = [one for label, at in intron_ends(gene) if (one := source.centred(label, gene, at)) is not None]
        yield from sites
        cores = Counter((one.label, core(source.read(one.interval), one.label)) for one in sites)
        if cores:
            yield from _decoys(source, gene, cores, rng)


def _decoys(
    source: Source, gene: Gene, cores: Counter[tuple[int, str]], rng: np.random.Generator
) -> Iterator[Candidate]:
    body = gene.interval
    bases = source.read(body)
    for (label, two), n in cores.items():
        places = list(_occurrences(bases, two))
        for number in draw_starts(0, len(places), n * source.pool, rng):
            # in the gene's orientation: the position before the two bases of a donor, after those of an acceptor
            at = places[number] + (0 if label == DONOR else 2)
            position = body.end - at if body.strand == "-" else body.start + at
            if (body.chrom, position, body.strand) in source.annotated.edges:
                continue
            found = source.centred(NEITHER, gene, position)
            if found is not None:
                yield found


def _occurrences(bases: str, two: str) -> Iterator[int]:
    at = bases.find(two)
    while at >= 0:
        yield at
        at = bases.find(two, at + 1)


def is_canonical(label: int, bases: str) -> bool:
    """Whether a donor's intron begins with GT and an acceptor's ends with AG; true of every other window."""
    return label == NEITHER or core(bases, label) == ("GT" if label == DONOR else "AG")
