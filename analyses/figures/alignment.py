"""Figures of an alignment: plain arrays in, a matplotlib figure out; each is saved with the table behind it."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, ORANGE, PALE, VERMILION, add_hint, new_figure
from analyses.formats import format_interval, format_number, format_p
from analyses.results.schema.alignments import HeldOut, HeldOutTrace, InSample
from analyses.results.serialisation import OptionalInterval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame


def held_out_figure(
    null: np.ndarray, rho: float, *, interval: OptionalInterval, null_q95: float, p: float, title: str
) -> "Figure":
    """First held-out correlation with its interval, against its permutation null.

    Parameters
    ----------
    null : ndarray of shape (n_permutations,)
        Held-out correlations of permuted data.
    rho : float
        Observed held-out correlation; `interval` is its 95 % interval, None, None where none is valid.
    null_q95 : float
        95 % point of `null`.
    p : float
        Permutation p-value of `rho` before any correction over arms or views.
    title : str
        Which arm and which view.
    """
    with new_figure(2.8) as (figure, axes):
        counts, _, _ = axes.hist(
            null, bins=40, histtype="stepfilled", color=PALE, label=f"null: {null.size} permutations"
        )
        top = float(np.max(counts))
        axes.axvline(null_q95, color=GREY, linestyle=(0, (4, 2)), linewidth=1, label=f"null 95 % point: {null_q95:.3f}")
        low, high = interval
        if low is not None and high is not None:
            axes.axvspan(low, high, color=BLUE, alpha=0.13, linewidth=0)
        seen = f"observed: {format_number(rho, 3)} ({format_interval(interval, 3)})"
        axes.axvline(rho, color=BLUE, linewidth=2, label=seen)
        axes.set(xlabel="held-out correlation, first component", ylabel="permutations", ylim=(0, top * 1.08))
        place = "above" if rho > null_q95 else "below"
        axes.set_title(
            f"{title}\nheld-out ρ₁ = {format_number(rho)}, {place} the 95 % point of its null (p = {format_p(p)})"
        )
        figure.legend(loc="outside lower left", ncols=3, handlelength=1.6, columnspacing=1.4)
    return figure


def trace_figure(null: np.ndarray, trace: HeldOutTrace, *, title: str) -> "Figure":
    """Held-out Pillai trace of all dimensions, against its permutation null.

    Parameters
    ----------
    null : ndarray of shape (n_permutations,)
        Traces of permuted data.
    trace : HeldOutTrace
    title : str
        Which arm and which view.
    """
    with new_figure(2.8) as (figure, axes):
        axes.hist(null, bins=40, histtype="stepfilled", color=PALE, label=f"null: {null.size} permutations")
        q95 = f"null 95 % point: {format_number(trace.null_q95, 3)}"
        axes.axvline(trace.null_q95, color=GREY, linestyle=(0, (4, 2)), linewidth=1, label=q95)
        axes.axvline(trace.value, color=BLUE, linewidth=2, label=f"observed: {format_number(trace.value, 3)}")
        axes.set(xlabel="held-out trace, all dimensions", ylabel="permutations")
        place = "above" if trace.value > trace.null_q95 else "below"
        axes.set_title(
            f"{title}\nheld-out trace = {format_number(trace.value)}, {place} the 95 % point of its null "
            f"(p = {format_p(trace.p)})"
        )
        figure.legend(loc="outside lower left", ncols=3, handlelength=1.6, columnspacing=1.4)
    return figure


def spectrum_figure(in_sample: InSample, held_out: HeldOut, *, title: str, n_shown: int = 20) -> "Figure":
    """Canonical correlations by component: in-sample beside the null of the first, held-out with intervals.

    Parameters
    ----------
    in_sample : InSample
    held_out : HeldOut
    title : str
        Which arm and which view.
    n_shown : int
        Leading components to show.
    """
    r = np.asarray(in_sample.canonical_correlations[:n_shown], dtype=float)
    rho, bounds = np.asarray(held_out.rho, dtype=float), np.asarray(held_out.interval, dtype=float)
    with new_figure(3.3) as (figure, axes):
        mean, q95 = in_sample.null_mean_r1, in_sample.null_q95_r1
        axes.axhspan(mean, q95, color=PALE, linewidth=0, label="null of the first in-sample one: mean to 95 % point")
        axes.plot(
            np.arange(1, r.size + 1), r, "o-", color=GREY, mfc="white", ms=4.5, lw=0.8, label="in-sample (fitted)"
        )
        where = np.arange(1, rho.size + 1)
        errors = np.abs(bounds.T - rho)
        axes.errorbar(where, rho, errors, fmt="o", color=BLUE, ms=5, lw=1.3, label="held-out, 95 % interval")
        axes.plot(
            where,
            np.asarray(held_out.null_q95, dtype=float),
            "_",
            color=VERMILION,
            ms=16,
            mew=1.6,
            label="held-out null: 95 % point",
        )
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.set(xlabel="component", ylabel="canonical correlation", xlim=(0.4, max(r.size, rho.size) + 0.6))
        axes.set_ylim(min(-0.05, float(np.nanmin([*bounds.ravel(), *rho])) - 0.03), 1.03)
        axes.locator_params(axis="x", integer=True)
        axes.set_title(f"{title}\nfirst correlation {r[0]:.2f} in-sample, {format_number(rho[0])} held-out")
        figure.legend(loc="outside lower left", ncols=2, handlelength=1.6)
    return figure


def loadings_figure(
    names: Sequence[str],
    loadings: Sequence[float],
    *,
    intervals: np.ndarray | None = None,
    planted: Collection[str] = (),
    kind: str,
    title: str,
    n_shown: int = 20,
) -> "Figure":
    """Loadings ranked by size, the largest on top; planted items differ in colour and carry a diamond.

    Parameters
    ----------
    names : sequence of str
        Genes or brain features.
    loadings : sequence of float
        One per name.
    intervals : float array of shape (n_names, 2), optional
        Their 95 % bootstrap intervals.
    planted : collection of str
        Names that hold a simulated signal.
    kind : str
        What one bar is, e.g. ``"gene"``.
    title : str
        Which arm and which view.
    n_shown : int
        Bars to show.
    """
    values = np.asarray(loadings, dtype=float)
    order = np.argsort(-np.abs(values), kind="stable")[:n_shown]
    shown, value = [names[i] for i in order], values[order]
    marked = np.array([name in planted for name in shown])
    with new_figure(1.3 + 0.185 * len(shown)) as (figure, axes):
        where = np.arange(len(shown))
        bars = axes.barh(where, value, height=0.72, color=np.where(marked, ORANGE, BLUE).tolist(), linewidth=0)
        for bar, hint in zip(
            bars, _loading_hints(shown, value, None if intervals is None else intervals[order]), strict=True
        ):
            add_hint(bar, hint)
        if intervals is not None:
            axes.hlines(where, *intervals[order].T, color=INK, linewidth=0.9)
        if marked.any():
            axes.plot(value[marked], where[marked], "D", color=VERMILION, ms=4.5, label="planted", clip_on=False)
            axes.legend(loc="lower right" if (value >= 0).all() else "best")
        axes.axvline(0, color=GREY, linewidth=0.6)
        axes.set_yticks(where, shown)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        of_all = f"{len(shown)} largest of {values.size}" if len(shown) < values.size else f"all {values.size}"
        lines = "" if intervals is None else "; lines: 95 % intervals"
        axes.set(xlabel=f"structure loading, component 1, by {kind}\n({of_all}{lines})")
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, -0.3 if (value < 0).any() else 0), max(high, 0.3))  # small loadings look small
        axes.set_title(title)
    return figure


def _loading_hints(names: Sequence[str], values: np.ndarray, intervals: np.ndarray | None) -> list[str]:
    bounds = [""] * len(names)
    if intervals is not None:
        bounds = [f" ({format_interval((float(low), float(high)))})" for low, high in intervals]
    return [
        f"{name}: {format_number(float(value))}{bound}"
        for name, value, bound in zip(names, values, bounds, strict=True)
    ]


def overview_figure(rows: "DataFrame") -> "Figure":
    """Every arm and view in one panel: held-out correlation with its interval and the 95 % point of its null.

    Parameters
    ----------
    rows : DataFrame
        Columns ``arm_label, view, trained, rho, low, high, null_q95``; one row per arm and view.
    """
    rows = rows.astype({"low": float, "high": float})  # no valid interval anywhere is a column of None
    views = list(dict.fromkeys(rows["view"]))
    n_lines = len(rows) + len(views)
    with new_figure(1.25 + 0.23 * n_lines) as (figure, axes):
        ticks: list[tuple[int, str]] = []
        line = 0
        for view in views:
            ticks.append((line, view))
            for row in rows[rows["view"] == view].itertuples():
                line += 1
                ticks.append((line, str(row.arm_label)))
                _overview_line(axes, line, row)
            line += 1
        axes.axvline(0, color=GREY, linewidth=0.6)
        axes.set_yticks([place for place, _ in ticks], [label for _, label in ticks])
        axes.set(xlabel="held-out correlation, first component", ylim=(n_lines - 0.4, -0.6))
        axes.tick_params(axis="y", length=0)
        for label in axes.get_yticklabels():
            label.set_fontweight("bold" if label.get_text() in views else "normal")
        axes.set_title("Held-out correlation of every arm and view, with its null")
        figure.legend(handles=_overview_key(), loc="outside lower left", ncols=4, handlelength=1.6, columnspacing=1.4)
    return figure


def _overview_line(axes: "Axes", line: int, row: Any) -> None:
    axes.plot([row.low, row.high], [line, line], color=BLUE, linewidth=1.3, solid_capstyle="butt")
    (mark,) = axes.plot(row.rho, line, "o", color=BLUE, mfc=BLUE if row.trained else "white", ms=5.5, zorder=3)
    bounds = format_interval((row.low, row.high), 3) if np.isfinite([row.low, row.high]).all() else "no valid interval"
    null = f"95 % point of its null {format_number(row.null_q95, 3)}"
    add_hint(mark, f"{row.arm_label}: {format_number(row.rho, 3)} ({bounds}; {null})")
    axes.plot(row.null_q95, line, "|", color=VERMILION, ms=10, mew=1.6)


def _overview_key() -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=BLUE, marker="o", ms=5.5, lw=1.3, label="held-out, 95 % interval"),
        Line2D([], [], color=BLUE, marker="o", ms=5.5, mfc="white", lw=1.3, label="untrained control"),
        Line2D([], [], color=VERMILION, marker="|", ms=10, mew=1.6, lw=0, label="95 % point of the null"),
    ]


def scores_figure(scores: "DataFrame", rho: float, *, title: str) -> "Figure":
    """Held-out gene and brain scores of every subject.

    Parameters
    ----------
    scores : pandas.DataFrame
        ``fold``, ``genes_1``, ``brain_1``.
    rho : float
        Fold-averaged held-out correlation.
    title : str
        Which arm and which view.
    """
    with new_figure(3.4) as (figure, axes):
        axes.scatter(
            scores["genes_1"], scores["brain_1"], c=scores["fold"], cmap="viridis", s=9, alpha=0.7, linewidths=0
        )
        axes.set_xlabel("gene score, held out")
        axes.set_ylabel("brain score, held out")
        axes.set_title(f"{title}\nheld-out ρ₁ = {format_number(rho)}")
    return figure
