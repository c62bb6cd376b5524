"""Whether distances between vectors of orthologs follow the distances between their sequences.

Two questions, each with the permutation that answers it: which *genes* have diverged more, within a pair of species
(names of genes change places, the same in all pairs); and which *species* are farther apart, within a gene (a Mantel
test: names of species change places, the same in all genes, which share a tree and whatever an encoder makes of a
species).
"""

# ruff: noqa: F722

from dataclasses import dataclass
from itertools import combinations, permutations
from math import factorial

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray
from scipy.stats import rankdata

from fusion.arrays import Matrix

FEWEST_GENES = 4
_MOST_LISTED = 9
FEWEST_SPECIES = 4
"""With three, six orders of them are all there are, and no p is below 1/6."""

Distances = Float64[np.ndarray, "n_species n_species n_genes"]


@dataclass(frozen=True, eq=False)
class Divergence:
    """Spearman correlations of two sets of distances, and their null.

    Attributes
    ----------
    genes_null, species_null : float64 array, shape [n_draws], or None
        Mean over pairs of species of the correlation over genes; mean over genes of the correlation over pairs of
        species. Of the identity, first, and of ``n_permutations`` orders, or of all where these are fewer; None where
        it is not defined.
    genes_reason, species_reason : str or None
        Why it is not.
    """

    genes_null: Float64[np.ndarray, " n_draws"] | None
    species_null: Float64[np.ndarray, " n_species_draws"] | None
    genes_reason: str | None
    species_reason: str | None


def divergence_tests(
    vectors: Distances,
    sequences: Distances,
    present: Bool[np.ndarray, "n_species n_genes"],
    *,
    n_permutations: int = 999,
    random_state: int = 0,
) -> Divergence:
    """Correlate distances of vectors with distances of sequences, over genes and over species.

    Parameters
    ----------
    vectors, sequences : float64 array, shape [n_species, n_species, n_genes]
        Symmetric in the species; of a gene that not all species have nothing is read.
    present : bool array, shape [n_species, n_genes]
    n_permutations, random_state : int
        The same seed gives the same permutations for every encoder.

    References
    ----------
    Mantel (1967), Cancer Research 27:209-220; Legendre & Fortin (2010), doi:10.1111/j.1755-0998.2010.02866.x.
    """
    whole = present.all(axis=0)
    vectors, sequences = vectors[:, :, whole], sequences[:, :, whole]
    n_species, n_genes = len(vectors), int(whole.sum())
    pairs = np.array(list(combinations(range(n_species), 2)))
    rng = np.random.default_rng(random_state)
    genes = species = None
    if n_genes >= FEWEST_GENES:
        genes = _over_genes(vectors, sequences, pairs, _permuted(n_genes, n_permutations, rng))
    if n_species >= FEWEST_SPECIES and n_genes:
        species = _over_species(vectors, sequences, pairs, _permuted(n_species, n_permutations, rng))
    too_few = f"{n_genes} genes are there in all species, and it takes"
    return Divergence(
        genes_null=genes,
        species_null=species,
        genes_reason=None if genes is not None else f"{too_few} {FEWEST_GENES}",
        species_reason=None
        if species is not None
        else f"there are {n_species} species, and it takes {FEWEST_SPECIES}"
        if n_species < FEWEST_SPECIES
        else f"{too_few} one",
    )


def _permuted(n: int, n_permutations: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Orders of n things, the identity first, [n_permutations + 1, n]; all that there are, where these are fewer."""
    if n <= _MOST_LISTED and factorial(n) <= n_permutations + 1:
        return np.array(list(permutations(range(n))))
    return np.vstack([np.arange(n), rng.permuted(np.tile(np.arange(n), (n_permutations, 1)), axis=1)])


def _over_genes(
    vectors: Distances, sequences: Distances, pairs: NDArray[np.int64], orders: NDArray[np.int64]
) -> Matrix:
    one, other = pairs.T
    of_vectors, of_sequences = _scores(vectors[one, other]), _scores(sequences[one, other])  # [n_pairs, n_genes]
    found: Matrix = np.mean([a[orders] @ b for a, b in zip(of_vectors, of_sequences, strict=True)], axis=0)
    return found


def _over_species(
    vectors: Distances, sequences: Distances, pairs: NDArray[np.int64], orders: NDArray[np.int64]
) -> Matrix:
    one, other = pairs.T
    of_vectors, of_sequences = _scores(vectors[one, other].T), _scores(sequences[one, other].T)  # [n_genes, n_pairs]
    square = np.zeros((len(vectors), len(vectors), len(of_vectors)))
    square[one, other] = square[other, one] = of_vectors.T
    found: Matrix = np.array([(square[order[one], order[other]] * of_sequences.T).sum() for order in orders])
    return found / len(of_vectors)


def _scores(values: Matrix) -> Matrix:
    """Ranks of every row, centred, of length 1; zeros where all values of a row are equal."""
    ranks = rankdata(values, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(ranks, axis=1, keepdims=True)
    scores: Matrix = ranks / np.where(lengths > 0, lengths, 1.0)
    return scores
