"""Promoters against background, and first exons against later ones."""

from collections.abc import Iterator

import numpy as np

from encoders.training.tasks.candidates import Candidate, Source, draw_starts

PROMOTER_CLASSES = ("background", "promoter")
FIRST_EXON_CLASSES = ("later exon", "first exon")

UPSTREAM = 5 / 6
"""Share of a promoter's window before the transcription start: 250 of 300 bases."""

AWAY = 1000
"""Bases between the background and any transcription start."""


def promoter_candidates(source: Source, rng: np.random.Generator) -> Iterator[Candidate]:
    """Windows over transcription starts, and windows of the same chromosomes away from all starts.

    Parameters
    ----------
    source : Source
    rng : numpy.random.Generator

    References
    ----------
    Window as in the GUE benchmark (Zhou et al. 2024, doi:10.48550/arXiv.2306.15006) and EPDnew (Dreos et al. 2013,
    doi:10.1093/nar/gks1233): 249 bases before the start to 50 after it.
    """
    before = round(source.window * UPSTREAM)
    for gene in source.genes():
        body, first = gene.interval, gene.exons[0]
        start = first.end - (source.window - before) if body.strand == "-" else first.start - before
        found = source.placed(1, gene, start)
        if found is None:
            continue
        yield found
        last = source.reference.contigs[body.chrom] - source.window
        for place in draw_starts(0, last + 1, source.pool, rng):
            drawn = source.placed(0, gene, place)
            if drawn is not None and not source.annotated.is_near_start(drawn.interval, AWAY):
                yield drawn._replace(gene="")


def first_exon_candidates(source: Source, rng: np.random.Generator) -> Iterator[Candidate]:
    """The first bases of the first exon of genes with several exons, and of each of their later exons.

    Where an exon is shorter than the window, what follows it on the genome is read on.

    Parameters
    ----------
    source : Source
    rng : numpy.random.Generator
        Not used: every exon is a candidate.
    """
    for gene in source.genes():
        if len(gene.exons) < 2:
            continue
        for rank, exon in enumerate(gene.exons):
            start = exon.end - source.window if gene.interval.strand == "-" else exon.start
            found = source.placed(int(rank == 0), gene, start)
            if found is not None:
                yield found
