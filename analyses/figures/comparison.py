"""Figures of a comparison of encoders: differences with their intervals, likeness of representations, strands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, WIDTH, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_comparison(comparison: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Write ``comparison_differences`` and ``comparison_likeness`` as SVG with the CSV behind each."""
    import pandas as pd

    labels = {arm["arm"]: arm["arm_label"] for arm in comparison["arms"]}
    differences, alike = pd.DataFrame(comparison["differences"]), pd.DataFrame(comparison["alike"])
    drawn = {}
    if len(differences):
        figure = differences_figure(comparison["differences"], labels)
        path = folder / "comparison_differences.svg"
        drawn[path.stem] = save_figure(figure, path, differences)
        path = folder / "comparison_likeness.svg"
        drawn[path.stem] = save_figure(likeness_figure(comparison["alike"], labels), path, alike)
    return drawn


def differences_figure(rows: list[Mapping[str, Any]], labels: Mapping[str, str]) -> Figure:
    """Paired differences of held-out correlations, one row a pair and view."""
    with new_figure(0.9 + 0.26 * len(rows)) as (figure, axes):
        places = np.arange(len(rows))[::-1]
        for place, row in zip(places, rows, strict=True):
            low, high = row["interval"]
            colour = BLUE if row["p_corrected"] < 0.05 else GREY
            axes.plot([low, high], [place, place], color=colour, linewidth=1.6)
            axes.plot(row["difference"], place, "o", color=colour, markersize=5)
        axes.axvline(0, color=INK, linewidth=0.8)
        names = [f"{row['view']}: {labels[row['arm_a']]} − {labels[row['arm_b']]}" for row in rows]
        axes.set_yticks(places, names)
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=6)
        figure.supxlabel(
            "difference in held-out ρ₁ with 95 % interval; blue: p < .05 after correction over pairs", size=9
        )
    return figure


def likeness_figure(rows: list[Mapping[str, Any]], labels: Mapping[str, str]) -> Figure:
    """Linear CKA between the arms' subject scores, as a matrix."""
    arms = list(labels)
    cka = np.eye(len(arms))
    for row in rows:
        a, b = arms.index(row["arm_a"]), arms.index(row["arm_b"])
        cka[a, b] = cka[b, a] = row["cka"]
    with new_figure(min(1.2 + 0.42 * len(arms), WIDTH)) as (figure, axes):
        image = axes.imshow(cka, vmin=0, vmax=1, cmap="Blues", aspect="auto")
        for (a, b), value in np.ndenumerate(cka):
            axes.text(b, a, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.6 else INK, fontsize=8)
        axes.set_xticks(range(len(arms)), [str(i + 1) for i in range(len(arms))])
        axes.set_yticks(range(len(arms)), [f"{labels[arm]}  {i + 1}" for i, arm in enumerate(arms)])
        axes.tick_params(length=0)
        axes.grid(visible=False)
        figure.colorbar(image, ax=axes, label="linear CKA")
    return figure
