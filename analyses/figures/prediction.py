"""Figures of a prediction: predictors beside each other, calibration, net benefit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, ORANGE, VERMILION, new_figure, save_figure
from analyses.results.schema.experiments import PredictResult
from analyses.results.schema.experiments.predictions import (
    BenefitCurve,
    CalibrationCurve,
    PredictedOutcome,
    PredictorScore,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "covariates": GREY,
    "polygenic score": INK,
    "genes": BLUE,
    "brain": ORANGE,
    "fusion": VERMILION,
    "stacked fusion": "#CC79A7",
}


def draw_predictions(result: PredictResult, folder: Path) -> dict[str, Path]:
    """``predict_scores``, ``predict_calibration``, ``predict_benefit``, as far as they are defined, with their CSV."""
    import pandas as pd

    scores = [score for score in result.predictors if score.value is not None]
    if not scores:
        return {}
    kinds = {score.name: score.kind for score in scores}
    table = pd.DataFrame(
        [
            {"predictor": one.label, "kind": one.kind, "value": one.value, "p_corrected": one.p_corrected}
            | dict(zip(("low", "high"), one.interval or (None, None), strict=True))
            for one in scores
        ]
    )
    drawn = {"predict_scores": save_figure(scores_figure(result.outcome, scores), folder / "predict_scores.svg", table)}
    # One curve a kind can be told apart: the best of each.
    best = {kind: _best_of(scores, kind) for kind in dict.fromkeys(kinds.values())}
    calibration = [curve for curve in result.calibration if curve.name in best.values()]
    if calibration:
        rows = [
            {"predictor": curve.label, "predicted": x, "observed": y}
            for curve in result.calibration
            for x, y in zip(curve.predicted, curve.observed, strict=True)
        ]
        figure = calibration_figure(result.outcome, calibration, kinds)
        drawn["predict_calibration"] = save_figure(figure, folder / "predict_calibration.svg", pd.DataFrame(rows))
    benefit = [curve for curve in result.benefit if curve.name in best.values() or curve.name == "everybody"]
    if benefit:
        rows = [
            {"predictor": curve.label, "threshold": x, "net_benefit": y}
            for curve in result.benefit
            for x, y in zip(curve.thresholds, curve.benefit, strict=True)
        ]
        figure = benefit_figure(benefit, kinds)
        drawn["predict_benefit"] = save_figure(figure, folder / "predict_benefit.svg", pd.DataFrame(rows))
    return drawn


def _best_of(scores: Sequence[PredictorScore], kind: str) -> str:
    return max((one for one in scores if one.kind == kind), key=lambda one: one.value or 0.0).name


def scores_figure(outcome: PredictedOutcome, scores: Sequence[PredictorScore]) -> Figure:
    """One line a predictor: its value with the interval, beside chance."""
    with new_figure(0.9 + 0.22 * len(scores)) as (figure, axes):
        places = np.arange(len(scores))[::-1]
        for place, score in zip(places, scores, strict=True):
            colour = COLOURS[score.kind]
            if score.interval is not None:
                axes.plot(score.interval, (place, place), color=colour, linewidth=1.4)
            if score.value is not None:
                axes.plot(score.value, place, "o", color=colour, markersize=5)
        axes.axvline(outcome.chance, color=INK, linewidth=0.6, linestyle="--")
        axes.set_yticks(places, [score.label for score in scores])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"held-out {outcome.metric} with 95 % interval (dashed: chance)")
    return figure


def calibration_figure(outcome: PredictedOutcome, curves: Sequence[CalibrationCurve], kinds: dict[str, str]) -> Figure:
    """Mean outcome against mean prediction of groups of subjects."""
    with new_figure(3.2) as (figure, axes):
        values = [value for curve in curves for value in (*curve.predicted, *curve.observed)]
        ends = (min(values), max(values))
        axes.plot(ends, ends, color=INK, linewidth=0.6, linestyle="--", label="as predicted")
        for curve in curves:
            colour = COLOURS[kinds[curve.name]]
            axes.plot(curve.predicted, curve.observed, "o-", color=colour, markersize=4, label=curve.label)
        what = "share of cases" if outcome.kind == "binary" else f"mean {outcome.column}"
        axes.set_xlabel("predicted, mean of a tenth of the subjects")
        axes.set_ylabel(f"observed {what}")
        figure.legend(loc="outside lower left", ncols=2, handlelength=1.6)
    return figure


def benefit_figure(curves: Sequence[BenefitCurve], kinds: dict[str, str]) -> Figure:
    """Net benefit against the threshold, beside treating everybody and nobody."""
    with new_figure(3.2) as (figure, axes):
        for curve in curves:
            colour = COLOURS[kinds[curve.name]] if curve.name in kinds else INK
            style = "-" if curve.name in kinds else ":"
            axes.plot(curve.thresholds, curve.benefit, style, color=colour, label=curve.label)
        axes.axhline(0, color=INK, linewidth=0.6, linestyle="--")
        top = max(max(curve.benefit) for curve in curves)
        axes.set_ylim(-0.3 * max(top, 0.05), 1.15 * max(top, 0.05))
        axes.set_xlabel("threshold of the probability (dashed: nobody is treated)")
        axes.set_ylabel("net benefit")
        figure.legend(loc="outside lower left", ncols=2, handlelength=1.6)
    return figure
