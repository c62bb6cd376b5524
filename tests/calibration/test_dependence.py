"""RV, distance correlation and HSIC: false positives with confounds and sites, and power where nothing is linear."""

import numpy as np
import pytest

from fusion import dependence_test
from tests.calibration.rates import Rates, above, assert_valid

pytestmark = pytest.mark.calibration

N, P, Q = 80, 4, 3


def _p(seed: int, *, n_confounds: int = 0, sites: bool = False, curved: float = 0.0) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((N, n_confounds))
    x, y = (rng.standard_normal((N, width)) + z @ rng.standard_normal((n_confounds, width)) for width in (P, Q))
    y[:, 0] += curved * (x[:, 0] ** 2 - 1)
    site = np.arange(N) % 8
    if sites:
        scale = np.exp(rng.normal(0, 0.6, 8))[site, np.newaxis]
        x, y = x * scale, y * scale
    settings = {"n_permutations": 99, "random_state": seed}
    blocks = site if sites else None
    found = dependence_test(x, y, z if n_confounds else None, exchangeability_blocks=blocks, **settings)  # type: ignore[arg-type]
    p = dict(zip(found.names, found.p.tolist(), strict=True)) | {"any, corrected": float(found.p_corrected.min())}
    if n_confounds:
        design = np.column_stack([np.ones(N), z])
        x, y = (view - design @ np.linalg.lstsq(design, view)[0] for view in (x, y))
    if n_confounds or sites:
        naive = dependence_test(x, y, **settings)  # type: ignore[arg-type]
        p |= {f"naive: {name}": value for name, value in zip(naive.names, naive.p.tolist(), strict=True)}
    return p


SCENARIOS = {"30 confounds": {"n_confounds": 30}, "sites that scatter": {"sites": True}}


@pytest.mark.parametrize("name", SCENARIOS)
def test_dependence_null(rates: Rates, name: str) -> None:
    found = rates(lambda seed: _p(seed, **SCENARIOS[name]), 1000)  # type: ignore[arg-type]
    for case, rate in found.items():
        if not case.startswith("naive"):
            assert_valid(rate)


def test_dependence_curved_link_is_found(rates: Rates) -> None:
    found = rates(lambda seed: _p(seed, curved=1.0), 60)
    assert above(found["dcor"], found["rv"]) or above(found["hsic"], found["rv"])
