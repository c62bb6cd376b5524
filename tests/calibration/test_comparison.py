"""Five encoders of one cohort compared: how often one seems to align, or two seem to differ, where none does."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fusion import cross_validated_cca, make_folds, westfall_young
from fusion.comparison.paired_differences import paired_family

pytestmark = pytest.mark.calibration

N, WINDOWS, WIDTH, ARMS = 160, 14, 24, 5
N_SETS = 800
Rate = Callable[[Callable[[int], float], int], float]


SETTINGS: dict[str, Any] = {"x_dimensions": 6, "y_dimensions": 6, "n_components": 1, "n_bootstrap": 2}


def _smallest_alignment_p(seed: int) -> float:
    """Arms as untrained encoders make them: the same dosages of windows, each through its own random map; no link."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((N, 3))
    dosage = rng.binomial(2, rng.uniform(0.1, 0.5, WINDOWS), (N, WINDOWS)) + 0.3 * z[:, :1]
    y = rng.standard_normal((N, 9)) + 0.5 * z[:, 1:2]
    settings = SETTINGS | {"folds": make_folds(N, 5, random_state=seed), "random_state": seed}
    arms = [
        cross_validated_cca(
            dosage @ rng.standard_normal((WINDOWS, WIDTH)), y, z, scale=(False, True), n_permutations=99, **settings
        )
        for _ in range(ARMS)
    ]
    return min(westfall_young({str(k): (arm.rho[0], arm.null[:, 0]) for k, arm in enumerate(arms)}).values())


def _smallest_difference_p(seed: int, link: float) -> float:
    """Arms that are equally good: what all of them see of the brain is one variable, in noise of their own."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal(N)
    y = rng.standard_normal((N, 6))
    y[:, 0] += link * shared
    settings = SETTINGS | {"folds": make_folds(N, 5, random_state=seed), "random_state": seed}
    arms = {}
    for k in range(ARMS):
        x = rng.standard_normal((N, 6))
        x[:, 1] += link * shared
        arms[str(k)] = cross_validated_cca(x, y, n_permutations=1, **settings)
    return min(paired_family(arms, n_permutations=199, random_state=seed).values())


def test_comparison_one_of_five_arms_aligns(rate: Rate) -> None:
    assert rate(_smallest_alignment_p, N_SETS) <= 0.065


@pytest.mark.parametrize("link", [0.0, 0.5, 2.0], ids=["no link", "weak link", "strong link"])
def test_comparison_two_of_five_equal_arms_differ(rate: Rate, link: float) -> None:
    assert rate(lambda seed: _smallest_difference_p(seed, link), N_SETS) <= 0.065
