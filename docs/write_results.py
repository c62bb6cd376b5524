"""Writes docs/results.md, the files of a results folder and their fields, from the types that are written there.

``make references`` runs it; a test says when the page is behind.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.comparisons import ArmsDescription, Comparison
from analyses.results.schema.experiments import RESULT_TYPES, result_file
from analyses.results.schema.meta_analyses import MetaResult
from analyses.results.schema.runs import GenomeSummary, RunRecord

PAGE = Path(__file__).with_name("results.md")

_HEAD = """# The results folder

Written by `make references` from the types that are written and read. `analyses.results.load_results(folder)` gives
them back as such, with DataFrames beside them. Every JSON file names its format; an older one is read, a newer one is
refused.

| file | holds |
|---|---|
| `report.html` | the report: one file that asks nothing of the network |
| `run.json` | `RunRecord`: cohort, genome, arms, views, provenance |
| `alignments/ARM__VIEW/alignment.json` | `AlignmentSummary`: what one arm and view gave |
| `alignments/ARM__VIEW/null_draws.npz` | draws of each statistic, the observed one first |
| `alignments/ARM__VIEW/*.csv` | canonical correlations, loadings of genes and of brain features |
| `comparison.json`, `comparison/` | `Comparison`: all arms and views as one family of tests; arms as encoders |
| `experiments/NAME.json` | what an experiment beyond alignments found |
| `figures/` | every figure as svg, with the csv behind it |
| `drawn.json` | what the report and its figures were drawn from: what is unchanged is not drawn again |
| `config/resolved.yaml` | the configuration, defaults included |
| `env.json`, `splits.json`, `manifest.json` | versions; folds with hashed ids; finished stages, files, seconds |
| `embed.json`, `embed/` | what was embedded, and what could not be read |
| `probe/` | labelled sets that `experiment: probe` made |
| `tracking.json` | where the run was logged |
| `windows/`, `private/` | haplotypes and scores by subject: for the owner's eyes alone, in no report |"""

_FILES: tuple[tuple[str, type], ...] = (
    ("run.json", RunRecord),
    ("windows/summary.json", GenomeSummary),
    ("alignments/ARM__VIEW/alignment.json", AlignmentSummary),
    ("comparison.json", Comparison),
    ("comparison/arms.json", ArmsDescription),
    *((result_file(name), kind) for name, kind in sorted(RESULT_TYPES.items())),
    ("meta.json", MetaResult),
)


def page() -> str:
    """The whole page."""
    told: set[type] = set()
    parts = [_HEAD]
    for file, kind in _FILES:
        parts.append(f"## {file}")
        parts += [part for one in _within(kind) if one not in told for part in _describe(one, told)]
    return "\n\n".join(parts) + "\n"


def _within(kind: type) -> Iterator[type]:
    """A type, then those of its fields."""
    seen: dict[type, None] = {}

    def walk(one: type) -> None:
        if one in seen:
            return
        seen[one] = None
        for hint in typing.get_type_hints(one, include_extras=False).values():
            for inner in _types_in(hint):
                walk(inner)

    walk(kind)
    yield from seen


def _types_in(hint: Any) -> Iterator[type]:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for inner in typing.get_args(hint):
        yield from _types_in(inner)


def _describe(kind: type, told: set[type]) -> Iterator[str]:
    told.add(kind)
    doc = inspect.getdoc(kind) or ""
    meanings = _meanings(doc)
    hints = typing.get_type_hints(kind, include_extras=False)
    yield f"### {kind.__name__}"
    yield _text(re.split(r"\n\n|\nAttributes\n|\nParameters\n", doc)[0])
    rows = [
        f"| `{field.name}` | {_kind(hints[field.name])} | {meanings.get(field.name, '')} |"
        for field in dataclasses.fields(kind)
    ]
    yield "\n".join(["| field | type | meaning |", "|---|---|---|", *rows])


def _meanings(doc: str) -> dict[str, str]:
    """Field to its description; fields that are described together share one."""
    found: dict[str, str] = {}
    _, _, attributes = doc.partition("\nAttributes\n----------\n")
    for entry in re.split(r"\n(?=\S)", attributes):
        head, _, rest = entry.partition("\n")
        names, _, _ = head.partition(" : ")
        for name in names.split(","):
            found[name.strip()] = _text(rest)
    return found


def _kind(hint: Any) -> str:
    """A type in words."""
    if hint is type(None):
        return "null"
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if origin is tuple:
        inner = [one for one in arguments if one is not Ellipsis]
        return f"list of {_kind(inner[0])}" if Ellipsis in arguments else f"({', '.join(map(_kind, inner))})"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"{_kind(arguments[0])} to {_kind(arguments[1])}"
    if arguments:
        return " or ".join(_kind(one) for one in arguments)
    if dataclasses.is_dataclass(hint):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    words = {"int": "integer", "float": "number", "str": "text", "bool": "true or false"}
    name = getattr(hint, "__name__", str(hint))
    return words.get(name, name)


def _text(doc: str) -> str:
    """A description on one line, as Markdown takes it."""
    joined = " ".join(doc.replace("``", "`").split())
    return joined.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name} is written")
