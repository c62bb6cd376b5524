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
    """One line per view and covariate: score before and after, beside the 95 % point of shuffled labels."""
    with new_figure(0.9 + 0.22 * len(rows)) as (figure, axes):
        places = np.arange(len(rows))[::-1]
        for state, colour, marker in (("before", GREY, "o"), ("after", BLUE, "D")):
            scores = [getattr(row, state).score for row in rows]
            axes.plot(scores, places, marker, color=colour, markersize=5, label=f"{state} confounds are removed")
        null = [row.after.null_q95 for row in rows]
        axes.plot(
            null, places, "|", color=VERMILION, markersize=9, markeredgewidth=1.6, label="95 % of shuffled labels"
        )
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.set_yticks(places, [f"{row.view}: {row.target}" for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("held-out balanced accuracy (categories) or correlation (numbers)")
        figure.legend(loc="outside lower left", ncols=3, handlelength=1.2)
    return figure
