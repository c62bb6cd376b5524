"""The fast held-out permutation against the plain one: permute subjects' residuals, refit every fold from scratch."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.linalg

from fusion import CanonicalCorrelation, ConfoundDesign, cross_validated_cca, make_folds, parallel
from fusion.confounds.coding import Confounds
from fusion.cross_validation import fold_permutation
from fusion.cross_validation.conditional_steps import make_conditional_steps
from fusion.cross_validation.fold_embedding import embed_folds
from fusion.cross_validation.fold_permutation import FoldPermutation, make_fold_permutation
from fusion.cross_validation.resampling import fold_average
from fusion.permutation import statistics
from fusion.permutation.exchangeability import Blocks
from fusion.views.view import as_view

N, P, Q = 137, 9, 7


def _run(seed: int = 0, confounds: Any = None, blocks: Any = None, groups: Any = None) -> FoldPermutation:
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((N, 3)) * [2.0, 1.0, 0.9]
    views = tuple(
        as_view(rng.standard_normal((N, k)) + shared @ rng.standard_normal((3, k)) + rng.standard_normal((1, k)))
        for k in (P, Q)
    )
    folds = make_folds(N, 4, groups=groups, random_state=1)
    whitened = [fold.whiten(6, 5) for fold in embed_folds(views, Confounds.of(confounds), folds, n_components=8)]
    encoded = Confounds.of(confounds).coded(np.arange(N))
    settings: dict[str, Any] = {"n_permutations": 30, "n_components": 3, "random_state": 3}
    return make_fold_permutation(whitened, encoded, folds, blocks=blocks, **settings)


def _plain(run: FoldPermutation, index: int) -> np.ndarray:
    """First held-out correlation of every fold, without any of the shortcuts."""
    found, permutation = [], run.permutations[index]
    for fold in run.folds:
        if run.theil is None:
            x = fold.x[permutation]
        else:
            rows = run.theil.apply(fold.x)
            x = fold.x + fold.residualise(run.theil.restore(rows[permutation] - rows))
        q_x, r_x = np.linalg.qr(x[fold.train])
        left, _, right = scipy.linalg.svd(q_x.T @ fold.y[fold.train])
        a, b = x[fold.test] @ np.linalg.solve(r_x, left[:, 0]), fold.y[fold.test] @ right[0]
        found.append(np.corrcoef(a, b)[0, 1])
    return np.array(found)


def _sites() -> np.ndarray:
    return np.array([f"s{i % 7}" for i in range(N)])


SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "numbers": {"confounds": np.random.default_rng(9).standard_normal((N, 4))},
    "categories": {"confounds": (pd.DataFrame({"site": _sites(), "age": np.arange(N) % 31.0}), ConfoundDesign())},
    "unseen levels": {
        "confounds": (pd.DataFrame({"site": _sites()}), ConfoundDesign(unseen="mean")),
        "groups": _sites(),
        "blocks": Blocks(_sites()),
    },
    "families": {
        "confounds": np.random.default_rng(9).standard_normal((N, 4)),
        "groups": np.arange(N) // 2,
        "blocks": Blocks(np.arange(N) // 2, "whole"),
    },
}


@pytest.mark.parametrize("case", SETTINGS)
def test_shortcuts_change_nothing(case: str) -> None:
    run = _run(**SETTINGS[case])
    for index in (0, 1, 17, 30):
        np.testing.assert_allclose(run(index)[:, 0], _plain(run, index), atol=1e-9)


@pytest.mark.parametrize("case", SETTINGS)
def test_screening_in_float32_decides_as_float64(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = _run(**SETTINGS[case])
    monkeypatch.setattr(fold_permutation, "SCREENING_SIZE", 0)
    screened = _run(**SETTINGS[case])
    assert not exact.coarse_products
    assert len(screened.coarse_products) == 4
    assert screened(0).tobytes() == exact(0).tobytes()
    for index in range(1, 31):
        np.testing.assert_allclose(screened(index), exact(index), atol=1e-5)


@pytest.mark.parametrize("case", ["plain", "numbers", "families"])
def test_a_stack_has_the_bits_of_one_after_another(case: str) -> None:
    run = _run(**SETTINGS[case])
    for one in (run, make_conditional_steps(run)):
        assert one.at_once > 9
        alone = np.stack([one(index) for index in range(9)])
        np.testing.assert_array_equal(one.stack(range(9)), alone)
        np.testing.assert_array_equal(one.stack([4, 0]), alone[[4, 0]])


@pytest.mark.parametrize("case", SETTINGS)
def test_rows_that_are_gathered_some_at_a_time_give_the_same(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _run(**SETTINGS[case])
    steps = make_conditional_steps(run)
    stacked = run.stack([0, 1, 17]), steps.stack([0, 1, 17])
    monkeypatch.setattr(parallel, "STACKED_VALUES", 1)
    monkeypatch.setattr(statistics, "ROWS_AT_ONCE", 13)
    assert (run.at_once, steps.at_once) == (1, 1)
    for one, expected in zip((run, steps), stacked, strict=True):
        np.testing.assert_allclose(np.stack([one(index) for index in (0, 1, 17)]), expected, atol=1e-9)


def test_near_ties_with_the_observed_are_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = _run()
    monkeypatch.setattr(fold_permutation, "SCREENING_SIZE", 0)
    screened = _run()
    n_test = np.array([len(fold.test) for fold in screened.folds])
    near = fold_average(exact(5), n_test) + 5e-5
    assert replace(screened, observed=near)(5).tobytes() == exact(5).tobytes()
    assert screened(5).tobytes() != exact(5).tobytes()


def test_folds_are_matched_in_sign_and_in_nothing_else() -> None:
    """A component's scores are those of its fold's own fit, up to a sign that agrees over folds."""
    rng = np.random.default_rng(2)
    shared = rng.standard_normal((400, 3))
    x, y = (
        np.hstack([shared * [3, 1.5, 0.8], rng.standard_normal((400, 2))]) + rng.standard_normal((400, 5)) for _ in "xy"
    )
    result = cross_validated_cca(x, y, x_dimensions=5, y_dimensions=5, n_permutations=1, n_bootstrap=2, random_state=0)
    for k in range(3):
        signs = []
        for train, test in result.folds:
            own = CanonicalCorrelation(3).fit(x[train], y[train]).y_scores(y[test])[:, k]
            assert abs(np.corrcoef(result.y_scores[test, k], own)[0, 1]) == pytest.approx(1, abs=1e-9)
            signs.append(np.sign(np.corrcoef(result.y_scores[test, k], shared[test, k])[0, 1]))
        assert len(set(signs)) == 1
