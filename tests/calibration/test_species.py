"""Which species are farther apart: genes share a tree, and whatever an encoder makes of a species."""

import numpy as np
import pytest

from fusion.orthologs import divergence_tests
from tests.calibration.rates import Rates, above, assert_valid

pytestmark = pytest.mark.calibration

N_SPECIES, N_GENES, N_SETS = 5, 20, 600


def _distances(rng: np.random.Generator) -> np.ndarray:
    """Of one pattern of species that all genes share, each with noise of its own, [n_species, n_species, n_genes]."""
    shared = rng.gamma(2, size=(N_SPECIES, N_SPECIES, 1)) + 0.1 * rng.random((N_SPECIES, N_SPECIES, N_GENES))
    upper = np.triu(shared.transpose(2, 0, 1), 1).transpose(1, 2, 0)
    return np.asarray(upper + upper.transpose(1, 0, 2))


def _p(null: np.ndarray) -> float:
    return float((null >= null[0] - 1e-12).mean())


def _by_gene(vectors: np.ndarray, sequences: np.ndarray, seed: int) -> float:
    """The naive way: names of species change places anew in every gene, as if genes were independent."""
    present = np.ones((N_SPECIES, 1), dtype=bool)
    nulls = []
    for gene in range(N_GENES):
        one = vectors[:, :, [gene]], sequences[:, :, [gene]]
        found = divergence_tests(*one, present, n_permutations=99, random_state=1000 * seed + gene)
        assert found.species_null is not None
        nulls.append(found.species_null)
    return _p(np.mean(nulls, axis=0))


def test_species_null(rates: Rates) -> None:
    def rejections(seed: int) -> dict[str, float]:
        rng = np.random.default_rng(seed)
        vectors, sequences = _distances(rng), _distances(rng)
        present = np.ones((N_SPECIES, N_GENES), dtype=bool)
        found = divergence_tests(vectors, sequences, present, n_permutations=199, random_state=seed)
        assert found.species_null is not None
        return {
            "one order for all genes": _p(found.species_null),
            "naive: anew in every gene": _by_gene(vectors, sequences, seed),
        }

    found = rates(rejections, N_SETS)
    assert_valid(found["one order for all genes"])
    assert above(found["naive: anew in every gene"], 0.15)
