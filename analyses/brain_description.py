"""The summary of a brain table as a reader sees it."""

import json
from typing import Any

from analyses.brain_import import overlap_lines

_SHOWN = 12


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
        ("suspected_codes", "columns seem to hold a code for missing values (declare it as missing)"),
    ):
        lines += [f"{len(summary[key])} {what}: {_some(summary[key])}"] if summary[key] else []
    lines += ["", f"{'group':<32}  {'columns':>7}  {'missing':>7}  range"]
    for group in summary["groups"][:_SHOWN]:
        bounds = "no values" if group["min"] is None else f"{group['min']:.6g} to {group['max']:.6g}"
        lines.append(f"{group['group'][:32]:<32}  {group['n_columns']:>7}  {group['n_missing']:>7}  {bounds}")
    rest = summary["groups"][_SHOWN:]
    return lines + ([f"and {len(rest)} groups more (--json shows all)"] if rest else [])


def _some(items: Any) -> str:
    shown = [f"{name} ({of})" for name, of in items.items()] if isinstance(items, dict) else list(items)
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
