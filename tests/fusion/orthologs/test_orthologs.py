"""Retrieval and divergence: by hand, where there is an answer, and where there is none."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, kstest, spearmanr

from fusion import InputError
from fusion.orthologs import compare_retrievals, divergence_tests, pairwise_distances, retrieval_test

G, D, S = 11, 5, 3
ALL = np.ones((S, G), dtype=bool)


def _species(seed: int, noise: float) -> list[Any]:
    """Vectors of the same genes in several species, [n_genes, d] each."""
    rng = np.random.default_rng(seed)
    genes = rng.standard_normal((G, D))
    return [genes + noise * rng.standard_normal((G, D)) for _ in range(S)]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_ranks_are_those_by_hand(metric: Any) -> None:
    vectors, ranks = _species(0, 0.8), []
    for one, other in permutations(range(S), 2):
        distances = pairwise_distances(vectors[one], vectors[other], metric)
        ranks += [1 + int((row < row[gene]).sum()) for gene, row in enumerate(distances)]
    found = retrieval_test(vectors, ALL, metric=metric, n_permutations=19)
    assert found.mrr_null[0] == pytest.approx(np.mean([1 / rank for rank in ranks]))
    assert found.recall_null[0] == pytest.approx(np.mean([rank == 1 for rank in ranks]))
    assert found.chance == (pytest.approx(1 / G), pytest.approx(np.mean(1 / np.arange(1, G + 1))))
    assert found.n_queries == S * (S - 1) * G
    assert np.nanmean(found.reciprocal_ranks) == pytest.approx(found.mrr_null[0])
    assert found.interval[0] < found.mrr_null[0] < found.interval[1]


def test_orthologs_are_found_and_strangers_are_not() -> None:
    near = retrieval_test(_species(1, 0.3), ALL, n_permutations=199)
    assert near.p == near.p_recall == 1 / 200
    assert near.recall_null[0] > 0.8
    assert abs(near.mrr_null[1:].mean() - near.chance[1]) < 0.01
    equal = retrieval_test([np.ones((G, D))] * S, ALL, n_permutations=19)  # all tied: the middle of all places
    assert equal.mrr_null[0] == pytest.approx(2 / (G + 1))
    assert equal.p == 1


def test_p_is_uniform_where_vectors_know_no_gene() -> None:
    draws = [np.random.default_rng(seed).standard_normal((S, G, D)) for seed in range(80)]
    p = [retrieval_test([*draw], ALL, n_permutations=59, random_state=i).p for i, draw in enumerate(draws)]
    assert kstest(p, "uniform").pvalue > 0.01


def test_genes_that_a_species_lacks_are_no_query_and_no_candidate() -> None:
    vectors, present = _species(2, 0.5), ALL.copy()
    present[1, 3] = present[2, [0, 5]] = False
    for species, row in zip(vectors, present, strict=True):
        species[~row] = np.nan  # never read
    found = retrieval_test(vectors, present, n_permutations=19)
    shared = sum(int((present[a] & present[b]).sum()) for a, b in permutations(range(S), 2))
    assert found.n_queries == shared
    assert np.isfinite(found.mrr_null).all()
    alone = ALL.copy()
    alone[1:, 4] = False
    assert np.flatnonzero(np.isnan(retrieval_test(vectors[:1] * 3, alone, n_permutations=19).reciprocal_ranks)) == [4]
    with pytest.raises(InputError, match="a gene that two species share, among two genes or more"):
        retrieval_test(vectors, np.eye(S, G, dtype=bool))


def test_encoders_are_compared_gene_by_gene() -> None:
    found = {
        name: retrieval_test(_species(3, noise), ALL, n_permutations=19)
        for name, noise in (("kmer", 1.2), ("better", 0.1), ("same", 1.2))
    }
    differences = compare_retrievals(found, "kmer", n_permutations=999)
    assert list(differences) == ["better", "same"]
    better, same = differences.values()
    assert better.difference == pytest.approx(found["better"].mrr_null[0] - found["kmer"].mrr_null[0])
    assert better.interval[0] > 0
    assert better.p <= better.p_corrected < 0.05
    assert (same.difference, same.p_corrected) == (0.0, 1.0)
    assert compare_retrievals({"kmer": found["kmer"]}, "kmer") == {}


def _distances(seed: int, link: float) -> tuple[Any, Any]:
    """Distances of vectors and of sequences, [n_species, n_species, n_genes], linked over genes and over species."""
    rng = np.random.default_rng(seed)
    species = 4
    sequences = rng.gamma(2, size=(species, species, 1)) + rng.gamma(2, size=(1, 1, G)) + 0.2 * rng.random((4, 4, G))
    vectors = link * sequences + rng.standard_normal((species, species, G))
    both = [np.triu(part.transpose(2, 0, 1), 1).transpose(1, 2, 0) for part in (vectors, sequences)]
    return both[0] + both[0].transpose(1, 0, 2), both[1] + both[1].transpose(1, 0, 2)


def test_correlations_are_means_of_spearmans() -> None:
    vectors, sequences = _distances(0, 1.0)
    found = divergence_tests(vectors, sequences, np.ones((4, G), dtype=bool), n_permutations=199)
    one, other = np.triu_indices(4, 1)
    assert found.genes_null is not None
    assert found.species_null is not None
    over_genes = [spearmanr(a, b).statistic for a, b in zip(vectors[one, other], sequences[one, other], strict=True)]
    over_species = [spearmanr(vectors[one, other, g], sequences[one, other, g]).statistic for g in range(G)]
    assert found.genes_null[0] == pytest.approx(np.mean(over_genes))
    assert found.species_null[0] == pytest.approx(np.mean(over_species))
    for null in (found.genes_null, found.species_null):
        assert (null >= null[0]).mean() < 0.05
        assert abs(null[1:].mean()) < 0.1


def test_species_with_ways_of_their_own_in_all_genes_are_no_evidence() -> None:
    """All genes share a tree, and an encoder has a bias by species that is the same in all genes: unrelated to it."""
    p = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        tree, bias = (np.triu(rng.gamma(2, size=(5, 5)), 1) for _ in range(2))
        noise = [np.triu(0.1 * rng.random((20, 5, 5)), 1).transpose(1, 2, 0) for _ in range(2)]
        sequences, vectors = (one[:, :, None] + some for one, some in zip((tree, bias), noise, strict=True))
        both = [one + one.transpose(1, 0, 2) for one in (vectors, sequences)]
        found = divergence_tests(*both, np.ones((5, 20), dtype=bool), n_permutations=119, random_state=seed)
        assert found.species_null is not None
        p.append(float((found.species_null >= found.species_null[0] - 1e-12).mean()))
    assert binomtest(sum(one <= 0.05 for one in p), len(p), 0.05, alternative="greater").pvalue > 0.01


def test_all_orders_of_few_species_are_taken() -> None:
    found = divergence_tests(*_distances(0, 1.0), np.ones((4, G), dtype=bool), n_permutations=999)
    assert found.species_null is not None
    assert len(found.species_null) == 24
    assert found.species_null.mean() == pytest.approx(0, abs=1e-9)


def test_p_is_uniform_where_vectors_follow_nothing() -> None:
    p: dict[str, list[float]] = {"genes": [], "species": []}
    for seed in range(80):
        found = divergence_tests(
            *_distances(seed, 0.0), np.ones((4, G), dtype=bool), n_permutations=59, random_state=seed
        )
        for question, own in p.items():
            null = getattr(found, f"{question}_null")
            own.append((null >= null[0] - 1e-12).mean())
    assert all(kstest(own, "uniform").pvalue > 0.01 for own in p.values())


def test_what_is_too_little_says_so() -> None:
    vectors, sequences = _distances(0, 1.0)
    two = divergence_tests(vectors[:2, :2], sequences[:2, :2], np.ones((2, G), dtype=bool), n_permutations=19)
    assert two.genes_null is not None
    assert (two.species_null, two.species_reason) == (None, "there are 2 species, and it takes 4")
    present = np.zeros((4, G), dtype=bool)
    present[:, :3] = True
    few = divergence_tests(vectors, sequences, present, n_permutations=19)
    assert (few.genes_null, few.genes_reason) == (None, "3 genes are there in all species, and it takes 4")
    assert few.species_null is not None
    constant = divergence_tests(np.ones_like(vectors), sequences, np.ones((4, G), dtype=bool), n_permutations=19)
    assert constant.genes_null is not None
    assert (constant.genes_null == 0).all()
