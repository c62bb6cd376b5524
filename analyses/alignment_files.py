"""The files of one alignment: summary and tables to publish, null draws to check, held-out scores to keep private."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.workspace import SCHEMA, Workspace, atomic_path

if TYPE_CHECKING:
    from analyses.align import Alignment
    from fusion.results import CrossValidatedCCA

#: Per-subject values live under this folder of the results; tracking and report never read it.
PRIVATE = "private"


def write_alignment(workspace: Workspace, alignment: Alignment, labels: Mapping[str, Any]) -> list[Path]:
    """Write one arm x view.

    Parameters
    ----------
    labels : mapping
        ``arm``, ``arm_label``, ``view``, ``trained``, ``role``.

    Returns
    -------
    list of Path
        Every file written.
    """
    name = f"{labels['arm']}__{labels['view']}"
    folder = f"alignments/{name}"
    summary = {"schema": SCHEMA, **labels, **alignment.summary}
    held_out = alignment.held_out
    files = [
        workspace.write_json(f"{folder}/alignment.json", summary),
        _write_arrays(
            workspace.path(folder, "null_draws.npz"),
            in_sample_r1=alignment.in_sample_null_r1,
            held_out=held_out.null,
        ),
        held_out.save(workspace.path(PRIVATE, f"{name}.npz"), subject_level=True),
    ]
    for table in ("gene_loadings", "roi_loadings"):
        files.append(_write_rows(workspace, f"{folder}/{table}.csv", summary[table]))
    correlations = summary["in_sample"]["canonical_correlations"]
    rows = [{"component": k, "in_sample": r} for k, r in enumerate(correlations, start=1)]
    for row, rho in zip(rows, summary["held_out"]["rho"], strict=False):
        row["held_out"] = rho
    files.append(_write_rows(workspace, f"{folder}/canonical_correlations.csv", rows))
    return files


def read_held_out(workspace: Workspace, arm: str, view: str) -> CrossValidatedCCA:
    """The held-out result with every subject's scores."""
    from fusion.results import CrossValidatedCCA

    held_out: CrossValidatedCCA = CrossValidatedCCA.load(workspace.folder / PRIVATE / f"{arm}__{view}.npz")
    return held_out


def _write_arrays(path: Path, **arrays: np.ndarray) -> Path:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
    return path


def _write_rows(workspace: Workspace, relative: str, rows: list[dict[str, Any]]) -> Path:
    import pandas as pd

    return workspace.write_text(relative, pd.DataFrame(rows).to_csv(index=False))
