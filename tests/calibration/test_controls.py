"""Negative controls are a family of their own: neither family finds too much, and they cost the tested view nothing."""

from typing import Any

import numpy as np
import pytest

from analyses.alignment.comparison import correct_by_role
from fusion import cross_validated_cca, make_folds
from tests.calibration.rates import Rates, above, assert_valid

pytestmark = pytest.mark.calibration

N, P, Q, CONTROLS = 100, 4, 3, 4


def _smallest(seed: int, link: float) -> dict[str, float]:
    """Smallest corrected p of the tested view, and of its controls, which have no link."""
    rng = np.random.default_rng(seed)
    x, folds = rng.standard_normal((N, P)), make_folds(N, 5, random_state=seed)
    settings: dict[str, Any] = {"folds": folds, "n_components": 1, "n_permutations": 99, "n_bootstrap": 2}
    held_out = {}
    for view in ("tested", *(f"control{i}" for i in range(CONTROLS))):
        y = rng.standard_normal((N, Q))
        y[:, 0] += link * x[:, 0] * (view == "tested")
        found = cross_validated_cca(x, y, x_dimensions=P, y_dimensions=Q, random_state=seed, **settings)
        held_out[view] = {"arm": found}
    roles: Any = {view: "test" if view == "tested" else "negative control" for view in held_out}
    own, together = (correct_by_role(held_out, given)[1] for given in (roles, dict.fromkeys(roles, "test")))
    of_view = {kind: [p[f"arm__tested__{s}"] for s in ("rho", "trace")] for kind, p in (("a", own), ("b", together))}
    controls = [p for name, p in own.items() if "control" in name]
    return {
        "tested view": min(of_view["a"]),
        "tested view, naive: with the controls": min(of_view["b"]),
        "any control": min(controls),
    }


def test_controls_own_family_null(rates: Rates) -> None:
    found = rates(lambda seed: _smallest(seed, 0.0), 1000)
    assert_valid(found["tested view"])
    assert_valid(found["any control"])


def test_controls_own_family_real_link(rates: Rates) -> None:
    found = rates(lambda seed: _smallest(seed, 0.4), 60)
    assert above(found["tested view"], found["tested view, naive: with the controls"])
