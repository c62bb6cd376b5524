"""Brain sources of any layout become one canonical table, and what was left out is counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from encoders.brain.canonical_table import fingerprint, write_canonical
from encoders.brain.completeness import complete, join_records
from encoders.brain.headers.choice import describe_facts, list_names
from encoders.brain.import_options import ImportOptions
from encoders.brain.layouts.sources import read_source
from encoders.brain.records import Records, one_row_per_subject
from encoders.brain.tables import Gaps
from encoders.tables import name_codes, suspected_codes
from fusion.views.overlap import align_subjects

_NAMED = 5


def import_brain(
    paths: Sequence[Path], output: Path, options: ImportOptions, *, nan: Gaps = "refuse"
) -> dict[str, Any]:
    """Read sources, join them on subject ids and write the canonical table.

    Parameters
    ----------
    paths : sequence of Path
        Several are put side by side for the subjects they share, e.g. left and right hemisphere.
    output : Path
        Ends in ``.parquet``; written whole or not at all.
    nan : str
        What a missing value does: ``refuse``, ``drop-subjects``, ``mean`` or ``keep``.

    Returns
    -------
    dict
        Layouts, overlap, notes and counts: no subject id.

    Raises
    ------
    encoders.errors.InputError, fusion.errors.InputError
        Bad input, and no subject in common.
    """
    sentences, parts = [], []
    for path in paths:
        records, detection = read_source(path, options)
        sentences.append(detection.sentence)
        parts.append(
            one_row_per_subject(
                records,
                session=options.session,
                session_order=options.session_order,
                run_weights=options.run_weights,
            )
        )
    joined, overlap = _join(paths, parts)
    coded = suspected_codes(joined.names, joined.values)
    table = complete(joined, nan)
    sources = [{"path": str(path), "sha256": fingerprint(path)} for path in paths]
    provenance = {
        "detected": sentences,
        "sources": sources,
        "options": {**_given(options), "nan": nan},
        "notes": list(table.notes),
        "left_out": dict(table.left_out),
    }
    write_canonical(output, table, provenance)
    return {
        "output": str(output),
        "detected": sentences,
        "overlap": overlap,
        "notes": list(table.notes),
        "n_subjects": len(table.ids),
        "n_features": len(table.names),
        "features": list(table.names),
        "left_out": dict(table.left_out),
        "suspected_codes": {name: list(codes) for name, codes in coded.items()},
        "n_constant": int(np.count_nonzero(np.ptp(table.values, axis=0) == 0)),
        "covariates": list(table.covariates),
        "sources": sources,
    }


def _join(paths: Sequence[Path], parts: Sequence[Records]) -> tuple[Records, list[dict[str, Any]]]:
    if len(parts) == 1:
        return parts[0], []
    names = [path.name for path in paths]
    unique = names if len(set(names)) == len(names) else [str(path) for path in paths]
    overlap = align_subjects({name: part.ids for name, part in zip(unique, parts, strict=True)})
    return join_records(parts, [overlap.rows[name] for name in unique]), overlap.to_dict()


def _given(options: ImportOptions) -> dict[str, Any]:
    """The options that differ from their defaults."""
    default = asdict(ImportOptions())
    return {name: value for name, value in asdict(options).items() if value != default[name]}


def describe_import(summary: dict[str, Any], *, as_json: bool) -> str:
    """The account of an import, for a reader or as JSON."""
    if as_json:
        return json.dumps(summary, indent=1)
    lines = [*summary["detected"], *summary["notes"]]
    lines += overlap_lines(summary["overlap"])
    lines.append(f"Features: {list_names(summary['features'])}.")
    if summary["left_out"]:
        lines.append(f"Left out: {describe_facts(summary['left_out'])}.")
    lines.append(f"{summary['n_subjects']} subjects x {summary['n_features']} features -> {summary['output']}")
    if summary["n_constant"]:
        lines.append(f"{summary['n_constant']} features are constant; an analysis leaves them out.")
    if summary["suspected_codes"]:
        coded = summary["suspected_codes"]
        lines.append(
            f"{len(coded)} features seem to hold codes for missing values: {name_codes(coded, _NAMED)}. If so, import "
            "again with --missing."
        )
    if summary["covariates"]:
        lines.append(f"Kept beside the features, as covariates: {', '.join(summary['covariates'])}.")
    return "\n".join(lines)


def overlap_lines(overlap: Sequence[dict[str, Any]]) -> list[str]:
    """The overlap table as text: subjects in each table, in all, left out and why."""
    if not overlap:
        return []
    width = max(len("table"), *(len(row["table"]) for row in overlap))
    lines = [f"{'table':<{width}}  {'n':>7}  {'in all':>7}  left out"]
    for row in overlap:
        reasons = "; ".join(f"{n} {reason}" for reason, n in row["dropped"].items()) or "none"
        lines.append(f"{row['table']:<{width}}  {row['n']:>7}  {row['in_all']:>7}  {reasons}")
    return lines
