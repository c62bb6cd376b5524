"""In-sample p with heavy tails and many confounds: the projection chosen by the tails, p withheld where none helps.

Calibration: a rejection by Roy's largest root, which tails reach first, counts where p is reported. Naive are the
projections whatever the tails.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm, rankdata

from fusion import permutation_test_cca
from tests.calibration.rates import Rates, above, assert_valid

pytestmark = pytest.mark.calibration

N, N_CONFOUNDS, SHAPE = 100, 15, (16, 20)


def _spikes(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Rare columns: noise, and one row of fifty far out, as carriers of a rare variant are."""
    return np.asarray(0.1 * rng.standard_normal(shape) + (rng.random(shape) < 0.02))


DRAWS: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "t(2)": lambda rng, shape: rng.standard_t(2, shape),
    "rare columns": _spikes,
}


def _normal_scores(view: np.ndarray, z: np.ndarray) -> np.ndarray:
    design = np.column_stack([np.ones(len(z)), z])
    ranks = rankdata(view - design @ np.linalg.lstsq(design, view)[0], axis=0)
    return np.asarray(norm.ppf((ranks - 0.375) / (len(view) + 0.25)))


def _p(seed: int, name: str) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((N, N_CONFOUNDS))
    x, y = (DRAWS[name](rng, (N, k)) + z @ rng.standard_normal((N_CONFOUNDS, k)) for k in SHAPE)
    settings: dict[str, Any] = {"n_permutations": 99, "n_steps": 1, "random_state": seed, "statistic": "roy"}
    by_tails = permutation_test_cca(x, y, z, **settings)
    return {
        "naive: Huh-Jhun": float(permutation_test_cca(x, y, z, projection="huh-jhun", **settings).p_fwer[0]),
        "naive: Theil": float(permutation_test_cca(x, y, z, projection="theil", **settings).p_fwer[0]),
        "reported": 1.0 if by_tails.is_liberal else float(by_tails.p_fwer[0]),
        "normal scores of y": float(permutation_test_cca(x, _normal_scores(y, z), z, **settings).p_fwer[0]),
    }


@pytest.mark.parametrize("name", DRAWS)
def test_heavy_tails_null(rates: Rates, name: str) -> None:
    found = rates(lambda seed: _p(seed, name), 1000)
    assert above(found["naive: Huh-Jhun"], found["reported"])
    for way in ("reported", "normal scores of y"):
        assert_valid(found[way])
