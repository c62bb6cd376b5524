"""The fast held-out permutation against the plain one: permute subjects' residuals, refit every fold from scratch."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.linalg

from fusion import CanonicalCorrelation, ConfoundDesign, cross_validated_cca, make_folds, parallel
from fusion.confounds.coding import Confounds
from fusion.cross_validation import fold_null, kept_folds
from fusion.cross_validation.conditional_steps import ConditionalSteps
from fusion.cross_validation.fold_embedding import FoldEmbedding, embed_folds
from fusion.cross_validation.fold_null import FoldStatistics, SideBySide, statistics_by_fold
from fusion.cross_validation.fold_permutation import Exchange, FoldTest
from fusion.cross_validation.kept_folds import KeptFolds
from fusion.cross_validation.resampling import fold_average
from fusion.permutation import statistics
from fusion.permutation.exchangeability import Blocks
from fusion.permutation.p_values import permutation_p
from fusion.views.view import as_view

N, P, Q = 137, 9, 7


@dataclass(frozen=True)
class Permuted:
    """Whitened folds and what changes places in them."""

    folds: list[FoldEmbedding]
    exchange: Exchange

    def tests(self) -> SideBySide:
        return SideBySide([FoldTest.of(fold, self.exchange, 3, with_trace=True) for fold in self.folds])

    def steps(self) -> SideBySide:
        return SideBySide([ConditionalSteps.of(fold, self.exchange, 3) for fold in self.folds])

    def null(self, make: Callable[[FoldEmbedding], FoldStatistics]) -> np.ndarray:
        n_test = np.array([len(fold.test) for fold in self.folds])
        return statistics_by_fold(self.folds, make, len(self.exchange.permutations), n_test=n_test)


def _permuted(seed: int = 0, confounds: Any = None, blocks: Any = None, groups: Any = None) -> Permuted:
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((N, 3)) * [2.0, 1.0, 0.9]
    views = tuple(
        as_view(rng.standard_normal((N, k)) + shared @ rng.standard_normal((3, k)) + rng.standard_normal((1, k)))
        for k in (P, Q)
    )
    folds = make_folds(N, 4, groups=groups, random_state=1)
    whitened = [
        fold.whiten(6, 5, canonical=True) for fold in embed_folds(views, Confounds.of(confounds), folds, n_components=8)
    ]
    encoded = Confounds.of(confounds).coded(np.arange(N))
    return Permuted(whitened, Exchange.of(encoded, folds, blocks=blocks, n_permutations=30, random_state=3))


def _plain(permuted: Permuted, index: int) -> np.ndarray:
    """First held-out correlation of every fold, without any of the shortcuts."""
    found, permutation, theil = [], permuted.exchange.permutations[index], permuted.exchange.theil
    for fold in permuted.folds:
        if theil is None:
            x = fold.x[permutation]
        else:
            rows = theil.apply(fold.x)
            x = fold.x + fold.residualise(theil.restore(rows[permutation] - rows))
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
    permuted = _permuted(**SETTINGS[case])
    run = permuted.tests()
    for index in (0, 1, 17, 30):
        np.testing.assert_allclose(run(index)[:, 0], _plain(permuted, index), atol=1e-9)


@pytest.mark.parametrize("case", SETTINGS)
@pytest.mark.parametrize("kind", ["first", "later"])
def test_screening_in_float32_decides_as_float64(case: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    permuted = _permuted(**SETTINGS[case])

    def make(fold: FoldEmbedding) -> FoldStatistics:
        if kind == "first":
            return FoldTest.of(fold, permuted.exchange, 3, with_trace=True)
        return ConditionalSteps.of(fold, permuted.exchange, 3)

    exact = permuted.null(make)
    monkeypatch.setattr(fold_null, "SCREENING_SIZE", 0)
    screened = permuted.null(make)
    assert screened[0].tobytes() == exact[0].tobytes()
    assert screened.tobytes() != exact.tobytes()
    np.testing.assert_allclose(screened, exact, atol=1e-5)
    n_test = np.array([len(fold.test) for fold in permuted.folds])
    p, expected = (permutation_p(fold_average(null, n_test)) for null in (screened, exact))
    np.testing.assert_array_equal(p, expected)


@pytest.mark.parametrize("case", ["plain", "numbers", "families"])
def test_a_stack_has_the_bits_of_one_after_another(case: str) -> None:
    permuted = _permuted(**SETTINGS[case])
    for one in (permuted.tests(), permuted.steps()):
        assert one.at_once > 9
        alone = np.stack([one(index) for index in range(9)])
        np.testing.assert_array_equal(one.stack(range(9)), alone)
        np.testing.assert_array_equal(one.stack([4, 0]), alone[[4, 0]])


@pytest.mark.parametrize("case", SETTINGS)
def test_rows_that_are_gathered_some_at_a_time_give_the_same(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    permuted = _permuted(**SETTINGS[case])
    runs = permuted.tests(), permuted.steps()
    stacked = [run.stack([0, 1, 17]) for run in runs]
    monkeypatch.setattr(parallel, "STACKED_VALUES", 1)
    monkeypatch.setattr(statistics, "ROWS_AT_ONCE", 13)
    assert [run.at_once for run in runs] == [1, 1]
    for one, expected in zip(runs, stacked, strict=True):
        np.testing.assert_allclose(np.stack([one(index) for index in (0, 1, 17)]), expected, atol=1e-9)


@pytest.mark.parametrize("reason", ["near the observed", "nearly tied"])
def test_what_float32_cannot_decide_is_computed_again(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one fold undecided, of all folds again."""
    permuted = _permuted()
    exact, coarse = permuted.tests(), [fold.in_float32() for fold in permuted.tests().folds]
    monkeypatch.setattr(fold_null, "SCREENING_SIZE", 0)
    if reason == "near the observed":
        monkeypatch.setattr(fold_null, "is_decided", lambda found, _: not np.allclose(found, averages[5], atol=1e-5))
    else:
        of_float32, last = FoldTest.statistics, exact.folds[-1].y

        def undecided(self: FoldTest, drawn: Any) -> np.ndarray:
            found = of_float32(self, drawn)
            is_last = self.product.rows.dtype == np.float32 and np.array_equal(self.y, last)
            is_fifth = (drawn[0] == permuted.exchange.permutations[5]).all(axis=1)
            found[is_fifth & is_last] = np.nan
            return found

        monkeypatch.setattr(FoldTest, "statistics", undecided)
    n_test = np.array([len(fold.test) for fold in permuted.folds])
    averages = fold_average(np.stack([exact(index) for index in range(31)]), n_test)
    found = permuted.null(lambda fold: FoldTest.of(fold, permuted.exchange, 3, with_trace=True))
    assert found[5].tobytes() == exact(5).tobytes()
    assert found[6].tobytes() == np.stack([fold(6) for fold in coarse]).tobytes()


def test_folds_in_files_are_those_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    folds = _permuted(**SETTINGS["numbers"]).folds
    monkeypatch.setattr(kept_folds, "IN_MEMORY", 0)
    kept = KeptFolds(folds, len(folds))
    kept.change(lambda fold: replace(fold, x=2 * fold.x))
    assert kept[1] is not kept[1]
    for read, fold in zip(kept, folds, strict=True):
        np.testing.assert_array_equal(read.x, 2 * fold.x)
        np.testing.assert_array_equal(read.y, fold.y)
        np.testing.assert_array_equal(read.train, fold.train)


def test_a_large_cohort_gives_what_a_small_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    shared = rng.standard_normal((180, 3)) * [2.0, 1.0, 0.9]
    x, y = (rng.standard_normal((180, k)) + shared @ rng.standard_normal((3, k)) for k in (9, 7))
    confounds = rng.standard_normal((180, 3))
    settings: dict[str, Any] = {"x_dimensions": 6, "y_dimensions": 5, "n_permutations": 40, "random_state": 1}
    small = cross_validated_cca(x, y, confounds, **settings)
    monkeypatch.setattr(fold_null, "SCREENING_SIZE", 0)
    monkeypatch.setattr(kept_folds, "IN_MEMORY", 0)
    done: list[tuple[int, int]] = []
    large = cross_validated_cca(x, y, confounds, **settings, progress=lambda *now: done.append(now))
    np.testing.assert_array_equal(large.p, small.p)
    np.testing.assert_allclose(large.null, small.null, atol=1e-5)
    np.testing.assert_array_equal(large.x_scores, small.x_scores)
    np.testing.assert_array_equal(large.interval, small.interval)
    assert done == sorted(done)
    assert done[-1] == (41, 41)


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
