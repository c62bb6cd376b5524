"""Components after the first, and the trace of all of them: against every step done by hand on permuted subjects."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.linalg

from fusion import cross_validated_cca, make_folds
from fusion.confounds.coding import Confounds
from fusion.cross_validation import held_out
from fusion.cross_validation.conditional_steps import (
    AllComponents,
    ConditionalSteps,
    population_correlations,
)
from fusion.cross_validation.fold_embedding import FoldEmbedding, embed_folds
from fusion.cross_validation.fold_null import SideBySide
from fusion.cross_validation.fold_permutation import Exchange, FoldTest
from fusion.permutation.exchangeability import Blocks
from fusion.permutation.projections import Theil
from fusion.views.view import as_view

N = 131
FAMILIES = np.arange(N) // 2
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "confounds": {"confounds": np.random.default_rng(9).standard_normal((N, 4))},
    "families": {
        "confounds": np.random.default_rng(9).standard_normal((N, 3)),
        "groups": FAMILIES,
        "blocks": Blocks(FAMILIES, "whole"),
    },
}


@dataclass(frozen=True)
class Permuted:
    """Whitened folds and what changes places in them."""

    folds: list[FoldEmbedding]
    exchange: Exchange

    def tests(self) -> SideBySide:
        return SideBySide([FoldTest.of(fold, self.exchange, 3, with_trace=True) for fold in self.folds])

    def steps(self) -> list[ConditionalSteps]:
        return [ConditionalSteps.of(fold, self.exchange, 3) for fold in self.folds]


def _permuted(confounds: Any = None, blocks: Any = None, groups: Any = None) -> Permuted:
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((N, 3)) * [2.0, 1.2, 0.9]
    x, y = (as_view(rng.standard_normal((N, k)) + shared @ rng.standard_normal((3, k))) for k in (9, 7))
    folds = make_folds(N, 4, groups=groups, random_state=1)
    known = Confounds.of(confounds)
    whitened = [fold.whiten(6, 5, canonical=True) for fold in embed_folds((x, y), known, folds, n_components=8)]
    exchange = Exchange.of(known.coded(np.arange(N)), folds, blocks=blocks, n_permutations=20, random_state=3)
    return Permuted(whitened, exchange)


def _moved(fold: FoldEmbedding, columns: np.ndarray, permutation: np.ndarray, theil: Theil | None) -> np.ndarray:
    """Columns of permuted subjects; with confounds, of permuted Theil residuals residualised again."""
    if theil is None:
        return columns[permutation]
    rows = theil.apply(columns)
    return columns + fold.residualise(theil.restore(rows[permutation] - rows))


def _inverse_root(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.inv(scipy.linalg.sqrtm(matrix.T @ matrix).real)


def _step_by_hand(permuted: Permuted, run: ConditionalSteps, theil: Theil | None, index: int, step: int) -> list[float]:
    found = []
    for fold in permuted.folds:
        rest, leading = run.permutations[index], run.of_leading[index]
        x = np.hstack([_moved(fold, fold.x[:, :step], leading, theil), _moved(fold, fold.x[:, step:], rest, theil)])
        y = np.hstack([_moved(fold, fold.y[:, :step], leading, theil), fold.y[:, step:]])
        of_x, of_y = _inverse_root(x[fold.train]), _inverse_root(y[fold.train])
        product = x[fold.train].T @ y[fold.train]
        if index:
            sample = np.diag(fold.x[fold.train].T @ fold.y[fold.train])[:step]
            product[range(step), range(step)] *= population_correlations(sample, 6, 5, fold.n_effective) / sample
        left, _, right = np.linalg.svd(of_x @ product @ of_y)
        a, b = x[fold.test] @ of_x @ left[:, step], y[fold.test] @ of_y @ right[step]
        found.append(np.corrcoef(a, b)[0, 1])
    return found


@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_of_permuted_subjects(case: str) -> None:
    permuted = _permuted(**CASES[case])
    steps = permuted.steps()
    for index in (0, 1, 13):
        found = np.stack([one(index) for one in steps])
        for step in (1, 2):
            by_hand = _step_by_hand(permuted, steps[0], permuted.exchange.theil, index, step)
            np.testing.assert_allclose(found[:, step - 1], by_hand, atol=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_nothing_permuted_gives_the_components_of_the_folds(case: str) -> None:
    permuted = _permuted(**CASES[case])
    np.testing.assert_allclose(SideBySide(permuted.steps())(0), permuted.tests()(0)[:, 1:3], atol=1e-8)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-10), (np.float32, 1e-4)])
def test_one_product_gives_what_two_give(case: str, dtype: type, atol: float) -> None:
    permuted = _permuted(**CASES[case])
    for fold in permuted.folds:
        both = AllComponents.of(fold, permuted.exchange, 3)
        both = both.in_float32() if dtype == np.float32 else both
        assert both.first.product is both.later.product
        found = both.stack([0, 1, 13])
        for number, index in enumerate((0, 1, 13)):
            np.testing.assert_array_equal(found[number], both(index))
            first = FoldTest.of(fold, permuted.exchange, 1, with_trace=True)
            later = ConditionalSteps.of(fold, permuted.exchange, 3)
            expected = np.concatenate([first(index), later(index)])
            assert not np.isnan(found[number]).all()
            told = ~np.isnan(found[number])
            np.testing.assert_allclose(found[number][told], expected[told], atol=atol)


@pytest.mark.parametrize("strength", [0.0, 0.35, 2.0])
def test_which_way_is_taken_changes_nothing(monkeypatch: pytest.MonkeyPatch, strength: float) -> None:
    rng = np.random.default_rng(17)
    shared = strength * rng.standard_normal((N, 2))
    x, y = (rng.standard_normal((N, k)) + shared @ rng.standard_normal((2, k)) for k in (7, 6))
    settings: dict[str, Any] = {"n_permutations": 59, "n_bootstrap": 30, "random_state": 4, "stop_at": 0.2}
    found = []
    for limit in (-np.inf, held_out.STANDS_OUT, np.inf):
        monkeypatch.setattr(held_out, "STANDS_OUT", limit)
        found.append(cross_validated_cca(x, y, CASES["confounds"]["confounds"], **settings))
    for other in found[1:]:
        np.testing.assert_allclose(other.null, found[0].null, atol=1e-10)
        np.testing.assert_array_equal(other.p, found[0].p)
        np.testing.assert_allclose(other.trace_null, found[0].trace_null, atol=1e-10)
        np.testing.assert_allclose(other.rho_by_fold, found[0].rho_by_fold, atol=1e-10)
    assert np.isnan(found[0].null[:, 1]).all() == (strength == 0.0)


@pytest.mark.parametrize("case", CASES)
def test_the_trace_is_that_of_permuted_subjects(case: str) -> None:
    permuted = _permuted(**CASES[case])
    for index in (0, 1, 13):
        by_hand = []
        for fold in permuted.folds:
            x = _moved(fold, fold.x, permuted.exchange.permutations[index], permuted.exchange.theil)
            root = _inverse_root(x[fold.train])
            trained = root @ x[fold.train].T @ fold.y[fold.train]
            tested = root @ np.cov(x[fold.test].T, fold.y[fold.test].T)[: x.shape[1], x.shape[1] :]
            by_hand.append(fold.n_effective * np.sum(trained * tested))
        np.testing.assert_allclose(permuted.tests()(index)[:, -1], by_hand, atol=1e-8)


def test_a_sample_correlation_goes_back_to_the_population() -> None:
    """Means of sample correlations of known populations come back to them; noise comes back to the threshold."""
    rng, n, p, q = np.random.default_rng(0), 400, 12, 9
    for rho in (0.45, 0.8):
        sample = []
        for _ in range(60):
            x, y = rng.standard_normal((n, p)), rng.standard_normal((n, q))
            y[:, 0] = rho * x[:, 0] + np.sqrt(1 - rho**2) * y[:, 0]
            bases = [np.linalg.qr(view)[0] for view in (x, y)]
            sample.append(np.linalg.svd(bases[0].T @ bases[1])[1][:1])
        assert population_correlations(np.mean(sample, axis=0), p, q, n)[0] == pytest.approx(rho, abs=0.02)
    threshold = (p * q / ((n - p) * (n - q))) ** 0.25
    np.testing.assert_allclose(population_correlations(np.array([0.1, 0.0]), p, q, n), threshold)


def test_components_after_the_first_that_fails_are_left_untested_but_described() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((N, 6)), rng.standard_normal((N, 5))
    settings: dict[str, Any] = {"n_permutations": 39, "n_bootstrap": 50, "random_state": 0}
    tested, stopped = (cross_validated_cca(x, y, stop_at=level, **settings) for level in (None, 0.05))
    assert tested.p[0] == stopped.p[0] > 0.05
    assert np.isnan(stopped.p[1:]).all()
    assert np.isfinite(tested.p).all()
    np.testing.assert_allclose(stopped.rho, tested.rho, atol=1e-8)
    np.testing.assert_array_equal(stopped.interval, tested.interval)


def test_many_weak_links_are_found_by_the_trace() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((400, 16)), rng.standard_normal((400, 14))
    y[:, :8] = 0.2 * x[:, :8] + np.sqrt(1 - 0.2**2) * y[:, :8]
    settings: dict[str, Any] = {"x_dimensions": 16, "y_dimensions": 14, "n_permutations": 99, "n_bootstrap": 2}
    found = cross_validated_cca(x, y, random_state=0, **settings)
    assert found.trace_p == 0.01
    assert found.p_link[1] <= 0.02
    assert found.trace == pytest.approx(8 * 0.2**2, abs=0.2)
