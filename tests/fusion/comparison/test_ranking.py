"""The order of arms and how sure it is."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from fusion import InputError, cross_validated_cca, rank_arms
from fusion.comparison.paired_differences import paired_family
from fusion.cross_validation.result import CrossValidatedCCA

N = 411


def _arms(strengths: dict[str, float], **settings: Any) -> dict[str, CrossValidatedCCA]:
    rng = np.random.default_rng(4)
    shared, y = rng.standard_normal(N), rng.standard_normal((N, 5))
    y[:, 0] += 2 * shared
    arms = {}
    for name, strength in strengths.items():
        x = rng.standard_normal((N, 4))
        x[:, 1] += strength * shared
        quick = {"n_permutations": 19, "n_bootstrap": 50, "random_state": 0, "x_dimensions": 3, "y_dimensions": 3}
        arms[name] = cross_validated_cca(x, y, **quick | settings)
    return arms


def test_clear_order_is_certain() -> None:
    ranking = rank_arms(_arms({"middle": 1.0, "strong": 4.0, "none": 0.0}), n_permutations=999)
    assert dict(zip(ranking.arms, ranking.rank.tolist(), strict=True)) == {"strong": 1, "middle": 2, "none": 3}
    assert ranking.rank_interval.tolist() == [[2, 2], [1, 1], [3, 3]]
    assert ranking.may_be_first == ("strong",)


def test_equal_arms_leave_every_place_open() -> None:
    names = tuple("abcdefgh")
    ranking = rank_arms(_arms(dict.fromkeys(names, 1.0)), n_permutations=999, n_bootstrap=200)
    assert sorted(ranking.rank.tolist()) == list(range(1, 9))
    assert ranking.rank_interval.tolist() == [[1, 8]] * 8
    assert ranking.may_be_first == names


def test_places_are_those_that_the_corrected_differences_leave_open() -> None:
    arms = _arms({"a": 0.4, "b": 0.7, "c": 1.0, "d": 4.0, "e": 0.5})
    ranking = rank_arms(arms, n_permutations=499, n_bootstrap=50, random_state=3)
    p = paired_family(arms, n_permutations=499, random_state=3)
    rho = {name: arm.rho[0] for name, arm in arms.items()}
    clear = [sorted(pair, key=rho.__getitem__) for pair in combinations(arms, 2) if p[pair] < 0.05]
    assert 0 < len(clear) < 10
    for arm, (first, last) in zip(ranking.arms, ranking.rank_interval, strict=True):
        assert first == 1 + sum(worse == arm for worse, _ in clear)
        assert last == 5 - sum(better == arm for _, better in clear)


def test_twins_are_in_the_order_given() -> None:
    arm = _arms({"a": 1.0})["a"]
    ranking = rank_arms({"a": arm, "twin": arm}, n_permutations=99, n_bootstrap=50)
    assert ranking.rank.tolist() == [1, 2]
    assert ranking.rank_interval.tolist() == [[1, 2], [1, 2]]


def test_other_folds_are_refused() -> None:
    arms = {"a": _arms({"a": 1.0})["a"], "b": _arms({"b": 1.0}, n_splits=4)["b"]}
    with pytest.raises(InputError, match="those of 'b' differ"):
        rank_arms(arms)
