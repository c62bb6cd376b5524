"""What a brain table holds, before anyone decides on it: counts, gaps, odd values; refuses nothing it can count."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.brain.table_import import overlap_lines
from encoders.brain.headers.choice import describe_facts, find_facts
from encoders.brain.ids import BLANK, find_id_name
from encoders.brain.import_options import ImportOptions
from encoders.brain.layouts.sources import open_source
from encoders.brain.layouts.wide import find_dialect
from encoders.errors import InputError
from encoders.tables import FLOAT_ID, codes_among_numbers, name_codes
from fusion.views.overlap import align_subjects

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class _Content:
    """Ids and columns of a source as they stand."""

    sentence: str
    notes: tuple[str, ...]
    ids: list[str]
    id_column: str | None
    columns: dict[str, NDArray[np.float64]]
    text: list[str]
    mixed: dict[str, list[str]]
    facts: dict[str, str]


def summarise(
    path: Path, options: ImportOptions | None = None, *, against: Path | None = None, show_ids: bool = False
) -> dict[str, Any]:
    """Count what a source holds.

    Parameters
    ----------
    against : Path, optional
        Another source: the summary then says which subjects both have.
    show_ids : bool
        Name a few subjects; otherwise they are only counted.

    Returns
    -------
    dict
        JSON.
    """
    options = options or ImportOptions()
    content = _read(path, options)
    columns = content.columns
    counts = Counter(content.ids)
    repeated = [value for value, n in counts.items() if n > 1 and value.lower() not in BLANK]
    floats = [value for value in counts if FLOAT_ID.fullmatch(value)]
    summary: dict[str, Any] = {
        "path": str(path),
        "detected": content.sentence,
        "notes": list(content.notes),
        "id_column": content.id_column,
        "n_rows": len(content.ids),
        "n_subjects": sum(value.lower() not in BLANK for value in counts),
        "n_blank_ids": sum(n for value, n in counts.items() if value.lower() in BLANK),
        "n_repeated_ids": len(repeated),
        "n_float_ids": len(floats),
        "n_numeric": len(columns),
        "text_columns": content.text,
        "mixed_columns": content.mixed,
        "no_features": content.facts,
        "n_missing": int(sum(np.isnan(of).sum() for of in columns.values())),
        "columns_with_missing": {name: int(np.isnan(of).sum()) for name, of in columns.items() if np.isnan(of).any()},
        "columns_with_infinite": [name for name, of in columns.items() if np.isinf(of).any()],
        "constant_columns": [name for name, of in columns.items() if _is_constant(of)],
        "suspected_codes": {name: list(codes) for name, of in columns.items() if (codes := codes_among_numbers(of))},
        "groups": _groups(columns),
    }
    if against is not None:
        summary["overlap"] = _overlap(path, content, against, options)
    if show_ids:
        summary["examples"] = {"ids": list(counts)[:5], "repeated": repeated[:5], "floats": floats[:5]}
    return summary


def _read(path: Path, options: ImportOptions) -> _Content:
    source = open_source(path, options)
    if not source.is_table:
        records = source.records()
        columns = dict(zip(records.names, records.values.T, strict=True))
        return _Content(
            source.detection.sentence, records.notes, list(records.ids), None, columns, [], {}, dict(records.left_out)
        )
    sheet = source.sheet()
    id_column = options.id_column or find_dialect(sheet.names).id_column or find_id_name(sheet.names)
    if options.id_column is not None and id_column not in sheet.names:
        raise InputError(f"{path} has no column {id_column!r}; its columns are {', '.join(sheet.names[:8])}.")
    columns, text, mixed = {}, [], {}
    for name in sheet.names:
        if name == id_column:
            continue
        values, odd = sheet.numbers(name, options.missing_codes)
        if odd and values.notna().any():
            mixed[name] = odd[:3]
        elif odd:
            text.append(name)
        else:
            columns[name] = values.to_numpy()
    ids = [] if id_column is None else [_as_text(value) for value in sheet.frame[id_column]]
    rows = ids or [f"row {i + 1}" for i in range(len(sheet.frame))]
    facts = {name: said for name, said in find_facts(sheet.names).items() if name != id_column}
    return _Content(source.detection.sentence, sheet.notes, rows, id_column, columns, text, mixed, facts)


def _as_text(value: object) -> str:
    return "" if value is None or value != value else str(value).strip()


def _is_constant(values: NDArray[np.float64]) -> bool:
    present = values[~np.isnan(values)]
    return not present.size or bool((present == present[0]).all())


def _groups(columns: dict[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
    """Columns whose names begin and end alike, with their range."""
    members: dict[str, list[str]] = {}
    for name in columns:
        members.setdefault(_group_name(name), []).append(name)
    described = [_describe_group(group, [columns[name] for name in names]) for group, names in members.items()]
    return sorted(described, key=lambda group: -group["n_columns"])


def _group_name(name: str) -> str:
    parts = re.split(r"[_.]", re.sub(r"\d+", "#", name))
    return (
        name if len(parts) == 1 and parts[0] == name else parts[0] if len(parts) == 1 else f"{parts[0]}_*_{parts[-1]}"
    )


def _describe_group(group: str, columns: Sequence[NDArray[np.float64]]) -> dict[str, Any]:
    values = np.concatenate(columns)
    finite = values[np.isfinite(values)]
    bounds = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
    return {
        "group": group,
        "n_columns": len(columns),
        "n_missing": int(np.isnan(values).sum()),
        "min": bounds[0],
        "max": bounds[1],
    }


def _overlap(path: Path, content: _Content, against: Path, options: ImportOptions) -> list[dict[str, Any]]:
    """Overlap of the distinct ids; repeats are told beside it."""
    other = _read(against, ImportOptions(id_regex=options.id_regex, strip_prefixes=options.strip_prefixes))
    distinct = {p.name: list(dict.fromkeys(c.ids)) for p, c in ((path, content), (against, other))}
    rows = align_subjects(distinct).to_dict()
    for row, ids in zip(rows, (content.ids, other.ids), strict=True):
        row["n_repeated_rows"] = len(ids) - len(set(ids))
    return rows


_SHOWN, _NAMED = 12, 5


def describe_summary(summary: dict[str, Any], *, as_json: bool) -> str:
    """The summary for a reader or as JSON."""
    if as_json:
        return json.dumps(summary, indent=1)
    lines = [summary["detected"], *summary["notes"], *_id_lines(summary), *_column_lines(summary)]
    if "overlap" in summary:
        lines += ["", *overlap_lines(summary["overlap"])]
        lines += [f"{row['table']}: {row['n_repeated_rows']} rows repeat an id." for row in summary["overlap"]]
    for kind, ids in summary.get("examples", {}).items():
        lines += [f"{kind}: {', '.join(ids)}"] if ids else []
    return "\n".join(lines)


def _id_lines(summary: dict[str, Any]) -> list[str]:
    named = summary["id_column"]
    where = f" (column {named!r})" if named else ""
    lines = [f"{summary['n_rows']} rows, {summary['n_subjects']} distinct subjects{where}."]
    for key, what in (
        (
            "n_repeated_ids",
            "ids repeat: an import refuses them unless a session, run or window column tells them apart",
        ),
        ("n_blank_ids", "rows have no id"),
        ("n_float_ids", "ids are floating-point numbers: restore the original ids"),
    ):
        lines += [f"{summary[key]} {what}."] if summary[key] else []
    return lines


def _column_lines(summary: dict[str, Any]) -> list[str]:
    lines = [f"{summary['n_numeric']} numeric columns, {summary['n_missing']} missing values."]
    for key, what in (
        ("text_columns", "columns of text"),
        ("mixed_columns", "columns of numbers and words"),
        ("columns_with_missing", "columns with missing values"),
        ("columns_with_infinite", "columns with infinite values"),
        ("constant_columns", "constant columns"),
    ):
        lines += [f"{len(summary[key])} {what}: {_some(summary[key])}"] if summary[key] else []
    if coded := summary["suspected_codes"]:
        lines.append(
            f"{len(coded)} columns seem to hold codes for missing values (declare them as missing): "
            f"{name_codes(coded, _NAMED)}"
        )
    if summary["no_features"]:
        lines.append(f"No features by their names: {describe_facts(summary['no_features'])}.")
    lines += ["", f"{'group':<32}  {'columns':>7}  {'missing':>7}  range"]
    for group in summary["groups"][:_SHOWN]:
        bounds = "no values" if group["min"] is None else f"{group['min']:.6g} to {group['max']:.6g}"
        lines.append(f"{group['group'][:32]:<32}  {group['n_columns']:>7}  {group['n_missing']:>7}  {bounds}")
    rest = summary["groups"][_SHOWN:]
    return lines + ([f"and {len(rest)} groups more (--json shows all)"] if rest else [])


def _some(items: Any) -> str:
    shown = [f"{name} ({of})" for name, of in items.items()] if isinstance(items, dict) else list(items)
    return ", ".join(shown[:_NAMED]) + (f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else "")
