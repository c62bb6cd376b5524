"""Correlations of several cohorts: a first one beside its replication, and studies with what they give together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, VERMILION, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame


def replication_figure(data: DataFrame) -> Figure:
    """First held-out correlation beside that of the same weights in a new cohort, one row an arm and view.

    Parameters
    ----------
    data : DataFrame
        ``arm, view, first_rho, first_low, first_high, rho, low, high, null_q95``; no interval is NaN.
    """
    places = np.arange(len(data))[::-1]
    with new_figure(1.2 + 0.5 * len(data)) as (figure, axes):
        _ranges(axes, places + 0.14, data[["first_rho", "first_low", "first_high"]], GREY, "first cohort, held out")
        _ranges(axes, places - 0.14, data[["rho", "low", "high"]], BLUE, "new cohort, first cohort's weights")
        axes.plot(data["null_q95"], places - 0.14, "|", color=VERMILION, markersize=11, label="95 % point of its null")
        _finish(axes, places, [f"{arm} × {view}" for arm, view in zip(data["arm"], data["view"], strict=True)])
        axes.set_xlabel("ρ₁, with 95 % interval")
        figure.legend(loc="outside lower left", ncols=3, handlelength=1.6)
    return figure


def forest_figure(data: DataFrame, *, title: str) -> Figure:
    """A forest plot: one row a study, then what they give together.

    Parameters
    ----------
    data : DataFrame
        ``row, kind, rho, low, high, weight``; ``kind`` is ``study``, ``pooled`` or ``prediction``.
    """
    places, kinds = np.arange(len(data))[::-1], data["kind"].tolist()
    values, weights = data[["rho", "low", "high"]].to_numpy(dtype=float), data["weight"].to_numpy(dtype=float)
    with new_figure(1.0 + 0.3 * len(data)) as (figure, axes):
        for place, kind, (rho, low, high), weight in zip(places, kinds, values, weights, strict=True):
            if kind == "pooled":
                outline = [place, place + 0.25, place, place - 0.25]
                axes.fill([low, rho, high, rho], outline, color=VERMILION, linewidth=0)
                continue
            axes.plot([low, high], [place, place], "-", color=GREY if kind == "prediction" else BLUE)
            if kind == "study":
                axes.plot(rho, place, "s", color=BLUE, markersize=3 + 12 * float(np.nan_to_num(weight)) ** 0.5)
        _finish(axes, places, data["row"].tolist())
        axes.set_xlabel("held-out ρ₁, with 95 % interval")
        axes.set_title(title)
    return figure


def _ranges(axes: Axes, places: np.ndarray, values: DataFrame, colour: str, label: str) -> None:
    middle, low, high = values.to_numpy(dtype=float).T
    axes.hlines(places, low, high, color=colour)
    axes.plot(middle, places, "o", color=colour, markersize=5, label=label)


def _finish(axes: Axes, places: np.ndarray, names: list[str]) -> None:
    axes.axvline(0, color=INK, linewidth=0.6)
    axes.set_yticks(places, names)
    axes.set_ylim(-0.7, len(names) - 0.3)
