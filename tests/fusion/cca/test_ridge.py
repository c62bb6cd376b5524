"""Canonical ridge: its two limits, an outside implementation, and views wider than there are subjects."""

from typing import Any

import numpy as np
import pytest
import scipy.linalg
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from fusion import CanonicalCorrelation, InputError, RidgeCCA, SparseCCA

N, P, Q = 37, 11, 5
Views = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


@parametrize_with_checks(
    [CanonicalCorrelation(), CanonicalCorrelation(n_components=1), RidgeCCA(), RidgeCCA(1, penalty=1), SparseCCA()]
)
def test_scikit_learn_contract(estimator: BaseEstimator, check: Any) -> None:
    check(estimator)


def _views(p: int, seed: int = 3) -> Views:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((N, p)) * rng.uniform(0.2, 3, p) + 4, rng.standard_normal((N, Q)) - 2
    y[:, 0] += x[:, 1]
    return x, y


@pytest.mark.parametrize("p", [P, 120], ids=["narrow", "wide"])
@pytest.mark.parametrize("penalty", [(0.1, 0.1), (0.5, 0.01), (0.9, 1.0)], ids=str)
def test_agrees_with_cca_zoo(p: int, penalty: tuple[float, float]) -> None:
    from cca_zoo.linear import RidgeCCA as Outside

    x, y = _views(p)
    ours, theirs = RidgeCCA(3, penalty=penalty).fit(x, y), Outside(3, shrinkage=list(penalty)).fit([x, y])
    for weights, expected in zip((ours.x_weights_, ours.y_weights_), theirs.weights_, strict=True):
        np.testing.assert_allclose(np.abs(weights), np.abs(expected), atol=1e-8)


def test_weights_solve_the_generalised_eigenproblem() -> None:
    x, y = _views(P)
    c = 0.3
    s = np.cov(np.hstack([x, y]).T)
    between = np.block([[np.zeros((P, P)), s[:P, P:]], [s[P:, :P], np.zeros((Q, Q))]])
    within = scipy.linalg.block_diag((1 - c) * s[:P, :P] + c * np.eye(P), (1 - c) * s[P:, P:] + c * np.eye(Q))
    expected = scipy.linalg.eigh(between, within, eigvals_only=True)[::-1][:Q]
    fitted = RidgeCCA(penalty=c).fit(x, y)
    np.testing.assert_allclose(fitted.objective_, expected, atol=1e-10)
    gram = fitted.x_weights_.T @ within[:P, :P] @ fitted.x_weights_
    np.testing.assert_allclose(gram, np.eye(Q), atol=1e-10)


def test_no_penalty_is_exact_cca() -> None:
    x, y = _views(P)
    x = np.column_stack([x, x[:, 2] * 1e6])
    exact, ridge = CanonicalCorrelation().fit(x, y), RidgeCCA(penalty=0).fit(x, y)
    np.testing.assert_allclose(ridge.canonical_correlations_, exact.canonical_correlations_, atol=1e-10)
    np.testing.assert_allclose(ridge.x_weights_, exact.x_weights_, atol=1e-8)
    almost = RidgeCCA(penalty=1e-12).fit(*_views(P))
    np.testing.assert_allclose(almost.x_weights_, CanonicalCorrelation().fit(*_views(P)).x_weights_, atol=1e-6)


def test_full_penalty_is_partial_least_squares() -> None:
    from sklearn.cross_decomposition import PLSSVD

    x, y = _views(P)
    ridge, pls = RidgeCCA(3, penalty=1).fit(x, y), PLSSVD(3, scale=False).fit(x, y)
    np.testing.assert_allclose(np.abs(ridge.x_weights_), np.abs(pls.x_weights_), atol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(ridge.y_weights_, axis=0), 1, atol=1e-10)


def test_wide_views_are_exact_and_their_null_space_gets_no_weight() -> None:
    x, y = _views(120)
    fitted = RidgeCCA(penalty=(0.2, 0.0)).fit(x, y)
    centred = x - x.mean(axis=0)
    projector = np.linalg.pinv(centred, rcond=1e-10) @ centred
    np.testing.assert_allclose(projector @ fitted.x_weights_, fitted.x_weights_, atol=1e-10)
    assert fitted.x_rank_ == N - 1
    # Exact CCA has nothing to say here; the ridge correlations stay below 1.
    np.testing.assert_allclose(CanonicalCorrelation().fit(x, y).canonical_correlations_, 1, atol=1e-9)
    assert fitted.canonical_correlations_[0] < 1 - 1e-5


def test_correlations_are_those_of_the_scores() -> None:
    x, y = _views(P)
    fitted = RidgeCCA(2, penalty=0.4).fit(x, y)
    x_scores, y_scores = fitted.transform(x, y)
    expected = [np.corrcoef(x_scores[:, k], y_scores[:, k])[0, 1] for k in range(2)]
    np.testing.assert_allclose(fitted.canonical_correlations_, expected, atol=1e-12)
    assert fitted.score(x, y) == pytest.approx(expected[0])
    assert fitted.y_loadings_[2, 1] == pytest.approx(np.corrcoef(y[:, 2], y_scores[:, 1])[0, 1])
    np.testing.assert_array_equal(fitted.y_scores(y), y_scores)


@pytest.mark.parametrize("penalty", [-0.1, 1.5, (0.1, 0.2, 0.3), "much"], ids=str)
def test_a_penalty_out_of_range_is_refused(penalty: Any) -> None:
    with pytest.raises(InputError, match=r"penalty must be a number in \[0, 1\] or a pair"):
        RidgeCCA(penalty=penalty).fit(*_views(P))
