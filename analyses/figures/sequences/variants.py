"""Figures of variants: alleles that drive components, and a window of which every base was replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, VERMILION, new_figure, save_figure
from analyses.results.schema.experiments import VariantsResult
from analyses.results.schema.experiments.variants import Drivers, Mutagenesis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 8
BASES_A_ROW = 130


def draw_variants(result: VariantsResult, folder: Path) -> dict[str, Path]:
    """``variants_drivers`` and ``variants_mutants``, as far as they are defined, each with its CSV."""
    import pandas as pd

    drawn = {}
    first = [one for one in result.drivers if one.component == 1 and one.alleles]
    if first:
        rows = [
            {"arm": one.arm_label, "view": one.view, "rank": rank, "key": allele.key, "gene": allele.gene}
            | {"share": allele.share, "effect": allele.effect, "n_carriers": str(allele.n_carriers)}
            for one in first
            for rank, allele in enumerate(one.alleles, start=1)
        ]
        shown = [one for one in first if one.role == "test"] or first
        drawn["variants_drivers"] = save_figure(
            drivers_figure(shown), folder / "variants_drivers.svg", pd.DataFrame(rows)
        )
    if result.mutagenesis is not None:
        one = result.mutagenesis
        table = [
            {"place": place + 1, "reference": letter, "base": base, "effect": one.effect[row][place]}
            for place, letter in enumerate(one.sequence)
            for row, base in enumerate("ACGT")
            if base != letter
        ]
        figure = mutants_figure(one)
        drawn["variants_mutants"] = save_figure(figure, folder / "variants_mutants.svg", pd.DataFrame(table))
    return drawn


def drivers_figure(drivers: Sequence[Drivers]) -> Figure:
    """The alleles with the largest shares of each first component's score."""
    shown = [(one, allele) for one in drivers for allele in one.alleles[:SHOWN]]
    with new_figure(1.0 + 0.18 * len(shown) + 0.25 * len(drivers)) as (figure, axes):
        at, ticks, names = 0.0, [], []
        for one in drivers:
            axes.text(0, at + 0.3, f"{one.arm_label} × {one.view}", fontsize=8, color=INK, weight="bold")
            for allele in one.alleles[:SHOWN]:
                at -= 1.0
                axes.barh(at, 100 * (allele.share or 0.0), 0.7, color=BLUE if allele.effect >= 0 else VERMILION)
                ticks.append(at)
                names.append(f"{_short(allele.key)}  {allele.gene}")
            at -= 1.8
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.set_yticks(ticks, names, fontsize=7.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("share of the variance of the first score, % (blue: a copy raises it, red: lowers it)")
    return figure


def _short(key: str, longest: int = 26) -> str:
    """Alleles may be long; what identifies them stands first."""
    return key if len(key) <= longest else f"{key[: longest - 1]}…"


def mutants_figure(one: Mutagenesis) -> Figure:
    """Heatmap of A, C, G, T over the places of the window, in rows of equal length."""
    effect = np.array(one.effect)
    n_rows = -(-len(one.sequence) // BASES_A_ROW)
    largest = float(np.abs(effect).max()) or 1.0
    with new_figure(0.9 + 0.72 * n_rows) as (figure, axes):
        shown = np.full((5 * n_rows, BASES_A_ROW), np.nan)
        for place, letter in enumerate(one.sequence):
            row, column = divmod(place, BASES_A_ROW)
            shown[5 * row : 5 * row + 4, column] = effect[:, place]
            if letter in "ACGT":
                axes.plot(column, 5 * row + "ACGT".index(letter), ".", color=GREY, markersize=1.6)
        image = axes.imshow(shown, cmap="RdBu", vmin=-largest, vmax=largest, aspect="auto", interpolation="nearest")
        for carried in one.carried:
            row, column = divmod(carried.place, BASES_A_ROW)
            axes.plot(column, 5 * row + 4, "^", color=INK, markersize=4, clip_on=False)
        axes.set_yticks(
            [5 * row + base for row in range(n_rows) for base in range(4)], list("ACGT") * n_rows, fontsize=6.5
        )
        axes.tick_params(axis="y", length=0)
        axes.set_xticks(range(0, BASES_A_ROW, 10))
        axes.set_xlabel(
            f"place in the row of {BASES_A_ROW} bases, 5' to 3' (dots: reference; triangles: carried alleles)"
        )
        figure.colorbar(image, ax=axes, label="effect on the score, sd", fraction=0.03, pad=0.01)
    return figure
