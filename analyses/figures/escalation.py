"""Figures of an escalation: methods beside their nulls, learning curves, retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, ORANGE, VERMILION, new_figure, save_figure
from analyses.results.schema.experiments import EscalateResult
from analyses.results.schema.experiments.escalations import CurvePoint, MethodScore
from analyses.results.tables import rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLOURS = {"linear": GREY, "kernel": ORANGE, "contrastive": BLUE, "deep": INK}


def draw_escalation(result: EscalateResult, folder: Path) -> dict[str, Path]:
    """``escalate_methods``, and for every arm and view ``escalate_curve__*`` and ``escalate_retrieval__*``."""
    if not result.scores:
        return {}
    table = rows(result.scores).drop(columns=["retrieval", "rho_by_fold"])
    drawn = {"escalate_methods": save_figure(methods_figure(result.scores), folder / "escalate_methods.svg", table)}
    for arm, view in dict.fromkeys((score.arm, score.view) for score in result.scores):
        scores = [score for score in result.scores if (score.arm, score.view) == (arm, view)]
        points = [point for point in result.curve if (point.arm, point.view) == (arm, view)]
        title = f"{scores[0].arm_label} × {view}"
        figures = {
            f"escalate_curve__{arm}__{view}": (curve_figure(points, title), rows(points)),
            f"escalate_retrieval__{arm}__{view}": (retrieval_figure(scores, title), _retrieval_table(scores)),
        }
        for name, (figure, behind) in figures.items():
            drawn[name] = save_figure(figure, folder / f"{name}.svg", behind)
    return drawn


def methods_figure(scores: Sequence[MethodScore]) -> Figure:
    """One bar a method, arm and view, with its interval, and the 95 % point of its own null."""
    with new_figure(1.0 + 0.27 * len(scores)) as (figure, axes):
        places = np.arange(len(scores))[::-1]
        for place, score in zip(places, scores, strict=True):
            axes.barh(place, score.rho, height=0.6, color=COLOURS[score.method])
            low, high = score.interval
            if low is not None and high is not None:
                axes.plot((low, high), (place, place), color=INK, linewidth=1)
            if min(score.p_corrected, score.retrieval.p_corrected) < 0.05:
                axes.text(max(score.rho, high or 0.0, score.null_q95), place, " *", va="center", color=INK)
        marks = [score.null_q95 for score in scores]
        axes.plot(
            marks, places, "|", color=VERMILION, markersize=13, markeredgewidth=1.6, label="95 % point of its null"
        )
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.set_yticks(places, [f"{score.arm_label} × {score.view}: {score.label}" for score in scores])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("held-out ρ₁ with 95 % interval (*: p < .05, corrected)")
        figure.legend(loc="outside lower left", handlelength=1.6)
    return figure


def curve_figure(points: Sequence[CurvePoint], title: str) -> Figure:
    """Held-out correlation against the number of training subjects, one line a method."""
    with new_figure(2.8) as (figure, axes):
        for method in dict.fromkeys(point.method for point in points):
            of_method = [point for point in points if point.method == method and point.rho is not None]
            values = [(point.n_train, point.rho, point.lowest, point.highest) for point in of_method]
            n_train, rho, lowest, highest = np.array(values, dtype=float).reshape(-1, 4).T
            axes.plot(n_train, rho, "o-", color=COLOURS[method], label=_label(points, method))
            axes.fill_between(n_train, lowest, highest, color=COLOURS[method], alpha=0.15, linewidth=0)
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_xlabel("subjects that are learnt from (band: range over random parts)")
        axes.set_ylabel("held-out ρ₁")
        axes.set_title(title)
        figure.legend(loc="outside lower left", ncols=3, handlelength=1.6)
    return figure


def _label(points: Sequence[CurvePoint], method: str) -> str:
    return next(point.label for point in points if point.method == method)


def retrieval_figure(scores: Sequence[MethodScore], title: str) -> Figure:
    """Recall among the k nearest, mean of both ways, beside chance and the 95 % point of its null (dotted)."""
    with new_figure(2.8) as (figure, axes):
        for score in scores:
            found, colour = score.retrieval, COLOURS[score.method]
            recall = np.mean([found.genes_to_brain, found.brain_to_genes], axis=0)
            axes.plot(found.sizes, recall, "o-", markersize=3, color=colour, label=score.label)
            axes.plot(found.sizes, found.by_null_q95, ":", color=colour, linewidth=1.2)
        axes.plot(
            scores[0].retrieval.sizes, scores[0].retrieval.by_chance, "--", color=INK, linewidth=0.8, label="chance"
        )
        axes.set_xscale("log")
        ticks = [k for k in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if k <= scores[0].retrieval.sizes[-1]]
        axes.set_xticks(ticks, [str(k) for k in ticks])
        axes.minorticks_off()
        axes.set_xlabel("k nearest of a test fold (dotted: 95 % point of each method's null)")
        axes.set_ylabel("partners found")
        axes.set_title(title)
        figure.legend(loc="outside lower left", ncols=4, handlelength=1.6)
    return figure


def _retrieval_table(scores: Sequence[MethodScore]) -> DataFrame:
    import pandas as pd

    return pd.DataFrame(
        [
            {"method": score.method, "k": k, "genes_to_brain": there, "brain_to_genes": back, "chance": chance}
            | {"null_q95": null}
            for score in scores
            for k, there, back, chance, null in zip(
                score.retrieval.sizes,
                score.retrieval.genes_to_brain,
                score.retrieval.brain_to_genes,
                score.retrieval.by_chance,
                score.retrieval.by_null_q95,
                strict=True,
            )
        ]
    )
