"""Parts of ``experiments/species.json``: one gene in several species, as sequence and as vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import Interval

ArmKind = Literal["encoder", "baseline", "untrained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesRead:
    """What was read of one species: ``n_genes`` compared, ``n_turned`` of them to the first species' strand, the
    median length of these in bases."""

    name: str
    n_genes: int
    n_turned: int
    median_length: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthologRetrieval:
    """How well genes find their orthologs by the vectors of one encoder.

    Attributes
    ----------
    arm, arm_label : str
    kind : {"encoder", "baseline", "untrained"}
    reads_both_strands : bool
    n_queries : int
        Genes times ordered pairs of species.
    recall, mrr : float
        Share of genes whose nearest neighbour in the other species is the ortholog; mean reciprocal rank.
    interval : tuple of float
        95 % bootstrap of `mrr` over genes.
    chance_recall, chance_mrr, null_q95 : float
        Of a random order; the last is the 95 % point of `mrr` over permutations.
    p, p_corrected : float
        Of `mrr`, one-sided; corrected by max-T over encoders.
    """

    arm: str
    arm_label: str
    kind: ArmKind
    reads_both_strands: bool
    n_queries: int
    recall: float
    mrr: float
    interval: Interval
    chance_recall: float
    chance_mrr: float
    null_q95: float
    p: float
    p_corrected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthologDifference:
    """Mean reciprocal rank of one encoder less that of the k-mer spectrum; p two-sided by sign flips of genes,
    corrected by max-T over encoders."""

    arm: str
    arm_label: str
    difference: float
    interval: Interval
    p: float
    p_corrected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceTest:
    """Spearman correlation of distances between vectors with alignment distances.

    Attributes
    ----------
    question : {"genes", "species"}
        Which genes have diverged more, within pairs of species; which species are farther apart, within genes.
    reason : str or None
        Why it is not defined; everything below is None then.
    rho, null_q95, p, p_corrected : float or None
        p one-sided, corrected by max-T over encoders.
    """

    arm: str
    arm_label: str
    kind: ArmKind
    question: Literal["genes", "species"]
    reason: str | None = None
    rho: float | None = None
    null_q95: float | None = None
    p: float | None = None
    p_corrected: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthologPair:
    """One gene in two species: ``alignment`` distance (edits over the longer length), and ``vectors``, the distance by
    every arm."""

    gene: str
    first: str
    second: str
    alignment: float
    vectors: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesResult:
    """``experiments/species.json``.

    Attributes
    ----------
    species : tuple of SpeciesRead
    n_genes : int
        Genes that two species or more have.
    window : int
        Bases.
    distance : {"cosine", "euclidean"}
    left_out : tuple of str
        Genes and encoders that took no part, in sentences.
    retrievals : tuple of OrthologRetrieval
    differences : tuple of OrthologDifference
        Every encoder less the k-mer spectrum.
    divergences : tuple of DivergenceTest
    pairs : tuple of OrthologPair
        What was compared, gene by gene.
    """

    species: tuple[SpeciesRead, ...]
    n_genes: int
    window: int
    distance: str
    left_out: tuple[str, ...]
    retrievals: tuple[OrthologRetrieval, ...]
    differences: tuple[OrthologDifference, ...]
    divergences: tuple[DivergenceTest, ...]
    pairs: tuple[OrthologPair, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row an encoder that retrieves, one that differs from the k-mer spectrum, one that follows divergence."""
        return long_tables(
            retrieval=[cells(one) for one in self.retrievals],
            retrieval_differences=[cells(one) for one in self.differences],
            divergence=[cells(one) for one in self.divergences],
        )
