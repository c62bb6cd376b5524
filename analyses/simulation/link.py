"""The planted link: copies of common exon haplotypes of a few genes, freed of ancestry."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from analyses.errors import InputError
from analyses.simulation.genome import Contig, Haplotypes
from encoders.genome.intervals import Gene

WEIGHTS = (1.0, 0.9, 0.8)  # of the standardised copies; one per planted gene
N_PLANTED = len(WEIGHTS)
FREQUENCIES = (0.15, 0.85)
MINIMUM_VARIANCE = 0.15  # of the copies, within populations; one half is the most that two equal haplotypes have


@dataclass(frozen=True)
class GeneHaplotypes:
    """Distinct haplotypes of a gene over its exonic variants.

    Attributes
    ----------
    gene : Gene
    dosages : int8 [n_subjects, n_haplotypes]
        Copies of each distinct haplotype, most common first; every row sums to 2.
    variants : tuple of tuple of str
        Per haplotype, its non-reference alleles as ``chrom:position:REF>ALT`` (1-based).
    """

    gene: Gene
    dosages: np.ndarray
    variants: tuple[tuple[str, ...], ...]


def exon_haplotypes(contig: Contig, haplotypes: Haplotypes) -> Iterator[GeneHaplotypes]:
    """Count, for each gene, the copies of its distinct exon haplotypes: straight from the simulated alleles."""
    for gene in contig.genes:
        inside = np.zeros(len(haplotypes.positions), dtype=bool)
        for exon in gene.exons:
            inside |= (haplotypes.positions >= exon.start) & (haplotypes.positions < exon.end)
        rows = inside.nonzero()[0]
        alleles = haplotypes.alleles[rows].reshape(len(rows), 2 * haplotypes.alleles.shape[1])
        distinct, inverse, counts = np.unique(alleles, axis=1, return_inverse=True, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        copies = np.zeros((alleles.shape[1], len(order)), dtype=np.int8)
        copies[np.arange(alleles.shape[1]), rank[inverse.ravel()]] = 1
        names = tuple(_name_variants(contig.name, haplotypes, rows, distinct[:, column]) for column in order)
        yield GeneHaplotypes(gene, copies[::2] + copies[1::2], names)


def _name_variants(chrom: str, haplotypes: Haplotypes, rows: np.ndarray, alleles: np.ndarray) -> tuple[str, ...]:
    return tuple(
        f"{chrom}:{haplotypes.positions[row] + 1}:{haplotypes.texts[row][0]}>{haplotypes.texts[row][allele]}"
        for row, allele in zip(rows, alleles, strict=True)
        if allele
    )


@dataclass(frozen=True)
class PlantedHaplotype:
    """One haplotype whose copies carry the link; ``rank`` 1 is the commonest of its gene."""

    gene: str
    rank: int
    frequency: float
    weight: float
    variants: tuple[str, ...]


def choose_haplotypes(
    genes: Iterable[GeneHaplotypes], populations: np.ndarray
) -> tuple[tuple[PlantedHaplotype, ...], np.ndarray]:
    """Take, from the genes where copies vary most within populations, the haplotype that does so.

    Returns
    -------
    planted : tuple of PlantedHaplotype
        In order of decreasing variance.
    score : float64 [n_subjects]
        Weighted sum of the copies, each centred within populations (so that ancestry carries none of it) and
        standardised; itself of unit variance.

    Raises
    ------
    InputError
        Fewer than three genes have a haplotype of frequency 0.15-0.85 that varies enough within populations.
    """
    candidates = [candidate for gene in genes if (candidate := _best_haplotype(gene, populations)) is not None]
    if len(candidates) < N_PLANTED:
        raise InputError(
            f"A planted link needs {N_PLANTED} genes with a common exon haplotype; {len(candidates)} came out of the "
            "simulation: raise n_genes or n_subjects, or take another seed."
        )
    candidates.sort(key=lambda candidate: -candidate[2].var())
    planted, score = [], np.zeros(len(populations))
    for (gene, rank, centred), weight in zip(candidates, WEIGHTS, strict=False):
        score += weight * centred / centred.std()
        frequency = float(gene.dosages[:, rank].mean() / 2)
        planted.append(PlantedHaplotype(gene.gene.gene_id, rank + 1, frequency, weight, gene.variants[rank]))
    return tuple(planted), score / score.std()


def _best_haplotype(gene: GeneHaplotypes, populations: np.ndarray) -> tuple[GeneHaplotypes, int, np.ndarray] | None:
    """Find the eligible haplotype whose copies vary most within populations: its rank and its centred copies."""
    frequencies = gene.dosages.mean(axis=0) / 2
    eligible = ((frequencies >= FREQUENCIES[0]) & (frequencies <= FREQUENCIES[1])).nonzero()[0]
    if not len(eligible):
        return None
    copies = gene.dosages[:, eligible].astype(np.float64)
    for population in np.unique(populations):
        copies[populations == population] -= copies[populations == population].mean(axis=0)
    best = int(copies.var(axis=0).argmax())
    return (gene, int(eligible[best]), copies[:, best]) if copies[:, best].var() >= MINIMUM_VARIANCE else None
