"""Simulated orthologs: the genes of the reference, as other species along a small tree have them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from analyses.simulation.files import write_records
from analyses.simulation.genome import Contig
from encoders.genome.sequences import reverse_complement

FOLDER = "orthologs"
HOME = "home"
#: The tree, ((home, sister), (cousin, outgroup)): parent and length of the branch in substitutions per site.
TREE: dict[str, tuple[str, float]] = {
    "sister": (HOME, 0.05),
    "fork": (HOME, 0.08),
    "cousin": ("fork", 0.10),
    "outgroup": ("fork", 0.22),
}
SPECIES = (HOME, "sister", "cousin", "outgroup")
RATE_SHAPE = 2.0  # of the gamma distribution of genes' own rates, mean 1
INDELS_PER_SUBSTITUTION = 0.08
INDEL_CONTINUES = 0.6  # probability of each further base
TURNED_SHARE = 0.3  # of the cousin's genes that are written down on the other strand
_BASES = np.frombuffer(b"ACGT", np.uint8)


def gene_sequences(contigs: Sequence[Contig], references: Mapping[str, str]) -> dict[str, str]:
    """Exons of every gene, joined 5' to 3'."""
    return {gene.gene_id: _joined(gene.exons, references[gene.interval.chrom]) for c in contigs for gene in c.genes}


def _joined(exons: Sequence, reference: str) -> str:  # type: ignore[type-arg]
    parts = (reference[exon.start : exon.end] for exon in exons)
    return "".join(reverse_complement(part) if exons[0].strand == "-" else part for part in parts)


def simulate_orthologs(genes: Mapping[str, str], rng: np.random.Generator) -> dict[str, dict[str, str]]:
    """Mutate every gene along the tree, at a rate of its own: substitutions by Jukes and Cantor, and some indels.

    Parameters
    ----------
    genes : mapping of gene to sequence
        Of the home species.

    Returns
    -------
    dict of species to dict of gene to sequence
        Some of the cousin's genes lie on the other strand, as in files of real assemblies.
    """
    made: dict[str, dict[str, str]] = {name: {} for name in (HOME, *TREE)}
    for gene, bases in genes.items():
        rate = rng.gamma(RATE_SHAPE, 1 / RATE_SHAPE)
        made[HOME][gene] = bases
        for child, (parent, length) in TREE.items():
            made[child][gene] = _mutate(made[parent][gene], rate * length, rng)
    for gene, bases in made["cousin"].items():
        if rng.random() < TURNED_SHARE:
            made["cousin"][gene] = reverse_complement(bases)
    return {name: made[name] for name in SPECIES}


def _mutate(bases: str, length: float, rng: np.random.Generator) -> str:
    codes = np.searchsorted(_BASES, np.frombuffer(bases.encode(), np.uint8))
    differs = rng.random(len(codes)) < 0.75 * (1 - np.exp(-4 / 3 * length))
    codes = np.where(differs, (codes + rng.integers(1, 4, len(codes))) % 4, codes)
    text = _BASES[codes].tobytes().decode()
    return "".join(_with_indels(text, rng.random(len(codes)) < INDELS_PER_SUBSTITUTION * length, rng))


def _with_indels(text: str, at: np.ndarray, rng: np.random.Generator) -> Iterator[str]:
    """Parts of a sequence, at some places of which bases are lost or gained."""
    begin = 0
    for place in np.flatnonzero(at):
        if place < begin:
            continue
        n = int(rng.geometric(1 - INDEL_CONTINUES))
        yield text[begin:place]
        if rng.random() < 0.5:
            yield _BASES[rng.integers(0, 4, n)].tobytes().decode()
            begin = int(place)
        else:
            begin = int(place) + n
    yield text[begin:]


def write_orthologs(
    folder: Path, contigs: Sequence[Contig], references: Mapping[str, str], rng: np.random.Generator
) -> None:
    """Write one FASTA a species into a folder, its records named by gene."""
    folder.mkdir()
    for species, genes in simulate_orthologs(gene_sequences(contigs, references), rng).items():
        write_records(folder / f"{species}.fa", genes)
