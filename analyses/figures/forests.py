"""Forests: associations of scores with outcomes, coupling in strata and its differences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, ORANGE, PALE, VERMILION, new_figure, save_figure
from analyses.results.schema.experiments import AssociateResult, StratifyResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

LEVEL = 0.05
MOST_ROWS = 24
COLOURS = {"genes": BLUE, "brain": ORANGE, "average": VERMILION, "product": INK}
STRATA = (BLUE, ORANGE, VERMILION, GREY, INK, "#CC79A7", "#009E73", "#56B4E9")
MIDDLES = {"associate_correlations": 0.0, "associate_ratios": 1.0}


def draw_associations(result: AssociateResult, folder: Path) -> dict[str, Path]:
    """``associate_correlations`` and ``associate_ratios``, as far as they are defined, each with its CSV."""
    import pandas as pd

    rows: list[dict[str, object]] = [
        {
            "score": f"{one.score} {one.component}, {one.arm_label} × {one.view}",
            "outcome": one.contrast,
            "measure": one.measure,
            "side": one.score,
            "role": one.role,
            "value": one.value,
            "p": one.p,
            "p_max_t": one.p_max_t,
            "q": one.q,
        }
        | dict(zip(("low", "high"), one.interval or (None, None), strict=True))
        for one in result.associations
        if one.value is not None
    ]
    drawn = {}
    for name, middle in MIDDLES.items():
        table = pd.DataFrame([row for row in rows if ("ratio" in str(row["measure"])) == (middle == 1)])
        if not table.empty:
            table = table.astype(dict.fromkeys(("value", "low", "high", "p", "p_max_t", "q"), float))
            table = table.sort_values("p_max_t", kind="stable")
            table = table.sort_values("role", kind="stable", ascending=False).reset_index(drop=True)  # controls last
            drawn[name] = save_figure(associations_figure(table, middle), folder / f"{name}.svg", table)
    return drawn


def associations_figure(data: DataFrame, middle: float) -> Figure:
    """One row an association, the clearest at the top.

    Parameters
    ----------
    data : DataFrame
        ``score, outcome, measure, side, value, low, high, p_max_t``, sorted; no interval is NaN.
    middle : float
        Value of no effect: 1 of ratios, which are drawn on a logarithmic scale.
    """
    shown = data.head(MOST_ROWS)
    places = np.arange(len(shown))[::-1]
    with new_figure(1.1 + 0.2 * len(shown)) as (figure, axes):
        for place, (_, row) in zip(places, shown.iterrows(), strict=True):
            colour, is_found = COLOURS[row["side"]], row["p_max_t"] < LEVEL
            axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.4)
            face = colour if is_found else "white"
            axes.plot(row["value"], place, "o", color=colour, markerfacecolor=face, markersize=5)
        axes.axvline(middle, color=INK, linewidth=0.6, linestyle="--")
        names = [
            f"{row['outcome']}{' (ranks)' if 'rank' in row['measure'] else ''}: {row['score']}"
            for _, row in shown.iterrows()
        ]
        axes.set_yticks(places, names)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(-0.7, len(shown) - 0.3)
        if middle == 1:
            _ratio_scale(axes, shown)
            axes.set_xlabel("ratio of one standard deviation of the score, with 95 % interval")
        else:
            axes.set_xlabel("partial correlation, with 95 % interval")
    return figure


def _ratio_scale(axes: object, data: DataFrame) -> None:
    from matplotlib.axes import Axes
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    assert isinstance(axes, Axes)
    axes.set_xscale("log")
    low, high = np.nanmin(data[["low", "value"]].to_numpy()), np.nanmax(data[["high", "value"]].to_numpy())
    ticks = [tick for tick in (0.1, 0.2, 0.5, 0.8, 1, 1.25, 2, 5, 10) if low / 1.1 <= tick <= high * 1.1]
    axes.xaxis.set_major_locator(FixedLocator(ticks or [1.0]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def draw_strata(result: StratifyResult, folder: Path) -> dict[str, Path]:
    """``stratify`` and ``stratify_differences``, each with its CSV; nothing where nothing was compared."""
    import pandas as pd

    couplings: list[dict[str, object]] = []
    differences: list[dict[str, object]] = []
    has_several = any(one.component > 1 for one in result.findings)
    for one in result.findings:
        component = f", component {one.component}" if has_several else ""
        row: dict[str, object] = {"row": f"{one.arm_label} × {one.view}{component}", "models": one.models}
        couplings += [
            row | {"stratum": part.stratum, "value": part.rho, "low": part.interval[0], "high": part.interval[1]}
            for part in one.couplings
        ]
        differences += [
            row
            | {"pair": f"{part.first} − {part.second}", "value": part.difference}
            | {"low": part.interval[0], "high": part.interval[1], "smallest": part.smallest, "p": part.p}
            | {"p_corrected": part.p_corrected}
            for part in one.differences
        ]
    if not couplings:
        return {}
    numbers = ("value", "low", "high")
    of_strata = pd.DataFrame(couplings).astype(dict.fromkeys(numbers, float))
    of_pairs = pd.DataFrame(differences).astype(dict.fromkeys((*numbers, "smallest"), float))
    return {
        "stratify": save_figure(strata_figure(of_strata), folder / "stratify.svg", of_strata),
        "stratify_differences": save_figure(
            differences_figure(of_pairs), folder / "stratify_differences.svg", of_pairs
        ),
    }


def strata_figure(data: DataFrame) -> Figure:
    """Correlation of every stratum, one row an alignment and kind of model, strata side by side.

    Parameters
    ----------
    data : DataFrame
        ``row, models, stratum, value, low, high``; no interval is NaN.
    """
    rows = list(dict.fromkeys(zip(data["row"], data["models"], strict=True)))
    strata = list(dict.fromkeys(data["stratum"]))
    shift = dict(zip(strata, np.linspace(0.28, -0.28, len(strata)), strict=True))
    with new_figure(1.1 + (0.16 + 0.14 * len(strata)) * len(rows)) as (figure, axes):
        for number, stratum in enumerate(strata):
            colour = STRATA[number % len(STRATA)]
            label: str | None = stratum
            for _, one in data[data["stratum"] == stratum].iterrows():
                place = len(rows) - 1 - rows.index((one["row"], one["models"])) + shift[stratum]
                axes.plot([one["low"], one["high"]], [place, place], color=colour, linewidth=1.4)
                face = colour if one["models"] == "one model" else "white"
                axes.plot(one["value"], place, "o", color=colour, markerfacecolor=face, markersize=5, label=label)
                label = None
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.set_yticks(np.arange(len(rows))[::-1], [f"{row}\n{models}" for row, models in rows])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("held-out correlation inside the stratum, with 95 % interval")
        figure.legend(loc="outside lower left", ncols=4, handlelength=1.6)
    return figure


def differences_figure(data: DataFrame) -> Figure:
    """Every difference beside the smallest that such studies find.

    Parameters
    ----------
    data : DataFrame
        ``row, models, pair, value, low, high, smallest``; no interval is NaN.
    """
    shown = data.head(2 * MOST_ROWS)
    places = np.arange(len(shown))[::-1]
    with new_figure(1.1 + 0.24 * len(shown)) as (figure, axes):
        axes.barh(places, 2 * shown["smallest"], left=-shown["smallest"], color=PALE, height=0.5, linewidth=0)
        for place, (_, row) in zip(places, shown.iterrows(), strict=True):
            axes.plot([row["low"], row["high"]], [place, place], color=BLUE, linewidth=1.4)
            face = BLUE if row["models"] == "one model" else "white"
            axes.plot(row["value"], place, "o", color=BLUE, markerfacecolor=face, markersize=5)
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.set_yticks(places, [f"{row['pair']}: {row['row']}, {row['models']}" for _, row in shown.iterrows()])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("difference of held-out correlations, with 95 % interval")
    return figure
