"""Intervals are withheld where few subjects carry the scores, on either side, and only there."""

from typing import Any

import numpy as np
import pytest

from fusion import NormalScoresView, cross_validated_cca, make_folds, paired_difference
from fusion.cross_validation.score_tails import ScoreTails

N = 210
FOLDS = make_folds(N, 3, random_state=0)
SETTINGS: dict[str, Any] = {
    "n_permutations": 1,
    "n_bootstrap": 50,
    "n_components": 1,
    "x_dimensions": 4,
    "y_dimensions": 3,
    "folds": FOLDS,
    "random_state": 0,
}


def _linked(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((N, 4)), rng.standard_normal((N, 3))
    y[:, 0] += x[:, 0]
    return x, y


def test_the_shape_is_that_of_scipy_within_folds() -> None:
    from scipy.stats import kurtosis, skew

    rng = np.random.default_rng(1)
    x, y = rng.gamma(2.0, size=(N, 2)), rng.standard_normal((N, 2)) * (1 + 9 * (FOLDS.assignments == 1))[:, np.newaxis]
    one = np.zeros(N, dtype=np.int64)
    tails = ScoreTails.of(x, y, one)
    np.testing.assert_allclose(tails.skewness[0], skew(x))
    np.testing.assert_allclose(tails.kurtosis[1], kurtosis(y, fisher=False))
    assert tails.kurtosis[1].max() > ScoreTails.of(x, y, FOLDS.assignments).kurtosis[1].max(), "folds differ in scale"


@pytest.mark.parametrize("side", ["x", "y"])
def test_tails_of_either_side_leave_no_interval(side: str) -> None:
    x, y = _linked(2)
    heavy = (np.exp(1.3 * x), y) if side == "x" else (x, np.exp(1.3 * y))
    found = cross_validated_cca(*heavy, **SETTINGS)
    assert np.isnan(found.interval).all()
    assert found.p[0] <= 0.5
    (said,) = (sentence for sentence in found.warnings if "few subjects carry" in sentence)
    assert said.startswith(f"{side}: ")
    difference = paired_difference(cross_validated_cca(x, y, **SETTINGS), found, n_permutations=9, n_bootstrap=9)
    assert np.isnan(difference.interval).all()


def test_normal_columns_and_normal_scores_keep_theirs() -> None:
    x, y = _linked(3)
    for brain in (y, NormalScoresView(np.exp(1.3 * y))):
        found = cross_validated_cca(x, brain, **SETTINGS)
        assert np.isfinite(found.interval).all()
        assert not any("few subjects carry" in sentence for sentence in found.warnings)


def test_a_fold_whose_scores_do_not_vary_says_nothing() -> None:
    x = np.random.default_rng(0).standard_normal((N, 1))
    x[FOLDS.assignments == 0] = 1.0
    assert np.isfinite(ScoreTails.of(x, x, FOLDS.assignments).kurtosis).all()
