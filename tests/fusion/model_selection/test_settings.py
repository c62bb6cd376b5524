"""One setting in inner folds, and the chosen one in rows apart."""

import numpy as np
import pytest
from scipy.stats import kstest, pearsonr
from sklearn.linear_model import LinearRegression

from fusion import InputError, TableView, make_folds
from fusion.cca.ridge import RidgeCCA
from fusion.comparison.max_t import westfall_young
from fusion.model_selection.settings import Setting, embed_inner, evaluate_setting, inner_correlation

N = 150


def _views(seed: int, strength: float = 0.0, width: int = 11) -> tuple[TableView, TableView, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((N, 3))
    shared = rng.standard_normal(N)
    x, y = rng.standard_normal((N, width)) + z[:, :1], rng.standard_normal((N, 7)) - z[:, :1]
    x[:, 0] += strength * shared
    y[:, 2] += strength * shared
    ids = tuple(f"s{i}" for i in range(N))
    return TableView(x, ids), TableView(y, ids), z


def test_inner_correlation_equals_the_steps_by_hand() -> None:
    x, y, z = _views(0, 1.0)
    rows = np.arange(0, 120)
    folds = make_folds(len(rows), 3, random_state=1)
    embedded = embed_inner((x, y), z, rows, folds, n_components=7, scale=True)
    found = inner_correlation(embedded, Setting(7, 0.0))
    by_hand, weights = [], []
    for train, test in folds:
        values = {}
        for name, view in (("x", x), ("y", y)):
            table = view.multiply(np.eye(view.shape[1]))[rows]
            residual = table - LinearRegression().fit(z[rows][train], table[train]).predict(z[rows])
            values[name] = residual / residual[train].std(axis=0)
        # all 7 components of y span y; x is cut to 7 of 11 by its principal axes
        axes = np.linalg.svd(values["x"][train], full_matrices=False)[2][:7].T
        model = RidgeCCA(1, penalty=0.0).fit(values["x"][train] @ axes, values["y"][train])
        scores = model.x_scores(values["x"][test] @ axes)[:, 0], model.y_scores(values["y"][test])[:, 0]
        by_hand.append(pearsonr(*scores).statistic)
        weights.append(len(test))
    assert found == pytest.approx(np.average(by_hand, weights=weights), abs=1e-8)


def test_a_penalty_does_not_depend_on_the_units_of_a_view() -> None:
    x, y, z = _views(3, 1.0)
    small = TableView(1e-3 * x.multiply(np.eye(x.shape[1])), x.subject_ids)
    rows = np.arange(N)
    folds = make_folds(N, 3, random_state=1)
    values = [
        inner_correlation(embed_inner((view, y), z, rows, folds, n_components=5, scale=(False, True)), Setting(5, 0.5))
        for view in (x, small)
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-9)


def test_a_link_is_found_in_rows_apart() -> None:
    x, y, z = _views(1, 2.0)
    split = np.arange(0, 90), np.arange(90, N)
    found = evaluate_setting((x, y), z, split, Setting(5, 0.1), scale=True, n_permutations=199)
    assert found.rho > 0.4
    assert found.p == pytest.approx(1 / 200)
    assert found.interval[0] > 0
    assert (found.n_train, found.n_test) == (90, 60)


def test_searches_of_one_split_are_tested_by_the_same_exchanges() -> None:
    x, y, z = _views(1)
    split = np.arange(0, 90), np.arange(90, N)
    doubled = TableView(2.0 * y.multiply(np.eye(y.shape[1])), y.subject_ids)
    one, same, other = (
        evaluate_setting((x, view), z, split, setting, scale=True, n_permutations=99, random_state=7)
        for view, setting in ((y, Setting(5)), (doubled, Setting(5)), (y, Setting(3, 0.5)))
    )
    np.testing.assert_allclose(one.null, same.null, atol=1e-9)
    assert np.corrcoef(one.null[1:], other.null[1:])[0, 1] > 0.3
    family = westfall_young({name: (found.rho, found.null) for name, found in zip("ab", (one, other), strict=True)})
    assert family["a"] >= one.p
    assert family["b"] >= other.p
    assert sum(family.values()) < 2 * (one.p + other.p)  # what alike exchanges save over Bonferroni


def test_p_is_uniform_without_a_link() -> None:
    split = np.arange(0, 90), np.arange(90, N)
    p = [
        evaluate_setting(
            _views(seed)[:2], _views(seed)[2], split, Setting(3, 0.2), scale=True, n_permutations=39, n_bootstrap=2,
            random_state=seed,
        ).p
        for seed in range(120)
    ]  # fmt: skip
    assert kstest(p, "uniform").pvalue > 0.001
    assert np.mean(np.array(p) <= 0.05) < 0.12


def test_more_confounds_than_test_rows_are_refused() -> None:
    x, y, _ = _views(2)
    z = np.random.default_rng(0).standard_normal((N, 20))
    with pytest.raises(InputError, match="got 20 rows and 20 confound columns"):
        evaluate_setting((x, y), z, (np.arange(130), np.arange(130, N)), Setting(2), scale=True)
