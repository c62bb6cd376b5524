"""Power of the held-out tests where 80 % are predicted: one link, corrected over two tests, or over all arms."""

from typing import Any

import numpy as np
import pytest
from joblib import Parallel, delayed

from fusion import CanonicalCorrelation, cross_validated_cca, detectable_held_out_rho, subjects_for_stability
from fusion.power.prediction import detectable_rho
from tests.calibration.rates import Counted, Rates, below, near, sets

pytestmark = pytest.mark.calibration


N_EACH = 9
"""Permutations a study: those of all studies of a setting are one null, so that they cost less than the fit."""

SETTINGS: dict[str, dict[str, int]] = {
    "N=200, 6 x 8": {"n": 200, "p": 6, "q": 8},
    "N=400, 16 x 16": {"n": 400, "p": 16, "q": 16},
    "N=150, 4 x 5, 12 confounds": {"n": 150, "p": 4, "q": 5, "n_confounds": 12},
    "N=160, 6 x 6, four arms": {"n": 160, "p": 6, "q": 6, "n_arms": 4},
    "N=300, 10 x 7, ten folds": {"n": 300, "p": 10, "q": 7, "n_splits": 10},
}


def _statistics(
    seed: int, rho: float, *, n: int, p: int, q: int, n_confounds: int = 0, n_arms: int = 1, n_splits: int = 5
) -> np.ndarray:
    """First correlation and trace of every arm, the link in the first: observed, then permuted, [1 + N_EACH, tests]."""
    rng, found = np.random.default_rng(seed), []
    z = rng.standard_normal((n, n_confounds)) if n_confounds else None
    y = rng.standard_normal((n, q))
    settings: dict[str, Any] = {"x_dimensions": p, "y_dimensions": q, "n_components": 1, "n_splits": n_splits}
    for arm in range(n_arms):
        x = rng.standard_normal((n, p))
        if arm == 0:
            y[:, 0] = rho * x[:, 0] + np.sqrt(1 - rho**2) * y[:, 0]
        result = cross_validated_cca(x, y, z, n_permutations=N_EACH, n_bootstrap=2, random_state=seed, **settings)
        found += [result.null[:, 0], result.trace_null]
    return np.column_stack(found)


def _p(found: np.ndarray) -> np.ndarray:
    """Corrected p of the arm with a link, by the permutations of all studies together, [n_sets]."""
    null = found[:, 1:].reshape(-1, found.shape[2])
    mean, spread = null.mean(axis=0), null.std(axis=0)
    largest = ((null - mean) / spread).max(axis=1)
    observed = ((found[:, 0] - mean) / spread)[:, :2].max(axis=1)
    return np.asarray((largest > observed[:, np.newaxis]).mean(axis=1))


def _measure(rates: Rates, rho: float, setting: dict[str, int], case: str, n_sets: int) -> Counted:
    found = Parallel(n_jobs=-1)(delayed(_statistics)(seed, rho, **setting) for seed in range(sets(n_sets)))
    p = _p(np.array(found))
    return rates(lambda seed: {case: float(p[seed])}, n_sets)[case]


@pytest.mark.parametrize("name", SETTINGS)
def test_power_predicted_80_is_found(rates: Rates, name: str) -> None:
    """A link that 80 % of studies should find is found by the tests as they are run, corrected, within five points."""
    setting = SETTINGS[name]
    n, p, q = setting["n"] - setting.get("n_confounds", 0) - 1, setting["p"], setting["q"]
    tested = {"n_folds": setting.get("n_splits", 5), "n_alignments": setting.get("n_arms", 1)}
    rho = detectable_held_out_rho(n, p, q, **tested)
    assert rho is not None
    assert near(_measure(rates, rho, setting, "held out", 500), 0.8, by=0.05)
    in_sample = _measure(rates, detectable_rho(n, p, q), setting, "naive: at Roy's", 100)
    assert below(in_sample, 0.9)


STABLE = {"rho .5, 5 x 10": (0.5, 5, 10), "rho .3, 6 x 4": (0.3, 6, 4), "rho .7, 12 x 12": (0.7, 12, 12)}


def _unstable(seed: int, rho: float, p: int, q: int, n: int) -> float:
    """0 where an error of a study of n subjects is beyond 10 %, by CCA of its data; else 1."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, p)), rng.standard_normal((n, q))
    y[:, 0] = rho * x[:, 0] + np.sqrt(1 - rho**2) * y[:, 0]
    fitted = CanonicalCorrelation(1).fit(x, y)
    sides = fitted.x_weights_, fitted.y_weights_, fitted.x_loadings_, fitted.y_loadings_
    errors = [1 - abs(float(side[0, 0])) / float(np.linalg.norm(side)) for side in sides]
    errors.append(abs(float(fitted.canonical_correlations_[0]) - rho) / rho)
    return float(max(errors) <= 0.1)


@pytest.mark.parametrize("name", STABLE)
def test_stability_misses(rates: Rates, name: str) -> None:
    """With the predicted subjects 20 % of studies have an error beyond 10 %; with the mean rule, more than that."""
    rho, p, q = STABLE[name]
    sizes = {
        "80 % of studies": subjects_for_stability(rho, p, q) + 1,
        "naive: mean errors": subjects_for_stability(rho, p, q, share=None) + 1,
    }
    n_sets = 400
    found = rates(lambda seed: {rule: _unstable(seed, rho, p, q, n) for rule, n in sizes.items()}, n_sets)
    assert near(found["80 % of studies"], 0.2, by=0.05 + 2 * np.sqrt(0.16 / n_sets))
