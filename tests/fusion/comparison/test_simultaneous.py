"""Intervals of several correlations at once, against the normal law and against what each says by itself."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from fusion import InputError, cross_validated_cca, simultaneous_intervals
from fusion.cross_validation.result import CrossValidatedCCA

N = 607


def _arm(n_splits: int = 5) -> CrossValidatedCCA:
    rng = np.random.default_rng(2)
    settings = {"n_components": 1, "n_permutations": 19, "n_bootstrap": 200, "random_state": 0, "n_splits": n_splits}
    sides = rng.standard_normal((N, 3)), rng.standard_normal((N, 4))
    return cross_validated_cca(*sides, x_dimensions=2, y_dimensions=2, **settings)


def _with_scores(arm: CrossValidatedCCA, seed: int, rho: float) -> CrossValidatedCCA:
    """The same folds with scores of a known correlation, independent of those of other seeds."""
    x, noise = np.random.default_rng(seed).standard_normal((2, N, 1))
    y = rho * x + np.sqrt(1 - rho**2) * noise
    by_fold = [np.corrcoef(x[test, 0], y[test, 0])[0, 1] for _, test in arm.folds]
    observed = np.average(by_fold, weights=arm.n_test)
    null = np.concatenate([[[observed]], arm.null[1:]])
    return replace(arm, x_scores=x, y_scores=y, widening=np.ones(1), null=null)


@pytest.mark.parametrize("n_arms", [3, 8])
def test_independent_arms_reach_as_far_as_the_normal_law_says(n_arms: int) -> None:
    arm = _arm()
    arms = {k: _with_scores(arm, k, rho) for k, rho in enumerate(np.linspace(0.0, 0.6, n_arms))}
    point = norm.ppf(0.5 + 0.5 * 0.95 ** (1 / n_arms))
    for k, interval in simultaneous_intervals(arms, n_bootstrap=2000).items():
        low, high = np.arctanh(interval)
        assert (low + high) / 2 == pytest.approx(np.arctanh(arms[k].rho[0]), abs=1e-9)
        assert high - low == pytest.approx(2 * point / np.sqrt(N), rel=0.1)


def test_copies_of_one_arm_need_no_correction_and_one_arm_keeps_its_interval() -> None:
    arm = _with_scores(_arm(), 1, 0.4)
    of_copies = simultaneous_intervals(dict.fromkeys("abcdefgh", arm), n_bootstrap=2000)
    widths = [np.diff(np.arctanh(interval))[0] for interval in of_copies.values()]
    assert widths == pytest.approx([2 * norm.ppf(0.975) / np.sqrt(N)] * 8, rel=0.1)
    assert simultaneous_intervals({"a": arm})["a"].tolist() == arm.interval[0].tolist()


def test_what_cannot_be_drawn_together_is_refused() -> None:
    with pytest.raises(InputError, match="those of 'b' differ"):
        simultaneous_intervals({"a": _arm(), "b": _arm(4)})
    arm = _arm()
    with pytest.raises(InputError, match="needs subject-level scores"):
        simultaneous_intervals({"a": arm, "b": replace(arm, x_scores=None)})
