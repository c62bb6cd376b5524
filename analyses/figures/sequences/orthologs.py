"""Orthologs as vectors: how well they are found, and distances of vectors against distances of sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, ORANGE, VERMILION, new_figure, save_figure
from analyses.results.schema.experiments.orthologs import OrthologPair, OrthologRetrieval

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLOURS = {"encoder": BLUE, "baseline": GREY, "untrained": ORANGE}
A_ROW = 2
"""Encoders side by side in the figure of distances."""


def draw_retrievals(retrievals: Sequence[OrthologRetrieval], folder: Path) -> dict[str, Path]:
    """``species_retrieval`` with the CSV behind it; nothing where retrieval is not defined."""
    import pandas as pd

    if not retrievals:
        return {}
    data = pd.DataFrame(
        [
            {
                "encoder": one.arm_label,
                "kind": one.kind,
                "mrr": one.mrr,
                "low": one.interval[0],
                "high": one.interval[1],
                "recall": one.recall,
                "null_q95": one.null_q95,
                "chance_mrr": one.chance_mrr,
                "p_corrected": one.p_corrected,
            }
            for one in retrievals
        ]
    )
    return {"species_retrieval": save_figure(retrieval_figure(data), folder / "species_retrieval.svg", data)}


def retrieval_figure(data: DataFrame) -> Figure:
    """One row an encoder: mean reciprocal rank of the ortholog, and the share found at first place.

    Parameters
    ----------
    data : DataFrame
        ``encoder, kind, mrr, low, high, recall, null_q95, chance_mrr``.
    """
    places = np.arange(len(data))[::-1]
    with new_figure(1.0 + 0.32 * len(data)) as (figure, axes):
        for kind, colour in COLOURS.items():
            at = (data["kind"] == kind).to_numpy()
            if at.any():
                axes.hlines(places[at], data["low"][at], data["high"][at], color=colour)
                axes.plot(
                    data["mrr"][at], places[at], "o", color=colour, markersize=5, label=f"{kind}: reciprocal rank"
                )
        axes.plot(data["recall"], places, "x", color=INK, markersize=5, label="share at first place")
        axes.plot(data["null_q95"], places, "|", color=VERMILION, markersize=11, label="95 % of permuted names")
        axes.axvline(data["chance_mrr"].iloc[0], color=INK, linewidth=0.6, linestyle="--")
        axes.set_yticks(places, data["encoder"].tolist())
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(-0.7, len(data) - 0.3)
        axes.set_xlabel("mean reciprocal rank of the ortholog, with 95 % interval (dashed: chance)")
        figure.legend(loc="outside lower left", ncols=3, handlelength=1.4)
    return figure


def draw_distances(pairs: Sequence[OrthologPair], labels: Mapping[str, str], folder: Path) -> dict[str, Path]:
    """``species_distances`` with the CSV behind it."""
    import pandas as pd

    rows = [
        {
            "encoder": label,
            "gene": one.gene,
            "species": f"{one.first} - {one.second}",
            "alignment": one.alignment,
            "vectors": one.vectors[arm],
        }
        for arm, label in labels.items()
        for one in pairs
    ]
    if not rows:
        return {}
    data = pd.DataFrame(rows)
    return {"species_distances": save_figure(distance_figure(data), folder / "species_distances.svg", data)}


def distance_figure(data: DataFrame) -> Figure:
    """One panel an encoder: distance of the vectors of a gene in two species against that of its sequences.

    Parameters
    ----------
    data : DataFrame
        ``encoder, gene, species, alignment, vectors``.
    """
    encoders, species = data["encoder"].unique(), data["species"].unique()
    n_rows = -(-len(encoders) // A_ROW)
    palette = (BLUE, ORANGE, VERMILION, GREY, INK, "#CC79A7")
    with new_figure(0.8 + 2.2 * n_rows) as (figure, axes):
        axes.remove()
        panels = figure.subplots(n_rows, min(len(encoders), A_ROW), squeeze=False).ravel()
        for panel in panels[len(encoders) :]:
            panel.set_axis_off()
        for panel, encoder in zip(panels, encoders, strict=False):
            for at, pair in enumerate(species):
                rows = data[(data["encoder"] == encoder) & (data["species"] == pair)]
                colour = palette[at % len(palette)]
                panel.plot(rows["alignment"], rows["vectors"], "o", color=colour, markersize=3, label=pair)
            panel.set_title(encoder, fontsize="medium")
            panel.set_xlabel("alignment distance")
            panel.set_ylabel("distance of vectors")
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles[: len(palette)], names[: len(palette)], loc="outside lower left", ncols=3, handlelength=1)
    return figure
