"""Every key of a configuration in words: what it takes, its default, and what it means."""

from __future__ import annotations

import difflib
import json
import textwrap
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from analyses.config.problems import sections_of
from analyses.config.run_config import RunConfig
from analyses.errors import InputError

_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_WORDS = {int: "integer", float: "number", str: "text", bool: "true or false", Path: "path", type(None): "null"}
_NAMED = {"brain": "NAME", "encoders": "N", "participants": "N", "confounds": "N"}
"""Sections that a user gives several of: under a name, or as items of a list."""


@dataclass(frozen=True)
class Key:
    """One key: where it stands, what it takes, and what it means.

    Parameters
    ----------
    path : str
        ``alignment.projection``; NAME and N stand for a name and a place in a list.
    kind : str
        What it takes, in words.
    default : str or None
        As YAML writes it, empty where there is none; None where the key must be given.
    meaning : str
    is_section : bool
        Whether it holds keys itself.
    """

    path: str
    kind: str
    default: str | None
    meaning: str
    is_section: bool


def list_keys(model: type[BaseModel] = RunConfig) -> tuple[Key, ...]:
    """All keys of a configuration in the order of its sections."""
    return tuple(_keys(model, ""))


def _keys(model: type[BaseModel], above: str) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        inner = sections_of(field.annotation)
        path = f"{above}{name}"
        yield Key(path, "section" if inner else _kind(field), _default(field), _meaning(field, path), bool(inner))
        place = f"{path}.{_NAMED[name]}." if not above and name in _NAMED else f"{path}."
        for section in inner:
            yield from _keys(section, place)


def _meaning(field: FieldInfo, path: str) -> str:
    if not field.description:
        raise LookupError(f"{path} has no docstring under it")
    return " ".join(field.description.split())


def _kind(field: FieldInfo) -> str:
    bounds = [
        f"{words} {getattr(one, bound)}"
        for one in field.metadata
        for bound, words in _BOUNDS.items()
        if hasattr(one, bound)
    ]
    return " ".join([_words_of(field.annotation), *bounds])


def _words_of(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _words_of(arguments[0])
    if origin in {typing.Union, types.UnionType}:
        return " or ".join(_words_of(one) for one in arguments if one is not type(None))
    if origin is Literal:
        return ", ".join(map(str, arguments[:-1])) + (" or " if arguments[1:] else "") + str(arguments[-1])
    if origin is tuple:
        item = _words_of(arguments[0])
        return f"list of {item}" if arguments[-1] is Ellipsis else f"list of {len(arguments)}, each {item}"
    if origin is dict:
        return "mapping of names to values"
    return _WORDS[annotation]


def _default(field: FieldInfo) -> str | None:
    if isinstance(field.json_schema_extra, dict) and "default" in field.json_schema_extra:
        return str(field.json_schema_extra["default"])
    if field.is_required():
        return None
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel):
        return ""
    return json.dumps(value) if not isinstance(value, str | Path) else str(value) or '""'


def explain(wanted: str | None) -> str:
    """What a key means, or all of them.

    Parameters
    ----------
    wanted : str or None
        A key with its sections, ``alignment.projection``, or its last part alone; a section shows what it holds.

    Raises
    ------
    InputError
        There is no such key; with the nearest.
    """
    keys = list_keys()
    found = keys if wanted is None else _find(wanted, keys)
    return "\n".join(_entry(key) for key in found)


def _find(wanted: str, keys: tuple[Key, ...]) -> tuple[Key, ...]:
    plain = _plain(wanted)
    below = tuple(key for key in keys if f"{_plain(key.path)}.".startswith(f"{plain}."))
    found = below or tuple(key for key in keys if _plain(key.path).rpartition(".")[2] == plain)
    if not found:
        names = {name for key in keys for name in (_plain(key.path), key.path.rpartition(".")[2])}
        near = difflib.get_close_matches(plain, sorted(names), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`genebrain config --explain` lists all keys."
        raise InputError(f"A key of a configuration is required; there is no '{wanted}': {hint}")
    return found


def _plain(path: str) -> str:
    """A path without names and places in lists, whoever wrote them."""
    first, *rest = path.split(".")
    return ".".join([first, *(rest[1:] if first in _NAMED and rest and not _is_key(first, rest) else rest)])


def _is_key(section: str, rest: list[str]) -> bool:
    return rest[0] in sections_of(RunConfig.model_fields[section].annotation)[0].model_fields


def _entry(key: Key) -> str:
    default = "required" if key.default is None else f"default {key.default}" if key.default else "optional"
    head = f"{key.path}  ({key.kind}; {default})" if not key.is_section else f"{key.path}  (section)"
    return head + "\n" + textwrap.fill(key.meaning, 96, initial_indent="    ", subsequent_indent="    ")


def describe_page(model: type[BaseModel] = RunConfig, *, level: int = 2) -> str:
    """The page of the documentation: a table a section, in Markdown, each under a heading of this level."""
    tables: dict[str, list[str]] = {}
    said: dict[str, str] = {"": "Keys that stand at the top."}
    for key in list_keys(model):
        section, _, name = key.path.rpartition(".")
        if key.is_section:
            said[key.path + (f".{_NAMED[key.path]}" if key.path in _NAMED else "")] = key.meaning
            continue
        default = "**required**" if key.default is None else f"`{key.default}`" if key.default else ""
        row = f"| `{name}` | {key.kind} | {default} | {key.meaning} |"
        tables.setdefault(section, []).append(row)
    head = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    return "\n".join(
        line
        for section, rows in tables.items()
        for line in ("", f"{'#' * level} {f'`{section}`' if section else 'Top'}", "", said[section], "", *head, *rows)
    )
