"""``experiment: dims``: how many components should enter CCA, chosen inside the training folds and tested outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.cohort.design import make_design
from analyses.figures.canvas import BLUE, GREY, INK, VERMILION, new_figure, save_figure
from analyses.formats import format_number, format_p
from analyses.progress import progress_bar
from fusion.model_selection.nested_dimensions import NestedDimensions, nested_dimensions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analyses.run.run import Run

Result = dict[str, Any]


def run(run: Run) -> Result:
    """Every arm and view over the grid of sizes."""
    searches = [_search(run, arm, view) for arm in run.arms for view in run.config.brain]
    metrics = {f"dims/rho_{s['arm']}_{s['view']}": s["rho"] for s in searches}
    return {
        "searches": searches,
        "answer": [_sentence(search) for search in searches],
        "metrics": metrics,
        "trials": [trial for search in searches for trial in _trials(search)],
    }


def _search(run: Run, arm: str, view: str) -> Result:
    covariates, settings, folds = run.cohort.covariates, run.config.dims, run.config.folds
    with progress_bar(f"dims {arm} x {view}") as advance:
        found = nested_dimensions(
            run.arms[arm].gene_view(),
            run.brain_view(view),
            (covariates, make_design(run.config)) if run.config.confounds else None,
            grid=settings.grid,
            folds=run.folds,
            inner_splits=settings.inner_splits,
            groups=_labels(run, folds.group or run.config.kept_families),
            stratify=_labels(run, folds.stratify),
            scale=(run.config.alignment.scale_x, run.config.alignment.scale_y),
            n_permutations=run.config.alignment.n_permutations,
            exchangeability_blocks=run.blocks,
            random_state=run.seeds.held_out,
            n_jobs=run.engine.n_jobs,
            progress=advance,
        )
    return {"arm": arm, "arm_label": run.specs[arm].label, "view": view, **_describe(found)}


def _labels(run: Run, column: str | None) -> Any:
    return None if column is None else run.cohort.covariates[column].astype(str).to_numpy()


def _describe(found: NestedDimensions) -> Result:
    spread = found.inner_mean.mean(axis=0), found.inner_se.mean(axis=0)
    return {
        "grid": found.grid.tolist(),
        "inner_mean": spread[0].tolist(),
        "inner_se": spread[1].tolist(),
        "inner_mean_by_fold": found.inner_mean.tolist(),
        "chosen": found.chosen.tolist(),
        "rho": found.rho,
        "rho_by_fold": found.rho_by_fold.tolist(),
        "p": found.p,
        "null_q95": float(np.quantile(found.null[1:], 0.95)),
        "grid_rho": found.grid_rho.tolist(),
        "grid_p": found.grid_p.tolist(),
        "n_permutations": len(found.null) - 1,
    }


def _sentence(search: Mapping[str, Any]) -> str:
    chosen = sorted(set(search["chosen"]))
    sizes = str(chosen[0]) if len(chosen) == 1 else f"{chosen[0]} to {chosen[-1]}"
    return (
        f"{search['arm_label']} × {search['view']}: inner folds chose {sizes} components a side; with them the "
        f"held-out ρ₁ is {format_number(search['rho'])} (95 % point of its null {format_number(search['null_q95'])}, "
        f"p = {format_p(search['p'])})."
    )


def _trials(search: Mapping[str, Any]) -> list[Result]:
    return [
        {
            "name": f"{search['arm']} x {search['view']}, {size} components",
            "params": {"encoder.name": search["arm"], "brain.view": search["view"], "dims": size},
            "metrics": {"heldout/rho_1": rho, "perm/p_over_grid": p, "inner/rho_1": inner},
        }
        for size, rho, p, inner in zip(
            search["grid"], search["grid_rho"], search["grid_p"], search["inner_mean"], strict=True
        )
    ]


def draw(result: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """One curve per arm and view: inner folds with their standard error, outer folds beside."""
    import pandas as pd

    drawn = {}
    for search in result["searches"]:
        name = f"dims__{search['arm']}__{search['view']}"
        columns = ("grid", "inner_mean", "inner_se", "grid_rho", "grid_p")
        data = pd.DataFrame({column: search[column] for column in columns})
        drawn[name] = save_figure(curve_figure(search), folder / f"{name}.svg", data)
    return drawn


def curve_figure(search: Mapping[str, Any]) -> Figure:
    """Held-out correlation against the number of components, inside and outside the training folds."""
    grid, mean, se = (np.asarray(search[key], dtype=float) for key in ("grid", "inner_mean", "inner_se"))
    with new_figure(2.6) as (figure, axes):
        axes.fill_between(grid, mean - se, mean + se, color=BLUE, alpha=0.15, linewidth=0)
        axes.plot(grid, mean, "o-", color=BLUE, label="inner folds, mean ± standard error")
        axes.plot(grid, search["grid_rho"], "s--", color=GREY, markersize=4, label="outer folds, this size in all")
        for size in sorted(set(search["chosen"])):
            axes.axvline(size, color=VERMILION, linewidth=1, alpha=0.25 + 0.75 * _share(search["chosen"], size))
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_xscale("log")
        axes.set_xticks(grid, [str(int(size)) for size in grid])
        axes.minorticks_off()
        axes.set_xlabel("components a side (vertical: chosen by inner folds)")
        axes.set_ylabel("held-out ρ₁")
        axes.set_title(f"{search['arm_label']} × {search['view']}")
        axes.legend()
    return figure


def _share(chosen: Sequence[int], size: int) -> float:
    return chosen.count(size) / len(chosen)
