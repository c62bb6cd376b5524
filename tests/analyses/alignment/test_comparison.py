"""What is corrected together: all arms on the views that are tested, and controls among themselves."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from analyses.alignment.comparison import correct_by_role, fit_by_role


def _found(rho: float, trace: float, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    null = np.concatenate([[rho], rng.normal(0, 0.1, 199)])[:, np.newaxis]
    return SimpleNamespace(null=null, trace_null=np.concatenate([[trace], rng.normal(0, 0.1, 199)]))


TESTED = {"thickness": {"a": _found(0.25, 0.1, 1), "b": _found(0.1, 0.0, 2)}, "area": {"a": _found(0.2, 0.2, 3)}}
CONTROLS = {f"control{i}": {"a": _found(0.05, 0.3, 9 + i)} for i in range(6)}


def test_controls_do_not_raise_the_p_of_the_views_tested() -> None:
    alone = correct_by_role(TESTED, dict.fromkeys(TESTED, "test"))
    roles: Any = dict.fromkeys(TESTED, "test") | dict.fromkeys(CONTROLS, "negative control")
    beside = correct_by_role(TESTED | CONTROLS, roles)
    for without, with_controls in zip(alone, beside, strict=True):
        assert {name: with_controls[name] for name in without} == without
    assert set(beside[0]) - set(alone[0]) == {f"a__control{i}" for i in range(6)}
    together = correct_by_role(TESTED | CONTROLS, dict.fromkeys(roles, "test"))
    assert together[0]["a__thickness"] >= alone[0]["a__thickness"]
    assert together[0]["a__area"] > alone[0]["a__area"]


def test_fits_of_a_family_are_beside_their_counted_p() -> None:
    rng = np.random.default_rng(0)
    null = np.tanh(rng.normal(0, 0.08, (1000, 3)))
    null[0] = [0.4, 0.05, 0.36]
    traces = rng.normal(0, 0.1, (1000, 3))
    arms: Any = {
        name: SimpleNamespace(null=null[:, [k]], trace_null=traces[:, k], dimensions=(12, 6))
        for k, name in enumerate(("a", "b", "c"))
    }
    counted, _ = correct_by_role({"thickness": arms}, {"thickness": "test"})
    fitted, of_both = fit_by_role({"thickness": arms}, {"thickness": "test"})
    assert list(fitted) == list(counted)
    assert set(of_both) == {f"{name}__{kind}" for name in fitted for kind in ("rho", "trace")}
    largest = fitted["a__thickness"]
    assert largest.p is not None
    assert largest.p < counted["a__thickness"] == 0.001
    assert fitted["b__thickness"].p is None
    assert fitted["b__thickness"].refusal is not None
    assert "reach the observed value" in fitted["b__thickness"].refusal
    assert of_both["a__thickness__rho"].p is not None
    arms["b"].dimensions = (12, 5)
    narrow = fit_by_role({"thickness": arms}, {"thickness": "test"})
    assert narrow[0] == fitted, "first correlations alone are fitted at any width"
    refusal = narrow[1]["a__thickness__rho"].refusal
    assert refusal is not None
    assert "of 5 columns has a heavier tail" in refusal
