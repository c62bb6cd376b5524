"""What each encoder sees: probes of every arm beside chance, trained networks beside their untrained twins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, ORANGE, new_figure, save_figure
from analyses.results.schema.experiments.probes import ProbeResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLOURS = {"encoder": BLUE, "baseline": GREY, "untrained": ORANGE}
A_ROW = 2
"""Tasks side by side."""


def draw_probes(result: ProbeResult, folder: Path) -> dict[str, Path]:
    """``probe_scores`` with the CSV behind it."""
    import pandas as pd

    gained = {(one.task, one.first): one for one in result.differences if one.question == "training"}
    twins = {(one.task, one.second): one.first for one in result.differences if one.question == "training"}
    rows = []
    for one in result.arms:
        training = gained.get((one.task, one.arm))
        first = one.scores[0]
        rows.append(
            {
                "task": one.task,
                "arm": one.arm,
                "encoder": one.arm_label,
                "kind": one.kind,
                "twin_of": twins.get((one.task, one.arm), ""),
                "score": first.name,
                "value": first.value,
                "low": first.interval[0],
                "high": first.interval[1],
                "chance": one.chance,
                "p_corrected": one.p_corrected,
                "trained_minus_untrained": None if training is None else training.difference,
                "p_trained_minus_untrained": None if training is None else training.p_corrected,
            }
        )
    data = pd.DataFrame(rows)
    return {"probe_scores": save_figure(probe_figure(data), folder / "probe_scores.svg", data)}


def probe_figure(data: DataFrame) -> Figure:
    """One panel a task, one row an encoder: its score with its interval, its untrained twin's joined to it.

    Parameters
    ----------
    data : DataFrame
        ``task, arm, encoder, kind, twin_of, score, value, low, high, chance, trained_minus_untrained,
        p_trained_minus_untrained``.
    """
    tasks = data["task"].unique()
    names = data.loc[data["twin_of"] == "", ["arm", "encoder"]].drop_duplicates("arm")
    n_columns, n_rows = min(len(tasks), A_ROW), -(-len(tasks) // A_ROW)
    with new_figure(0.7 + n_rows * (0.6 + 0.3 * len(names))) as (figure, axes):
        axes.remove()
        panels = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).ravel()
        for panel in panels[len(tasks) :]:
            panel.set_axis_off()
        for panel, task in zip(panels, tasks, strict=False):
            _draw_task(panel, data[data["task"] == task], names["arm"].tolist())
            panel.set_title(task, fontsize="medium")
            panel.set_yticks(np.arange(len(names))[::-1], names["encoder"].tolist())
            panel.tick_params(axis="y", length=0)
            panel.set_ylim(-0.7, len(names) - 0.3)
        found = {
            name: handle for panel in panels for handle, name in zip(*panel.get_legend_handles_labels(), strict=True)
        }
        figure.legend(found.values(), found.keys(), loc="outside lower left", ncols=3, handlelength=1.4)
    return figure


def _draw_task(panel: Axes, rows: DataFrame, arms: list[str]) -> None:
    place = {arm: len(arms) - 1 - at for at, arm in enumerate(arms)}
    panel.axvline(rows["chance"].iloc[0], color=INK, linewidth=0.6, linestyle="--")
    panel.set_xlabel(f"{rows['score'].iloc[0]} in test")
    by_arm = rows.set_index("arm")
    for arm, row in by_arm.iterrows():
        is_twin = row["twin_of"] != ""
        at = place[row["twin_of"] if is_twin else str(arm)] - (0.18 if is_twin else 0.0)
        colour, low, high = COLOURS[row["kind"]], row["low"], row["high"]
        if np.isfinite([low, high]).all():
            panel.hlines(at, low, high, color=colour, linewidth=1.0)
        words = "untrained twin" if is_twin else str(row["kind"])
        panel.plot(row["value"], at, "o", color=colour, markersize=4 if is_twin else 5, label=words)
        if is_twin and row["twin_of"] in by_arm.index:
            trained = by_arm.loc[row["twin_of"]]
            panel.plot([row["value"], trained["value"]], [at, place[row["twin_of"]]], color=INK, linewidth=0.6)
            star = "*" if trained["p_trained_minus_untrained"] < 0.05 else ""
            panel.annotate(
                f"{trained['trained_minus_untrained']:+.3f}{star}",
                (trained["value"], place[row["twin_of"]]),
                xytext=(0, 5),
                textcoords="offset points",
                ha="center",
                fontsize="x-small",
            )
