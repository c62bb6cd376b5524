"""Beside every value: what noise gives at this size, what could have been detected, and what speaks against it."""

from __future__ import annotations

from typing import Any

import numpy as np

from fusion.detectability import null_r1, required_n, rho_c, wachter_edge

#: Fewer draws for wide views: one costs O(P^3), and the spread of the largest root shrinks with P.
_DRAWS, _WIDE, _DRAWS_WIDE = 400, 100, 25
_MIN_RATIO = 10.0
_SHRINKAGE = 0.5


def detectability(n_effective: int, p: int, q: int, *, seed: int) -> dict[str, Any]:
    """Null mean and 95 % point of r1, Wachter edge, rho_c, and the subjects that halving rho_c would take."""
    null = null_r1(n_effective, p, q, n_draws=_DRAWS if min(p, q) <= _WIDE else _DRAWS_WIDE, random_state=seed)
    threshold = rho_c(n_effective, p, q)
    return {
        "rho_c": threshold,
        "null_r1_mean": float(null.mean()),
        "null_r1_q95": float(np.quantile(null, 0.95)),
        "wachter_edge": wachter_edge(n_effective, p, q),
        "required_n": {"rho": threshold / 2, "n": required_n(threshold / 2, p, q)},
    }


def red_flags(summary: dict[str, Any]) -> list[str]:
    """Sentences on what speaks against taking the in-sample values at face value."""
    in_sample, held_out, dimensions = summary["in_sample"], summary["held_out"], summary["dimensions"]
    r1, q95 = in_sample["canonical_correlations"][0], in_sample["null_q95_r1"]
    flags = []
    if dimensions["ratio"] < _MIN_RATIO:
        flags.append(
            f"{dimensions['ratio']:.1f} effective subjects per dimension; below {_MIN_RATIO:g} in-sample "
            "correlations and loadings are unstable."
        )
    if r1 < q95:
        flags.append(f"The in-sample r1 of {r1:.2f} is below the 95 % point of its null, {q95:.2f}.")
    if held_out["ratio_to_in_sample"] < _SHRINKAGE:
        flags.append(
            f"The held-out correlation is {held_out['ratio_to_in_sample']:.0%} of the in-sample one: most of the "
            "in-sample value is overfitting."
        )
    return flags
