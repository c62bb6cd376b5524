"""Normal scores against Blom's formula and an outside ranking; only what carries no confound is accepted."""

from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from fusion import InputError, NormalScores, Residualizer


@parametrize_with_checks([NormalScores()])
def test_scikit_learn_contract(estimator: BaseEstimator, check: Any) -> None:
    check(estimator)


def test_training_rows_get_blom_scores_with_ties_averaged() -> None:
    column = np.array([3.0, -1, 3, 12, 0.5, 3, 100])
    expected = scipy.stats.norm.ppf((np.array([4, 1, 4, 6, 2, 4, 7]) - 0.375) / 7.25)
    np.testing.assert_allclose(NormalScores().fit_transform(column[:, None])[:, 0], expected, atol=1e-14)


def test_other_rows_lie_between_the_scores_of_their_neighbours() -> None:
    scores = NormalScores().fit([[0.0], [1.0], [5.0]])
    at = scipy.stats.norm.ppf((np.arange(1, 4) - 0.375) / 3.25)
    new = scores.transform([[3.0], [-7.0], [1e9], [1.0]])[:, 0]
    np.testing.assert_allclose(new, [(at[1] + at[2]) / 2, at[0], at[2], at[1]], atol=1e-14)


@settings(max_examples=50)
@given(st.integers(2, 60), st.integers(0, 2**32 - 1), st.booleans())
def test_scores_depend_on_ranks_alone(n: int, seed: int, tied: bool) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 5, (n, 3)).astype(float) if tied else rng.standard_normal((n, 3))
    once = NormalScores().fit_transform(values)
    np.testing.assert_array_equal(NormalScores().fit_transform(np.exp(values) * 3 - 8), once)
    np.testing.assert_allclose(NormalScores().fit_transform(-values), -once, atol=1e-12)


def test_heavy_tails_become_normal() -> None:
    values = np.random.default_rng(2).standard_t(1.5, (997, 1))
    scores = NormalScores().fit_transform(values)
    assert scipy.stats.kurtosis(values[:, 0]) > 20
    assert abs(scipy.stats.kurtosis(scores[:, 0])) < 0.1
    assert scores.std() == pytest.approx(1, abs=0.01)


def test_columns_that_carry_confounds_are_refused() -> None:
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((37, 2))
    X = rng.standard_normal((37, 3))
    residuals = Residualizer().fit_transform(X, confounds=Z)
    NormalScores().fit(residuals, confounds=Z)
    with pytest.raises(InputError, match=r"column 0 still carries them: use Residualizer\(normal_scores=True\)"):
        NormalScores().fit(X - X.mean(axis=0), confounds=Z)
    residuals[:, 1] += 5
    with pytest.raises(InputError, match="column 1 still carries"):
        NormalScores().fit(residuals, confounds=Z)
    with pytest.raises(InputError, match=r"offset in \[0, 0\.5\]; got 0\.7"):
        NormalScores(0.7).fit(X)
