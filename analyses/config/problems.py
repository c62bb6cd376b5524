"""All that is wrong with a configuration, at once: each problem with its key and the line it stands in."""

from __future__ import annotations

import difflib
import math
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from analyses.config.yaml_text import find_line
from analyses.errors import InputProblemsError
from analyses.validation import in_words

AnyConfig = TypeVar("AnyConfig", bound=BaseModel)

_LONGEST = 120

Place = tuple[str | int, ...]
"""Keys, and positions in lists, from the top of the configuration."""


def validate(
    tree: Mapping[str, Any], path: Path, overridden: Sequence[str] = (), *, model: type[AnyConfig]
) -> AnyConfig:
    """A configuration, if nothing is wrong with it.

    Parameters
    ----------
    tree : mapping
        Keys and values, paths resolved.
    path : Path
        The file they came from, for lines.
    overridden : sequence of str
        Keys that came from elsewhere, ``a.b``.
    model : type of BaseModel
        What it is the configuration of.

    Raises
    ------
    InputProblemsError
        Unknown keys, with the nearest known one, and whatever the sections refuse.
    """
    unknown = dict(_unknown_keys(model, tree, ()))
    try:
        config = model.model_validate(_without(tree, unknown))
        refused: dict[Place, str] = {}
    except ValidationError as error:
        refused = _refused(error, tree)
    if problems := {**unknown, **refused}:
        found = sorted(_found(place, problem, path, overridden) for place, problem in problems.items())
        raise InputProblemsError(str(path), [sentence for _, sentence in found])
    return config


def _found(place: Place, problem: str, path: Path, overridden: Sequence[str]) -> tuple[float, str]:
    """A problem by its line; what stands in no line of the file comes last."""
    key = ".".join(map(str, place))
    if any(f"{key}.".startswith(f"{one}.") for one in overridden):
        return math.inf, f"--set: {problem}"
    line = find_line(path, place)
    return (line, f"line {line}: {problem}") if line else (math.inf, problem)


def _refused(error: ValidationError, tree: Mapping[str, Any]) -> dict[Place, str]:
    """One problem a place: of a value that may be of several types, what each of them says."""
    said: dict[Place, list[Any]] = {}
    errors = error.errors()
    places = [one["loc"] for one in errors]
    for one in errors:
        if one["type"] == "too_short" and any(_is_within(x, one["loc"]) for x in places):
            continue  # a list whose items are refused is empty for pydantic
        said.setdefault(_place(one["loc"], tree), []).append(one)
    return {place: _sentence(place, found) for place, found in said.items()}


def _is_within(place: Place, list_: Place) -> bool:
    return len(place) > len(list_) and place[: len(list_)] == list_


def _place(location: Sequence[str | int], tree: Any) -> Place:
    """What of a location stands in the file, and the key that is missing there; the rest names types."""
    place: list[str | int] = []
    for part in location:
        if isinstance(tree, Mapping) and part != "[key]":
            place.append(part)
            if part not in tree:
                break
            tree = tree[part]
        elif isinstance(tree, list) and isinstance(part, int):
            place.append(part)
            tree = tree[part]
        else:
            break
    return tuple(place)


def _sentence(place: Place, found: Sequence[Mapping[str, Any]]) -> str:
    where = ".".join(map(str, place)) or "the configuration"
    message = ", or ".join(dict.fromkeys(in_words(one) for one in found))
    first = found[0]
    came = (
        f"; got {_shown(first['input'])}"
        if first["type"] != "missing" and not isinstance(first["input"], dict | list)
        else ""
    )
    hint = "; write it in quotes" if first["type"] in {"string_type", "path_type"} else ""
    return f"{where}: {message}{came}{hint}."


def _shown(value: Any) -> str:
    """A value as YAML has it, shortened."""
    said = {"None": "null", "True": "true", "False": "false"}.get(repr(value), repr(value))
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]} ..."


def _unknown_keys(model: type[BaseModel], tree: Any, above: Place) -> Iterator[tuple[Place, str]]:
    if not isinstance(tree, Mapping):
        return
    known = model.model_fields
    for key, value in tree.items():
        place = (*above, key)
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"known keys: {', '.join(known)}."
            yield place, f"Unknown configuration key '{'.'.join(map(str, place))}'; {hint}"
            continue
        for child in sections_of(known[key].annotation):
            if isinstance(value, list):
                for number, item in enumerate(value):
                    yield from _unknown_keys(child, item, (*place, number))
            elif key == "brain" and isinstance(value, Mapping):
                for name, item in value.items():
                    yield from _unknown_keys(child, item, (*place, name))
            else:
                yield from _unknown_keys(child, value, place)


def _without(tree: Any, left_out: Mapping[Place, str], above: Place = ()) -> Any:
    """The tree without some of its keys."""
    if isinstance(tree, Mapping):
        kept = {key: value for key, value in tree.items() if (*above, key) not in left_out}
        return {key: _without(value, left_out, (*above, key)) for key, value in kept.items()}
    if isinstance(tree, list):
        return [_without(item, left_out, (*above, number)) for number, item in enumerate(tree)]
    return tree


def sections_of(annotation: Any) -> list[type[BaseModel]]:
    """Sections that a value may be, or hold."""
    arguments = typing.get_args(annotation)
    if not arguments:
        return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
    return [section for argument in arguments for section in sections_of(argument)]
