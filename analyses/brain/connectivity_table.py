"""Connectivity tables from time series or images, and tangent space that every fold learns for itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from analyses.errors import InputError
from encoders.brain.canonical_table import fingerprint, write_canonical
from encoders.brain.connectivity.connectivity import Estimator, connectivity_vectors, tangent_vectors
from encoders.brain.connectivity.images import Confounds, extract_timeseries
from encoders.brain.connectivity.timeseries import TimeSeries, drop_constant_rois, read_timeseries
from encoders.brain.connectivity.visits import Visits
from encoders.brain.headers.choice import describe_facts, list_names
from encoders.brain.records import Records
from encoders.damage import how_absent, refused_if_damaged
from encoders.tables.quoting import quote_some


@dataclass(frozen=True)
class ConnectivityRequest:
    """What `genebrain brain connectivity` was told; see its help."""

    timeseries: Path | None = None
    images: tuple[Path, ...] = ()
    labels: Path | None = None
    lut: Path | None = None
    confounds: Confounds = "simple"
    filters: dict[str, float | None] = field(default_factory=dict)
    kind: Literal["correlation", "partial", "covariance", "tangent"] = "correlation"
    fit_on: Path | None = None
    constant_rois: str = "any"
    fisher_z: bool = True
    estimator: Estimator = "ledoit-wolf"
    id_regex: str | None = None
    strip_prefixes: tuple[str, ...] = ()
    header: bool | None = None
    visits: Visits = field(default_factory=Visits)


def write_connectivity(request: ConnectivityRequest, output: Path) -> dict[str, Any]:
    """Compute connectivity and write it as a canonical table.

    Returns
    -------
    dict
        Counts, notes and settings: no subject id.

    Raises
    ------
    InputError
        Neither or both of time series and images, tangent space without the subjects to learn it from; and what
        reading and computing refuse.
    """
    read = _read(request)
    kept = drop_constant_rois(read, request.constant_rois)
    if request.kind == "tangent":
        covariances, names = connectivity_vectors(kept, "covariance", estimator=request.estimator)
        edges = tangent_vectors(covariances, _reference(request, kept.subject_ids))
    else:
        edges, names = connectivity_vectors(kept, request.kind, fisher_z=request.fisher_z, estimator=request.estimator)
    sources = request.images or ((request.timeseries,) if request.timeseries else ())
    n_timepoints = [len(series) for series in kept.series]
    settings = {
        "kind": request.kind,
        "fisher_z": request.fisher_z and request.kind in ("correlation", "partial"),
        "estimator": request.estimator,
        "constant_rois": request.constant_rois,
    }
    facts = {
        "connectivity": settings,
        "rois": list(kept.roi_names),
        "notes": list(kept.notes),
        "left_out": dict(kept.left_out),
    }
    records = Records(kept.subject_ids, names, edges, str(output), keys={}, fd=None, covariates={}, notes=kept.notes)
    listed = [{"path": str(path), "sha256": fingerprint(path)} for path in sources]
    write_canonical(output, records, {**facts, "sources": listed})
    return {
        "output": str(output),
        "n_subjects": len(kept.subject_ids),
        "n_read": len(read.subject_ids),
        "n_rois": len(kept.roi_names),
        "rois": list(kept.roi_names),
        "left_out": dict(kept.left_out),
        "n_edges": len(names),
        "n_timepoints": [min(n_timepoints), max(n_timepoints)],
        **settings,
        "notes": list(kept.notes),
    }


def _read(request: ConnectivityRequest) -> TimeSeries:
    if (request.timeseries is None) == (not request.images):
        raise InputError("Connectivity needs either --timeseries or --images with --labels; give one of them.")
    if request.timeseries is not None:
        return read_timeseries(
            request.timeseries,
            id_regex=request.id_regex,
            strip_prefixes=request.strip_prefixes,
            header=request.header,
            visits=request.visits,
        )
    if request.labels is None:
        raise InputError("Images need a label image to take regions from; --labels was not given.")
    return extract_timeseries(
        request.images,
        request.labels,
        lut=request.lut,
        confounds=request.confounds,
        id_regex=request.id_regex,
        filters=request.filters,
        visits=request.visits,
    )


def _reference(request: ConnectivityRequest, subject_ids: Sequence[str]) -> np.ndarray:
    if request.fit_on is None:
        raise InputError(
            "Tangent space is learnt from training subjects; --fit-on was not given: name a file with their ids, or "
            "write --kind covariance and let each fold learn it (connectivity: tangent in the YAML)."
        )
    if not request.fit_on.is_file():
        raise InputError(f"--fit-on must name a file of subject ids; {request.fit_on} {how_absent(request.fit_on)}.")
    with refused_if_damaged(request.fit_on, "text in UTF-8 with one id a line"):
        text = request.fit_on.read_text(encoding="utf-8-sig")
    wanted = [line.strip() for line in text.splitlines() if line.strip()]
    place = {subject: row for row, subject in enumerate(subject_ids)}
    absent = [subject for subject in wanted if subject not in place]
    if absent or not wanted:
        raise InputError(f"Every id of {request.fit_on} must have time series; absent: {quote_some(absent) or 'all'}.")
    return np.array([place[subject] for subject in dict.fromkeys(wanted)])


def describe_connectivity(summary: dict[str, Any], *, as_json: bool) -> str:
    """The account for a reader or as JSON."""
    if as_json:
        return json.dumps(summary, indent=1)
    low, high = summary["n_timepoints"]
    left_out = [f"Left out: {describe_facts(summary['left_out'])}."] if summary["left_out"] else []
    lines = [
        *summary["notes"],
        f"Regions: {list_names(summary['rois'])}.",
        *left_out,
        f"{summary['kind']} of {summary['n_rois']} regions ({summary['estimator']} covariance"
        f"{', Fisher z' if summary['fisher_z'] else ''}), {low} to {high} time points.",
        f"{summary['n_subjects']} of {summary['n_read']} subjects x {summary['n_edges']} edges -> {summary['output']}",
    ]
    return "\n".join(lines)
