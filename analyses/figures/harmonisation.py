"""Sites brought together in several ways: held-out correlations, and how well each view still tells the site."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, VERMILION, new_figure, save_figure
from analyses.results.schema.experiments.harmonisations import HarmonisedAlignment, SitePrediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


def draw_correlations(alignments: Sequence[HarmonisedAlignment], folder: Path) -> dict[str, Path]:
    """``harmonise_rho`` with the CSV behind it; nothing where no correlation is defined."""
    import pandas as pd

    rows = [
        {
            "arm": one.arm_label,
            "view": one.view,
            "method": one.method_label,
            "rho": one.rho,
            "low": one.interval[0],
            "high": one.interval[1],
            "null_q95": one.null_q95,
            "p_corrected": one.p_corrected,
        }
        for one in alignments
        if one.rho is not None
    ]
    if not rows:
        return {}
    data = pd.DataFrame(rows).astype({name: float for name in rows[0] if name not in ("arm", "view", "method")})
    return {"harmonise_rho": save_figure(correlation_figure(data), folder / "harmonise_rho.svg", data)}


def correlation_figure(data: DataFrame) -> Figure:
    """One row an encoder, view and method: the held-out correlation with its interval and the 95 % point of its null.

    Parameters
    ----------
    data : DataFrame
        ``arm, view, method, rho, low, high, null_q95``; no interval is NaN.
    """
    places = _places(data)
    with new_figure(1.0 + 0.3 * len(data)) as (figure, axes):
        axes.hlines(places, data["low"], data["high"], color=BLUE)
        axes.plot(data["rho"], places, "o", color=BLUE, markersize=5, label="held-out ρ₁ with 95 % interval")
        axes.plot(data["null_q95"], places, "|", color=VERMILION, markersize=11, label="95 % point of its null")
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.set_yticks(places, [f"{row.arm} × {row.view}, {row.method}" for row in data.itertuples()])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("held-out ρ₁")
        figure.legend(loc="outside lower left", ncols=2, handlelength=1.4)
    return figure


def draw_sites(predictions: Sequence[SitePrediction], folder: Path) -> dict[str, Path]:
    """``harmonise_sites`` with the CSV behind it; nothing where no view can tell the site."""
    import pandas as pd

    rows = [
        {
            "view": one.view,
            "method": one.method_label,
            "before": one.before.score,
            "after": one.after.score,
            "null_q95": one.before.null_q95,
            "chance": one.chance,
        }
        for one in predictions
        if one.before is not None and one.after is not None
    ]
    if not rows:
        return {}
    data = pd.DataFrame(rows)
    return {"harmonise_sites": save_figure(site_figure(data), folder / "harmonise_sites.svg", data)}


def site_figure(data: DataFrame) -> Figure:
    """One row a view and method: how well it tells the site before and after confounds are removed.

    Parameters
    ----------
    data : DataFrame
        ``view, method, before, after, null_q95, chance``.
    """
    places = _places(data)
    with new_figure(1.0 + 0.28 * len(data)) as (figure, axes):
        axes.axvline(data["chance"].iloc[0], color=INK, linewidth=0.6, linestyle="--", label="chance")
        axes.plot(data["before"], places, "o", color=GREY, markersize=5, label="confounds left in")
        axes.plot(data["after"], places, "D", color=BLUE, markersize=5, label="confounds removed")
        axes.plot(data["null_q95"], places, "|", color=VERMILION, markersize=9, label="95 % of shuffled sites")
        axes.set_yticks(places, [f"{row.view}, {row.method}" for row in data.itertuples()])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("held-out balanced accuracy of the site")
        figure.legend(loc="outside lower left", ncols=4, handlelength=1.2)
    return figure


def _places(data: DataFrame) -> np.ndarray:
    """Rows from top to bottom, views a little apart."""
    groups = data.groupby([name for name in ("arm", "view") if name in data], sort=False).ngroup().to_numpy()
    return -(np.arange(len(data)) + 0.6 * groups)
