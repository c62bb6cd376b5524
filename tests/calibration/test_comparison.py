"""Five encoders of one cohort compared: how often one seems to align, or two seem to differ, where none does."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fusion import cross_validated_cca, make_folds, westfall_young
from fusion.paired_family import paired_family
from fusion.results import CrossValidatedCCA

pytestmark = pytest.mark.calibration

N, WINDOWS, WIDTH, ARMS = 160, 14, 24, 5
N_SETS = 800
Rate = Callable[[Callable[[int], float], int], float]


def _arms(seed: int, link: float, n_permutations: int) -> dict[str, CrossValidatedCCA]:
    """Arms as untrained encoders make them: the same dosages of windows, each through its own random map."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((N, 3))
    dosage = rng.binomial(2, rng.uniform(0.1, 0.5, WINDOWS), (N, WINDOWS)) + 0.3 * z[:, :1]
    y = rng.standard_normal((N, 9)) + 0.5 * z[:, 1:2]
    y[:, :3] += link * (dosage[:, :1] - dosage[:, :1].mean()) / dosage[:, 0].std()
    settings: dict[str, Any] = {
        "folds": make_folds(N, 5, random_state=seed),
        "x_dimensions": 6,
        "y_dimensions": 6,
        "n_components": 1,
        "scale": (False, True),
        "n_permutations": n_permutations,
        "n_bootstrap": 2,
        "random_state": seed,
    }
    maps = [rng.standard_normal((WINDOWS, WIDTH)) for _ in range(ARMS)]
    return {str(k): cross_validated_cca(dosage @ map_, y, z, **settings) for k, map_ in enumerate(maps)}


def _smallest_alignment_p(seed: int) -> float:
    arms = _arms(seed, 0.0, 99)
    return min(westfall_young({name: (arm.rho[0], arm.null[:, 0]) for name, arm in arms.items()}).values())


def _smallest_difference_p(seed: int, link: float) -> float:
    return min(paired_family(_arms(seed, link, 1), n_permutations=199, random_state=seed).values())


def test_comparison_one_of_five_arms_aligns(rate: Rate) -> None:
    assert rate(_smallest_alignment_p, N_SETS) <= 0.065


@pytest.mark.parametrize("link", [0.0, 0.4, 1.5], ids=["no link", "weak link", "strong link"])
def test_comparison_two_of_five_arms_differ(rate: Rate, link: float) -> None:
    assert rate(lambda seed: _smallest_difference_p(seed, link), N_SETS) <= 0.065
