"""Draws the figures of a results folder from what the run wrote there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.alignment.files import SCORES
from analyses.experiments.registry import find_experiment
from analyses.figures import alignment as figures
from analyses.figures.brain import draw_brain
from analyses.figures.canvas import save_figure
from analyses.figures.comparison import draw_comparison
from analyses.figures.sequences.probes import draw_probes
from analyses.report.drawn import Drawn, alignment_key
from analyses.report.findings import is_significant
from analyses.results.folder import Results
from analyses.results.headlines import Alignment, Headline
from analyses.results.schema.alignments import HeldOutTrace
from analyses.results.tables import rows
from encoders.damage import refused_if_damaged

if TYPE_CHECKING:
    from pandas import DataFrame

FIGURE_KINDS = ("held_out", "spectrum", "genes", "features")
WORTH_SHARING = 4
"""Alignments from which drawing takes longer than to load what draws into every process."""


def draw_figures(results: Results, drawn: Drawn, *, n_jobs: int = 1) -> dict[str, Path]:
    """Write ``figures/*.svg``, each with the CSV behind it; those that are there already stay.

    Parameters
    ----------
    results : Results
    drawn : Drawn
        What was drawn before; takes note of what is drawn.
    n_jobs : int
        Alignments are shared out over so many processes; no byte depends on it.

    Returns
    -------
    dict of str to Path
        ``overview``, and per alignment ``<alignment>__<kind>`` for every kind of `FIGURE_KINDS`; ``trace`` where the
        results hold one; PNG files of the brain where its view names an atlas; what comparison, probe and experiment
        draw.
    """
    from joblib import delayed

    from fusion.workers import workers

    keys = {headline.alignment.name: alignment_key(results, headline) for headline in results.headlines()}
    found = {name: drawn.find(name, key) for name, key in keys.items()}
    stale = [headline for headline in results.headlines() if found[headline.alignment.name] is None]
    share = workers(n_jobs if len(stale) >= WORTH_SHARING else 1, batch_size=1, return_as="generator")
    of_each = share(delayed(_draw_alignment)(results, headline) for headline in stale)
    of_all = _draw_of_all(results)  # beside the workers
    for headline, of_one in zip(stale, of_each, strict=True):
        name = headline.alignment.name
        found[name] = of_one
        drawn.keep(name, keys[name], of_one)
    return of_all | {name: path for of_one in found.values() for name, path in (of_one or {}).items()}


def _draw_of_all(results: Results) -> dict[str, Path]:
    """What shows all alignments, and what the arms, their probe and the experiment add."""
    comparison, experiment, folder = results.comparison, results.experiment, results.path / "figures"
    drawn = {"overview": _draw_overview(results)}
    if comparison is not None and comparison.arms is not None:
        drawn |= draw_comparison(comparison, folder)
    if results.probe is not None and results.probe.arms:
        drawn |= draw_probes(results.probe, folder)
    if experiment is not None:
        drawn |= find_experiment(results.run.experiment).draw(experiment, folder)
    return drawn


def _draw_alignment(results: Results, headline: Headline) -> dict[str, Path]:
    alignment = headline.alignment
    drawn = {
        f"{alignment.name}__held_out": _draw_held_out(results, alignment),
        f"{alignment.name}__spectrum": _draw_spectrum(results, alignment),
    }
    if headline.trace is not None:
        drawn[f"{alignment.name}__trace"] = _draw_trace(results, alignment, headline.trace)
    if (alignment.folder / SCORES).exists():
        drawn[f"{alignment.name}__scores"] = _draw_scores(results, alignment)
    for kind in ("gene", "feature"):
        drawn[f"{alignment.name}__{kind}s"] = _draw_loadings(results, headline, kind)
    return drawn | draw_brain(results, alignment)


def _path(results: Results, name: str) -> Path:
    return results.path / "figures" / f"{name}.svg"


def _draw_overview(results: Results) -> Path:
    shown = results.table()[["arm", "arm_label", "view", "trained", "rho", "low", "high", "null_q95"]]
    return save_figure(figures.overview_figure(shown), _path(results, "overview"), shown)


def _draw_held_out(results: Results, alignment: Alignment) -> Path:
    import pandas as pd

    held_out, null = alignment.summary.held_out, alignment.null_draws["held_out"][1:, 0]
    figure = figures.held_out_figure(
        null,
        held_out.rho[0],
        interval=held_out.interval[0],
        null_q95=held_out.first_null_q95,
        p=held_out.first_p,
        title=alignment.title,
    )
    return save_figure(figure, _path(results, f"{alignment.name}__held_out"), pd.DataFrame({"null_rho_1": null}))


def _draw_trace(results: Results, alignment: Alignment, trace: HeldOutTrace) -> Path:
    import pandas as pd

    null = alignment.null_draws["held_out_trace"][1:]
    figure = figures.trace_figure(null, trace, title=alignment.title)
    return save_figure(figure, _path(results, f"{alignment.name}__trace"), pd.DataFrame({"null_trace": null}))


def _draw_scores(results: Results, alignment: Alignment) -> Path:
    """Subject by subject: only where the user allowed it."""
    import pandas as pd

    with refused_if_damaged(alignment.folder / SCORES, "a table of scores by subject"):
        scores = pd.read_csv(alignment.folder / SCORES, dtype={"subject_id": str})
        shown = scores[["fold", "genes_1", "brain_1"]].astype({"genes_1": float, "brain_1": float})
    rho = alignment.summary.held_out.rho[0]
    figure = figures.scores_figure(shown, rho, title=alignment.title)
    return save_figure(figure, _path(results, f"{alignment.name}__scores"), shown)


def _draw_spectrum(results: Results, alignment: Alignment) -> Path:
    import pandas as pd

    in_sample, held_out = alignment.summary.in_sample, alignment.summary.held_out
    low, high = np.asarray(held_out.interval, dtype=float).T
    columns = {
        "in_sample": in_sample.canonical_correlations,
        "held_out": held_out.rho,
        "held_out_low": low,
        "held_out_high": high,
        "held_out_null_q95": held_out.null_q95,
    }
    data = pd.DataFrame({name: pd.Series(values, dtype=float) for name, values in columns.items()})
    data.insert(0, "component", np.arange(1, len(data) + 1))
    figure = figures.spectrum_figure(in_sample, held_out, title=alignment.title)
    return save_figure(figure, _path(results, f"{alignment.name}__spectrum"), data)


def _draw_loadings(results: Results, headline: Headline, kind: str) -> Path:
    alignment, summary = headline.alignment, headline.summary
    key, loadings = ("gene_id", summary.gene_loadings) if kind == "gene" else ("feature", summary.roi_loadings)
    data = rows(loadings)
    marked = _planted(results, alignment, kind)
    data["planted"] = data[key].isin(list(marked))
    data = data.sort_values("rank")
    if is_significant(headline):
        title = f"{alignment.title}\n{data[key].iloc[0]} loads most"
    else:
        title = f"{alignment.title}\nnot significant, so this ranking carries no finding"
    figure = figures.loadings_figure(
        data[key].tolist(),
        data["loading"].tolist(),
        intervals=_intervals(data),
        planted=marked,
        kind=kind,
        title=title,
    )
    return save_figure(figure, _path(results, f"{alignment.name}__{kind}s"), data)


def _intervals(data: DataFrame) -> np.ndarray | None:
    """Bootstrap intervals of loadings, where the sample bore them."""
    if data["lo"].isna().any():
        return None
    bounds: np.ndarray = data[["lo", "hi"]].to_numpy(dtype=float)
    return bounds


def _planted(results: Results, alignment: Alignment, kind: str) -> Collection[str]:
    planted = results.run.planted
    if planted is None or planted.view != alignment.summary.view:
        return ()
    return frozenset(planted.genes if kind == "gene" else planted.features)
