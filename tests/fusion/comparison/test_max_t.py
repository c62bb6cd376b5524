"""Families of tests: max-T over arms, paired differences."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from fusion import InputError, cross_validated_cca
from fusion.comparison.max_t import westfall_young
from fusion.comparison.paired_differences import paired_difference, subject_shares
from fusion.cross_validation.result import CrossValidatedCCA

N = 137
QUICK: dict[str, Any] = {
    "n_permutations": 99,
    "n_bootstrap": 100,
    "random_state": 0,
    "x_dimensions": 3,
    "y_dimensions": 3,
}


def _arms(seed: int, strengths: tuple[float, ...], **settings: Any) -> list[CrossValidatedCCA]:
    rng = np.random.default_rng(seed)
    shared, y = rng.standard_normal(N), rng.standard_normal((N, 5))
    y[:, 0] += 2 * shared
    arms = []
    for strength in strengths:
        x = rng.standard_normal((N, 4))
        x[:, 1] += strength * shared
        arms.append(cross_validated_cca(x, y, **QUICK | settings))
    return arms


def test_max_t_by_hand() -> None:
    null = {"a": np.array([2.0, 0.5, 2.5, 1.0]), "b": np.array([3.0, 1.0, 0.0, 0.5])}
    adjusted = westfall_young({name: (values[0], values) for name, values in null.items()})
    # b is largest: maxima 3, 1, 2.5, 1 -> 1/4; then a alone: 2, .5, 2.5, 1 -> 2/4
    assert adjusted == {"a": 0.5, "b": 0.25}
    assert westfall_young({}) == {}


def _step_down_by_definition(null: np.ndarray) -> np.ndarray:
    """Westfall & Young's algorithm 4.1 word by word: drop the largest, count maxima of the rest, enforce order."""
    remaining, adjusted, largest_so_far = list(range(null.shape[1])), np.empty(null.shape[1]), 0.0
    while remaining:
        best = max(remaining, key=lambda j: null[0, j])
        count = sum(max(row[j] for j in remaining) >= null[0, best] for row in null)
        largest_so_far = max(largest_so_far, count / len(null))
        adjusted[best] = largest_so_far
        remaining.remove(best)
    return adjusted


def test_max_t_is_the_published_algorithm() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        null = rng.standard_normal((50, 5)) + 0.8 * rng.standard_normal((50, 1))
        null[0] += rng.uniform(0, 2, 5)
        adjusted = westfall_young({str(j): (null[0, j], null[:, j]) for j in range(5)})
        np.testing.assert_allclose(list(adjusted.values()), _step_down_by_definition(null))


def test_paired_p_is_that_of_all_swaps() -> None:
    """Every one of the 2^9 swaps of nine clusters, against the drawn ones."""
    strong, weak = (replace(arm, widening=np.ones(3)) for arm in _arms(1, (0.6, 0.3)))
    clusters = np.arange(N) % 9
    shares = subject_shares(strong, 0) - subject_shares(weak, 0)
    by_cluster = np.bincount(clusters, shares)
    sums = np.array([np.dot(signs, by_cluster) for signs in product((-1, 1), repeat=9)])
    exact = (np.abs(sums) >= abs(by_cluster.sum()) - 1e-9).mean()
    drawn = paired_difference(strong, weak, groups=clusters, n_permutations=4999).p
    assert drawn == pytest.approx(exact, abs=0.025)


def test_paired_interval_is_that_of_a_plain_bootstrap() -> None:
    """Subjects drawn within folds, both arms' correlations taken anew in every draw."""
    first, second = (replace(arm, widening=np.ones(3)) for arm in _arms(3, (1.5, 0.8)))
    rng, draws = np.random.default_rng(0), []
    folds = [np.flatnonzero(first.folds.assignments == fold) for fold in range(5)]
    for _ in range(600):
        rows = [rng.choice(fold, len(fold)) for fold in folds]
        r = [
            np.average([np.corrcoef(arm.x_scores[i, 0], arm.y_scores[i, 0])[0, 1] for i in rows], weights=arm.n_test)
            for arm in (first, second)
        ]
        draws.append(r[0] - r[1])
    interval = paired_difference(first, second, n_bootstrap=2000).interval
    np.testing.assert_allclose(interval, np.quantile(draws, [0.025, 0.975]), atol=0.03)


def test_adjusted_p_lies_between_single_and_bonferroni() -> None:
    arms = _arms(0, (0.0, 0.4, 2.0, 0.0))
    adjusted = westfall_young({str(i): (arm.rho[0], arm.null[:, 0]) for i, arm in enumerate(arms)})
    for i, arm in enumerate(arms):
        assert arm.p[0] <= adjusted[str(i)] + 1e-12
    assert adjusted["2"] == 0.01


def test_other_permutations_are_refused() -> None:
    with pytest.raises(InputError, match="'b' must bring the null of the same permutations"):
        westfall_young({"a": (1.0, np.array([1.0, 0.0])), "b": (1.0, np.array([1.0, 0.0, 0.5]))})
    with pytest.raises(InputError, match="observed value first"):
        westfall_young({"a": (1.0, np.array([0.5, 0.0]))})


def test_better_arm_is_better() -> None:
    strong, weak = _arms(1, (2.0, 0.0))
    result = paired_difference(strong, weak)
    assert result.difference == pytest.approx(strong.rho[0] - weak.rho[0])
    assert result.interval[0] > 0
    assert result.p < 0.01
    opposite = paired_difference(weak, strong)
    assert opposite.difference == -result.difference
    assert opposite.p == result.p


def test_an_arm_does_not_differ_from_itself() -> None:
    (arm,) = _arms(2, (1.0,))
    result = paired_difference(arm, arm)
    assert (result.difference, result.p) == (0.0, 1.0)
    np.testing.assert_allclose(result.interval, 0, atol=1e-12)


def test_groups_are_swapped_as_wholes() -> None:
    families = np.arange(N) // 3
    strong, weak = _arms(1, (2.0, 0.0), groups=families, exchangeability_blocks=None)
    result = paired_difference(strong, weak, groups=families)
    assert result.p < 0.05
    assert result.interval[0] > 0


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_equal_arms_differ_no_more_often_than_they_should(strength: float) -> None:
    """Signs flipped as if folds were independent reject a third of these."""
    arms = [_arms(seed, (strength, strength), n_permutations=1) for seed in range(120)]
    p = np.array([paired_difference(*pair, n_permutations=199, n_bootstrap=2).p for pair in arms])
    assert (p <= 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)
    naive = [[replace(arm, widening=np.ones(3)) for arm in pair] for pair in arms]
    naive_p = np.array([paired_difference(*pair, n_permutations=199, n_bootstrap=2).p for pair in naive])
    assert (naive_p <= 0.05).mean() > 0.10


def test_bad_input_is_one_sentence() -> None:
    first, second = _arms(0, (1.0,)) + _arms(0, (1.0,), random_state=9)
    with pytest.raises(InputError, match="same folds"):
        paired_difference(first, second)
    with pytest.raises(InputError, match="Component 3"):
        paired_difference(first, first, component=3)
