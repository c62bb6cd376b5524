"""Sparse CCA: the bound binds on the returned weights, the objective climbs, planted support is found."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from fusion import InputError, RidgeCCA, SparseCCA
from fusion.cca.sparse import project_l1

N, P, Q = 97, 60, 25


def _planted(seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Two latent pairs: features 3-7 of x with 2-4 of y, and, weaker, 40-44 of x with 20-21 of y."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((N, P)), rng.standard_normal((N, Q))
    first, second = rng.standard_normal((2, N, 1))
    x[:, 3:8] += 2 * first
    y[:, 2:5] += 2 * first
    x[:, 40:45] += 1.2 * second
    y[:, 20:22] -= 1.2 * second
    return x * rng.uniform(0.1, 10, P) + 3, y


@pytest.mark.parametrize("share", [0.15, 0.3, 0.6, 0.95])
def test_the_bound_holds_after_normalisation_and_binds(share: float) -> None:
    fitted = SparseCCA(4, x_l1=share, y_l1=share).fit(*_planted())
    for weights, bound in ((fitted.x_weights_, fitted.x_l1_bound_), (fitted.y_weights_, fitted.y_l1_bound_)):
        np.testing.assert_allclose(np.linalg.norm(weights, axis=0), 1, atol=1e-12)
        l1 = np.abs(weights).sum(axis=0)
        assert (l1 <= bound + 1e-10).all()
        if share <= 0.3:  # the dense direction of the first component is longer than that
            assert l1[0] == pytest.approx(bound, abs=1e-10)


def test_a_smaller_bound_leaves_fewer_features() -> None:
    counts = [int((SparseCCA(x_l1=s).fit(*_planted()).x_weights_ != 0).sum()) for s in (0.9, 0.6, 0.3, 0.13)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 30
    assert counts[2] < 15
    assert counts[3] <= 3


@pytest.mark.parametrize("seed", range(5))
def test_planted_support_is_found(seed: int) -> None:
    fitted = SparseCCA(2, x_l1=0.29, y_l1=0.33).fit(*_planted(seed))
    for component, (x_rows, y_rows) in enumerate([(range(3, 8), range(2, 5)), (range(40, 45), range(20, 22))]):
        for weights, planted in ((fitted.x_weights_, x_rows), (fitted.y_weights_, y_rows)):
            largest = np.argsort(-np.abs(weights[:, component]))[: len(planted)]
            assert set(largest) == set(planted)
            others = np.delete(weights[:, component], list(planted))
            assert (others**2).sum() < 0.1
    assert (fitted.canonical_correlations_ > 0.5).all()


def test_the_objective_never_decreases() -> None:
    fitted = SparseCCA(3, x_l1=0.4, y_l1=0.5).fit(*_planted(1))
    assert len(fitted.objective_path_) == 3
    for path, value in zip(fitted.objective_path_, fitted.objective_, strict=True):
        assert (np.diff(path) >= -1e-12).all()
        assert path[-1] == pytest.approx(value, rel=1e-9)
    assert fitted.n_iter_ == max(map(len, fitted.objective_path_)) > 1


def test_objective_is_the_covariance_of_standardised_scores() -> None:
    x, y = _planted()
    fitted = SparseCCA().fit(x, y)
    x_scores, y_scores = fitted.transform(x, y)
    assert np.cov(x_scores[:, 0], y_scores[:, 0])[0, 1] == pytest.approx(fitted.objective_[0])
    rescaled = SparseCCA().fit(x * np.linspace(1, 1e6, P) - 8, y)
    np.testing.assert_allclose(rescaled.x_weights_, fitted.x_weights_, atol=1e-8)


def test_deflation_is_that_of_the_matrix_decomposition() -> None:
    x, y = _planted()
    fitted = SparseCCA(3, x_l1=0.4, y_l1=0.4).fit(x, y)
    left = np.corrcoef(x.T, y.T)[:P, P:]
    for u, v, d in zip(fitted.x_weights_.T, fitted.y_weights_.T, fitted.objective_, strict=True):
        assert u @ left @ v == pytest.approx(d, abs=1e-10)
        np.testing.assert_allclose(project_l1(left @ v, fitted.x_l1_bound_), u, atol=1e-5)
        left = left - d * np.outer(u, v)


@pytest.mark.parametrize("seed", range(5, 9))
def test_views_much_wider_than_subjects_give_what_their_product_gives(seed: int) -> None:
    """Seeds 5 and 8 are those where the start at the singular vector alone ends in a lesser maximum."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((37, 400)), rng.standard_normal((37, 300))
    x[:, :5] += 3 * y[:, :1]
    fitted = SparseCCA(2, x_l1=0.2, y_l1=0.2).fit(x, y)  # 400 x 300 is larger than the views: never formed
    left = np.corrcoef(x.T, y.T)[:400, 400:]
    for u, v, d in zip(fitted.x_weights_.T, fitted.y_weights_.T, fitted.objective_, strict=True):
        np.testing.assert_allclose(project_l1(left.T @ u, fitted.y_l1_bound_), v, atol=1e-5)
        left = left - d * np.outer(u, v)
    assert set(np.argsort(-np.abs(fitted.x_weights_[:, 0]))[:5]) == set(range(5))


def test_without_sparsity_it_is_partial_least_squares_of_standardised_views() -> None:
    x, y = _planted()
    z_x, z_y = ((view - view.mean(axis=0)) / view.std(axis=0, ddof=1) for view in (x, y))
    dense, pls = SparseCCA(2, x_l1=1, y_l1=1).fit(x, y), RidgeCCA(2, penalty=1).fit(z_x, z_y)
    np.testing.assert_allclose(np.abs(dense.x_weights_), np.abs(pls.x_weights_), atol=1e-5)


def test_first_component_agrees_with_cca_zoo() -> None:
    """Only the first: cca-zoo deflates the views by their scores, not X'Y, and its later weights are neither of unit
    norm nor bounded. It also takes bounds under 1, which no unit vector can meet."""
    from cca_zoo.sparse import PMDCCA

    x, y = ((view - view.mean(axis=0)) / view.std(axis=0, ddof=1) for view in _planted())
    theirs = PMDCCA(1, l1_bound=[0.3, 0.4], random_state=0, tol=1e-9).fit([x, y])
    ours = SparseCCA(1, x_l1=0.3, y_l1=0.4, tol=1e-9).fit(x, y)
    for weights, expected in zip((ours.x_weights_, ours.y_weights_), theirs.weights_, strict=True):
        np.testing.assert_allclose(np.abs(weights), np.abs(expected), atol=1e-6)


def test_later_components_of_cca_zoo_leave_the_bound_and_ours_do_not() -> None:
    from cca_zoo.sparse import PMDCCA

    x, y = ((view - view.mean(axis=0)) / view.std(axis=0, ddof=1) for view in _planted())
    theirs = PMDCCA(4, l1_bound=0.3, random_state=0).fit([x, y]).weights_[0]
    ours = SparseCCA(4, x_l1=0.3, y_l1=0.3).fit(x, y).x_weights_
    bound = 0.3 * np.sqrt(P)
    assert np.abs(theirs).sum(axis=0).max() > bound + 1e-3
    assert np.abs(ours).sum(axis=0).max() <= bound + 1e-10


@settings(max_examples=200)
@given(st.integers(1, 50), st.floats(0, 1), st.integers(0, 2**32 - 1), st.sampled_from(["normal", "tied", "close"]))
@example(p=39, share=1.0, seed=1, kind="close")  # exceeds a bound of sqrt(39), which nothing can, by rounding
def test_projection_is_a_bounded_unit_vector_in_any_case(p: int, share: float, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    made = {
        "normal": lambda: rng.standard_normal(p),
        "tied": lambda: rng.choice([-2.0, 1.0, 2.0], p),
        "close": lambda: 1 + 1e-9 * rng.standard_normal(p),
    }
    direction, bound = made[kind](), 1 + share * (np.sqrt(p) - 1)
    unit = project_l1(direction, bound)
    assert np.linalg.norm(unit) == pytest.approx(1, abs=1e-12)
    assert np.abs(unit).sum() <= bound + 1e-10
    if np.abs(direction).sum() > bound * np.linalg.norm(direction):
        assert np.abs(unit).sum() == pytest.approx(bound, abs=1e-10)
    rivals = rng.standard_normal((50, p))
    rivals /= np.maximum(np.linalg.norm(rivals, axis=1), np.abs(rivals).sum(axis=1) / bound)[:, None]
    assert (rivals @ direction <= unit @ direction + 1e-9).all()


def test_projection_is_the_constrained_optimum() -> None:
    direction = np.random.default_rng(4).standard_normal(7)
    constraints = [
        {"type": "ineq", "fun": lambda w: 1 - w @ w},
        {"type": "ineq", "fun": lambda w: 1.8 - np.abs(w).sum()},
    ]
    found = minimize(lambda w: -w @ direction, np.full(7, 0.1), constraints=constraints, options={"maxiter": 500})
    assert project_l1(direction, 1.8) @ direction == pytest.approx(-found.fun, abs=1e-5)


def test_constant_features_get_no_weight_even_if_they_vary_later() -> None:
    x, y = _planted()
    x[:, 3] = 0.1
    fitted = SparseCCA(x_l1=1).fit(x, y)
    assert fitted.x_weights_[3, 0] == 0
    later = x.copy()
    later[:, 3] = np.arange(N)
    np.testing.assert_array_equal(fitted.x_scores(later), fitted.x_scores(x))


@pytest.mark.parametrize("share", [0, 1.2, "all"], ids=str)
def test_bad_settings_are_one_sentence(share: Any) -> None:
    with pytest.raises(InputError, match="x_l1 must be a share"):
        SparseCCA(x_l1=share).fit(*_planted())


def test_no_variance_too_many_components_and_too_few_turns() -> None:
    x, y = _planted()
    with pytest.raises(InputError, match="y must vary between subjects"):
        SparseCCA().fit(x, np.ones((N, 2)))
    with pytest.raises(InputError, match=r"1\.\.25 \(the smaller rank\); got 26"):
        SparseCCA(26).fit(x, y)
    with pytest.warns(ConvergenceWarning, match="stopped component 0 after max_iter=1 turns"):
        SparseCCA(max_iter=1).fit(x, y)
