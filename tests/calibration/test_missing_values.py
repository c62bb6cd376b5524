"""Missing brain values: filled in, or covariances of pairs, they make no link; filled by the mean they do.

Calibration. ``at random`` every fifth value is missing. ``by site and age`` whoever is old at one site lacks half of
the features, and genes of that site follow age by a slope of their own: filled by the mean, brain columns follow age
there in another way as well, which confounds that are linear in age leave in both. ``naive`` is ``nan: mean``.
"""

from typing import Any

import numpy as np
import pytest

from fusion import ImputedView, Imputer, PairwiseView, cross_validated_cca, permutation_test_cca
from fusion.arrays import dense
from tests.calibration.rates import Rates, above, assert_valid

pytestmark = pytest.mark.calibration

N, SHAPE = 120, (6, 8)
Data = tuple[np.ndarray, np.ndarray, np.ndarray]


def _data(seed: int, how: str) -> Data:
    """Genes, brain with gaps, confounds: no link but through these."""
    rng = np.random.default_rng(seed)
    site, age = rng.integers(0, 3, N), rng.uniform(-1, 1, N)
    z = np.column_stack([age, site == 1, site == 2]).astype(float)
    x, y = (rng.standard_normal((N, k)) + 2 * z @ rng.standard_normal((3, k)) for k in SHAPE)
    y += 0.8 * rng.standard_normal((N, 2)) @ rng.standard_normal((2, SHAPE[1]))
    if how == "at random":
        missing = rng.random(y.shape) < 0.2
        missing[:, -1] = False  # everyone has something
    else:
        old = (site == 0) & (age > 0)
        missing = np.zeros(y.shape, dtype=bool)
        missing[:, :4] = (old & (rng.random(N) < 0.9))[:, np.newaxis]
        x[:, 0] += 3 * np.where(site == 0, np.maximum(age, 0), 0)
    return x, np.where(missing, np.nan, y), z


def _views(gaps: np.ndarray, z: np.ndarray) -> dict[str, Any]:
    return {
        "naive: mean": np.where(np.isnan(gaps), np.nanmean(gaps, axis=0), gaps),
        "imputed, low-rank": ImputedView(gaps, z, imputer=Imputer("low-rank")),
        "pairwise": PairwiseView(gaps, z),
    }


def _p_in_sample(x: np.ndarray, y: Any, z: np.ndarray, seed: int) -> float:
    brain = y if isinstance(y, np.ndarray) else dense(y)
    test = permutation_test_cca(x, brain, z, n_steps=1, n_permutations=59, random_state=seed)
    return float(test.p_fwer[0])


def _p_held_out(x: np.ndarray, y: Any, z: np.ndarray, seed: int) -> float:
    settings: dict[str, Any] = {"n_splits": 3, "n_components": 1, "n_permutations": 39, "n_bootstrap": 2}
    return float(cross_validated_cca(x, y, z, x_dimensions=6, y_dimensions=5, random_state=seed, **settings).p[0])


@pytest.mark.parametrize("how", ["at random", "by site and age"])
def test_missing_values_null_in_sample(rates: Rates, how: str) -> None:
    def p(seed: int) -> dict[str, float]:
        x, gaps, z = _data(seed, how)
        return {name: _p_in_sample(x, y, z, seed) for name, y in _views(gaps, z).items()}

    found = rates(p, 1000)
    for way in ("imputed, low-rank", "pairwise"):
        assert_valid(found[way])
        assert how == "at random" or above(found["naive: mean"], found[way])


def test_missing_values_null_held_out(rates: Rates) -> None:
    def p(seed: int) -> dict[str, float]:
        x, gaps, z = _data(seed, "by site and age")
        return {name: _p_held_out(x, y, z, seed) for name, y in _views(gaps, z).items()}

    found = rates(p, 600)
    for way in ("imputed, low-rank", "pairwise"):
        assert_valid(found[way])
        assert above(found["naive: mean"], found[way])


def test_missing_values_null_iterative(rates: Rates) -> None:
    """Four columns with gaps: scikit-learn's imputer regresses each on all others, again and again."""

    def p(seed: int) -> dict[str, float]:
        x, gaps, z = _data(seed, "by site and age")
        y = ImputedView(gaps[:, 2:6], z, imputer=Imputer("iterative"))
        return {"imputed, iterative": _p_in_sample(x, y, z, seed)}

    assert_valid(rates(p, 600)["imputed, iterative"])
