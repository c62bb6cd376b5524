"""Curves of subsamples: whether their intervals hold what studies of that size find, on average and one by one."""

from functools import cache

import numpy as np
import pytest

from fusion import cross_validated_cca, make_folds, subsample_curve
from tests.calibration.rates import Rates, at_most

pytestmark = pytest.mark.calibration

N, P, Q, N_SETS, N_STUDIES = 200, 4, 5, 100, 400
CASES = {"no link, half": (0.0, 0.5), "linked, half": (0.6, 0.5), "linked, four in five": (0.6, 0.8)}


def _draw(rng: np.random.Generator, n: int, link: float) -> tuple[np.ndarray, np.ndarray]:
    x, y = rng.standard_normal((n, P)), rng.standard_normal((n, Q))
    y[:, 0] += link * x[:, 0]
    return x, y


def _study(seed: int, n: int, link: float) -> float:
    """What one study of this size finds."""
    x, y = _draw(np.random.default_rng([seed, 9]), n, link)
    settings = {"n_splits": 4, "n_components": 1, "n_permutations": 1, "n_bootstrap": 2, "random_state": seed}
    return float(cross_validated_cca(x, y, x_dimensions=P, y_dimensions=Q, **settings).rho[0])


@cache
def _average(n: int, link: float) -> float:
    """What studies of this size find on average, on Fisher's scale."""
    return float(np.tanh(np.mean([np.arctanh(_study(10**6 + k, n, link)) for k in range(N_STUDIES)])))


def _misses(seed: int, link: float, share: float) -> dict[str, float]:
    x, y = _draw(np.random.default_rng(seed), N, link)
    folds = make_folds(N, 4, random_state=seed)
    settings = {"shares": (share,), "n_draws": 12, "x_dimensions": P, "y_dimensions": Q, "random_state": seed}
    (found,) = subsample_curve(x, y, folds=folds, **settings)
    n = found.n_subjects
    average, another = _average(n, link), _study(seed, n, link)
    low, high = found.by_draw.mean() + np.array([-1.96, 1.96]) * found.by_draw.std(ddof=1)
    return {
        "average": float(found.interval[0] <= average <= found.interval[1]),
        "another study": float(found.studies[0] <= another <= found.studies[1]),
        "naive: another study, by the scatter of draws": float(low <= another <= high),
        "naive: average, by their standard error": float(
            abs(average - found.by_draw.mean()) <= (high - low) / 2 / 12**0.5
        ),
    }


@pytest.mark.parametrize("name", CASES)
def test_subsample_interval_misses(rates: Rates, name: str) -> None:
    found = rates(lambda seed: _misses(seed, *CASES[name]), N_SETS)
    assert at_most(found["average"], 0.08)
    assert at_most(found["another study"], 0.08)
