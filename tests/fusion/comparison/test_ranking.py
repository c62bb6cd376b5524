"""The order of arms and how sure it is."""

from typing import Any

import numpy as np
import pytest

from fusion import InputError, cross_validated_cca, rank_arms
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
    ranking = rank_arms(_arms({"middle": 0.7, "strong": 4.0, "none": 0.0}))
    assert dict(zip(ranking.arms, ranking.rank.tolist(), strict=True)) == {"strong": 1, "middle": 2, "none": 3}
    assert ranking.p_best[1] > 0.9
    assert ranking.rank_interval[1].tolist() == [1.0, 1.0]


def test_equal_arms_share_the_first_place() -> None:
    ranking = rank_arms(_arms({"a": 1.0, "b": 1.0}), n_bootstrap=500)
    assert ranking.p_best.sum() == pytest.approx(1.0)
    assert 0.02 < ranking.p_best[0] < 0.98
    assert ranking.rank_interval.tolist() == [[1.0, 2.0], [1.0, 2.0]]


def test_the_same_subjects_are_drawn_for_every_arm() -> None:
    arm = _arms({"a": 1.0})["a"]
    assert rank_arms({"a": arm, "twin": arm}).p_best.tolist() == [1.0, 0.0]  # ties go to the first, in every draw


def test_other_folds_are_refused() -> None:
    arms = {"a": _arms({"a": 1.0})["a"], "b": _arms({"b": 1.0}, n_splits=4)["b"]}
    with pytest.raises(InputError, match="those of 'b' differ"):
        rank_arms(arms)
