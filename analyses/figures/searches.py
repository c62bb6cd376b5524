"""Figures of searches: numbers of components over nested folds, settings over trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, VERMILION, new_figure
from analyses.results.schema.experiments import DimensionSearch, SettingSearch

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curve_figure(search: DimensionSearch) -> Figure:
    """Held-out correlation against the number of components, inside and outside the training folds."""
    grid, mean, se = (np.asarray(values, dtype=float) for values in (search.grid, search.inner_mean, search.inner_se))
    with new_figure(2.6) as (figure, axes):
        axes.fill_between(grid, mean - se, mean + se, color=BLUE, alpha=0.15, linewidth=0)
        axes.plot(grid, mean, "o-", color=BLUE, label="inner folds, mean ± standard error")
        axes.plot(grid, search.grid_rho, "s--", color=GREY, markersize=4, label="outer folds, this size in all")
        for size in sorted(set(search.chosen)):
            axes.axvline(size, color=VERMILION, linewidth=1, alpha=0.25 + 0.75 * _share(search.chosen, size))
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_xscale("log")
        axes.set_xticks(grid, [str(int(size)) for size in grid])
        axes.minorticks_off()
        axes.set_xlabel("components a side (vertical: chosen by inner folds)")
        axes.set_ylabel("held-out ρ₁")
        axes.set_title(f"{search.arm_label} × {search.view}")
        axes.legend()
    return figure


def _share(chosen: Sequence[int], size: int) -> float:
    return chosen.count(size) / len(chosen)


def history_figure(search: SettingSearch) -> Figure:
    """Inner correlation of every trial, the best so far, and the test in the subjects set aside."""
    trials, tested = search.trials, search.tested
    numbers = [trial.number + 1 for trial in trials]
    values = np.array([trial.inner_rho for trial in trials])
    with new_figure(2.6) as (figure, axes):
        axes.plot(numbers, values, "o", color=GREY, markersize=4, label="trial, inner folds")
        axes.step(numbers, np.maximum.accumulate(values), where="post", color=BLUE, label="best so far")
        axes.axhline(tested.rho, color=VERMILION, label=f"subjects set aside: {tested.rho:.2f}")
        low, high = tested.interval
        if low is not None and high is not None:
            axes.axhspan(low, high, color=VERMILION, alpha=0.1, linewidth=0)
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_xlabel("trial")
        axes.set_ylabel("held-out ρ₁")
        axes.set_title(f"{search.arm_label} × {search.view}")
        figure.legend(loc="outside lower left", ncols=3, handlelength=1.6)
    return figure
