"""What an alignment of a given size shows by chance and could find, before any data exist."""

from __future__ import annotations

import json
from typing import Any

from fusion.power.detectability import approximate_null_r1, flags, null_r1, required_n, rho_c, wachter_edge
from fusion.power.prediction import detectable_rho, predicted_power


def make_panel(n: int, x: int, y: int, *, confounds: int = 0, rho: float | None = None) -> dict[str, Any]:
    """Null of the in-sample r1, detectability threshold, power, subjects per dimension, and red flags.

    Parameters
    ----------
    n : int
        Subjects.
    x, y : int
        Dimensions that enter CCA.
    confounds : int
        Columns of the confound design, intercept not counted.
    rho : float, optional
        Correlation to be found: the panel gives the power of both in-sample tests against it, and the number of
        subjects from which it exceeds ``rho_c``; half of ``rho_c`` by default.
    """
    n_effective = n - confounds - 1
    threshold = rho_c(n_effective, x, y)
    null = null_r1(n_effective, x, y)
    wanted = threshold / 2 if rho is None else rho
    power = predicted_power(n_effective, x, y, wanted)
    return {
        "n_effective": n_effective,
        "subjects_per_dimension": n_effective / (x + y),
        "null_r1_mean": null.mean,
        "null_r1_q95": null.q95,
        "null_r1_closed_form": approximate_null_r1(n_effective, x, y)._asdict(),
        "wachter_edge": wachter_edge(n_effective, x, y),
        "rho_c": threshold,
        "required_n": {"rho": wanted, "n": required_n(wanted, x, y) + confounds + 1},
        "power": {"rho": wanted, "roy": power.roy, "wilks": power.wilks},
        "rho_at_80_percent_power": detectable_rho(n_effective, x, y),
        "flags": flags(n_effective, x, y),
    }


def describe(panel: dict[str, Any], *, as_json: bool = False) -> str:
    """The panel as JSON or as lines for a person."""
    if as_json:
        return json.dumps(panel, indent=1)
    required, power = panel["required_n"], panel["power"]
    lines = [
        f"effective subjects per dimension   {panel['subjects_per_dimension']:.1f}",
        f"in-sample r1 of pure noise         {panel['null_r1_mean']:.3f} (95 % point {panel['null_r1_q95']:.3f})",
        f"largest noise correlation, limit   {panel['wachter_edge']:.3f}",
        f"detectable from (rho_c)            {panel['rho_c']:.3f}",
        f"power against {power['rho']:.3f}                Roy {power['roy']:.0%}, Wilks {power['wilks']:.0%}",
        f"80 % power (Roy) from              {panel['rho_at_80_percent_power']:.3f}",
        f"subjects needed for {required['rho']:.3f}          {required['n']:,}",
    ]
    return "\n".join([*lines, *(f"flag: {flag}" for flag in panel["flags"])])
