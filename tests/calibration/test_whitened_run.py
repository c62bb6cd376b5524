"""Relatives whitened as a run does it: kinship of a table or of genotypes, views and confounds through the recipe.

Families of six shapes, genes dropped from founders, brain columns with an h2 of their own from 0 to 0.9, age; no link.
``naive: as strangers`` permutes freely. The matrix of genotypes is that of 6,000 other loci of the same people.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from analyses.alignment.recipe import whiten_views
from analyses.cohort.relationship import Relationship
from encoders.genome.population.relationship import related_blocks, relationship_matrix
from fusion import KinshipModel, cross_validated_cca, permutation_test_cca
from tests.calibration.rates import Rates, above, assert_valid
from tests.fusion.pedigrees import make_pedigrees

pytestmark = pytest.mark.calibration

PEDIGREES = make_pedigrees(60, seed=1)
LOWER = np.linalg.cholesky(PEDIGREES.relationship)


def _relationships() -> dict[str, Relationship]:
    counts = PEDIGREES.dosages(np.random.default_rng(0), 6000, frequency=0.4).T.astype(np.int8)
    matrices = {
        "table": scipy.sparse.csr_array(PEDIGREES.relationship),
        "genotypes": related_blocks(relationship_matrix(np.array_split(counts, 4), counts.shape[1])),
    }
    return {name: Relationship(one, KinshipModel.of(one).families, name) for name, one in matrices.items()}


RELATIONSHIPS = _relationships()


def _p(seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    n = len(LOWER)
    x, shares = PEDIGREES.dosages(rng, 8), np.linspace(0, 0.9, 8)
    y = np.sqrt(shares) * (LOWER @ rng.standard_normal((n, 8))) + np.sqrt(1 - shares) * rng.standard_normal((n, 8))
    age = pd.DataFrame({"age": rng.standard_normal(n)})
    in_sample: dict[str, Any] = {"n_permutations": 59, "n_steps": 1, "random_state": seed}
    held_out: dict[str, Any] = {"n_permutations": 39, "n_bootstrap": 2, "n_splits": 3, "n_components": 1}
    held_out |= {"x_dimensions": 8, "y_dimensions": 8, "random_state": seed}
    found = {"naive: as strangers, in sample": float(permutation_test_cca(x, y, age, **in_sample).p_fwer[0])}
    for name, relationship in RELATIONSHIPS.items():
        genes, brain, confounds, _ = whiten_views((x, y), age, relationship)
        found[f"{name}, in sample"] = float(permutation_test_cca(genes, brain, confounds, **in_sample).p_fwer[0])
        tested = cross_validated_cca(genes, brain, confounds, groups=relationship.families, **held_out)
        found[f"{name}, held out"] = float(tested.p[0])
    return found


def test_whitened_run_null(rates: Rates) -> None:
    found = rates(_p, 1000)
    for name in RELATIONSHIPS:
        assert_valid(found[f"{name}, in sample"])
        assert_valid(found[f"{name}, held out"])
        assert above(found["naive: as strangers, in sample"], found[f"{name}, in sample"])
