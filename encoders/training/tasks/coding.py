"""Within genes: in which frame a stretch of coding sequence begins, whether one codes, whether it is exon or intron."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from encoders.genome.annotation.codons import codon_places
from encoders.genome.intervals import Gene, Interval
from encoders.training.tasks.candidates import Candidate, Source, draw_starts

FRAME_CLASSES = ("0", "1", "2")
CODING_CLASSES = ("not coding", "coding")
EXONIC_CLASSES = ("intron", "exon")

FRAME_SHIFT = 2
"""Bases by which a window may be moved to begin in the frame that was drawn for it."""


def frame_candidates(source: Source, rng: np.random.Generator) -> Iterator[Candidate]:
    """Windows side by side within coding parts of exons, each begun in a frame that is drawn: 0, 1 or 2 is the place
    of the first base within its codon.

    Every frame is drawn from the same exons, so that what tells them apart is where codons begin.

    Parameters
    ----------
    source : Source
    rng : numpy.random.Generator
        Draws the frames.
    """
    for gene in source.genes():
        for start in _side_by_side(_coding_parts(gene), source.window + FRAME_SHIFT):
            wide = Interval(gene.interval.chrom, start, start + source.window + FRAME_SHIFT, gene.interval.strand)
            places = codon_places(wide, gene.coding)
            frame = int(rng.integers(3))
            shift = int(np.flatnonzero(places[: FRAME_SHIFT + 1] == frame)[0])
            moved = start + (FRAME_SHIFT - shift if gene.interval.strand == "-" else shift)
            found = source.placed(frame, gene, moved)
            if found is not None:
                yield found


def coding_candidates(source: Source, rng: np.random.Generator) -> Iterator[Candidate]:
    """Windows side by side within coding parts of exons, against introns (`_against_introns`)."""
    return _against_introns(source, _coding_parts, rng)


def exonic_candidates(source: Source, rng: np.random.Generator) -> Iterator[Candidate]:
    """Windows side by side within exons, translated or not, against introns: what there is without CDS lines."""
    return _against_introns(source, lambda gene: gene.exons, rng)


def _against_introns(
    source: Source, parts: Callable[[Gene], Iterable[Interval]], rng: np.random.Generator
) -> Iterator[Candidate]:
    """Windows side by side within parts of genes, and windows in introns that touch no exon of any transcript.

    Parameters
    ----------
    source : Source
        Its ``pool`` says how many places in introns are looked at for each window of a part.
    parts : callable
        Of a gene.
    rng : numpy.random.Generator
        Draws places within introns.
    """
    for gene in source.genes():
        starts = _side_by_side(parts(gene), source.window)
        inside = [one for start in starts if (one := source.placed(1, gene, start)) is not None]
        yield from inside
        body = gene.interval
        for start in draw_starts(body.start, body.end - source.window + 1, len(inside) * source.pool, rng):
            found = source.placed(0, gene, start)
            if found is not None and not source.annotated.is_exonic(found.interval):
                yield found


def _coding_parts(gene: Gene) -> Iterator[Interval]:
    return (part.interval for part in gene.coding)


def _side_by_side(parts: Iterable[Interval], width: int) -> Iterator[int]:
    """First bases of windows that fill each part from its first base on."""
    for part in parts:
        yield from range(part.start, part.end - width + 1, width)
