"""Figure of the audit: what can be predicted from each view, before and after confounds are removed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, VERMILION, new_figure, save_figure
from analyses.results.schema.experiments.audits import CovariateLeak
from analyses.results.serialisation import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_leaks(leaks: Sequence[CovariateLeak], folder: Path) -> dict[str, Path]:
    """``audit_genes`` and ``audit_brain``, each with the CSV behind it."""
    import pandas as pd

    drawn = {}
    for side in dict.fromkeys(leak.side for leak in leaks):
        rows = [leak for leak in leaks if leak.side == side]
        flat = pd.json_normalize([plain(leak) for leak in rows], sep="_").drop(columns="side")
        path = folder / f"audit_{side}.svg"
        drawn[path.stem] = save_figure(leak_figure(rows), path, flat)
    return drawn


def leak_figure(rows: Sequence[CovariateLeak]) -> Figure:
    """One line per view and covariate: score before and after, chance, and the 95 % point of shuffled labels.

    Accuracies and correlations stand in panels of their own: half is chance of one and much of the other.
    """
    panels = [[row for row in rows if row.metric == metric] for metric in dict.fromkeys(row.metric for row in rows)]
    with new_figure(0.5 + 0.5 * len(panels) + 0.22 * len(rows)) as (figure, whole):
        whole.remove()
        heights = [len(panel) + 1 for panel in panels]
        for axes, panel in zip(
            figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0], panels, strict=True
        ):
            _draw_rows(axes, panel)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=4, handlelength=1.2)
    return figure


def _draw_rows(axes: Axes, rows: Sequence[CovariateLeak]) -> None:
    places = np.arange(len(rows))[::-1]
    axes.plot([row.chance for row in rows], places, "|", color=INK, markersize=14, markeredgewidth=0.8, label="chance")
    for state, colour, marker in (("before", GREY, "o"), ("after", BLUE, "D")):
        scores = [getattr(row, state).score for row in rows]
        axes.plot(scores, places, marker, color=colour, markersize=5, label=f"{state} confounds are removed")
    null = [row.after.null_q95 for row in rows]
    axes.plot(null, places, "|", color=VERMILION, markersize=9, markeredgewidth=1.6, label="95 % of shuffled labels")
    axes.set_yticks(places, [f"{row.view}: {row.target}" for row in rows])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"held-out {rows[0].metric}")
    if rows[0].metric != "correlation":
        axes.set_xlim(0, 1.02)
