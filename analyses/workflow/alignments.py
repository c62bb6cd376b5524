"""The stage that aligns every arm with every brain view: small ones side by side, large ones by all workers in turn."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from analyses.progress import progress_bar, say
from analyses.run.record import write_run_record

if TYPE_CHECKING:
    from analyses.alignment.recipe import AlignmentOutcome
    from analyses.run.run import Run

Pair = tuple[str, str]
"""An arm and a brain view, by name."""

SIDE_BY_SIDE = 2**24
"""Numbers of a cohort's Gram matrix, or of its widest brain table, up to which each worker may hold its own."""
ALIGNMENTS_A_WORKER = 2
"""Fewer than these, and workers would wait for the last alignments longer than they save."""


def align(run: Run) -> None:
    """Every arm against every brain view: residualise, reduce, align, test."""
    pairs = [(arm, view) for arm in run.specs for view in run.brain]
    stale = [pair for pair in pairs if not run.workspace.is_finished(_stage(pair), run.keys.alignment(*pair))]
    headlines = _align_all(run, stale)
    for number, pair in enumerate(pairs, start=1):
        found = next(headlines) if pair in stale else "up to date"
        say(f"align    {number} of {len(pairs)}: {run.specs[pair[0]].label} x {pair[1]}: {found}")
    write_run_record(run)


def _stage(pair: Pair) -> str:
    return f"align {'__'.join(pair)}"


def _align_all(run: Run, pairs: Sequence[Pair]) -> Iterator[str]:
    """Align pairs and write what was found, in their order; yields headlines."""
    if _fit_side_by_side(run, len(pairs)):
        with progress_bar("align") as advance:
            found = run.engine.map(_align_alone, list(_recipes(run, pairs)))
            for number, (pair, (alignment, seconds)) in enumerate(zip(pairs, found, strict=True), start=1):
                advance(number, len(pairs))
                yield _write(run, pair, alignment, seconds)
        return
    for pair, recipe in zip(pairs, _recipes(run, pairs), strict=True):
        with progress_bar(_stage(pair)) as advance, run.engine.active():
            alignment, seconds = _align_pair(recipe, n_jobs=run.engine.n_jobs, progress=advance)
        yield _write(run, pair, alignment, seconds)


def _fit_side_by_side(run: Run, n_alignments: int) -> bool:
    """Whether each worker takes whole alignments: much of a small one is done by one process alone."""
    engine, n_subjects = run.engine, len(run.cohort.subject_ids)
    if engine.config.backend != "loky" or not 1 < engine.n_jobs <= n_alignments // ALIGNMENTS_A_WORKER:
        return False
    widest = max(len(table.feature_names) for table in run.brain.values())
    return n_subjects * max(n_subjects, widest) <= SIDE_BY_SIDE


def _recipes(run: Run, pairs: Sequence[Pair]) -> Iterator[dict[str, Any]]:
    """Arguments of `align_views`; a gene view is read once for all brain views."""
    from analyses.results.schema.alignments import AlignmentLabels
    from analyses.run.origin import describe_origin

    config = run.config
    last = pairs[-1][0] if pairs else None
    for arm, group in groupby(pairs, key=lambda pair: pair[0]):
        gene_view, spec = run.arms[arm].gene_view(), run.specs[arm]
        views = [view for _, view in group]
        origins = {view: describe_origin(run, arm, view) for view in views}
        narrowest = run.narrowest_arm
        if arm == last:
            run.release_windows()
        for view in views:
            yield {
                "gene_view": gene_view,
                "brain_view": run.brain_view(view),
                "covariates": run.cohort.covariates,
                "labels": AlignmentLabels(arm, spec.label, view, spec.trained, config.brain[view].role),
                "confounds": config.confound_terms,
                "settings": config.alignment,
                "folds": run.folds,
                "seeds": run.seeds,
                "relationship": run.relationship,
                "origin": origins[view],
                "x_available": narrowest,
            }


def _align_pair(recipe: dict[str, Any], **options: Any) -> tuple[AlignmentOutcome, float]:
    """What one arm and view give, and the seconds that it took."""
    from analyses.alignment.recipe import align_views

    begun = time.perf_counter()
    return align_views(**recipe, **options), time.perf_counter() - begun


_align_alone = partial(_align_pair, n_jobs=1)


def _write(run: Run, pair: Pair, alignment: AlignmentOutcome, seconds: float) -> str:
    """Write what was found of one arm and view; returns its headline."""
    from analyses.alignment.files import write_alignment
    from analyses.alignment.summary import shown_summary

    with run.workspace.stage(_stage(pair), run.keys.alignment(*pair), before=seconds) as files:
        summary = shown_summary(alignment.summary, run.cohort.known_ids, run.config.privacy.smallest_count)
        alignment = replace(alignment, summary=summary)
        files += write_alignment(run.workspace, alignment, subject_ids=run.published_ids)
    return alignment.headline()
