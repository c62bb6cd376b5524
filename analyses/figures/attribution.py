"""Figures of an attribution: blocks ranked by what is lost without them, and the same against the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, PALE, VERMILION, new_figure, save_figure
from analyses.results.schema.experiments import AttributeResult
from analyses.results.schema.experiments.attributions import Attribution, BlockChange
from analyses.results.tables import rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

LEVEL = 0.05
MOST_BARS = 30
FEWEST_NAMED, MOST_NAMED = 3, 8
_WORDS = {"genes": "gene", "brain": "region"}


def figure_name(one: Attribution) -> str:
    """Of its figures, before the kind: whose blocks, of which arm and view."""
    return "__".join(part for part in (f"attribute_{one.side}", one.arm, one.view) if part is not None)


def draw_attributions(result: AttributeResult, folder: Path) -> dict[str, Path]:
    """``<figure_name>__bars`` and ``<figure_name>__volcano`` of every attribution, with their CSV."""
    drawn = {}
    for one in result.attributions:
        if one.reason is not None:
            continue
        table, name = _table(one), figure_name(one)
        for kind, draw in (("bars", bars_figure), ("volcano", volcano_figure)):
            drawn[f"{name}__{kind}"] = save_figure(draw(one), folder / f"{name}__{kind}.svg", table)
    return drawn


def _table(one: Attribution) -> pd.DataFrame:
    table = rows(one.blocks)
    bounds = np.array([block.interval for block in one.blocks], dtype=float)
    table = table.drop(columns="interval")
    table.insert(4, "lower", bounds[:, 0])
    table.insert(5, "upper", bounds[:, 1])
    return table


def bars_figure(one: Attribution) -> Figure:
    """Blocks from the largest change on, with their intervals; those with q below the level in colour."""
    shown = one.blocks[:MOST_BARS]
    with new_figure(0.9 + 0.2 * len(shown)) as (figure, axes):
        places = np.arange(len(shown))[::-1]
        for place, block in zip(places, shown, strict=True):
            colour = VERMILION if block.q < LEVEL else GREY
            axes.barh(place, block.value, height=0.62, color=colour, alpha=0.55, linewidth=0)
            axes.plot(np.array(block.interval, dtype=float), (place, place), color=colour, linewidth=1.2)
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.set_yticks(places, [block.label for block in shown])
        axes.tick_params(axis="y", length=0)
        axes.margins(y=0.01)
        left = len(one.blocks) - len(shown)
        rest = f"; {left} more in the table" if left else ""
        axes.set_xlabel(f"fall of held-out {one.measure} without the {_WORDS[one.side]} (colour: q < {LEVEL}{rest})")
        axes.set_title(one.title)
    return figure


def volcano_figure(one: Attribution) -> Figure:
    """Evidence against change: -log10 p, the level of q and the smallest p that the design can give."""
    found = [block for block in one.blocks if block.q < LEVEL]
    other = [block for block in one.blocks if block.q >= LEVEL]
    with new_figure(3.2) as (figure, axes):
        for blocks, colour, label in ((other, BLUE, f"q ≥ {LEVEL}"), (found, VERMILION, f"q < {LEVEL}")):
            if blocks:
                axes.plot(*_places(blocks), "o", color=colour, markersize=4, alpha=0.8, label=label)
        ranked = sorted(one.blocks, key=lambda block: (block.p, -block.value))
        for block in ranked[: max(FEWEST_NAMED, min(MOST_NAMED, len(found)))]:
            place = (block.value, -np.log10(block.p))  # names hang below their points: the floor is a line above them
            offset: dict[str, Any] = {"xytext": (0, -5), "textcoords": "offset points", "ha": "center", "va": "top"}
            axes.annotate(block.label, place, fontsize="small", **offset)
        axes.axvline(0, color=INK, linewidth=0.6)
        if one.smallest is not None:
            axes.axhline(-np.log10(one.smallest.p), color=PALE, linewidth=1, label="smallest p of the design")
        if found:
            axes.axhline(-np.log10(max(block.p for block in found)), color=GREY, linewidth=0.8, linestyle="--")
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"fall of held-out {one.measure} without the {_WORDS[one.side]}")
        axes.set_ylabel("−log₁₀ p of the exchange")
        axes.set_title(one.title)
        figure.legend(loc="outside lower left", ncols=3, handlelength=1.6)
    return figure


def _places(blocks: Sequence[BlockChange]) -> tuple[list[float], list[float]]:
    return [block.value for block in blocks], [float(-np.log10(block.p)) for block in blocks]
