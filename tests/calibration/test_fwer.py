"""False-positive rates of the in-sample and the held-out test, with the naive way failing beside them.

Scenarios S1 to S7; nominal 5 %. A valid test must stay at or below 6.5 %, and the exact binomial interval of its rate
must reach down to 5 %. Seeds are fixed, so a verdict does not change from run to run.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from scipy.stats import kstest

from fusion import HarmonizedView, NormalScoresView, cross_validated_cca, permutation_test_cca
from tests.calibration.rates import Rate, above, assert_valid, at_least, count, level

pytestmark = pytest.mark.calibration

Matrix = np.ndarray
Draw = Callable[[np.random.Generator, tuple[int, int]], Matrix]
STATISTICS = ("wilks", "roy")

DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
    "bernoulli": lambda rng, shape: rng.binomial(1, 0.2, shape).astype(float),
}


def _linked(rng: np.random.Generator, n: int, shape: tuple[int, int], correlations: tuple[float, ...]) -> Any:
    x, y = rng.standard_normal((n, shape[0])), rng.standard_normal((n, shape[1]))
    for i, rho in enumerate(correlations):
        y[:, i] = rho * x[:, i] + np.sqrt(1 - rho**2) * y[:, i]
    return x, y


def _confounded(rng: np.random.Generator, n: int, shape: tuple[int, int], n_confounds: int, draw: Draw) -> Any:
    z = rng.standard_normal((n, n_confounds))
    x, y = (draw(rng, (n, k)) + z @ rng.standard_normal((n_confounds, k)) for k in shape)
    return x, y, z


@pytest.mark.parametrize("statistic", STATISTICS)
def test_s1_no_nuisance(rate: Rate, statistic: Any) -> None:
    def p_value(seed: int) -> float:
        x, y = _linked(np.random.default_rng(seed), 100, (16, 20), ())
        settings = {"n_permutations": 99, "n_steps": 1, "random_state": seed}
        return float(permutation_test_cca(x, y, statistic=statistic, **settings).p_fwer[0])

    assert_valid(rate(p_value, 1000))


S2 = {
    "one": (100, (16, 20), (0.9,)),
    "two": (100, (16, 20), (0.9, 0.8)),
    "weak": (200, (8, 10), (0.4,)),
    "strong": (60, (10, 10), (0.98, 0.97, 0.96, 0.95, 0.94)),
    "many": (200, (30, 30), tuple(np.linspace(0.97, 0.80, 10))),
}


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("scenario", S2)
def test_s2_first_true_null_after_real_components(rate: Rate, scenario: str, statistic: Any) -> None:
    n, shape, correlations = S2[scenario]
    k = len(correlations)

    def p_value(seed: int) -> float:
        x, y = _linked(np.random.default_rng(seed), n, shape, correlations)
        settings = {"n_permutations": 99, "n_steps": k + 1, "random_state": seed}
        return float(permutation_test_cca(x, y, statistic=statistic, **settings).p_fwer[k])

    assert_valid(rate(p_value, 500))


def test_s2_without_conditioning_strong_components_are_liberal(rate: Rate) -> None:
    n, shape, correlations = S2["strong"]

    def p_value(seed: int) -> float:
        x, y = _linked(np.random.default_rng(seed), n, shape, correlations)
        settings = {"n_permutations": 99, "random_state": seed, "condition_on_tested": False}
        return float(permutation_test_cca(x, y, **settings).p_fwer[len(correlations)])

    assert above(rate(p_value, 400), 0.08)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("projection", ["huh-jhun", "theil"])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_s3_partial(rate: Rate, distribution: str, projection: Any, statistic: Any) -> None:
    """Projected rows are exactly exchangeable if normal; t(3) with Roy is found at 6.0 % (240 of 4,000 sets).

    So 2,000 sets, which tell that from 6.5 %, and no claim that the interval of t(3) reaches 5 %.
    """

    def p_value(seed: int) -> float:
        x, y, z = _confounded(np.random.default_rng(seed), 100, (16, 20), 15, DISTRIBUTIONS[distribution])
        settings = {"n_permutations": 99, "n_steps": 1, "random_state": seed, "projection": projection}
        return float(permutation_test_cca(x, y, z, statistic=statistic, **settings).p_fwer[0])

    assert_valid(rate(p_value, 2000), exact=distribution != "t3")


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_s3_shuffling_residuals_fails(rate: Rate, distribution: str) -> None:
    def p_value(seed: int) -> float:
        x, y, z = _confounded(np.random.default_rng(seed), 100, (16, 20), 15, DISTRIBUTIONS[distribution])
        design = np.column_stack([np.ones(100), z])
        x, y = (view - design @ np.linalg.lstsq(design, view)[0] for view in (x, y))
        return float(permutation_test_cca(x, y, n_permutations=99, n_steps=1, random_state=seed).p_fwer[0])

    assert at_least(rate(p_value, 200), 0.75)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_s4_large(rate: Rate, statistic: Any) -> None:
    def p_value(seed: int) -> float:
        x, y, z = _confounded(np.random.default_rng(seed), 1000, (100, 100), 30, DISTRIBUTIONS["normal"])
        settings = {"n_permutations": 39, "n_steps": 1, "random_state": seed}
        return float(permutation_test_cca(x, y, z, statistic=statistic, **settings).p_fwer[0])

    assert_valid(rate(p_value, 1000))


@pytest.mark.parametrize("projection", ["huh-jhun", "theil"])
@pytest.mark.parametrize("kind", ["part", "bipartial"])
def test_s5_part_and_bipartial(rate: Rate, kind: Literal["part", "bipartial"], projection: Any) -> None:
    def p_value(seed: int) -> float:
        rng = np.random.default_rng(seed)
        x, y, z = _confounded(rng, 100, (16, 20), 15, DISTRIBUTIONS["normal"])
        of_y = {"confounds_y": rng.standard_normal((100, 10))} if kind == "bipartial" else {}
        settings = {"n_permutations": 99, "n_steps": 1, "random_state": seed, "projection": projection}
        y = rng.standard_normal((100, 20))
        return float(permutation_test_cca(x, y, confounds_x=z, **of_y, **settings).p_fwer[0])

    assert_valid(rate(p_value, 1000))


def _sites(seed: int, log_scale: float) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    rng = np.random.default_rng(seed)
    sites = np.repeat(np.arange(20), 20)
    scale = np.exp(log_scale * rng.standard_normal(20))[sites, np.newaxis]
    x, y = (scale * (rng.standard_normal((400, 12)) + 0.3 * rng.standard_normal((20, 12))[sites]) for _ in range(2))
    return x, y, np.eye(20)[sites][:, 1:], sites


@pytest.mark.parametrize("log_scale", [0.0, 0.5, 0.8])
def test_s6_sites_of_their_own_scale(rate: Rate, log_scale: float) -> None:
    def p_value(seed: int) -> float:
        x, y, dummies, sites = _sites(seed, log_scale)
        settings = {"n_permutations": 99, "n_steps": 1, "random_state": seed}
        result = permutation_test_cca(x, y, dummies, projection="theil", exchangeability_blocks=sites, **settings)
        return float(result.p_fwer[0])

    assert_valid(rate(p_value, 1000))


def test_s6_free_permutation_fails(rate: Rate) -> None:
    def p_value(seed: int) -> float:
        x, y, dummies, _ = _sites(seed, 0.8)
        return float(permutation_test_cca(x, y, dummies, n_permutations=99, n_steps=1, random_state=seed).p_fwer[0])

    assert at_least(rate(p_value, 100), 0.9)


S7 = {
    "plain": {"n": 100, "n_confounds": 0},
    "confounds": {"n": 100, "n_confounds": 10},
    "many confounds": {"n": 100, "n_confounds": 20},
    "wide": {"n": 100, "n_confounds": 5, "width": 200},
    "sites": {"n": 120, "n_confounds": 3, "n_sites": 4},
    "sites, ComBat": {"n": 120, "n_confounds": 3, "n_sites": 4, "combat": True},
    "t3, normal scores": {"n": 100, "n_confounds": 10, "noise": "t3", "scores": True},
}


@pytest.mark.parametrize("scenario", S7)
def test_s7_held_out_p_is_uniform(scenario: str, p_values: Callable[..., Matrix]) -> None:
    n_sets = 1000
    p = p_values(lambda seed: _held_out_p(seed, **S7[scenario]), n_sets)
    assert kstest(p, "uniform").pvalue > level(0.01)
    assert_valid(count(p, n_sets))


def _held_out_p(
    seed: int,
    n: int,
    n_confounds: int,
    *,
    width: int = 12,
    n_sites: int = 0,
    noise: str = "normal",
    combat: bool = False,
    scores: bool = False,
) -> float:
    rng = np.random.default_rng(seed)
    x, y, z = _confounded(rng, n, (width, 9), n_confounds, DISTRIBUTIONS[noise])
    sites, kept = np.arange(n) % n_sites if n_sites else None, None
    if sites is not None:
        scale = np.exp(0.5 * rng.standard_normal(n_sites))[sites, np.newaxis]
        x, y, kept = scale * x, scale * y, z * scale
        z = np.column_stack([kept, np.eye(n_sites)[sites][:, 1:]])
    settings = {"n_permutations": 99, "n_bootstrap": 2, "x_dimensions": 6, "y_dimensions": 5, "n_components": 1}
    confounds = z if z.shape[1] else None
    view = HarmonizedView(y, sites, kept) if combat else NormalScoresView(y, confounds) if scores else y
    known = sites if combat else None  # ComBat has to meet every site in every training fold
    result = cross_validated_cca(
        x, view, confounds, exchangeability_blocks=sites, stratify=known, random_state=seed, **settings
    )
    return float(result.p[0])


def test_s7_real_link_is_found(rate: Rate) -> None:
    """Power beside validity."""

    def p_value(seed: int) -> float:
        rng = np.random.default_rng(seed)
        x, y = _linked(rng, 200, (12, 9), (0.6,))
        settings = {"n_permutations": 99, "n_bootstrap": 2, "x_dimensions": 12, "y_dimensions": 9}
        return float(cross_validated_cca(x, y, random_state=seed, **settings).p[0])

    assert above(rate(p_value, 50), 0.9)
