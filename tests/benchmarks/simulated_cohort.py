"""A cohort of any size in the files of a real one: genotypes as BCF and as PGEN, gene by gene, and tables.

Genomes are drawn as the demo draws them, but every gene by itself, and only its exons have records, as those of an
exome: the genotypes of one gene are all that is ever held.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.simulation.brain import simulate_latent, simulate_participants, simulate_thickness
from analyses.simulation.files import write_fasta, write_gtf
from analyses.simulation.genome import (
    GENE_RECOMBINATION,
    MUTATION_RATE,
    N_COMPONENTS,
    POPULATIONS,
    Haplotypes,
    Pedigree,
    make_reference,
    out_of_africa,
    place_genes,
    with_indels,
)
from encoders.genome.intervals import Gene
from encoders.publishing import published_folder
from tests.benchmarks.genotype_files import GenotypeFiles

if TYPE_CHECKING:
    import pandas as pd

N_GENES = 56
LINK_STRENGTH = 0.3
_BASES = "ACGT"
_NO_SITES = Haplotypes(np.empty(0, np.int64), (), np.empty((0, 0, 2), np.int8))


def write_cohort(folder: Path, n_subjects: int, *, n_genes: int = N_GENES, seed: int = 0) -> int:
    """Write reference, annotation, genotypes, participants and a brain table; the folder appears whole or not at all.

    Nobody is related, and populations are mixed in the order of the subjects. Some brain features follow the copies of
    one allele of every gene, so that there is a component to be tested after the first.

    Returns
    -------
    int
        Records of either genotype file.
    """
    layout, genome, people, brain = (np.random.default_rng(one) for one in np.random.SeedSequence(seed).spawn(4))
    populations = people.choice(list(POPULATIONS), n_subjects, p=list(POPULATIONS.values()))
    contigs = place_genes(n_genes, layout)
    references = {contig.name: make_reference(contig, _NO_SITES, layout) for contig in contigs}
    with published_folder(folder) as fresh:
        participants = _simulate_participants(populations, people)
        subject_ids = participants["subject_id"].tolist()
        score, n_records = np.zeros(n_subjects), 0
        with GenotypeFiles(fresh, subject_ids, contigs) as genotypes:
            for contig in contigs:
                for gene in contig.genes:
                    haplotypes = simulate_exons(gene, references[contig.name], populations, genome)
                    genotypes.add(contig.name, haplotypes)
                    n_records += len(haplotypes.positions)
                    score += _most_variable(haplotypes)
        write_fasta(fresh / "reference.fa", references)
        write_gtf(fresh / "genes.gtf", contigs)
        latent = simulate_latent(score / score.std(), LINK_STRENGTH, brain)
        simulate_thickness(participants, populations, latent, brain).to_parquet(fresh / "brain.parquet", index=False)
        participants.to_csv(fresh / "participants.tsv", sep="\t", index=False, lineterminator="\n")
    return n_records


def _simulate_participants(populations: np.ndarray, rng: np.random.Generator) -> "pd.DataFrame":
    """Covariates as the demo has them; ancestry components that tell populations apart, with noise of their own."""
    names, codes = np.unique(populations, return_inverse=True)
    centres = rng.normal(size=(len(names), N_COMPONENTS))
    components = centres[codes] + 0.1 * rng.normal(size=(len(populations), N_COMPONENTS))
    unrelated = Pedigree(populations, np.empty((0, 2), np.int64))
    return simulate_participants(unrelated, components, np.arange(len(populations)), rng)


def simulate_exons(gene: Gene, reference: str, populations: np.ndarray, rng: np.random.Generator) -> Haplotypes:
    """Haplotypes of one gene from the demo's coalescent: variable sites of its exons, a row for each population named.

    Parameters
    ----------
    reference : str
        The whole contig.
    populations : str [n_subjects]
    """
    import msprime

    names, codes, sizes = np.unique(populations, return_inverse=True, return_counts=True)
    trees = msprime.sim_ancestry(
        [msprime.SampleSet(int(size), population=str(name)) for name, size in zip(names, sizes, strict=True)],
        demography=out_of_africa(),
        sequence_length=len(gene.interval),
        recombination_rate=GENE_RECOMBINATION,
        random_seed=_seed(rng),
    )
    start = gene.interval.start
    exons = sorted((exon.start - start, exon.end - start) for exon in gene.exons)
    trees = trees.keep_intervals(exons, simplify=False)
    trees = msprime.sim_mutations(trees, rate=MUTATION_RATE, model=msprime.JC69(), random_seed=_seed(rng))
    rows = np.empty(len(codes), np.int64)
    rows[np.argsort(codes, kind="stable")] = np.arange(len(codes))
    positions = start + trees.sites_position.astype(np.int64)
    alleles = np.empty((len(positions), len(codes), 2), np.int8)
    texts = []
    for site, variant in enumerate(trees.variants()):
        alleles[site] = variant.genotypes.reshape(-1, 2)[rows]
        texts.append(tuple(_relabelled(variant.alleles, reference[positions[site]])))
    return with_indels(Haplotypes(positions, tuple(texts), alleles), reference, rng)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 2**31))


def _relabelled(letters: Sequence[str], ancestral: str) -> Iterator[str]:
    """The same alleles with the reference's base as the ancestral one: by JC69 all bases are alike."""
    shift = _BASES.index(ancestral) - _BASES.index(letters[0])
    return (_BASES[(_BASES.index(letter) + shift) % len(_BASES)] for letter in letters)


def _most_variable(haplotypes: Haplotypes) -> np.ndarray:
    """Standardised copies of the alternate alleles of the site where they are nearest to one half [n_subjects]."""
    n_copies = np.count_nonzero(haplotypes.alleles, axis=(1, 2))
    site = np.abs(n_copies / haplotypes.alleles[0].size - 0.5).argmin()
    copies = np.count_nonzero(haplotypes.alleles[site], axis=1)
    return np.asarray((copies - copies.mean()) / copies.std())
