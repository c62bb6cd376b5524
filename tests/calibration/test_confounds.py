"""Confounding by a curve of age: the straight line leaves a link where there is none, the spline does not."""

import numpy as np
import pandas as pd
import pytest

from fusion import Confound, ConfoundDesign, cross_validated_cca, permutation_test_cca
from fusion.confounds.terms import TermLike
from tests.calibration.rates import Rates, above, assert_valid

pytestmark = pytest.mark.calibration

N, P, Q, N_SETS = 301, 5, 7, 100

SITE = Confound("site", "categorical")
WAYS: dict[str, list[TermLike]] = {
    "naive line": [Confound("age"), SITE],
    "spline": [Confound("age", "spline", df=4), SITE],
    "spline by site": [Confound("age", "spline", df=4, by="site"), SITE],
}


def _study(rng: np.random.Generator, *, by_site: bool) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Both views follow growth and decline with age (in each site at its own pace), and nothing else in common."""
    site = rng.integers(0, 3, N)
    age = rng.normal(52, 15, N)
    turn = np.array([35.0, 50.0, 65.0])[site] if by_site else 50.0
    curve = np.abs((age - turn) / 15) ** 1.5
    curve = ((curve - curve.mean()) / curve.std())[:, np.newaxis]
    x, y = (rng.standard_normal((N, k)) + 0.35 * curve * rng.standard_normal(k) for k in (P, Q))
    return x, y, pd.DataFrame({"age": age, "site": np.array(["Bonn", "Lyon", "Oslo"])[site]})


@pytest.mark.parametrize("case", ["one curve", "a curve in each site"])
def test_confounds_curved(rates: Rates, case: str) -> None:
    by_site = case != "one curve"
    chosen = [name for name in WAYS if by_site or name != "spline by site"]

    def p_values(seed: int) -> dict[str, float]:
        x, y, frame = _study(np.random.default_rng(seed), by_site=by_site)
        found: dict[str, float] = {}
        for name in chosen:
            design = ConfoundDesign(WAYS[name])
            coded = design.fit(frame).transform(frame)
            sample = permutation_test_cca(x, y, coded, n_permutations=19, n_steps=1, random_state=seed)
            widths = {"x_dimensions": P, "y_dimensions": Q, "n_components": 1, "n_bootstrap": 2}
            settings = {"n_permutations": 19, "random_state": seed, "stratify": frame["site"], **widths}
            held_out = cross_validated_cca(x, y, (frame, design), **settings)
            found |= {f"Wilks, {name}": float(sample.p_fwer[0]), f"held out, {name}": min(held_out.p_link)}
        return found

    found = rates(p_values, N_SETS)
    right = chosen[-1]
    for measure in ("Wilks", "held out"):
        assert_valid(found[f"{measure}, {right}"])
        assert above(found[f"{measure}, naive line"], 0.2)


@pytest.mark.parametrize("n_confounds", [25, 30])
def test_confounds_of_half_the_subjects(rates: Rates, n_confounds: int) -> None:
    """60 subjects, half as many confounds in both views: residuals of a training fold have few degrees of freedom."""

    def p_values(seed: int) -> dict[str, float]:
        rng = np.random.default_rng(seed)
        z = rng.standard_normal((60, n_confounds))
        x, y = (z @ rng.standard_normal((n_confounds, 3)) * 0.3 + rng.standard_normal((60, 3)) for _ in range(2))
        held_out = cross_validated_cca(
            x, y, z, x_dimensions=3, y_dimensions=3, n_components=1, n_permutations=59, n_bootstrap=2, random_state=seed
        )
        in_sample = permutation_test_cca(x, y, z, n_permutations=59, n_steps=1, random_state=seed)
        return {"held out": min(held_out.p_link), "Wilks": float(in_sample.p_fwer[0])}

    found = rates(p_values, 200)
    assert_valid(found["held out"])
    assert_valid(found["Wilks"])
