"""Five encoders of one cohort compared: how often one seems to align, or two seem to differ, where none does."""

from typing import Any

import numpy as np
import pytest

from fusion import CrossValidatedCCA, cross_validated_cca, make_folds, rank_arms, westfall_young
from fusion.comparison.draws import bootstrap_component
from fusion.comparison.paired_differences import paired_difference, paired_family
from tests.calibration.rates import Rate, Rates, above, at_most

pytestmark = pytest.mark.calibration

N, WINDOWS, WIDTH, ARMS = 160, 14, 24, 5
N_SETS = 400


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
    assert at_most(rate(_smallest_alignment_p, 2 * N_SETS), 0.065)


@pytest.mark.parametrize("link", [0.0, 0.5, 2.0], ids=["no link", "weak link", "strong link"])
def test_comparison_two_of_five_equal_arms_differ(rate: Rate, link: float) -> None:
    assert at_most(rate(lambda seed: _smallest_difference_p(seed, link), N_SETS), 0.065)


TIERS = {
    "eight equal, no link": (0.0,) * 8,
    "eight equal, linked": (0.7,) * 8,
    "three good ones, five less": (2.0,) * 3 + (0.9,) * 5,
}


def _tiers(seed: int, links: tuple[float, ...]) -> tuple[dict[str, CrossValidatedCCA], list[float]]:
    """Arms that see one variable of the brain more or less well, and the correlations of their projections."""
    rng = np.random.default_rng(seed)
    strongest = max(links)
    shared, y = rng.standard_normal(N), rng.standard_normal((N, 6))
    y[:, 0] += strongest * shared
    folds = make_folds(N, 5, random_state=seed)
    arms, true = {}, []
    for k, link in enumerate(links):
        x = rng.standard_normal((N, 6))
        x[:, 1] += link * shared
        settings: dict[str, Any] = SETTINGS | {"n_bootstrap": 500, "n_permutations": 1, "random_state": seed}
        arms[str(k)] = arm = cross_validated_cca(x, y, folds=folds, **settings)
        true.append(_population(arm, x, y, link, strongest))
    return arms, true


def _population(arm: CrossValidatedCCA, x: np.ndarray, y: np.ndarray, of_x: float, of_y: float) -> float:
    """Correlation of the folds' own projections in the population, where one variable is in x's second column and y's
    first."""
    assert arm.x_scores is not None
    assert arm.y_scores is not None
    of_folds = []
    for _, test in arm.folds:
        a, b = _weights(x[test], arm.x_scores[test, 0]), _weights(y[test], arm.y_scores[test, 0])
        variances = (a @ a + (of_x * a[1]) ** 2) * (b @ b + (of_y * b[0]) ** 2)
        of_folds.append(of_x * of_y * a[1] * b[0] / np.sqrt(variances))
    return float(np.average(of_folds, weights=arm.n_test))


def _weights(view: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Of an affine score, exactly."""
    solution: np.ndarray = np.linalg.lstsq(np.column_stack([np.ones(len(view)), view]), scores)[0]
    return solution[1:]


WIDTHS = {"4 and 14, no link": 0.0, "4 and 14, linked": 0.9, "4 and 14, strongly linked": 2.0}


def _difference(seed: int, link: float, widths: tuple[int, int] = (4, 14)) -> dict[str, float]:
    """0 where the interval of two arms of unequal widths misses what their own projections differ by."""
    rng = np.random.default_rng(seed)
    shared, y = rng.standard_normal(N), rng.standard_normal((N, 6))
    y[:, 0] += link * shared
    folds, arms, true = make_folds(N, 5, random_state=seed), [], []
    for width in widths:
        x = rng.standard_normal((N, width))
        x[:, 1] += link * shared
        settings: dict[str, Any] = {"n_components": 1, "n_bootstrap": 2, "n_permutations": 1, "random_state": seed}
        arms.append(cross_validated_cca(x, y, folds=folds, x_dimensions=width, y_dimensions=6, **settings))
        true.append(_population(arms[-1], x, y, link, link))
    found = paired_difference(*arms, n_permutations=1, n_bootstrap=1000, random_state=seed)
    low, high = found.interval
    return {"difference": float(low <= true[0] - true[1] <= high)}


def _leader(seed: int, links: tuple[float, ...]) -> dict[str, float]:
    """0 where an interval misses: of the leader's correlation, and of places, which hold those of all equal arms."""
    arms, true = _tiers(seed, links)
    ranking = rank_arms(arms, n_permutations=999, n_bootstrap=1000, random_state=seed)
    clusters = next(iter(arms.values())).relations.clusters
    settings: dict[str, Any] = {"clusters": clusters, "n_draws": 500, "seed": seed}
    draws = np.stack([bootstrap_component(arm, 0, "this", **settings) for arm in arms.values()])
    drawn_places = np.percentile((-draws).argsort(axis=0).argsort(axis=0) + 1, [2.5, 97.5], axis=1).T
    best = int(ranking.rank.argmin())
    first = np.array([1 + sum(other > link for other in links) for link in links])
    last = np.array([sum(other >= link for other in links) for link in links])
    alone = list(arms.values())[best].interval[0]
    correlation = {"correlation": ranking.interval[best], "correlation, each alone": alone}
    places = {"places": ranking.rank_interval, "places by draws": drawn_places}
    held = {name: low <= true[best] <= high for name, (low, high) in correlation.items()}
    held |= {name: bool(((p[:, 0] <= first) & (last <= p[:, 1])).all()) for name, p in places.items()}
    return {name: float(value) for name, value in held.items()}


@pytest.mark.parametrize("name", TIERS)
def test_comparison_leader_interval_misses(rates: Rates, name: str) -> None:
    missed = rates(lambda seed: _leader(seed, TIERS[name]), 150)
    assert at_most(missed["correlation"], 0.08)
    assert above(missed["places by draws"], 0.08)
    assert at_most(missed["places"], 0.08)


@pytest.mark.parametrize("name", WIDTHS)
def test_comparison_difference_interval_misses(rates: Rates, name: str) -> None:
    """Arms of unequal widths: the wide one has the poorer weights, and its own interval the larger widening."""
    assert at_most(rates(lambda seed: _difference(seed, WIDTHS[name]), 300)["difference"], 0.08)
