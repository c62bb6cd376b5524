"""Exact CCA: outside answers, invariants, and columns that break naive implementations."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusion import CanonicalCorrelation, InputError
from fusion.cca.exact import make_basis

N, P, Q = 37, 7, 5
COLUMN = np.arange(N, dtype=float)[:, np.newaxis]


@pytest.fixture
def views() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((N, P))
    y = rng.standard_normal((N, Q))
    y[:, 0] += x[:, 1]
    return x, y


def test_published_correlations_of_linnerud() -> None:
    """The three of SAS PROC CANCORR's first example: 0.795608, 0.200556, 0.072570."""
    from sklearn.datasets import load_linnerud

    table = load_linnerud(as_frame=True)
    fitted = CanonicalCorrelation().fit(table.data, table.target)
    np.testing.assert_allclose(fitted.canonical_correlations_, [0.795608, 0.200556, 0.072570], atol=1e-6)


def test_published_correlations_of_mmreg(real_data: Path) -> None:
    """Motives against marks of 600 students, as R's CCA gives them."""
    answers = json.loads((real_data / "twoview" / "cca_computed.json").read_text())
    expected = next(values for name, values in answers.items() if name.startswith("mmreg"))
    table = pd.read_csv(real_data / "twoview" / "mmreg.csv")
    x, y = table[["Control", "Concept", "Motivation"]], table[["Read", "Write", "Math", "Science", "Sex"]]
    np.testing.assert_allclose(CanonicalCorrelation().fit(x, y).canonical_correlations_, expected, atol=1e-6)


def test_agrees_with_statsmodels(views: tuple[np.ndarray, np.ndarray]) -> None:
    from statsmodels.multivariate.cancorr import CanCorr

    x, y = views
    expected = CanCorr(x - x.mean(axis=0), y - y.mean(axis=0)).cancorr
    np.testing.assert_allclose(CanonicalCorrelation().fit(x, y).canonical_correlations_, expected, atol=1e-10)


def test_scores_are_white_and_paired(views: tuple[np.ndarray, np.ndarray]) -> None:
    fitted = CanonicalCorrelation().fit(*views)
    x_scores, y_scores = fitted.transform(*views)
    np.testing.assert_allclose(np.cov(x_scores.T), np.eye(Q), atol=1e-10)
    np.testing.assert_allclose(np.cov(y_scores.T), np.eye(Q), atol=1e-10)
    cross = x_scores.T @ y_scores / (N - 1)
    np.testing.assert_allclose(cross, np.diag(fitted.canonical_correlations_), atol=1e-10)


def test_correlations_do_not_depend_on_coding(views: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = views
    recoded = x @ np.random.default_rng(4).standard_normal((P, P)) * 1e6 + 12
    expected = CanonicalCorrelation().fit(x, y).canonical_correlations_
    np.testing.assert_allclose(CanonicalCorrelation().fit(recoded, y).canonical_correlations_, expected, atol=1e-8)


def test_units_of_single_columns_do_not_matter(views: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = views
    scaled = x * 10.0 ** np.linspace(-9, 9, P)
    expected = CanonicalCorrelation().fit(x, y)
    fitted = CanonicalCorrelation().fit(scaled, y)
    assert fitted.x_rank_ == P
    np.testing.assert_allclose(fitted.canonical_correlations_, expected.canonical_correlations_, atol=1e-8)


@pytest.mark.parametrize("spoil", ["duplicate", "constant", "sum"])
def test_deficient_rank_is_truncated(views: tuple[np.ndarray, np.ndarray], spoil: str) -> None:
    x, y = views
    column = {"duplicate": x[:, 2], "constant": np.full(N, 0.1), "sum": x[:, 0] + x[:, 3]}[spoil]
    fitted = CanonicalCorrelation().fit(np.column_stack([x, column]), y)
    assert fitted.x_rank_ == P
    expected = CanonicalCorrelation().fit(x, y).canonical_correlations_
    np.testing.assert_allclose(fitted.canonical_correlations_, expected, atol=1e-10)
    assert np.abs(fitted.x_weights_).max() < 1e3


def test_signs_agree_between_sides(views: tuple[np.ndarray, np.ndarray]) -> None:
    fitted = CanonicalCorrelation().fit(*views)
    largest = fitted.x_loadings_[np.abs(fitted.x_loadings_).argmax(axis=0), np.arange(Q)]
    assert (largest > 0).all()
    assert fitted.score(*views) == pytest.approx(fitted.canonical_correlations_[0])


def test_loadings_are_correlations(views: tuple[np.ndarray, np.ndarray]) -> None:
    fitted = CanonicalCorrelation(n_components=2).fit(*views)
    scores = fitted.transform(views[0])
    assert fitted.x_loadings_.shape == (P, 2)
    assert fitted.x_loadings_[3, 1] == pytest.approx(np.corrcoef(views[0][:, 3], scores[:, 1])[0, 1])


def test_basis_weights_lead_to_the_basis(views: tuple[np.ndarray, np.ndarray]) -> None:
    centred = views[0] - views[0].mean(axis=0)
    basis = make_basis(centred)
    np.testing.assert_allclose(centred @ basis.weights, basis.columns, atol=1e-12)
    np.testing.assert_allclose(basis.columns.T @ basis.columns, np.eye(P), atol=1e-12)


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (np.ones((N, 3)), np.arange(N), "x must vary"),
        (COLUMN, np.full(N, np.nan), "y must be finite; column 0 has 37"),
        (COLUMN, np.arange(N - 1), "y must have the rows of x"),
        (np.array([["a"]] * N), np.arange(N), "x must hold numbers only"),
        (np.arange(N), np.arange(N), "Reshape your data: x"),
        (COLUMN, None, "requires y to be passed"),
    ],
    ids=["constant", "nan", "rows", "text", "flat", "one view"],
)
def test_bad_input_is_one_sentence(x: np.ndarray, y: np.ndarray, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        CanonicalCorrelation().fit(x, y)


def test_too_many_components_are_refused(views: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(InputError, match=r"n_components must lie in 1\.\.5"):
        CanonicalCorrelation(n_components=6).fit(*views)


def test_frames_in_another_order_are_refused(views: tuple[np.ndarray, np.ndarray]) -> None:
    ids = [f"sub-{i:02d}" for i in range(N)]
    x, y = pd.DataFrame(views[0], index=ids), pd.DataFrame(views[1], index=ids[::-1])
    with pytest.raises(InputError, match="same order; row 0 is 'sub-36'"):
        CanonicalCorrelation().fit(x, y)


def test_second_view_in_another_column_order_is_refused(views: tuple[np.ndarray, np.ndarray]) -> None:
    y = pd.DataFrame(views[1], columns=list("abcde"))
    fitted = CanonicalCorrelation().fit(views[0], y)
    with pytest.raises(InputError, match="column 0 is 'e', not 'a'"):
        fitted.transform(views[0], y[list("edcba")])
    np.testing.assert_array_equal(fitted.y_scores(views[1]), fitted.y_scores(y))
