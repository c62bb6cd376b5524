"""Figures of a comparison of encoders: differences with their intervals, likeness of representations, strands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, ON_DEEP, ON_PALE, WIDTH, add_hint, new_figure, save_figure
from analyses.formats import format_interval, format_number, format_p
from analyses.results.schema.comparisons import ArmDifference, Comparison, RepresentationLikeness
from analyses.results.tables import rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_comparison(comparison: Comparison, folder: Path) -> dict[str, Path]:
    """Write ``comparison_differences`` and ``comparison_likeness`` as SVG with the CSV behind each.

    Parameters
    ----------
    comparison : Comparison
        Without descriptions of its arms, or of one arm alone, nothing is drawn.
    """
    if not comparison.arms or not comparison.alike:
        return {}
    labels = {arm.arm: arm.arm_label for arm in comparison.arms}
    figures: dict[str, tuple[Figure, Sequence[object]]] = {
        "comparison_differences": (differences_figure(comparison.differences, labels), comparison.differences),
        "comparison_likeness": (likeness_figure(comparison.alike, labels), comparison.alike),
    }
    return {
        name: save_figure(figure, folder / f"{name}.svg", rows(behind)) for name, (figure, behind) in figures.items()
    }


def differences_figure(pairs: Sequence[ArmDifference], labels: Mapping[str, str]) -> Figure:
    """Paired differences of held-out correlations, one row a pair and view."""
    with new_figure(0.9 + 0.26 * len(pairs)) as (figure, axes):
        places = np.arange(len(pairs))[::-1]
        for place, pair in zip(places, pairs, strict=True):
            low, high = np.asarray(pair.interval, dtype=float)  # a pair without an interval is a point alone
            colour = BLUE if pair.p_corrected < 0.05 else GREY
            axes.plot([low, high], [place, place], color=colour, linewidth=1.6)
            (mark,) = axes.plot(pair.difference, place, "o", color=colour, markersize=5)
            size = f"{format_number(pair.difference, 3)} ({format_interval(pair.interval, 3)}"
            add_hint(mark, f"{labels[pair.arm_a]} − {labels[pair.arm_b]}: {size}; p = {format_p(pair.p_corrected)})")
        axes.axvline(0, color=INK, linewidth=0.8)
        names = [f"{pair.view}: {labels[pair.arm_a]} − {labels[pair.arm_b]}" for pair in pairs]
        axes.set_yticks(places, names)
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=6)
        figure.supxlabel(
            "difference in held-out ρ₁ with 95 % interval; blue: p < .05 after correction over pairs", size=9
        )
    return figure


def likeness_figure(pairs: Sequence[RepresentationLikeness], labels: Mapping[str, str]) -> Figure:
    """Linear CKA between the arms' subject scores, as a matrix."""
    arms = list(labels)
    cka = np.eye(len(arms))
    for pair in pairs:
        a, b = arms.index(pair.arm_a), arms.index(pair.arm_b)
        cka[a, b] = cka[b, a] = pair.cka
    with new_figure(min(1.2 + 0.42 * len(arms), WIDTH)) as (figure, axes):
        image = axes.imshow(cka, vmin=0, vmax=1, cmap="Blues", aspect="auto")
        for (a, b), value in np.ndenumerate(cka):
            axes.text(
                b, a, f"{value:.2f}", ha="center", va="center", color=ON_DEEP if value > 0.6 else ON_PALE, fontsize=8
            )
        axes.set_xticks(range(len(arms)), [str(i + 1) for i in range(len(arms))])
        axes.set_yticks(range(len(arms)), [f"{labels[arm]}  {i + 1}" for i, arm in enumerate(arms)])
        axes.tick_params(length=0)
        axes.grid(visible=False)
        figure.colorbar(image, ax=axes, label="linear CKA")
    return figure
