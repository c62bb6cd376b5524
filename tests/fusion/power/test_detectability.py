"""What can be found: closed forms against simulation, simulation against the thing itself."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from fusion import InputError
from fusion.power.detectability import (
    NullR1,
    approximate_null_r1,
    draw_r1,
    flags,
    null_r1,
    required_n,
    rho_c,
    wachter_edge,
)


@pytest.mark.parametrize(("p", "q"), [(5, 5), (4, 9), (9, 4), (1, 7), (1, 1)])
def test_bidiagonal_model_equals_cca_of_noise(p: int, q: int) -> None:
    rng = np.random.default_rng(0)
    n = 30
    direct = []
    for _ in range(800):
        a, b = (np.linalg.qr(rng.standard_normal((n, k)))[0] for k in (p, q))
        direct.append(np.linalg.svd(a.T @ b, compute_uv=False)[0])
    model = [draw_r1(rng, n, min(p, q), max(p, q)) for _ in range(800)]
    assert ks_2samp(direct, model).pvalue > 0.001


def test_null_r1_of_the_large_case() -> None:
    """Measured for STATISTICS section 1: .603 +- .0025 at 5,000 subjects and 512 x 512."""
    null = null_r1(4999, 512, 512, n_draws=200)
    assert null.mean == pytest.approx(0.603, abs=0.001)
    assert null.mean < null.q95 < wachter_edge(4999, 512, 512) + 0.0025
    assert (null.q95 - null.mean) / 1.645 == pytest.approx(0.0025, abs=0.001)


@pytest.mark.parametrize(("p", "q"), [(512, 180), (300, 300), (800, 60)])
def test_edge_and_simulation_agree(p: int, q: int) -> None:
    assert null_r1(5000, p, q, n_draws=100).mean == pytest.approx(wachter_edge(5000, p, q), abs=0.01)


@pytest.mark.parametrize(
    ("n", "p", "q"), [(4969, 512, 512), (400, 20, 20), (1000, 100, 30), (137, 9, 7), (5000, 512, 40), (300, 100, 100)]
)
def test_closed_form_and_simulation_of_the_null_agree(n: int, p: int, q: int) -> None:
    simulated, closed = null_r1(n, p, q), approximate_null_r1(n, p, q)
    assert closed.mean == pytest.approx(simulated.mean, abs=0.006)
    assert closed.q95 == pytest.approx(simulated.q95, abs=0.012)


def test_thresholds() -> None:
    assert rho_c(5000, 512, 512) == pytest.approx(0.338, abs=5e-4)
    assert rho_c(5000, 50, 50) == pytest.approx(0.101, abs=5e-4)
    assert rho_c(60, 40, 30) == wachter_edge(60, 40, 30) == 1.0
    assert null_r1(60, 40, 30) == NullR1(1.0, 1.0)


@pytest.mark.parametrize(("p", "q"), [(512, 512), (37, 11), (1, 5)])
@pytest.mark.parametrize("rho", [0.05, 0.338, 0.9])
def test_required_n_is_the_first_that_suffices(rho: float, p: int, q: int) -> None:
    n = required_n(rho, p, q)
    assert n > p + q
    assert rho_c(n, p, q) <= rho + 1e-9
    assert rho_c(n - 1, p, q) > rho


def test_flags() -> None:
    assert flags(4000, 20, 20, r1=0.6, held_out=0.5) == []
    sentences = flags(300, 30, 30, r1=0.4, held_out=0.05)
    assert len(sentences) == 3
    assert "5.0 effective subjects per dimension" in sentences[0]
    assert "below the 95 % point of pure noise" in sentences[1]
    assert "ratio 0.12" in sentences[2]
    assert "by construction" in flags(50, 30, 30)[0]


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(InputError, match="at least one dimension"):
        rho_c(100, 0, 3)
    with pytest.raises(InputError, match="between 0 and 1"):
        required_n(1.0, 3, 3)
