"""Tied components: when they are said to be so, and that what is said then does not depend on their axes."""

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fusion import TableView, bootstrap_refits, communality_table, loading_table, principal_angles
from fusion.interpretation.components import canonical_correlations, fit_components
from fusion.interpretation.ties import TiedSide, count_tied

N, P, Q = 230, 7, 5
Views = tuple[NDArray[np.float64], NDArray[np.float64]]


def linked(*rho: float, seed: int = 0, n: int = N) -> Views:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, P)), rng.standard_normal((n, Q))
    for k, r in enumerate(rho):
        y[:, k] = r * x[:, k] + np.sqrt(1 - r**2) * y[:, k]
    x, y = x @ rng.standard_normal((P, P)), y @ rng.standard_normal((Q, Q))
    return x - x.mean(axis=0), y - y.mean(axis=0)


def test_correlations_are_those_of_scikit_learns_directions() -> None:
    x, y = linked(0.8, 0.5)
    basis = [np.linalg.qr(view)[0] for view in (x, y)]
    expected = np.linalg.svd(basis[0].T @ basis[1], compute_uv=False)
    np.testing.assert_allclose(canonical_correlations(x, y), expected, atol=1e-10)


@pytest.mark.parametrize(
    ("correlations", "n", "tied"),
    [
        ([0.60, 0.57, 0.54, 0.20], 300, 3),  # a chain
        ([0.60, 0.57, 0.54, 0.20], 90_000, 1),  # apart, with so many subjects
        ([0.60, 0.20, 0.18, 0.10], 300, 1),
        ([0.24, 0.22, 0.20, 0.10], 300, 1),  # beside noise there is nothing to be tied with
        ([0.70], 300, 1),
        ([1.00, 1.00, 0.30], 300, 2),
    ],
)
def test_how_many_are_tied(correlations: list[float], n: int, tied: int) -> None:
    assert count_tied(np.array(correlations), n, 9, len(correlations)) == tied


def test_without_ties_the_loadings_have_intervals_and_nothing_is_said() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refits = bootstrap_refits(*linked(0.85, 0.4), n_draws=20)
    assert refits.tied is None
    assert refits.x_draws.shape == (N, 20)


def tied_refits(x: Any, y: Any, **settings: Any) -> Any:
    with pytest.warns(UserWarning, match=r"correlations 1 to 2 \(0\.\d+, 0\.\d+\) are too near") as said:
        refits = bootstrap_refits(x, y, n_draws=30, seed=3, **settings)
    assert len(said) == 1
    return refits


def test_tied_components_give_no_interval_of_a_loading_but_of_the_communality() -> None:
    x, y = linked(0.7, 0.68)
    refits = tied_refits(x, y)
    scores = refits.x_scores[:, 0], refits.y_scores[:, 0]
    table, _ = loading_table(x, *scores, draws=refits.x_draws, counts=refits.counts, grouped=False)
    assert table[["lo", "hi"]].isna().all(axis=None)
    assert refits.n_draws == 30
    shares = communality_table(x, refits.tied.x, grouped=False)
    two = fit_components(x, y, 2)
    fitted = [np.linalg.lstsq(x @ two.x_weights, column)[1][0] for column in x.T]
    np.testing.assert_allclose(shares["communality"], 1 - np.array(fitted) / (x**2).sum(axis=0), atol=1e-10)
    assert (shares["communality_lo"] < shares["communality"]).all()
    assert (shares["communality"] < shares["communality_hi"]).all()


def test_of_genes_it_is_the_mean_over_columns_and_constant_columns_do_not_count() -> None:
    x, y = linked(0.7, 0.68)
    refits = tied_refits(x, y)
    wide = np.column_stack([x, np.ones(N)])
    view = TableView(wide, [f"s{i}" for i in range(N)], ["b", "a", "b", "c", "a", "c", "c", "a"])
    genes = communality_table(view, refits.tied.x, grouped=True)
    columns = communality_table(wide, refits.tied.x, grouped=False)["communality"].to_numpy()
    assert list(genes.index) == ["a", "b", "c"]
    expected = [columns[[1, 4]].mean(), columns[[0, 2]].mean(), columns[[3, 5, 6]].mean()]
    np.testing.assert_allclose(genes["communality"], expected)
    assert columns[-1] == 0


def test_axes_within_the_space_change_nothing() -> None:
    x, y = linked(0.7, 0.68)
    refits = tied_refits(x, y)
    side = refits.tied.x
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    turned = TiedSide(x, side.weights @ turn, side.draws @ turn.T, side.counts)
    one, other = (communality_table(x, part, grouped=False) for part in (side, turned))
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert turned.angle().upper == pytest.approx(side.angle().upper)


def test_angles_are_the_largest_principal_angles_of_scores() -> None:
    x, y = linked(0.7, 0.68)
    side = tied_refits(x, y).tied.y
    angles = [principal_angles(y @ drawn, side.scores).max() for drawn in side.draws]
    assert side.angle().median == pytest.approx(np.median(angles))
    assert side.angle().upper == pytest.approx(np.quantile(angles, 0.95))
