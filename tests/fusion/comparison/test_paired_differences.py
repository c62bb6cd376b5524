"""All pairwise differences as one family of tests."""

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import kstest

from fusion import InputError, cross_validated_cca
from fusion.comparison.paired_differences import (
    paired_difference,
    paired_differences,
    paired_family,
    subject_shares,
)
from fusion.cross_validation.result import CrossValidatedCCA

N = 113


def _arm() -> CrossValidatedCCA:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((N, 4)), rng.standard_normal((N, 5))
    settings = {"n_components": 1, "n_permutations": 19, "n_bootstrap": 20, "random_state": 0}
    return cross_validated_cca(x, y, x_dimensions=3, y_dimensions=3, **settings)


def _with_scores(arm: CrossValidatedCCA, seed: int, rho: float) -> CrossValidatedCCA:
    """The same folds with scores of a known correlation."""
    rng = np.random.default_rng(seed)
    y = np.random.default_rng(99).standard_normal((N, 1))
    x = rho * y + np.sqrt(1 - rho**2) * rng.standard_normal((N, 1))
    return replace(arm, x_scores=x, y_scores=y, widening=np.ones(1))


def test_one_pair_equals_the_single_test() -> None:
    arm = _arm()
    arms = {"a": _with_scores(arm, 1, 0.5), "b": _with_scores(arm, 2, 0.3)}
    single = paired_difference(*arms.values(), n_permutations=999, random_state=3, n_bootstrap=20)
    assert paired_family(arms, n_permutations=999, random_state=3) == {("a", "b"): single.p}


def test_several_pairs_are_compared_as_each_alone() -> None:
    arm = _arm()
    arms = {name: _with_scores(arm, seed, 0.2 * seed) for seed, name in enumerate("abcd")}
    arms["d"] = replace(arms["d"], interval=np.full((1, 2), np.nan))
    settings = {"groups": np.arange(N) // 2, "n_permutations": 499, "n_bootstrap": 60, "random_state": 4}
    for pairs in (None, [("c", "a"), ("d", "b")]):
        found = paired_differences(arms, pairs=pairs, **settings)
        assert list(found) == (pairs or list(combinations(arms, 2)))
        for (a, b), together in found.items():
            alone = paired_difference(arms[a], arms[b], **settings)
            assert (together.difference, together.p) == (alone.difference, alone.p)
            np.testing.assert_array_equal(together.interval, alone.interval)
            assert np.isnan(together.interval).all() == ("d" in (a, b))


@pytest.mark.parametrize("component", [1, 5])
def test_a_component_that_an_arm_lacks_is_refused(component: int) -> None:
    arm = _arm()
    with pytest.raises(InputError, match=f"Component {component} must exist in every arm; 'first' has 1"):
        paired_difference(arm, arm, component=component)
    with pytest.raises(InputError, match=f"Component {component} must exist in every arm; 'a' has 1"):
        paired_family({"a": arm, "b": arm}, component=component)


def test_signs_by_hand() -> None:
    arm = _arm()
    arms = {name: _with_scores(arm, seed, 0.4) for seed, name in enumerate("abc")}
    groups = np.arange(N) % 7  # seven clusters: every flip can be listed
    p = paired_family(arms, groups=groups, n_permutations=19_999, random_state=1)
    shares = [subject_shares(one, 0) for one in arms.values()]
    pairs = [shares[0] - shares[1], shares[0] - shares[2], shares[1] - shares[2]]
    sums = np.array([[pair[groups == g].sum() for pair in pairs] for g in range(7)])
    every = np.array(list(product([-1, 1], repeat=7)))
    null = np.abs(every @ (sums / np.linalg.norm(sums, axis=0))).max(axis=1)
    for k, value in enumerate(p.values()):
        expected = (null >= null_of(sums, k) - 1e-12).mean()
        assert value == pytest.approx(expected, abs=0.015)


def null_of(sums: np.ndarray, k: int) -> float:
    return float(abs(sums[:, k].sum()) / np.linalg.norm(sums[:, k]))


def test_a_clear_difference_is_found_and_equal_arms_are_not() -> None:
    arm = _arm()
    arms = {"good": _with_scores(arm, 1, 0.9), "weak": _with_scores(arm, 2, 0.1), "twin": _with_scores(arm, 2, 0.1)}
    p = paired_family(arms, n_permutations=999)
    assert p["good", "weak"] <= 0.01
    assert p["weak", "twin"] == 1.0


def test_what_folds_share_makes_a_difference_less_sure() -> None:
    arm = _arm()
    arms = {"a": _with_scores(arm, 1, 0.6), "b": _with_scores(arm, 2, 0.3)}
    wide = {name: replace(one, widening=np.array([np.sqrt(2)])) for name, one in arms.items()}
    p, wider_p = (paired_family(given, n_permutations=999)["a", "b"] for given in (arms, wide))
    assert wider_p > p
    assert paired_difference(*wide.values(), n_permutations=999, n_bootstrap=20).p == wider_p


def test_a_fold_in_which_an_arm_does_not_vary_is_no_evidence() -> None:
    """As with a rare column: its correlation counts as 0 there, and so do its subjects' shares."""
    arm = _arm()
    arms = {name: _with_scores(arm, seed, 0.0) for seed, name in enumerate("ac")}
    still = _with_scores(arm, 5, 0.0)
    assert still.x_scores is not None
    x = np.where((arm.folds.assignments < 2)[:, None], 0.3, still.x_scores)
    arms["b"] = replace(still, x_scores=x)
    shares = subject_shares(arms["b"], 0)
    assert (shares[arm.folds.assignments < 2] == 0).all()
    assert np.isfinite(shares).all()
    alone = paired_family({name: arms[name] for name in "ac"}, n_permutations=499)["a", "c"]
    together = paired_family(arms, n_permutations=499)
    assert alone > 0.2
    assert min(together.values()) > 0.05
    assert paired_difference(arms["a"], arms["b"], n_permutations=499, n_bootstrap=20).p > 0.05


def test_few_groups_in_a_fold_are_not_drawn_as_wholes() -> None:
    """One site a fold: drawn as a whole, every draw would be the sample, and the interval without width."""
    arm = _arm()
    arms = [_with_scores(arm, seed, 0.3) for seed in (1, 2)]
    found = paired_difference(*arms, groups=arm.folds.assignments, n_permutations=99, n_bootstrap=99)
    single = paired_difference(*arms, n_permutations=99, n_bootstrap=99)
    np.testing.assert_array_equal(found.interval, single.interval)
    assert found.interval[1] - found.interval[0] > 0.1


def test_family_wise_error_with_five_equal_arms() -> None:
    arm, smallest = _arm(), []
    for trial in range(200):
        arms = {str(k): _with_scores(arm, 1000 * trial + k, 0.3) for k in range(5)}
        smallest.append(min(paired_family(arms, n_permutations=199, random_state=trial).values()))
    rejected = np.mean(np.array(smallest) <= 0.05)
    assert rejected <= 0.09  # 5 % and three standard errors
    assert kstest(smallest, "uniform").pvalue > 0.001
