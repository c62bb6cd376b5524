"""float32 screening decides as float64 does, wherever the observed statistic lies."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion import permutation_test_cca
from fusion.parallel import map_permutations
from fusion.permutation import steps
from fusion.permutation.permutations import make_permutations
from fusion.permutation.screening import NEAR, screen_in_float32
from fusion.permutation.statistics import PermutedStatistics, TrailingVariates, permuted_product, roy, wilks


def _views(seed: int, n: int, p: int, q: int, rho: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, p)), rng.standard_normal((n, q))
    y[:, 0] = rho * x[:, 0] + np.sqrt(1 - rho**2) * y[:, 0]
    return x, y


@pytest.fixture(autouse=True)
def _screens_small_views_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "SCREENING_SIZE", 0)


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.sampled_from([(37, 5, 3), (61, 9, 11), (41, 16, 20), (23, 10, 11), (6, 1, 2)]),
    st.sampled_from([0.0, 0.5, 0.99, 0.9999999]),
    st.sampled_from(["wilks", "roy"]),
    st.booleans(),
)
def test_p_values_are_those_of_float64(
    seed: int, shape: tuple[int, int, int], rho: float, statistic: Any, conditioned: bool
) -> None:
    arguments = {"statistic": statistic, "condition_on_tested": conditioned, "n_permutations": 40, "n_steps": 3}
    exact, screened = (
        permutation_test_cca(*_views(seed, *shape, rho), random_state=seed, precision=precision, **arguments)
        for precision in ("float64", "screen")
    )
    np.testing.assert_array_equal(exact.p_uncorrected, screened.p_uncorrected)
    np.testing.assert_array_equal(exact.p_fwer, screened.p_fwer)
    np.testing.assert_array_equal(exact.null_statistics[0], screened.null_statistics[0])
    finite = np.isfinite(exact.null_statistics)
    np.testing.assert_allclose(exact.null_statistics[finite], screened.null_statistics[finite], rtol=1e-2, atol=1e-4)


def test_ties_are_recomputed() -> None:
    """Every second permutation maps rows onto rows of the same group: equal statistics, which must all be counted."""
    x, y = _views(3, 40, 4, 3)
    x[20:] = x[:20]
    swap = np.concatenate([np.arange(20, 40), np.arange(20)])
    rng = np.random.default_rng(0)
    table = np.stack([np.arange(40), swap, *[swap if i % 2 else rng.permutation(40) for i in range(60)]])
    exact, screened = (
        permutation_test_cca(x, y, permutations=table, condition_on_tested=False, precision=precision)
        for precision in ("float64", "screen")
    )
    assert screened.p_uncorrected.min() >= 32 / 62
    np.testing.assert_array_equal(exact.p_uncorrected, screened.p_uncorrected)


@pytest.mark.parametrize("statistic", ["wilks", "roy"])
def test_most_permutations_need_no_recheck_and_the_margin_covers_their_error(statistic: Any) -> None:
    x, y = (np.linalg.qr(view - view.mean(axis=0))[0] for view in _views(1, 700, 60, 50))
    exact = PermutedStatistics(TrailingVariates(x, y, 9), make_permutations(700, 300, random_state=0), (statistic,))
    screened = screen_in_float32(exact, 301)
    truth, coarse = (map_permutations(run, 301) for run in (exact, screened.coarse))
    assert (np.abs(truth - coarse) < screened.margin / 3).all()
    assert (screened.margin <= 10 * NEAR).all()
    near = (np.abs(coarse - truth[0]) <= screened.margin).any(axis=1)
    assert near.mean() < 0.2
    assert near[0]


@pytest.mark.parametrize("spare", [2, 3, 6])
def test_correlations_near_one_widen_the_margin(spare: int) -> None:
    """Ranks that fill almost all rows: every permuted correlation is near 1, where float32 loses digits."""
    x, y = _views(5, 41 + spare, 20, 21)
    x, y = (np.linalg.qr(view - view.mean(axis=0))[0] for view in (x, y))
    exact = PermutedStatistics(TrailingVariates(x, y, 2), make_permutations(len(x), 400, random_state=0), ("wilks",))
    screened = screen_in_float32(exact, 401)
    truth, coarse = (map_permutations(run, 401) for run in (exact, screened.coarse))
    trusted = np.isfinite(coarse)
    assert not trusted.all()
    assert (np.abs(truth - coarse)[trusted] < screened.margin[np.nonzero(trusted)[1]]).all()


@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 30), st.integers(1, 30))
def test_any_number_of_steps_gives_the_same_statistics(seed: int, p: int, q: int, n_steps: int) -> None:
    """By Schur complement or by one Cholesky, against separate determinants."""
    rng = np.random.default_rng(seed)
    x, y = np.linalg.qr(rng.standard_normal((61, p)))[0], np.linalg.qr(rng.standard_normal((61, q)))[0]
    product = x.T @ y
    n_steps = min(n_steps, p, q)
    blocks = [product[: p - k, : q - k] for k in range(n_steps)]
    expected = [-np.linalg.slogdet(np.eye(block.shape[1]) - block.T @ block)[1] for block in blocks]
    np.testing.assert_allclose(wilks(product, n_steps), expected, rtol=1e-10, atol=1e-14)
    largest = [np.linalg.svd(block, compute_uv=False)[0] for block in blocks]
    np.testing.assert_allclose(roy(product, n_steps), largest, rtol=1e-12)


@pytest.mark.parametrize("n_steps", [1, 4])
def test_a_stack_of_permutations_has_the_bits_of_one_after_another(n_steps: int) -> None:
    x, y = (np.linalg.qr(view - view.mean(axis=0))[0] for view in _views(1, 70, 9, 7))
    y[:, 0] = x[:, 0]  # a correlation of 1: Wilks is infinite where nothing is permuted
    drawn = make_permutations(90, 20, random_state=0)
    rows = TrailingVariates(x, y, n_steps, kept=np.arange(90) % 9 > 1)
    run = PermutedStatistics(rows, drawn, ("wilks", "roy"))
    alone = np.stack([run(index) for index in range(21)])
    np.testing.assert_array_equal(run.stack(range(21)), alone)
    np.testing.assert_array_equal(replace(run, permutations=drawn.drawn()).stack([3, 0, 3]), alone[[3, 0, 3]])
    truth = np.stack([rows.statistics(run._kept_rows(drawn[index]), "wilks", "roy") for index in range(21)])
    np.testing.assert_allclose(alone, truth, rtol=1e-9)


def test_product_without_a_permuted_copy() -> None:
    rng = np.random.default_rng(0)
    first, second, permutation = rng.standard_normal((1100, 7)), rng.standard_normal((1100, 5)), rng.permutation(1100)
    np.testing.assert_allclose(permuted_product(first, permutation, second), first[permutation].T @ second, atol=1e-12)
