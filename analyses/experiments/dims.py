"""``experiment: dims``: how many components should enter CCA, chosen inside the training folds and tested outside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.design import make_design
from analyses.figures.canvas import save_figure
from analyses.figures.searches import curve_figure
from analyses.formats import format_number, format_p
from analyses.progress import progress_bar
from analyses.results.schema.experiments import DimensionSearch, DimsResult, Trial
from analyses.results.serialisation import tuples
from fusion.comparison.max_t import westfall_young
from fusion.model_selection.nested_dimensions import NestedDimensions, nested_dimensions

if TYPE_CHECKING:
    from analyses.run.run import Run


def run(run: Run) -> DimsResult:
    """Every arm and view over the grid of sizes."""
    found = {(arm, view): _search(run, arm, view) for arm in run.arms for view in run.config.brain}
    corrected = westfall_young(
        {"__".join(pair): (one.rho, one.null) for pair, one in found.items() if pair[1] in run.tested_views}
    )
    searches = tuple(
        _describe(one, arm, view, run.specs[arm].label, corrected.get(f"{arm}__{view}"))
        for (arm, view), one in found.items()
    )
    return DimsResult(
        searches=searches,
        answer=tuple(_sentence(search, len(corrected)) for search in searches),
        metrics={
            f"dims/{name}_{search.arm}_{search.view}": value
            for search in searches
            for name, value in (("rho", search.rho), ("p_corrected", search.p_corrected))
            if value is not None
        },
        trials=tuple(trial for search in searches for trial in _trials(search)),
    )


def _search(run: Run, arm: str, view: str) -> NestedDimensions:
    covariates, settings = run.cohort.covariates, run.config.dims
    with progress_bar(f"dims {arm} x {view}") as advance:
        return nested_dimensions(
            run.arms[arm].gene_view(),
            run.brain_view(view),
            (covariates, make_design(run.config)) if run.config.confounds else None,
            grid=settings.grid,
            folds=run.folds,
            inner_splits=settings.inner_splits,
            scale=(run.config.alignment.scale_x, run.config.alignment.scale_y),
            n_permutations=run.config.alignment.n_permutations,
            random_state=run.seeds.held_out,
            n_jobs=run.engine.n_jobs,
            progress=advance,
        )


def _describe(found: NestedDimensions, arm: str, view: str, label: str, p_corrected: float | None) -> DimensionSearch:
    return DimensionSearch(
        arm=arm,
        arm_label=label,
        view=view,
        grid=tuples(found.grid),
        inner_mean=tuples(found.inner_mean.mean(axis=0)),
        inner_se=tuples(found.inner_se.mean(axis=0)),
        inner_mean_by_fold=tuples(found.inner_mean),
        chosen=tuples(found.chosen),
        rho=found.rho,
        rho_by_fold=tuples(found.rho_by_fold),
        p=found.p,
        p_corrected=p_corrected,
        null_q95=float(np.quantile(found.null[1:], 0.95)),
        grid_rho=tuples(found.grid_rho),
        grid_p=tuples(found.grid_p),
        n_permutations=len(found.null) - 1,
    )


def _sentence(search: DimensionSearch, n_tests: int) -> str:
    corrected = search.p_corrected if n_tests > 1 else None
    family = "" if corrected is None else f", over {n_tests} arms and views {format_p(corrected)}"
    chosen = sorted(set(search.chosen))
    sizes = str(chosen[0]) if len(chosen) == 1 else f"{chosen[0]} to {chosen[-1]}"
    components = "component" if sizes == "1" else "components"
    return (
        f"{search.arm_label} × {search.view}: inner folds chose {sizes} {components} a side; with them the "
        f"held-out ρ₁ is {format_number(search.rho)} (95 % point of its null {format_number(search.null_q95)}, "
        f"p = {format_p(search.p)}{family})."
    )


def _trials(search: DimensionSearch) -> list[Trial]:
    return [
        Trial(
            name=f"{search.arm} x {search.view}, {size} components",
            params={"encoder.name": search.arm, "brain.view": search.view, "dims": size},
            metrics={"heldout/rho_1": rho, "perm/p_over_grid": p, "inner/rho_1": inner},
        )
        for size, rho, p, inner in zip(search.grid, search.grid_rho, search.grid_p, search.inner_mean, strict=True)
    ]


def draw(result: DimsResult, folder: Path) -> dict[str, Path]:
    """One curve per arm and view: inner folds with their standard error, outer folds beside."""
    import pandas as pd

    drawn = {}
    for search in result.searches:
        name = f"dims__{search.arm}__{search.view}"
        columns = ("grid", "inner_mean", "inner_se", "grid_rho", "grid_p")
        data = pd.DataFrame({column: getattr(search, column) for column in columns})
        drawn[name] = save_figure(curve_figure(search), folder / f"{name}.svg", data)
    return drawn
