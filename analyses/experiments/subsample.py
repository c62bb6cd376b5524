"""``experiment: subsample``: the held-out correlation against the number of subjects, by parts of the cohort.

Each part is a study of its own: its folds, confounds, PCA and dimensions. Parts share subjects, which intervals make
good (`fusion.cross_validation.subsamples`). Of a finished run nothing is done again but this:
``genebrain run my.yaml --set experiment=subsample``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from analyses.cohort.design import make_design
from analyses.figures.canvas import save_figure
from analyses.figures.searches import subsample_figure
from analyses.formats import format_interval, format_number
from analyses.privacy.counts import show_sentence
from analyses.progress import progress_bar
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.experiments import SubsampleResult, Trial
from analyses.results.schema.experiments.subsamples import SubsamplePoint
from analyses.results.serialisation import optional_interval
from fusion import Subsample, choose_dimensions, subsample_curve

if TYPE_CHECKING:
    from analyses.run.run import Run


def run(run: Run) -> SubsampleResult:
    """Every arm and view."""
    points = tuple(point for arm in run.arms for view in run.config.brain for point in _curve(run, arm, view))
    whole = [one for one in points if one.share == 1 and one.rho is not None]
    return SubsampleResult(
        points=points,
        n_draws=run.config.subsample.n_draws,
        answer=_sentences(points),
        metrics={f"subsample/rho_{one.arm}_{one.view}": one.rho for one in whole if one.rho is not None},
        trials=tuple(_trial(one) for one in points if one.rho is not None),
    )


def _curve(run: Run, arm: str, view: str) -> list[SubsamplePoint]:
    summary = run.workspace.read_result(AlignmentSummary, f"alignments/{arm}__{view}/alignment.json")
    settings, alignment = run.config.subsample, run.config.alignment
    views = run.arms[arm].gene_view(), run.brain_view(view)
    confounds = (run.cohort.covariates, make_design(run.config)) if run.config.confounds else None
    n_draws, found = settings.n_draws, []
    with progress_bar(f"subsample {arm} x {view}") as advance:
        for place, share in enumerate(settings.shares):
            p, q = _dimensions(run, summary, share)
            found += subsample_curve(
                *views,
                confounds,
                folds=run.folds,
                shares=(share,),
                n_draws=n_draws,
                x_dimensions=p,
                y_dimensions=q,
                pca_components=alignment.pca_components,
                scale=(alignment.scale_x, alignment.scale_y),
                min_ratio=alignment.min_ratio,
                random_state=run.seeds.held_out + place,
            )
            advance(place + 1, len(settings.shares))
    points = [_point(run, summary, one) for one in found]
    return [*points, _whole(summary)]


def _dimensions(run: Run, summary: AlignmentSummary, share: float) -> tuple[int, int]:
    """What the alignment's rule takes of so many subjects."""
    settings, sizes = run.config.alignment, summary.dimensions
    n_effective = max(round(share * summary.n.subjects) - (summary.n.subjects - summary.n.n_effective), 2)
    available = run.narrowest_arm or sizes.x_effective, sizes.y_effective
    auto = choose_dimensions(n_effective, *available, min_ratio=settings.min_ratio)
    wanted = settings.x_dimensions, settings.y_dimensions
    p, q = (chosen if wish == "auto" else int(wish) for chosen, wish in zip(auto, wanted, strict=True))
    return p, q


def _point(run: Run, summary: AlignmentSummary, one: Subsample) -> SubsamplePoint:
    reason = None if one.reason is None else show_sentence(one.reason, run.config.privacy.smallest_count)
    return SubsamplePoint(
        arm=summary.arm,
        arm_label=summary.arm_label,
        view=summary.view,
        role=summary.role,
        n_subjects=one.n_subjects,
        share=one.share,
        dimensions=one.dimensions,
        rho=None if reason is not None else one.rho,
        interval=optional_interval(one.interval),
        studies=optional_interval(one.studies),
        n_draws=len(one.by_draw),
        reason=reason,
    )


def _whole(summary: AlignmentSummary) -> SubsamplePoint:
    """All subjects: the alignment itself."""
    return SubsamplePoint(
        arm=summary.arm,
        arm_label=summary.arm_label,
        view=summary.view,
        role=summary.role,
        n_subjects=summary.n.subjects,
        share=1.0,
        dimensions=(summary.dimensions.x_cca, summary.dimensions.y_cca),
        rho=summary.held_out.rho[0],
        interval=summary.held_out.interval[0],
        studies=(None, None),
        n_draws=1,
        reason=None,
    )


def _sentences(points: Sequence[SubsamplePoint]) -> tuple[str, ...]:
    """Tested views first; the first sentence stands alone."""
    curves = [list(group) for _, group in groupby(points, key=lambda one: (one.arm, one.view))]
    curves.sort(key=lambda curve: (curve[-1].role != "test", -(curve[-1].rho or 0.0)))
    said = [_of_curve(curve) for curve in curves]
    return (*said, *dict.fromkeys(f"Not defined with {p.n_subjects}: {p.reason}" for p in points if p.reason))


def _of_curve(curve: Sequence[SubsamplePoint]) -> str:
    control = ", a negative control" if curve[0].role != "test" else ""
    known = [one for one in curve if one.rho is not None]
    values = [f"{format_number(one.rho)} with {format_number(one.n_subjects)} subjects" for one in known]
    whole = values.pop()
    text = f"{curve[0].arm_label} × {curve[0].view}{control}: held-out ρ₁ is "
    text += f"{', '.join(values)} and {whole}" if values else whole
    last = next((one for one in reversed(known[:-1]) if None not in one.studies), None)
    if last is None:
        return f"{text}."
    return (
        f"{text}; {format_interval(last.studies).removeprefix('95 % interval ')} holds 95 % of further studies of "
        f"{format_number(last.n_subjects)}."
    )


def _trial(one: SubsamplePoint) -> Trial:
    assert one.rho is not None
    return Trial(
        name=f"{one.arm} x {one.view}, {one.n_subjects} subjects",
        params={"encoder.name": one.arm, "brain.view": one.view, "n_subjects": one.n_subjects},
        metrics={"heldout/rho_1": one.rho},
    )


def draw(result: SubsampleResult, folder: Path) -> dict[str, Path]:
    """One curve per arm and view."""
    import pandas as pd

    drawn = {}
    for (arm, view), group in groupby(result.points, key=lambda one: (one.arm, one.view)):
        points, name = list(group), f"subsample__{arm}__{view}"
        table = SubsampleResult(points=tuple(points), n_draws=0, answer=(), metrics={}, trials=()).tables["subsamples"]
        drawn[name] = save_figure(subsample_figure(points), folder / f"{name}.svg", pd.DataFrame(table))
    return drawn
