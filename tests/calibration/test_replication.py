"""Weights of a first cohort in a second one without the link, with confounds and families; studies combined."""

import numpy as np
import pytest
from scipy.stats import t

from fusion import Blocks, FrozenAlignment, LateFusion, ReplicatedCCA, combine_correlations, replicate_cca
from fusion.permutation.p_values import permutation_p
from fusion.replication.meta_analysis import MetaAnalysis
from tests.calibration.rates import Rates, assert_valid, at_least, at_most

pytestmark = pytest.mark.calibration

P, Q, N_FIRST, N_SETS = 10, 8, 200, 300
#: Subjects of the new cohort, confounds, and whether families of three are alike.
CASES = {
    "confounds": (90, 20, False),
    "heavy tails, confounds": (120, 15, False),
    "families": (150, 3, True),
}


def _sides(rng: np.random.Generator, n: int, *, link: float, families: bool, heavy: bool = False) -> list[np.ndarray]:
    """Genes and brain of n subjects; a link of this correlation between their first columns."""
    draw = (lambda shape: rng.standard_t(3, shape) / np.sqrt(3)) if heavy else rng.standard_normal
    x, y = draw((n, P)), draw((n, Q))
    if families:
        of_family = np.arange(n) // 3
        x, y = (
            np.sqrt(0.7) * rng.standard_normal((n // 3 + 1, side.shape[1]))[of_family] + np.sqrt(0.3) * side
            for side in (x, y)
        )
    y[:, 0] = link * x[:, 0] + np.sqrt(1 - link**2) * y[:, 0]
    return [x, y]


def _confounded(rng: np.random.Generator, sides: list[np.ndarray], n_confounds: int) -> tuple[np.ndarray, ...]:
    """Confounds act on both sides, in every cohort in a way of its own."""
    z = rng.standard_normal((len(sides[0]), n_confounds))
    return (*(side + z @ rng.standard_normal((n_confounds, side.shape[1])) for side in sides), z)


def _first(rng: np.random.Generator, n_confounds: int) -> tuple[FrozenAlignment, LateFusion]:
    x, y, z = _confounded(rng, _sides(rng, N_FIRST, link=0.6, families=False), n_confounds)
    fitted = LateFusion(3, x_dimensions=P, y_dimensions=Q).fit(x, y, z)
    return FrozenAlignment.of_late_fusion(fitted, n_subjects=N_FIRST), fitted


def _shuffled_p(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    """p of a correlation whose rows change places freely."""
    a, b = a - a.mean(), b - b.mean()
    null = np.array([a @ b, *(a[rng.permutation(len(a))] @ b for _ in range(99))])
    return float(permutation_p(null[:, None])[0])


def _null(case: str, seed: int) -> dict[str, float]:
    n, n_confounds, families = CASES[case]
    rng = np.random.default_rng(seed)
    model, fitted = _first(rng, n_confounds)
    sides = _sides(rng, n, link=0.0, families=families, heavy=case.startswith("heavy"))
    x, y, z = _confounded(rng, sides, n_confounds)
    blocks = Blocks(np.arange(n) // 3, "whole") if families else None
    found = replicate_cca(
        model, x, y, z, exchangeability_blocks=blocks, n_permutations=99, n_bootstrap=2, random_state=seed
    )
    assert found.x_scores is not None
    assert found.y_scores is not None
    naive = fitted.transform(x, y, z)
    return {
        "first component": float(found.p[0]),
        "second component": float(found.p[1]),
        "together": found.trace_p,
        "naive: residuals shuffled": _shuffled_p(found.x_scores[:, 0], found.y_scores[:, 0], rng),
        "naive: first coefficients": _shuffled_p(naive[0][:, 0], naive[1][:, 0], rng),
    }


@pytest.mark.parametrize("case", CASES)
def test_replication_null(case: str, rates: Rates) -> None:
    found = rates(lambda seed: _null(case, seed), 1000)
    for name in ("first component", "second component", "together"):
        assert_valid(found[name])


def _linked(seed: int, link: float, n: int, n_permutations: int = 1) -> tuple[ReplicatedCCA, float]:
    """A replication, and the correlation of the frozen scores in the population."""
    rng = np.random.default_rng(seed)
    model, _ = _first(rng, 8)
    x, y, z = _confounded(rng, _sides(rng, n, link=link, families=False), 8)
    a, b = model.x_weights[:, 0], model.y_weights[:, 0]
    true = link * a[0] * b[0] / np.linalg.norm(a) / np.linalg.norm(b)
    return replicate_cca(model, x, y, z, n_permutations=n_permutations, n_bootstrap=300, random_state=seed), float(true)


def _missed(seed: int, link: float) -> float:
    """0 where the interval misses, so that rejections are misses."""
    found, true = _linked(seed, link, 100)
    low, high = found.interval[0]
    return float(low <= true <= high)


def test_replication_interval_misses(rates: Rates) -> None:
    found = rates(lambda seed: {f"link {link}": _missed(seed, link) for link in (0.0, 0.6)}, N_SETS)
    assert all(at_most(missed, 0.08) for missed in found.values())


def test_replication_real_link_is_found(rates: Rates) -> None:
    found = rates(lambda seed: {"link 0.6, N=100": float(_linked(seed, 0.6, 100, 99)[0].p[0])}, 60)
    assert at_least(found["link 0.6, N=100"], 0.9)


def _combined(seed: int, tau: float, k: int) -> dict[str, float]:
    """Studies of 60 to 400 subjects whose correlations differ by tau on Fisher's scale; 0 where an interval misses."""
    rng = np.random.default_rng(seed)
    centre, se = 0.2, rng.integers(60, 400, k) ** -0.5
    z = centre + tau * rng.standard_normal(k) + se * rng.standard_normal(k)
    found = combine_correlations(np.tanh(z), se)
    another = np.tanh(centre + tau * rng.standard_normal())
    assert found.prediction is not None
    shown = {
        "Hartung-Knapp": found.hartung_knapp.interval,
        "naive: DerSimonian-Laird": found.dersimonian_laird.interval,
        "naive: fixed": found.fixed.interval,
    }
    covered = {name: float(low <= np.tanh(centre) <= high) for name, (low, high) in shown.items()}
    known = np.tanh(np.arctanh(found.hartung_knapp.rho) + np.array([-1, 1]) * _half_width(found, k))
    covered["naive: another study, variance known"] = float(known[0] <= another <= known[1])
    return covered | {"another study": float(found.prediction[0] <= another <= found.prediction[1])}


def _half_width(found: MetaAnalysis, k: int) -> float:
    """Of Higgins, Thompson and Spiegelhalter's interval, which takes the variance between studies as known."""
    return float(t.isf(0.025, k - 2)) * float(np.hypot(found.hartung_knapp.se, found.tau2[1] ** 0.5))


STUDIES = {"one correlation": (0.0, 6), "many": (0.15, 6), "fifteen, a little": (0.08, 15)}


@pytest.mark.parametrize("case", STUDIES)
def test_meta_interval_misses(case: str, rates: Rates) -> None:
    found = rates(lambda seed: _combined(seed, *STUDIES[case]), 400)
    assert at_most(found["Hartung-Knapp"], 0.065)
    assert at_most(found["another study"], 0.08)
