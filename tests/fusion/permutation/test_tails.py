"""Fitted tails: the laws against their published formulae and scipy, what the fit may say, and why it is refused."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fusion import cross_validated_cca, permutation_test_cca, westfall_young, westfall_young_tails
from fusion.permutation.p_values import permutation_p, step_down_max_t
from fusion.permutation.tails.fitted import (
    REACHES,
    TailP,
    as_bound,
    step_down_tails,
    tail_p,
    tail_ps,
    unless_narrow,
)
from fusion.permutation.tails.goodness import goodness_of_pareto, goodness_of_pearson
from fusion.permutation.tails.laws import ParetoTail, PearsonIII, fisher_z

N = 999


def normal(seed: int = 0, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n)


def against(observed: float, draws: np.ndarray) -> np.ndarray:
    return np.append(observed, draws)


CHI_SQUARE = np.random.default_rng(13).chisquare(12, N)


@pytest.mark.parametrize("skewness", [0.3, 1.2, -0.4])
def test_pearson_iii_is_the_gamma_approximation_of_palm(skewness: float) -> None:
    law = PearsonIII(2.0, 0.5, skewness)
    shape, scale, origin = 4 / skewness**2, 0.5 * skewness / 2, 2.0 - 2 * 0.5 / skewness
    for value in (1.3, 2.0, 3.4):
        oracle = stats.gamma.sf if skewness > 0 else stats.gamma.cdf
        assert law.sf(value) == pytest.approx(oracle((value - origin) / scale, shape), rel=1e-9)
        assert law.isf(law.sf(value)) == pytest.approx(value)


def test_two_moments_are_a_gamma_law_from_zero() -> None:
    draws = np.random.default_rng(1).gamma(9.0, 0.2, N)
    mean, variance = draws.mean(), draws.var()
    expected = stats.gamma.sf(3.7, mean**2 / variance, scale=variance / mean)
    assert PearsonIII.of(draws, "gamma").sf(3.7) == pytest.approx(expected, rel=1e-9)


def test_the_pareto_tail_is_that_of_palm() -> None:
    draws = normal(2)
    found = ParetoTail.of(draws, 0.25)
    largest = np.sort(draws)[-251:]
    threshold = (largest[0] + largest[1]) / 2
    excess = largest[1:] - threshold
    mean, variance = excess.mean(), excess.var(ddof=1)
    scale, shape = mean * (mean**2 / variance + 1) / 2, (mean**2 / variance - 1) / 2
    assert len(excess) == 250
    assert found.threshold == pytest.approx(threshold)
    assert found.sf(2.9) == pytest.approx(250 / N * (1 - shape * (2.9 - threshold) / scale) ** (1 / shape))
    assert found.sf(threshold + scale / shape + 1) == 0, "the tail ends there"


@pytest.mark.parametrize("shape", [-0.3, -0.1, 0.1])
def test_the_pareto_tail_agrees_with_the_maximum_likelihood_of_scipy(shape: float) -> None:
    excesses = stats.genpareto.rvs(shape, scale=2.0, size=20_000, random_state=3)
    draws = np.concatenate([-np.random.default_rng(4).exponential(size=60_000), excesses])
    found = ParetoTail.of(draws, 0.25)
    by_likelihood = stats.genpareto.fit(excesses, floc=0)
    assert found.shape == pytest.approx(by_likelihood[0], abs=0.03)
    assert found.scale == pytest.approx(by_likelihood[2], rel=0.03)


@pytest.mark.parametrize(("kind", "skewness"), [("pearson III", 0.6), ("gamma", 0.7)])
def test_a_true_law_is_refused_as_often_as_its_goodness_says(kind: str, skewness: float) -> None:
    rng, n_sets = np.random.default_rng(5), 400
    shape = 4 / skewness**2
    p = []
    for _ in range(n_sets):
        draws = rng.gamma(shape, 1.0, N)
        p.append(goodness_of_pearson(PearsonIII.of(draws, kind), draws, kind))  # type: ignore[arg-type]
    for level in (0.05, 0.25):
        assert stats.binomtest(int((np.array(p) <= level).sum()), n_sets, level).pvalue > 1e-3


@pytest.mark.parametrize("shape", [-0.2, 0.1])
def test_a_true_pareto_tail_is_refused_as_often_as_its_goodness_says(shape: float) -> None:
    p = []
    for seed in range(400):
        excesses = stats.genpareto.rvs(shape, size=250, random_state=seed)
        mean, variance = excesses.mean(), excesses.var(ddof=1)
        fitted = (1 - mean**2 / variance) / 2
        p.append(goodness_of_pareto(ParetoTail(1.0, 0.0, mean * (1 - fitted), fitted), excesses))
    rejected = int((np.array(p) <= 0.05).sum())
    assert stats.binomtest(rejected, 400, 0.05).pvalue > 1e-3, rejected


@pytest.mark.parametrize("law", ["pearson III", "gamma"])
def test_the_interval_holds_the_true_p_of_a_true_law(law: str) -> None:
    truth, n_sets = 1e-4, 200
    observed = stats.chi2.isf(truth, 12) if law == "gamma" else stats.norm.isf(truth)
    draws = [np.random.default_rng(seed).chisquare(12, N) if law == "gamma" else normal(seed) for seed in range(n_sets)]
    found = [tail_p(against(observed, one), law) for one in draws]  # type: ignore[arg-type]
    fitted = [one for one in found if one.method]
    assert len(fitted) > 0.85 * n_sets
    assert np.median([one.p_fitted for one in fitted]) == pytest.approx(truth, rel=0.2)
    held = sum(one.interval[0] <= truth <= one.interval[1] for one in fitted)
    assert 0.9 <= held / len(fitted) <= 0.99


def test_where_no_moments_fit_the_largest_values_do() -> None:
    draws = np.random.default_rng(6).standard_t(3, 20_000)
    found = tail_p(against(40.0, draws))
    assert found.method == "generalised Pareto"
    assert found.shape > 0.1
    assert found.n_fitted == (draws > found.threshold).sum()
    assert found.interval[0] <= stats.t.sf(40.0, 3) <= found.interval[1]


def test_the_observed_value_takes_no_part_in_the_fit() -> None:
    near, far = (tail_p(against(value, CHI_SQUARE), "gamma") for value in (60.0, 1e6))
    assert repr(near) == repr(far)  # a field without a value is NaN, which equals nothing
    assert far.is_least
    assert far.p_fitted == pytest.approx(1 / (REACHES[0] * (N + 1)))
    assert repr(tail_p(against(math.inf, CHI_SQUARE), "gamma")) == repr(far)


@given(st.floats(2.8, 9.0), st.floats(0.0, 4.0), st.integers(0, 5))
@settings(deadline=None, max_examples=40)
def test_p_falls_with_the_observed_value_and_never_to_zero(value: float, further: float, seed: int) -> None:
    near, far = (tail_p(against(observed, normal(seed))) for observed in (value, value + further))
    for one in (near, far):
        assert math.isnan(one.p_fitted) == bool(one.refusal) == (one.method == "")
        if one.method:
            assert 1 / (REACHES[0] * (N + 1)) <= one.p_fitted <= 1
            assert 0 < one.interval[0] <= one.p_fitted <= one.interval[1] <= 1
            assert one.n_exceeding < 10
    if near.method and far.method:
        assert far.p_fitted <= near.p_fitted * (1 + 1e-9)


@given(st.floats(0.1, 100.0), st.floats(-50.0, 50.0))
@settings(deadline=None, max_examples=20)
def test_units_do_not_matter(scale: float, shift: float) -> None:
    one, other = tail_p(against(3.4, normal())), tail_p(against(3.4 * scale + shift, normal() * scale + shift))
    assert other.p_fitted == pytest.approx(one.p_fitted, rel=1e-6)
    assert other.goodness == pytest.approx(one.goodness, rel=1e-5)


TWO_HUMPED = np.concatenate([normal(7, 900) * 0.1, 5 + normal(8, 99) * 0.01])


@pytest.mark.parametrize(
    ("null", "told"),
    [
        (against(1.5, normal()), "permutations reach the observed value"),
        (against(3.0, normal(n=199)), "499 permutations or more; there are 199"),
        (against(9.0, np.append(normal(n=998), np.inf)), "infinite"),
        (against(3.5, normal().round(1)), "repeat"),
        (against(5.5, TWO_HUMPED), "No law|do not carry"),
        (np.full(1000, np.nan), "not tested"),
        (against(30.0, np.random.default_rng(9).standard_t(2, N)), "do not carry a fit that far out"),
    ],
)
def test_a_refusal_says_why_and_the_counted_p_stands(null: np.ndarray, told: str) -> None:
    found = tail_p(null)
    assert re.search(told, found.refusal)
    assert found.refusal.endswith(".")
    assert math.isnan(found.p_fitted)
    np.testing.assert_equal(found.p_counted, permutation_p(null[:, None])[0])
    np.testing.assert_equal(found.p_surest, found.p_counted)


def test_a_family_is_fitted_by_its_maxima() -> None:
    rng = np.random.default_rng(10)
    null = rng.standard_normal((1000, 8)) + rng.standard_normal((1000, 1))
    null[0] = [1.0, 6.5, 0.2, 5.9, -1.0, 0.0, 6.0, 2.0]
    found = step_down_tails(null)
    np.testing.assert_allclose([one.p_counted for one in found], step_down_max_t(null))
    assert repr(found[1]) == repr(tail_p(against(6.5, null[1:].max(axis=1))))
    surest = np.array([one.p_surest for one in found])[np.argsort(-null[0])]
    assert (np.diff(surest) >= 0).all()
    assert repr(step_down_tails(null[:, :1])) == repr(tail_ps(null[:, :1]))


def test_correlations_of_a_family_are_fitted_on_fishers_scale() -> None:
    null = np.tanh(np.random.default_rng(11).normal(0, 0.1, (1000, 3)))
    null[0] = [0.45, 0.05, 0.42]
    named = {name: (null[0, k], null[:, k]) for k, name in enumerate("abc")}
    found = westfall_young_tails(named)
    assert {name: one.p_counted for name, one in found.items()} == westfall_young(named)
    assert repr(tuple(found.values())) == repr(step_down_tails(np.arctanh(null)))
    mixed = westfall_young_tails(named, is_mixed=True)
    assert {name: one.p_counted for name, one in mixed.items()} == westfall_young(named, is_mixed=True)
    assert westfall_young_tails({}) == {}


def test_a_correlation_of_one_is_infinite_on_fishers_scale() -> None:
    assert fisher_z(np.array([0.0, 1.0])).tolist() == [0.0, math.inf]


@pytest.fixture(scope="module")
def linked() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(12)
    shared = rng.standard_normal((83, 1))
    return rng.standard_normal((83, 5)) + 0.9 * shared, rng.standard_normal((83, 4)) + 0.9 * shared


@pytest.mark.parametrize("statistic", ["wilks", "roy"])
def test_in_sample_tests_bring_their_tails(linked: tuple[np.ndarray, np.ndarray], statistic: str) -> None:
    found = permutation_test_cca(*linked, statistic=statistic, random_state=0, stop_at=0.05)
    first, *others = found.tails
    assert first.method == ("gamma" if statistic == "wilks" else "pearson III")
    assert first.p_fitted < first.p_counted == found.p_uncorrected[0]
    assert len(others) == 3
    assert all(isinstance(one, TailP) and one.refusal for one in others)


def test_held_out_tests_bring_their_tails(linked: tuple[np.ndarray, np.ndarray]) -> None:
    found = cross_validated_cca(*linked, n_components=2, random_state=0, n_permutations=499, n_bootstrap=20)
    np.testing.assert_array_equal([one.p_counted for one in found.tails], found.p)
    assert found.trace_tail.p_counted == found.trace_p
    assert tuple(one.p_counted for one in found.link_tails) == found.p_link
    assert all("of 3 columns has a heavier tail" in one.refusal for one in (found.trace_tail, *found.link_tails))
    assert found.tails[0].method == "pearson III"
    assert found.tails[0].p_fitted < found.p[0]
    assert found.tails[0].is_least, "a bound"
    assert found.tails[0].interval[0] == 0 < found.tails[0].interval[1]
    assert repr(unless_narrow(found.tails[0], 6)) == repr(found.tails[0])
    enough = tail_p(against(1.0, normal()))
    assert as_bound(enough) == enough, "there is nothing to bound"
