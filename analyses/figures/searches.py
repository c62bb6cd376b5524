"""Figures of searches: numbers of components over nested folds, settings over trials, numbers of subjects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, VERMILION, new_figure
from analyses.formats import format_number
from analyses.results.schema.experiments import DimensionSearch, SettingSearch, SubsamplePoint

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
        axes.axhline(tested.rho, color=VERMILION, label=f"subjects set aside: {format_number(tested.rho)}")
        low, high = tested.interval
        if low is not None and high is not None:
            axes.axhspan(low, high, color=VERMILION, alpha=0.1, linewidth=0)
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_xlabel("trial")
        axes.set_ylabel("held-out ρ₁")
        axes.set_title(f"{search.arm_label} × {search.view}")
        figure.legend(loc="outside lower left", ncols=3, handlelength=1.6)
    return figure


def subsample_figure(points: Sequence[SubsamplePoint]) -> Figure:
    """Held-out correlation against the number of subjects, with what studies of each size find on average and alone."""
    known = [one for one in points if one.rho is not None]
    parts, whole = known[:-1], known[-1]
    with new_figure(2.6) as (figure, axes):
        if parts:
            sizes = [one.n_subjects for one in parts]
            for bounds, alpha, label in (
                ([one.studies for one in parts], 0.12, "95 % of further studies"),
                ([one.interval for one in parts], 0.3, "95 % interval of their average"),
            ):
                low, high = (np.array([pair[end] for pair in bounds], dtype=float) for end in (0, 1))
                axes.fill_between(sizes, low, high, color=BLUE, alpha=alpha, linewidth=0, label=label)
            axes.plot(
                sizes, np.array([one.rho for one in parts], dtype=float), "o-", color=BLUE, label="parts of the cohort"
            )
        rho, (low_end, high_end) = np.array([whole.rho], dtype=float), whole.interval
        reach = None if low_end is None or high_end is None else [rho - low_end, high_end - rho]
        axes.errorbar([whole.n_subjects], rho, yerr=reach, fmt="s", color=VERMILION, label="all subjects")
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_xlim(left=0)
        axes.set_xlabel("subjects")
        axes.set_ylabel("held-out ρ₁")
        axes.set_title(f"{whole.arm_label} × {whole.view}")
        figure.legend(loc="outside lower left", ncols=4, handlelength=1.6)
    return figure
