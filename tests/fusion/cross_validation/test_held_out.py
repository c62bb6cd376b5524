"""Held-out correlations: against a plain pipeline, without leaks, with a null that is uniform."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from fusion import ConfoundDesign, InputError, TableView, choose_dimensions, cross_validated_cca, make_folds
from fusion.cca.exact import leading_pairs
from fusion.permutation.exchangeability import Blocks

N, P, Q, R = 137, 16, 11, 3
QUICK: dict[str, Any] = {"n_permutations": 49, "n_bootstrap": 100, "random_state": 0}


@pytest.fixture
def linked() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    z = rng.standard_normal((N, R))
    shared = rng.standard_normal(N)
    x = rng.standard_normal((N, P)) + 3 * np.outer(shared, rng.standard_normal(P)) + z @ rng.standard_normal((R, P))
    y = rng.standard_normal((N, Q)) + 3 * np.outer(shared, rng.standard_normal(Q)) + z @ rng.standard_normal((R, Q))
    return {"x": x, "y": y, "confounds": z}


def _by_hand(x: np.ndarray, y: np.ndarray, z: np.ndarray, folds: Any, dims: tuple[int, int]) -> np.ndarray:
    """The pipeline in scikit-learn and statsmodels, fold by fold."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression
    from statsmodels.multivariate.cancorr import CanCorr

    found = []
    for train, test in folds:
        sides = []
        for view, k in zip((x, y), dims, strict=True):
            residual = view - LinearRegression().fit(z[train], view[train]).predict(z)
            residual /= np.sqrt((residual[train] ** 2).sum(axis=0))
            pca = PCA(k, svd_solver="full").fit(residual[train])
            sides.append((residual[train] @ pca.components_.T, residual[test] @ pca.components_.T))
        cca = CanCorr(sides[0][0], sides[1][0])
        a, b = sides[0][1] @ cca.y_cancoef[:, 0], sides[1][1] @ cca.x_cancoef[:, 0]
        found.append(np.corrcoef(a, b)[0, 1])
    return np.array(found)


def test_equals_a_pipeline_by_hand(linked: dict[str, np.ndarray]) -> None:
    folds = make_folds(N, 4, random_state=2)
    result = cross_validated_cca(**linked, folds=folds, x_dimensions=6, y_dimensions=5, **QUICK)
    expected = _by_hand(linked["x"], linked["y"], linked["confounds"], folds, (6, 5))
    np.testing.assert_allclose(result.rho_by_fold[:, 0], expected, atol=1e-8)
    sizes = np.bincount(folds.assignments)
    assert result.rho[0] == pytest.approx(np.average(expected, weights=sizes))
    assert result.dimensions == (6, 5)


def test_planted_link_is_found_and_its_interval_is_around_it(linked: dict[str, np.ndarray]) -> None:
    result = cross_validated_cca(**linked, **QUICK)
    assert result.p_fwer[0] == 1 / 50
    assert result.p_fwer[2] > 0.05
    assert result.interval[0, 0] < result.rho[0] < result.interval[0, 1]
    assert result.interval.shape == (3, 2)
    assert result.null.shape == (50, 3)
    assert result.rho_by_fold.shape == (5, 3)
    assert (np.diff(result.p_fwer) >= 0).all()


def test_scores_give_the_correlations_back(linked: dict[str, np.ndarray]) -> None:
    result = cross_validated_cca(**linked, **QUICK)
    for fold, (_, test) in enumerate(result.folds):
        for k in range(3):
            r = np.corrcoef(result.x_scores[test, k], result.y_scores[test, k])[0, 1]
            assert r == pytest.approx(result.rho_by_fold[fold, k])


@pytest.mark.parametrize("confounded", [True, False])
def test_bits_do_not_depend_on_workers(linked: dict[str, np.ndarray], confounded: bool) -> None:
    data = linked if confounded else {"x": linked["x"], "y": linked["y"]}
    settings = QUICK | {"n_permutations": 149}
    one, two = (cross_validated_cca(**data, **settings, n_jobs=n_jobs) for n_jobs in (1, 2))
    assert one.null.tobytes() == two.null.tobytes()
    assert one.interval.tobytes() == two.interval.tobytes()


def test_nothing_is_fitted_on_test_rows(linked: dict[str, np.ndarray]) -> None:
    """Scores of a fold's training and test rows do not move when its test rows of the other view do."""
    rng = np.random.default_rng(1)
    folds = make_folds(N, 2, random_state=0)
    tested = folds.assignments == 0
    moved = (
        linked["y"] * np.where(tested, 50.0, 1.0)[:, np.newaxis] + np.where(tested, rng.standard_normal(N), 0)[:, None]
    )
    before = cross_validated_cca(linked["x"], linked["y"], folds=folds, **QUICK)
    after = cross_validated_cca(linked["x"], moved, folds=folds, **QUICK)
    np.testing.assert_array_equal(before.x_scores[tested], after.x_scores[tested])
    assert not np.array_equal(before.x_scores[~tested], after.x_scores[~tested])


def test_categories_are_encoded_inside_folds(linked: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.uniform(40, 70, N), "site": rng.choice(["Oslo", "Turku", "Delft"], N)})
    by_design = cross_validated_cca(linked["x"], linked["y"], (frame, ConfoundDesign()), **QUICK)
    dummies = np.column_stack([frame["age"], frame["site"] == "Oslo", frame["site"] == "Turku"]).astype(float)
    by_hand = cross_validated_cca(linked["x"], linked["y"], dummies, **QUICK)
    np.testing.assert_allclose(by_design.null, by_hand.null, atol=1e-8)


def test_new_site_in_a_test_fold(linked: dict[str, np.ndarray]) -> None:
    sites = np.array([f"s{i % 7}" for i in range(N)])
    frame = pd.DataFrame({"site": sites})
    with pytest.raises(InputError, match=r"s[0-9]"):
        cross_validated_cca(linked["x"], linked["y"], (frame, ConfoundDesign()), groups=sites, **QUICK)
    result = cross_validated_cca(
        linked["x"],
        linked["y"],
        (frame, ConfoundDesign(unseen="mean")),
        groups=sites,
        exchangeability_blocks=sites,
        **QUICK,
    )
    assert np.isfinite(result.null).all()
    assert result.p[0] <= 0.05
    np.testing.assert_array_equal(result.n_unseen, result.n_test)  # sites are not split, so every test level is new
    assert "137 subjects have a confound level" in result.warnings[0]
    assert not cross_validated_cca(linked["x"], linked["y"], (frame, ConfoundDesign()), **QUICK).n_unseen.any()


def test_families_move_as_wholes(linked: dict[str, np.ndarray]) -> None:
    families = np.arange(N) // 2
    result = cross_validated_cca(**linked, groups=families, exchangeability_blocks=Blocks(families, "whole"), **QUICK)
    assert result.p[0] == 1 / 50
    assert not result.warnings
    free = cross_validated_cca(**linked, groups=families, **QUICK)
    assert "do not restrict the permutation" in free.warnings[0]


def test_dimensions_follow_the_smallest_training_fold(linked: dict[str, np.ndarray]) -> None:
    result = cross_validated_cca(**linked, **QUICK)
    n_train = N - max(result.n_test)
    assert result.n_effective == n_train - 1 - R
    assert sum(result.dimensions) == result.n_effective // 10
    narrow = cross_validated_cca(linked["x"], linked["y"][:, :2], **QUICK)
    assert narrow.dimensions[1] == 2
    assert len(narrow.rho) == 2


@pytest.mark.parametrize(("p", "q"), [(7, 4), (4, 7), (5, 5)])
def test_leading_pairs_are_those_of_the_svd(p: int, q: int) -> None:
    product = np.random.default_rng(0).standard_normal((p, q))
    left, singular, right = np.linalg.svd(product, full_matrices=False)
    a, b, is_tied = leading_pairs(product, 3)
    assert not is_tied
    assert leading_pairs(np.eye(p, q), 3)[2]
    np.testing.assert_allclose(np.abs(np.sum(a * left[:, :3], axis=0)), 1, atol=1e-10)
    np.testing.assert_allclose(np.abs(np.sum(b * right[:3].T, axis=0)), 1, atol=1e-10)
    np.testing.assert_allclose(np.diag(a.T @ product @ b), singular[:3], atol=1e-10)


def test_auto_dimensions() -> None:
    assert choose_dimensions(600, 512, 512) == (30, 30)
    assert choose_dimensions(610, 512, 512) == (31, 30)
    assert choose_dimensions(600, 8, 512) == (8, 52)
    assert choose_dimensions(600, 8, 9) == (8, 9)
    assert choose_dimensions(15, 512, 512) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"x_dimensions": 0}, "x_dimensions must be 'auto'"),
        ({"y_dimensions": "many"}, "y_dimensions must be 'auto'"),
        ({"min_ratio": 0}, "min_ratio must be positive"),
        ({"n_components": 0}, "n_components must be at least 1; got 0"),
        ({"exchangeability_blocks": [np.nan, *["a", "b"] * 68]}, "blocks need a label for every subject; 1 have none"),
        ({"n_splits": 60}, r"legal n_splits: 2\.\."),
        ({"folds": make_folds(50, 5)}, "folds must assign 137 subjects"),
        ({"folds": make_folds(N, 5), "groups": np.arange(N) // 2}, "groups are split"),
        ({"exchangeability_blocks": np.arange(N)}, "every block stands alone"),
        ({"confounds": np.zeros((5, 1))}, "confounds must have the rows of x"),
        ({"y": TableView(np.random.default_rng(0).standard_normal((N, 3)), [f"o{i}" for i in range(N)])}, "same order"),
    ],
    ids=[
        "zero",
        "word",
        "ratio",
        "components",
        "a gap beside text",
        "splits",
        "folds",
        "groups",
        "blocks",
        "confounds",
        "ids",
    ],
)
def test_bad_input_is_one_sentence(linked: dict[str, np.ndarray], arguments: dict[str, Any], sentence: str) -> None:
    x = TableView(linked["x"], [f"s{i}" for i in range(N)])
    with pytest.raises(InputError, match=sentence):
        cross_validated_cca(**({"x": x, "y": linked["y"]} | arguments), **QUICK)


@pytest.mark.parametrize("n_confounds", [0, 6], ids=["plain", "confounds"])
def test_null_p_is_uniform(n_confounds: int) -> None:
    """Quick form of the calibration: 120 null data sets, confounds working on both views."""

    def p_value(seed: int) -> float:
        rng = np.random.default_rng(seed)
        z = rng.standard_normal((60, n_confounds)) if n_confounds else None
        x, y = rng.standard_normal((60, 6)), rng.standard_normal((60, 5))
        if z is not None:
            x, y = x + z @ rng.standard_normal((n_confounds, 6)), y + z @ rng.standard_normal((n_confounds, 5))
        settings = {"n_permutations": 39, "n_bootstrap": 2, "x_dimensions": 4, "y_dimensions": 3, "n_splits": 4}
        return float(cross_validated_cca(x, y, z, random_state=seed, **settings).p[0])

    assert kstest([p_value(seed) for seed in range(120)], "uniform").pvalue > 0.01
