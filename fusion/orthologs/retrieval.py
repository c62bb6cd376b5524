"""Retrieval of the right ortholog: a gene of one species looks for itself among the genes of another.

Under the null vectors do not know which gene they are of, so that the names of the genes of every species may be
permuted. Names change places within a species, one permutation for all encoders that are compared.
"""

# ruff: noqa: F722

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray
from scipy.stats import rankdata

from fusion.arrays import Matrix
from fusion.errors import InputError
from fusion.orthologs.distances import Metric, pairwise_distances
from fusion.permutation.p_values import permutation_p

Vectors = Sequence[Float64[np.ndarray, "n_genes _d"]]
Present = Bool[np.ndarray, "n_species n_genes"]
N_BOOTSTRAP = 2000


@dataclass(frozen=True, eq=False)
class Retrieval:
    """How well genes of one species find themselves in another, over all ordered pairs of species.

    Attributes
    ----------
    recall_null, mrr_null : float64 array, shape [n_permutations + 1]
        Share of genes whose nearest neighbour is the ortholog; mean reciprocal rank of the ortholog (among equally
        near genes the mean place). The identity first.
    reciprocal_ranks : float64 array, shape [n_genes]
        Mean over pairs of species; NaN for a gene that no pair shares.
    interval : float64 array, shape [2]
        95 % percentile bootstrap of the mean reciprocal rank over genes.
    chance : tuple of float
        Recall and mean reciprocal rank of a random order.
    n_queries : int
    """

    recall_null: Float64[np.ndarray, " n_draws"]
    mrr_null: Float64[np.ndarray, " n_draws"]
    reciprocal_ranks: Float64[np.ndarray, " n_genes"]
    interval: Float64[np.ndarray, " 2"]
    chance: tuple[float, float]
    n_queries: int

    @property
    def p(self) -> float:
        """One-sided p of the mean reciprocal rank, identity counted."""
        return float(permutation_p(self.mrr_null[:, np.newaxis])[0])

    @property
    def p_recall(self) -> float:
        """One-sided p of the recall, identity counted."""
        return float(permutation_p(self.recall_null[:, np.newaxis])[0])


def retrieval_test(
    vectors: Vectors,
    present: Present,
    *,
    metric: Metric = "cosine",
    n_permutations: int = 999,
    random_state: int = 0,
) -> Retrieval:
    """Rank every gene's ortholog among all genes of another species, and test it by permuting names.

    Parameters
    ----------
    vectors : sequence of float64 array, one a species, each [n_genes, d]
        Rows of the same genes in the same order; rows of genes that are not present are not read.
    present : bool array, shape [n_species, n_genes]
    metric : {"cosine", "euclidean"}
    n_permutations, random_state : int
        The same seed gives the same permutations for every encoder.

    Raises
    ------
    InputError
        No pair of species shares a gene among two or more.

    Examples
    --------
    >>> import numpy as np
    >>> genes = np.random.default_rng(0).standard_normal((7, 5))
    >>> found = retrieval_test([genes, genes + 0.01], np.ones((2, 7), dtype=bool), n_permutations=99)
    >>> float(found.mrr_null[0]), found.p
    (1.0, 0.01)
    """
    names = _permuted_names(present, n_permutations, np.random.default_rng(random_state))
    recall, reciprocal = np.zeros(n_permutations + 1), np.zeros(n_permutations + 1)
    of_gene, n_of_gene = np.zeros(present.shape[1]), np.zeros(present.shape[1])
    chance, n_queries = np.zeros(2), 0
    for one, other in _pairs(present):
        ranks = _ranks(vectors, present, (one, other), metric)
        right = _right_ones(names[one], names[other], present.shape[1])  # [n_draws, n_of_one], -1: not there
        there = right >= 0
        found = ranks[np.arange(len(ranks)), np.where(there, right, 0)]
        recall += ((found == 1) & there).sum(axis=1)
        reciprocal += np.where(there, 1 / found, 0.0).sum(axis=1)
        genes, n_here = np.flatnonzero(present[one])[there[0]], int(there[0].sum())
        of_gene[genes] += 1 / found[0, there[0]]
        n_of_gene[genes] += 1
        chance += n_here * _chance(ranks.shape[1])
        n_queries += n_here
    if not n_queries:
        raise InputError("Retrieval needs a gene that two species share, among two genes or more; there is none.")
    by_gene = np.divide(of_gene, n_of_gene, out=np.full(len(of_gene), np.nan), where=n_of_gene > 0)
    return Retrieval(
        recall_null=recall / n_queries,
        mrr_null=reciprocal / n_queries,
        reciprocal_ranks=by_gene,
        interval=_interval(of_gene, n_of_gene, random_state),
        chance=(float(chance[0] / n_queries), float(chance[1] / n_queries)),
        n_queries=n_queries,
    )


def _permuted_names(present: Present, n: int, rng: np.random.Generator) -> list[Int64[np.ndarray, "n_draws _n"]]:
    """Of every species, names of its genes under every permutation, the identity first."""
    genes = [np.flatnonzero(row) for row in present]
    draws = [rng.permuted(np.tile(own, (n, 1)), axis=1) for own in genes]
    return [np.vstack([own, drawn]) for own, drawn in zip(genes, draws, strict=True)]


def _pairs(present: Present) -> Iterator[tuple[int, int]]:
    """Ordered pairs of species that share genes, the second with two genes or more."""
    for one in range(len(present)):
        for other in range(len(present)):
            if one != other and (present[one] & present[other]).any() and present[other].sum() > 1:
                yield one, other


def _ranks(vectors: Vectors, present: Present, pair: tuple[int, int], metric: Metric) -> Matrix:
    """Place of every gene of the second species for every gene of the first, 1 the nearest; ties share their mean."""
    one, other = (vectors[species][present[species]].astype(np.float64) for species in pair)
    ranks: Matrix = rankdata(pairwise_distances(one, other, metric), axis=1)
    return ranks


def _right_ones(
    names: NDArray[np.int64], others: NDArray[np.int64], n_genes: int
) -> Int64[np.ndarray, "n_draws n_queries"]:
    """Position, among the other species' genes, of the one that bears a gene's name; -1 where none does."""
    draws = np.arange(len(others))[:, np.newaxis]
    position = np.full((len(others), n_genes), -1)
    position[draws, others] = np.arange(others.shape[1])
    right: NDArray[np.int64] = position[draws, names]
    return right


def _chance(n: int) -> NDArray[np.float64]:
    return np.array([1 / n, (1 / np.arange(1, n + 1)).mean()])


def _interval(of_gene: Matrix, n_of_gene: Matrix, seed: int) -> NDArray[np.float64]:
    """Genes drawn with replacement, each with all its pairs of species."""
    known = n_of_gene > 0
    rng = np.random.default_rng([seed, 1])
    drawn = rng.integers(0, known.sum(), size=(N_BOOTSTRAP, known.sum()))
    means = of_gene[known][drawn].sum(axis=1) / n_of_gene[known][drawn].sum(axis=1)
    bounds: NDArray[np.float64] = np.quantile(means, (0.025, 0.975))
    return bounds


@dataclass(frozen=True, eq=False)
class GeneDifference:
    """Mean reciprocal rank of one encoder less that of another, over genes.

    Attributes
    ----------
    difference : float
    interval : float64 array, shape [2]
        95 % percentile bootstrap over genes.
    p, p_corrected : float
        Two-sided, by flipping the signs of genes, identity counted; corrected over the family by max-T.
    """

    difference: float
    interval: Float64[np.ndarray, " 2"]
    p: float
    p_corrected: float


def compare_retrievals(
    found: Mapping[str, Retrieval], baseline: str, *, n_permutations: int = 9999, random_state: int = 0
) -> dict[str, GeneDifference]:
    """Every encoder against one, gene by gene: where both are equally good, a gene's difference is as often positive.

    Parameters
    ----------
    found : mapping of name to Retrieval
        Of the same genes and species.
    baseline : str

    Returns
    -------
    dict of name to GeneDifference
        Without the baseline.

    References
    ----------
    Westfall & Young (1993), ISBN 978-0-471-55761-6; sign flips: Winkler et al. (2014),
    doi:10.1016/j.neuroimage.2014.01.060.
    """
    others = [name for name in found if name != baseline]
    if not others:
        return {}
    base = found[baseline].reciprocal_ranks
    differences = np.column_stack([found[name].reciprocal_ranks - base for name in others])
    differences = differences[np.isfinite(differences).all(axis=1)]
    scale = np.sqrt((differences**2).sum(axis=0))
    scaled = differences / np.where(scale > 0, scale, 1.0)  # equal encoders have no difference to test
    rng = np.random.default_rng([random_state, 2])
    signs = rng.integers(0, 2, size=(n_permutations, len(scaled))) * 2.0 - 1
    null = np.abs(np.vstack([np.ones(len(scaled)), signs]) @ scaled)
    drawn = rng.integers(0, len(differences), size=(N_BOOTSTRAP, len(differences)))
    intervals = np.quantile(differences[drawn].mean(axis=1), (0.025, 0.975), axis=0)
    alone = permutation_p(null)
    corrected = (null.max(axis=1)[:, np.newaxis] >= null[0] - 1e-12).mean(axis=0)
    return {
        name: GeneDifference(float(differences[:, i].mean()), intervals[:, i], float(alone[i]), float(corrected[i]))
        for i, name in enumerate(others)
    }
