"""Residuals against statsmodels, coefficients from training rows only."""

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from fusion import ComBat, InputError, NormalScores, Residualizer
from fusion.confounds.basis import ConfoundBasis

TRAIN, TEST = np.arange(30), np.arange(30, 37)


@parametrize_with_checks([Residualizer(), Residualizer(normal_scores=True)])
def test_scikit_learn_contract(estimator: BaseEstimator, check: Any) -> None:
    check(estimator)


@pytest.fixture
def data() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((37, 3)) * [1, 50, 1e-3] + [0, 1900, 0]
    return Z @ rng.standard_normal((3, 5)) + rng.standard_normal((37, 5)) + 7, Z


def test_training_and_new_residuals_equal_ordinary_least_squares(data: Any) -> None:
    X, Z = data
    residualizer = Residualizer().fit(X[TRAIN], confounds=Z[TRAIN])
    for j in range(X.shape[1]):
        ols = sm.OLS(X[TRAIN, j], sm.add_constant(Z[TRAIN])).fit()
        new = X[TEST, j] - ols.predict(sm.add_constant(Z[TEST], has_constant="add"))
        np.testing.assert_allclose(residualizer.transform(X[TRAIN], Z[TRAIN])[:, j], ols.resid, atol=1e-9)
        np.testing.assert_allclose(residualizer.transform(X[TEST], Z[TEST])[:, j], new, atol=1e-9)


def test_collinear_and_constant_confounds_change_nothing(data: Any) -> None:
    X, Z = data
    more = np.column_stack([Z, Z[:, 0] - 2 * Z[:, 1], np.full(37, 3.3), Z[:, 2]])
    plain, redundant = (Residualizer().fit(X[TRAIN], confounds=z[TRAIN]) for z in (Z, more))
    assert redundant.basis_.rank == 3
    np.testing.assert_allclose(plain.transform(X, Z), redundant.transform(X, more), atol=1e-9)


def test_held_out_rows_never_reach_the_fit(data: Any) -> None:
    X, Z = data
    before = Residualizer().fit(X[TRAIN], confounds=Z[TRAIN])
    X[TEST] += 1e6
    after = Residualizer().fit(X[TRAIN], confounds=Z[TRAIN])
    np.testing.assert_array_equal(before.coefficients_, after.coefficients_)


@settings(max_examples=50)
@given(st.integers(2, 20), st.integers(0, 8), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e-3, 1e3, 1e6]))
def test_basis_is_orthonormal_on_training_rows(n: int, width: int, seed: int, mean: float) -> None:
    Z = np.random.default_rng(seed).integers(0, 3, (n, width)) + mean
    basis = ConfoundBasis.of(Z)
    assert basis.rank == (np.linalg.matrix_rank(Z - Z.mean(axis=0), tol=1e-6) if width else 0)
    np.testing.assert_allclose(basis(Z).T @ basis(Z), np.eye(1 + basis.rank), atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda r, X, Z: r.fit(X, Z), "by keyword", id="by position"),
        pytest.param(lambda r, X, Z: r.fit(X, confounds=Z[:3]), "one row per subject", id="other length"),
        pytest.param(lambda r, X, Z: r.fit(X[:4], confounds=Z[:4]), "4 rows for 3", id="no row left"),
        pytest.param(lambda r, X, Z: r.fit(X, confounds=np.where(Z > 1950, np.nan, Z)), "column 1 has", id="NaN"),
        pytest.param(lambda r, X, Z: r.fit(X, confounds=Z).transform(X), "fitted with confounds", id="forgotten"),
        pytest.param(lambda r, X, Z: r.fit(X).transform(X, Z), "fitted without confounds", id="unexpected"),
        pytest.param(lambda r, X, Z: r.fit(X, confounds=Z).transform(X, Z[:, :2]), "3 columns of the fit", id="fewer"),
    ],
)
def test_bad_input_gets_its_sentence(call: Any, message: str, data: Any) -> None:
    with pytest.raises(InputError, match=message):
        call(Residualizer(), *data)


def test_normal_scores_follow_the_removal(data: Any) -> None:
    X, Z = data
    both = Residualizer(normal_scores=True).fit(X[TRAIN], confounds=Z[TRAIN])
    alone = Residualizer().fit(X[TRAIN], confounds=Z[TRAIN])
    by_hand = NormalScores().fit(alone.transform(X[TRAIN], Z[TRAIN]), confounds=Z[TRAIN])
    for rows in (TRAIN, TEST):
        np.testing.assert_array_equal(
            both.transform(X[rows], Z[rows]), by_hand.transform(alone.transform(X[rows], Z[rows]))
        )


def test_scores_of_an_explained_column_are_zero(data: Any) -> None:
    X, Z = data
    X[:, 2] = 3 * Z[:, 1] - 40
    scores = Residualizer(normal_scores=True).fit_transform(X, confounds=Z)
    np.testing.assert_array_equal(scores[:, 2], 0)
    assert np.abs(scores[:, 3]).max() > 1.5


def test_confounds_and_sites_travel_through_a_pipeline(data: Any) -> None:
    X, Z = data
    sites = np.array(["Bonn", "Oslo", "Lyon"])[np.arange(37) % 3]
    with config_context(enable_metadata_routing=True):
        combat = (
            ComBat().set_fit_request(sites=True, covariates=False).set_transform_request(sites=True, covariates=False)
        )
        residualizer = Residualizer(normal_scores=True).set_fit_request(confounds=True)
        steps = make_pipeline(combat, residualizer.set_transform_request(confounds=True))
        steps.fit(X[TRAIN], sites=sites[TRAIN], confounds=Z[TRAIN])
        found = steps.transform(X[TEST], sites=sites[TEST], confounds=Z[TEST])
    by_hand = ComBat().fit(X[TRAIN], sites=sites[TRAIN])
    harmonised = by_hand.transform(X[TRAIN], sites[TRAIN]), by_hand.transform(X[TEST], sites[TEST])
    ranked = Residualizer(normal_scores=True).fit(harmonised[0], confounds=Z[TRAIN])
    np.testing.assert_array_equal(found, ranked.transform(harmonised[1], Z[TEST]))
