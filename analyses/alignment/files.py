"""The files of one alignment: summary and tables to publish, null draws to check, held-out scores to keep private."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.errors import InputError
from analyses.formats import table_text
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.serialisation import plain
from analyses.results.subject_ids import PRIVATE
from analyses.results.workspace import Workspace
from encoders.publishing import published_file

if TYPE_CHECKING:
    from analyses.alignment.recipe import AlignmentOutcome
    from fusion import FrozenAlignment
    from fusion.cross_validation.result import CrossValidatedCCA

SCORES = "held_out_scores.csv"
WEIGHTS = f"{PRIVATE}/weights"
"""Fitted weights, of no subject; yet a column that few vary in may tell who was there, so they are private."""


def write_alignment(
    workspace: Workspace, alignment: AlignmentOutcome, *, subject_ids: Sequence[str] | None = None
) -> list[Path]:
    """Write one arm x view.

    Parameters
    ----------
    subject_ids : sequence of str, optional
        Only where the user allows subject-level files: each subject's held-out scores, by id, among what is published.

    Returns
    -------
    list of Path
        Every file written.
    """
    summary, held_out = alignment.summary, alignment.held_out
    name = f"{summary.arm}__{summary.view}"
    folder = f"alignments/{name}"
    files = [
        workspace.write_result(f"{folder}/alignment.json", summary),
        _write_arrays(
            workspace.path(folder, "null_draws.npz"),
            in_sample_r1=alignment.in_sample_null_r1,
            held_out=held_out.null,
            held_out_trace=held_out.trace_null,
        ),
        _write_saved(workspace.path(PRIVATE, f"{name}.npz"), held_out),
        _write_saved(workspace.path(WEIGHTS, f"{name}.npz"), alignment.frozen),
    ]
    tables = {
        "gene_loadings": [plain(loading) for loading in summary.gene_loadings],
        "roi_loadings": [plain(loading) for loading in summary.roi_loadings],
        "canonical_correlations": _correlation_rows(summary),
    }
    if summary.confounds:
        tables["confounds"] = [plain(taken) for taken in summary.confounds]
    files += [_write_rows(workspace, f"{folder}/{table}.csv", rows) for table, rows in tables.items()]
    scores = workspace.path(folder, SCORES)
    if subject_ids is not None:
        files.append(_write_rows(workspace, f"{folder}/{SCORES}", _score_rows(held_out, subject_ids)))
    elif scores.exists():
        scores.unlink()  # of an earlier run that was allowed to
    return files


def _correlation_rows(summary: AlignmentSummary) -> list[dict[str, Any]]:
    """In sample for every component, held out for the leading ones."""
    pairs = zip_longest(summary.in_sample.canonical_correlations, summary.held_out.rho)
    return [{"component": k, "in_sample": r, "held_out": rho} for k, (r, rho) in enumerate(pairs, start=1)]


def _score_rows(held_out: CrossValidatedCCA, subject_ids: Sequence[str]) -> list[dict[str, Any]]:
    if held_out.x_scores is None or held_out.y_scores is None:
        raise InputError("Scores by subject need a held-out result that kept them; this one was saved without.")
    pairs = zip(held_out.x_scores.T, held_out.y_scores.T, strict=True)
    columns: dict[str, Any] = {"subject_id": list(subject_ids), "fold": held_out.folds.assignments.tolist()}
    for k, (x, y) in enumerate(pairs, start=1):
        columns |= {f"genes_{k}": x.tolist(), f"brain_{k}": y.tolist()}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def read_held_out(workspace: Workspace, arm: str, view: str) -> CrossValidatedCCA:
    """The held-out result with every subject's scores."""
    from fusion.cross_validation.result import CrossValidatedCCA

    held_out: CrossValidatedCCA = CrossValidatedCCA.load(workspace.folder / PRIVATE / f"{arm}__{view}.npz")
    return held_out


def compared_files(workspace: Workspace, arms: Sequence[str], views: Sequence[str]) -> list[Path]:
    """What a comparison of alignments reads, every arm by every view."""
    names = [f"{arm}__{view}" for arm in arms for view in views]
    private = [workspace.folder / PRIVATE / f"{name}.npz" for name in names]
    return [*private, *(workspace.folder / "alignments" / name / "alignment.json" for name in names)]


def weights_file(folder: Path, arm: str, view: str) -> Path:
    """Where a results folder keeps the fitted weights of one alignment."""
    return folder / WEIGHTS / f"{arm}__{view}.npz"


def _write_arrays(path: Path, **arrays: np.ndarray) -> Path:
    with published_file(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
    return path


def _write_saved(path: Path, found: CrossValidatedCCA | FrozenAlignment) -> Path:
    """With what is of subjects: every subject's held-out scores."""
    with published_file(path) as temporary, temporary.open("wb") as stream:
        found.write(stream, subject_level=True)
    return path


def _write_rows(workspace: Workspace, relative: str, rows: list[dict[str, Any]]) -> Path:
    import pandas as pd

    return workspace.write_text(relative, table_text(pd.DataFrame(rows)))
