"""Simulated genomes: genes on contigs, and haplotypes from a coalescent with population structure and families."""

from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING

import numpy as np

from encoders.genome.intervals import Gene, Interval

if TYPE_CHECKING:
    import msprime

POPULATIONS = {"EUR": 0.5, "AFR": 0.3, "EAS": 0.2}  # shares of the cohort
FAMILY_SHARE = 1 / 32  # families of two siblings per subject: 20 in 640
MUTATION_RATE = 1.25e-8  # per base and generation
GENE_RECOMBINATION = 1e-8  # Morgan per base
GAP_RECOMBINATION = 3e-7  # hotspots between genes stand in for the long distances between the genes of a real panel
MARKER_RECOMBINATION = 1e-7
MARKER_LENGTH = 1_000_000
MINIMUM_MARKER_FREQUENCY = 0.05
GAP_LENGTH = 10_000
GENE_LENGTHS = (5_000, 20_000)
EXON_LENGTHS = (120, 900)
EXON_COUNTS = (3, 6)
GC_CONTENT, EXON_GC_CONTENT = 0.41, 0.52
PAIRS = (b"GC", b"AT")
INDEL_SHARE, DELETION_SHARE, MAXIMUM_INDEL = 0.12, 0.6, 8
N_COMPONENTS = 5
_CONTIGS = ("1", "2")


@dataclass(frozen=True)
class Contig:
    """One simulated chromosome: its name, its length in bases and its genes in order of position."""

    name: str
    length: int
    genes: tuple[Gene, ...]


@dataclass(frozen=True)
class Haplotypes:
    """Phased genotypes of one contig.

    Attributes
    ----------
    positions : int64 [n_sites]
        0-based, increasing.
    texts : tuple of tuple of str
        The alleles of each site as VCF writes them, the reference (ancestral) one first.
    alleles : int8 [n_sites, n_subjects, 2]
        Indices into ``texts``.
    """

    positions: np.ndarray
    texts: tuple[tuple[str, ...], ...]
    alleles: np.ndarray


@dataclass(frozen=True)
class Pedigree:
    """Who descends from whom; rows are subjects, simulated founders take the same rows.

    Attributes
    ----------
    populations : str [n_subjects]
        Population of each row, in blocks in the order of ``POPULATIONS``.
    siblings : int64 [n_families, 2]
        Rows of two siblings. The founders simulated in these rows are their parents, who are not in the cohort.
    """

    populations: np.ndarray
    siblings: np.ndarray

    @property
    def families(self) -> np.ndarray:
        """Family number of each row [n_subjects]; siblings share one."""
        numbers = np.arange(len(self.populations))
        numbers[self.siblings[:, 1]] = self.siblings[:, 0]
        return numbers


def place_genes(n_genes: int, rng: np.random.Generator) -> tuple[Contig, ...]:
    """Lay genes out on two contigs, on alternating strands, with gaps on both sides of each."""
    contigs = []
    for name, indices in zip(_CONTIGS, np.array_split(np.arange(n_genes), len(_CONTIGS)), strict=True):
        start, genes = GAP_LENGTH, []
        for index in indices:
            gene = _place_gene(f"SIMG{index + 1:02d}", name, start, "+-"[index % 2], rng)
            genes.append(gene)
            start = gene.interval.end + GAP_LENGTH
        contigs.append(Contig(name, start, tuple(genes)))
    return tuple(contigs)


def _place_gene(name: str, chrom: str, start: int, strand: str, rng: np.random.Generator) -> Gene:
    """Cut a gene into exons of unequal size; exons begin and end it, introns share what is left at random."""
    length = int(rng.integers(*GENE_LENGTHS, endpoint=True))
    n_exons = int(rng.integers(*EXON_COUNTS, endpoint=True))
    exon_lengths = np.exp(rng.uniform(log(EXON_LENGTHS[0]), log(EXON_LENGTHS[1]), size=n_exons)).astype(int)
    shares = rng.dirichlet(np.full(n_exons - 1, 4.0))
    introns = np.maximum(60, np.floor((length - exon_lengths.sum()) * shares)).astype(int)
    starts = start + np.concatenate([[0], np.cumsum(exon_lengths[:-1] + introns)])
    exons = [Interval(chrom, int(s), int(s + n), strand) for s, n in zip(starts, exon_lengths, strict=True)]
    body = Interval(chrom, exons[0].start, exons[-1].end, strand)
    ordered = tuple(exons if strand == "+" else reversed(exons))
    return Gene(name, name, body, ordered, f"{name}-201")


def make_reference(contig: Contig, haplotypes: Haplotypes, rng: np.random.Generator) -> str:
    """Draw the bases of a contig, richer in GC within exons, with the ancestral allele at every variable site."""
    gc = np.full(contig.length, GC_CONTENT)
    for gene in contig.genes:
        for exon in gene.exons:
            gc[exon.start : exon.end] = EXON_GC_CONTENT
    strong = rng.random(contig.length) < gc
    bases = np.where(strong, *(np.frombuffer(pair, dtype="S1")[rng.integers(2, size=contig.length)] for pair in PAIRS))
    bases[haplotypes.positions] = [texts[0].encode() for texts in haplotypes.texts]
    return bytes(bases.tobytes()).decode()


def with_indels(haplotypes: Haplotypes, reference: str, rng: np.random.Generator) -> Haplotypes:
    """Turn some two-allele sites into insertions or deletions of 1-8 bases, anchored and left-aligned as VCF asks."""
    texts = list(haplotypes.texts)
    for site in (rng.random(len(texts)) < INDEL_SHARE).nonzero()[0]:
        position, length = int(haplotypes.positions[site]), min(int(rng.geometric(0.4)), MAXIMUM_INDEL)
        anchor, following = reference[position], reference[position + 1 : position + 1 + length]
        if len(texts[site]) > 2 or len(following) < length:
            continue
        if rng.random() < DELETION_SHARE:
            alleles = (anchor + following, anchor)
        else:
            alleles = (anchor, anchor + "".join(rng.choice(list("ACGT"), size=length)))
        if max(alleles, key=len)[-1] != anchor:  # otherwise the same change could be written further to the left
            texts[site] = alleles
    return replace(haplotypes, texts=tuple(texts))


def make_pedigree(n_subjects: int) -> Pedigree:
    """Share the rows out to populations, and the first rows of each to families of two siblings."""
    ends = np.round(np.cumsum(list(POPULATIONS.values())) * n_subjects).astype(int)
    sizes = np.diff(ends, prepend=0)
    populations = np.repeat(list(POPULATIONS), sizes)
    first = [
        start + 2 * family
        for start, size in zip(ends - sizes, sizes, strict=True)
        for family in range(round(size * FAMILY_SHARE))
    ]
    return Pedigree(populations, np.column_stack([first, np.add(first, 1)]).astype(np.int64))


def simulate_contig(contig: Contig, pedigree: Pedigree, rng: np.random.Generator) -> Haplotypes:
    """Draw the haplotypes of a contig: little recombination within genes, hotspots between them."""
    import msprime

    bounds = [0, *(edge for gene in contig.genes for edge in (gene.interval.start, gene.interval.end)), contig.length]
    rates = [GENE_RECOMBINATION if index % 2 else GAP_RECOMBINATION for index in range(len(bounds) - 1)]
    return _simulate(msprime.RateMap(position=bounds, rate=rates), pedigree, rng)


def ancestry_components(pedigree: Pedigree, rng: np.random.Generator) -> np.ndarray:
    """Leading components of common markers elsewhere in the genome, as a genotyping array gives them.

    Fitted on one subject per family and applied to all, so that relatives do not make components of their own.

    Returns
    -------
    components : float64 [n_subjects, 5]
        Unit variance over the subjects of the fit; each component's largest loading is positive.
    """
    import msprime

    from fusion.parallel import one_blas_thread

    markers = _simulate(msprime.RateMap.uniform(MARKER_LENGTH, MARKER_RECOMBINATION), pedigree, rng)
    dosages = (markers.alleles > 0).sum(axis=2).T.astype(np.float64)
    frequencies = dosages.mean(axis=0) / 2
    common = np.minimum(frequencies, 1 - frequencies) >= MINIMUM_MARKER_FREQUENCY
    dosages = dosages[:, common]
    one_per_family = pedigree.families == np.arange(len(dosages))
    standardised = (dosages - dosages[one_per_family].mean(axis=0)) / dosages[one_per_family].std(axis=0)
    fitted = standardised[one_per_family]
    with one_blas_thread():  # several wait for one another longer than this takes, and give other last bits
        # of 600 subjects by 10,000 markers, the subjects' side is the small one
        squares, scores = np.linalg.eigh(fitted @ fitted.T)
        loadings = (scores[:, : -N_COMPONENTS - 1 : -1] / np.sqrt(squares[: -N_COMPONENTS - 1 : -1])).T @ fitted
        loadings *= np.sign(loadings[np.arange(len(loadings)), np.abs(loadings).argmax(axis=1)])[:, None]
        return np.asarray(standardised @ loadings.T / (fitted @ loadings.T).std(axis=0))


def _simulate(rates: "msprime.RateMap", pedigree: Pedigree, rng: np.random.Generator) -> Haplotypes:
    import msprime

    sizes = {name: int(np.sum(pedigree.populations == name)) for name in POPULATIONS}
    trees = msprime.sim_ancestry(
        [msprime.SampleSet(size, population=name) for name, size in sizes.items()],
        demography=out_of_africa(),
        recombination_rate=rates,
        random_seed=_seed(rng),
    )
    trees = msprime.sim_mutations(trees, rate=MUTATION_RATE, model=msprime.JC69(), random_seed=_seed(rng))
    sites = [(int(v.site.position), tuple(v.alleles), v.genotypes.copy()) for v in trees.variants()]
    positions = np.array([site[0] for site in sites])
    founders = np.array([site[2] for site in sites], dtype=np.int8).reshape(len(sites), -1, 2)
    alleles = _transmit(founders, positions, pedigree, rates, rng)
    return _only_variable(positions, [site[1] for site in sites], alleles)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 2**31))


def _transmit(
    founders: np.ndarray, positions: np.ndarray, pedigree: Pedigree, rates: "msprime.RateMap", rng: np.random.Generator
) -> np.ndarray:
    """Put two children in the rows of their parents; each child gets one recombined gamete of either parent."""
    alleles = founders.copy()
    for pair in pedigree.siblings:
        for child in pair:
            for side, parent in enumerate(pair):
                alleles[:, child, side] = _gamete(founders[:, parent], positions, rates, rng)
    return alleles


def _gamete(
    parent: np.ndarray, positions: np.ndarray, rates: "msprime.RateMap", rng: np.random.Generator
) -> np.ndarray:
    """Switch between a parent's haplotypes [n_sites, 2] at crossovers drawn from the genetic map."""
    crossovers = np.sort(rng.uniform(0, rates.total_mass, size=rng.poisson(rates.total_mass)))
    before = np.searchsorted(crossovers, rates.get_cumulative_mass(positions))
    side = (rng.integers(2) + before) % 2
    return np.asarray(np.take_along_axis(parent, side[:, None], axis=1)[:, 0])


def _only_variable(positions: np.ndarray, texts: list[tuple[str, ...]], alleles: np.ndarray) -> Haplotypes:
    """Leave out sites where nobody in the cohort differs from the reference: parents took those variants along."""
    keep = np.flatnonzero((alleles > 0).any(axis=(1, 2)))
    return Haplotypes(positions[keep], tuple(texts[site] for site in keep), alleles[keep])


def out_of_africa() -> "msprime.Demography":
    """Three populations with the sizes, splits and migration of Gravel et al. 2011, doi:10.1073/pnas.1019276108."""
    import msprime

    demography = msprime.Demography()
    demography.add_population(name="AFR", initial_size=14_474, initially_active=True)
    demography.add_population(name="EUR", initial_size=34_039, growth_rate=0.0038)
    demography.add_population(name="EAS", initial_size=45_852, growth_rate=0.0048)
    demography.add_population(name="OOA", initial_size=1_861)
    demography.set_symmetric_migration_rate(["AFR", "EUR"], 2.5e-5)
    demography.set_symmetric_migration_rate(["AFR", "EAS"], 0.78e-5)
    demography.set_symmetric_migration_rate(["EUR", "EAS"], 3.11e-5)
    demography.add_population_split(time=920, derived=["EUR", "EAS"], ancestral="OOA")
    demography.add_symmetric_migration_rate_change(time=920, populations=["AFR", "OOA"], rate=15e-5)
    demography.add_population_split(time=2_040, derived=["OOA"], ancestral="AFR")
    demography.add_population_parameters_change(time=5_920, population="AFR", initial_size=7_310)
    return demography
