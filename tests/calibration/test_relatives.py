"""Relatives who are all analysed: intervals, differences and the test of a tuned setting, with and without families."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fusion import Blocks, ConfoundDesign, CrossValidatedCCA, cross_validated_cca, make_folds, paired_difference
from fusion.cross_validation.resampling import bootstrap_correlations, percentile_interval
from fusion.model_selection.settings import Setting, evaluate_setting
from fusion.permutation.relations import Relations
from fusion.views.view import as_view
from tests.calibration.rates import Rates, above, assert_valid, at_most

pytestmark = pytest.mark.calibration

N, WIDTH = 210, 5
FAMILIES = np.arange(N) // 3
ALONE = np.arange(N)


def _alike(rng: np.random.Generator, families: np.ndarray, width: int, share: float = 0.8) -> np.ndarray:
    """Normal columns of which relatives share this part of the variance."""
    common = rng.standard_normal((int(families.max()) + 1, width))[families]
    return np.sqrt(share) * common + np.sqrt(1 - share) * rng.standard_normal((len(families), width))


def _aligned(seed: int, rho: float, n_arms: int) -> list[CrossValidatedCCA]:
    """Arms that see the same link in noise of their own, families kept in one fold and exchanged as wholes."""
    rng = np.random.default_rng(seed)
    shared, y = _alike(rng, FAMILIES, 1), _alike(rng, FAMILIES, WIDTH)
    y[:, :1] = rho * shared + np.sqrt(1 - rho**2) * y[:, :1]
    folds = make_folds(N, 5, groups=FAMILIES, random_state=seed)
    settings: dict[str, Any] = {"n_permutations": 1, "n_bootstrap": 500, "n_components": 1, "random_state": seed}
    arms = []
    for _ in range(n_arms):
        x = _alike(rng, FAMILIES, WIDTH)
        x[:, :1] = 0.8 * shared + 0.6 * x[:, :1]
        sizes = {"x_dimensions": WIDTH, "y_dimensions": WIDTH}
        arms.append(
            cross_validated_cca(
                x, y, folds=folds, exchangeability_blocks=Blocks(FAMILIES, "whole"), **sizes, **settings
            )
        )
    return arms


def _target(arm: CrossValidatedCCA, seed: int, rho: float) -> float:
    """Population correlation of the folds' own projections, from 20,000 subjects more, by the weights of the scores."""
    rng = np.random.default_rng(seed)
    shared, y = _alike(rng, FAMILIES, 1), _alike(rng, FAMILIES, WIDTH)
    y[:, :1] = rho * shared + np.sqrt(1 - rho**2) * y[:, :1]
    x = _alike(rng, FAMILIES, WIDTH)
    x[:, :1] = 0.8 * shared + 0.6 * x[:, :1]
    assert arm.x_scores is not None
    assert arm.y_scores is not None
    true = []
    for _, test in arm.folds:
        a, b = (_weights(side[test], scores[test, 0]) for side, scores in ((x, arm.x_scores), (y, arm.y_scores)))
        true.append(0.8 * rho * a[0] * b[0] / np.linalg.norm(a) / np.linalg.norm(b))
    return float(np.average(true, weights=arm.n_test))


def _weights(view: np.ndarray, scores: np.ndarray) -> np.ndarray:
    solution: np.ndarray = np.linalg.lstsq(np.column_stack([np.ones(len(view)), view]), scores)[0]
    return solution[1:]


def _missed(seed: int) -> dict[str, float]:
    """0 where the interval misses, so that rejections are misses."""
    (arm,) = _aligned(seed, 0.6, 1)
    target = _target(arm, seed, 0.6)
    assert arm.x_scores is not None
    assert arm.y_scores is not None
    alone = percentile_interval(
        bootstrap_correlations(
            arm.x_scores, arm.y_scores, arm.folds.assignments, ALONE, widening=arm.widening, n_draws=500, seed=seed
        )
    )
    intervals = {"families": arm.interval[0], "each alone": alone[0]}
    return {name: float(low <= target <= high) for name, (low, high) in intervals.items()}


def test_relatives_interval_misses(rates: Rates) -> None:
    found = rates(_missed, 300)
    assert at_most(found["families"], 0.08)
    assert above(found["each alone"], 0.10)


def _difference(seed: int) -> dict[str, float]:
    arms = _aligned(seed, 0.6, 2)
    alone = [replace(arm, clusters=ALONE) for arm in arms]
    settings: dict[str, Any] = {"n_permutations": 99, "n_bootstrap": 2, "random_state": seed}
    return {
        "families": paired_difference(*arms, **settings).p,
        "each alone": paired_difference(*alone, **settings).p,
    }


def test_relatives_difference_of_equal_arms(rates: Rates) -> None:
    found = rates(_difference, 1000)
    assert_valid(found["families"])
    assert above(found["each alone"], 0.08)


def _set_aside(seed: int, kind: str) -> dict[str, float]:
    """A setting tested in rows apart: families, or sites that the training rows lack."""
    rng = np.random.default_rng(seed)
    n = 150
    labels = np.arange(n) // (3 if kind == "families" else 10)
    x, y = (_alike(rng, labels, 4, 0.8 if kind == "families" else 0.3) for _ in "xy")
    aside = labels % 3 == 0
    split = np.flatnonzero(~aside), np.flatnonzero(aside)
    blocks = Blocks(labels, "whole" if kind == "families" else "within")
    frame = pd.DataFrame({"site": np.char.add("s", labels.astype(str))})
    confounds = None if kind == "families" else (frame, ConfoundDesign(unseen="mean"))
    relations = {"as everywhere": Relations.of(n, blocks=blocks), "without blocks": None}
    return {
        name: evaluate_setting(
            (as_view(x), as_view(y)),
            confounds,
            split,
            Setting(3, 0.2),
            scale=True,
            relations=known,
            n_permutations=19,
            n_bootstrap=2,
            random_state=seed,
        ).p
        for name, known in relations.items()
    }


@pytest.mark.parametrize("kind", ["families", "unseen sites"])
def test_set_aside_test_of_tune(rates: Rates, kind: str) -> None:
    found = rates(lambda seed: _set_aside(seed, kind), 1000)
    assert_valid(found["as everywhere"])
