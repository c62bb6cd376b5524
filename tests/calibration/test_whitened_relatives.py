"""Relatives whose rows were made uncorrelated by kinship, beside all of them as strangers and families exchanged.

Calibration: families of six shapes (parents and child, siblings, half-siblings, cousins, alone), genes dropped from
founders or sums of many loci, brain columns with an h2 of their own each from 0 to 0.9, no link. ``naive: as
strangers`` permutes freely.
"""

from typing import Any

import numpy as np
import pytest

from fusion import cross_validated_cca, kinship_blocks, permutation_test_cca, whiten_relatives
from tests.calibration.rates import Rates, above, assert_valid
from tests.fusion.pedigrees import make_pedigrees

pytestmark = pytest.mark.calibration

PEDIGREES = make_pedigrees(60, seed=1)
K = PEDIGREES.relationship
FAMILIES = PEDIGREES.families
LOWER = np.linalg.cholesky(K)
BLOCKS = kinship_blocks(FAMILIES, kinship=np.rint(2**20 * np.where(np.eye(len(K)) > 0, 0, K)).astype(int))
IN_SAMPLE: dict[str, Any] = {"n_permutations": 59, "n_steps": 1}
HELD_OUT: dict[str, Any] = {"n_permutations": 39, "n_bootstrap": 2, "n_splits": 3, "n_components": 1}
DIMENSIONS: dict[str, Any] = {"x_dimensions": 8, "y_dimensions": 8}
Draw = tuple[np.ndarray, np.ndarray, np.ndarray]


def _draw(seed: int, genes: str, link: float = 0.0) -> Draw:
    """Genes, brain, one confound; `link` is the correlation of a gene with a brain column beside kinship."""
    rng = np.random.default_rng(seed)
    n = len(K)
    x = PEDIGREES.dosages(rng, 8) if genes == "dosages" else LOWER @ rng.standard_normal((n, 8))
    shares = np.linspace(0, 0.9, 8)
    y = np.sqrt(shares) * (LOWER @ rng.standard_normal((n, 8))) + np.sqrt(1 - shares) * rng.standard_normal((n, 8))
    y[:, 3] += link * (x[:, 0] - x[:, 0].mean()) / x[:, 0].std()
    return x, y, rng.standard_normal((n, 1))


def _p_in_sample(seed: int, genes: str, link: float = 0.0) -> dict[str, float]:
    x, y, z = _draw(seed, genes, link)
    found = whiten_relatives(x, y, z, relationship=K)
    settings = IN_SAMPLE | {"random_state": seed}
    exchanged = permutation_test_cca(x, y, z, exchangeability_blocks=BLOCKS, projection="theil", **settings)
    return {
        "naive: as strangers": float(permutation_test_cca(x, y, z, **settings).p_fwer[0]),
        "exchanged by kinship": float(exchanged.p_fwer[0]),
        "whitened": float(permutation_test_cca(found.x, found.y, found.confounds, **settings).p_fwer[0]),
    }


def _p_held_out(seed: int, genes: str) -> dict[str, float]:
    x, y, z = _draw(seed, genes)
    found = whiten_relatives(x, y, z, relationship=K)
    settings = HELD_OUT | DIMENSIONS | {"groups": FAMILIES, "random_state": seed}
    return {
        "naive: as strangers": float(cross_validated_cca(x, y, z, **settings).p[0]),
        "whitened": float(cross_validated_cca(found.x, found.y, found.confounds, **settings).p[0]),
    }


@pytest.mark.parametrize("genes", ["dosages", "many loci"])
def test_whitened_relatives_null_in_sample(rates: Rates, genes: str) -> None:
    found = rates(lambda seed: _p_in_sample(seed, genes), 1000)
    assert_valid(found["whitened"])
    assert above(found["naive: as strangers"], found["whitened"])


def test_whitened_relatives_null_held_out(rates: Rates) -> None:
    found = rates(lambda seed: _p_held_out(seed, "dosages"), 1000)
    assert_valid(found["whitened"])


def test_whitened_relatives_real_link_is_found(rates: Rates) -> None:
    found = rates(lambda seed: _p_in_sample(seed, "dosages", link=0.45), 40)
    # no worse; how much better, the rows say
    assert above(found["whitened"], found["exchanged by kinship"], margin=0.15)
