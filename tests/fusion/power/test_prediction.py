"""Predicted power against CCA of Gaussian views, and against the figures of the specification."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from fusion import InputError
from fusion.power.prediction import _draw_roy, _draw_wilks, _Size, detectable_rho, predicted_power


@pytest.mark.parametrize(("p", "q", "rho"), [(5, 9, 0.0), (9, 5, 0.5), (4, 4, 0.8), (1, 6, 0.4), (6, 1, 0.4)])
def test_draws_are_those_of_cca(p: int, q: int, rho: float) -> None:
    rng, n, direct = np.random.default_rng(0), 40, []
    for _ in range(800):
        x, y = rng.standard_normal((n, p)), rng.standard_normal((n, q))
        y[:, 0] = rho * x[:, 0] + np.sqrt(1 - rho**2) * y[:, 0]
        r = np.linalg.svd(np.linalg.qr(x)[0].T @ np.linalg.qr(y)[0], compute_uv=False)
        direct.append([r[0], -np.log1p(-(r**2)).sum()])
    for k, draw in enumerate((_draw_roy, _draw_wilks)):
        model = draw(_Size(n, min(p, q), max(p, q)), rho, 800, 1)
        assert ks_2samp(np.array(direct)[:, k], model).pvalue > 0.001


def test_power_of_the_specification() -> None:
    """Measured: N=5,000, rho=.15: at 50 dimensions Wilks 45 %, Roy 87 %; at 512 about alpha."""
    small = predicted_power(4999, 50, 50, 0.15)
    assert small.roy == pytest.approx(0.88, abs=0.03)
    assert small.wilks == pytest.approx(0.45, abs=0.04)
    large = predicted_power(4999, 512, 512, 0.15, n_draws=400)
    assert max(large) < 0.12


def test_power_without_a_link_is_alpha_and_grows_with_it() -> None:
    assert predicted_power(400, 20, 11, 0.0) == pytest.approx((0.05, 0.05), abs=0.02)
    powers = [predicted_power(400, 20, 11, rho).roy for rho in (0.2, 0.4, 0.6)]
    assert powers == sorted(powers)
    assert powers[-1] > 0.99


def test_detectable_correlation_has_the_power_asked_for() -> None:
    rho = detectable_rho(400, 20, 11, power=0.8)
    assert predicted_power(400, 20, 11, rho, n_draws=2000).roy == pytest.approx(0.8, abs=0.05)
    assert detectable_rho(60, 40, 30) == 1.0


def test_bad_correlation_is_one_sentence() -> None:
    with pytest.raises(InputError, match=r"in \[0, 1\); got 1"):
        predicted_power(100, 5, 5, 1.0)
