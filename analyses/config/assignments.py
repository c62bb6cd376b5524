"""``--set KEY=VALUE``: where a key leads in the configuration, and a value as the option's type takes it."""

from __future__ import annotations

import re
import types
import typing
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from analyses.config.yaml_text import parse_yaml
from analyses.errors import InputError

_SCALARS = {str, Path, int, float, bool}


def assign(tree: dict[str, Any], assignment: str, model: type[BaseModel]) -> None:
    """Put one value in its place.

    Text is text: ``--set output='a #1'`` names a folder, ``2026`` and ``no`` are names where a name is wanted. A list
    or a mapping is written as in YAML, ``[a, b]`` or ``{a: 1}``, and ``null`` where an option may be absent.

    Parameters
    ----------
    tree : dict
        Changed in place; list items by number.
    assignment : str
        ``a.b=value``.
    model : type of BaseModel
        What the tree is to become.

    Raises
    ------
    InputError
        There is no ``=``, or the key leads nowhere.
    """
    key, separator, text = assignment.partition("=")
    if not separator:
        raise InputError(f"--set needs key=value; got '{assignment}'. Example: --set alignment.n_permutations=1999.")
    *parents, last = key.split(".")
    node: Any = tree
    for part in parents:
        node = node[_position(node, part, key)] if isinstance(node, list) else node.setdefault(part, {})
        if not isinstance(node, dict | list):
            raise InputError(f"--set {key}: '{part}' holds a value, not a section.")
    node[_position(node, last, key) if isinstance(node, list) else last] = _value(text, _type_of(model, key), key)


def _position(node: list[Any], part: str, key: str) -> int:
    if not part.isdecimal() or int(part) >= len(node):
        raise InputError(f"--set {key}: '{part}' is no position in a list of {len(node)} items.")
    return int(part)


def _value(text: str, wanted: Any, key: str) -> Any:
    members = _members(wanted)
    if type(None) in members and text == "null":
        return None
    if members and members - {type(None)} <= {str, Path}:
        return text
    if text.startswith(("[", "{")) or (members <= _SCALARS | {type(None)} and re.fullmatch(r"[\w.+-]+", text)):
        return parse_yaml(text, f"--set {key}")
    return text


def _members(wanted: Any) -> set[Any]:
    """The types that a value may have; words to choose from are text."""
    wanted = typing.get_args(wanted)[0] if typing.get_origin(wanted) is typing.Annotated else wanted
    if typing.get_origin(wanted) in {typing.Union, types.UnionType}:
        return set().union(*map(_members, typing.get_args(wanted)))
    return {type(word) for word in typing.get_args(wanted)} if typing.get_origin(wanted) is Literal else {wanted}


def _type_of(model: type[BaseModel], key: str) -> Any:
    """Type of the option that a key names; None where there is none, which is refused later, with the nearest."""
    wanted: Any = model
    for part in key.split("."):
        sections = [one for one in _members(wanted) if isinstance(one, type) and issubclass(one, BaseModel)]
        if sections:
            field = sections[0].model_fields.get(part)
            wanted = field.annotation if field else None
        else:  # an item of a list or a mapping
            wanted = next((one for one in reversed(typing.get_args(wanted)) if one is not Ellipsis), None)
    return wanted
