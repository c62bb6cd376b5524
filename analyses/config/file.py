"""YAML to a validated configuration; unknown keys are refused with a suggestion.

Input paths are relative to the YAML file's folder, output paths to the current folder; ``${VARIABLE:-default}`` is
replaced from the environment.
"""

from __future__ import annotations

import difflib
import os
import re
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from analyses.config.run_config import RunConfig
from analyses.errors import InputError

_INPUT_PATHS = {"reference", "annotation", "variants", "callable_regions", "path", "truth", "source"}
_INPUT_PATHS |= {"labels", "lut", "coordinates"}  # of an atlas
_OUTPUT_PATHS = {"output", "store"}


def load_config(path: Path, overrides: Sequence[str] = (), *, variables: Mapping[str, str] | None = None) -> RunConfig:
    """Read, override and validate one YAML file.

    Parameters
    ----------
    path : Path
        The YAML file. An entry of ``encoders`` may be the path of another YAML file holding one arm.
    overrides : sequence of str
        ``a.b=c`` assignments, values parsed as YAML; list items by number (``encoders.0.options.k=6``).
    variables : mapping of str to str, optional
        Values of ``${VARIABLE}`` that come before the environment's.

    Raises
    ------
    InputError
        The file is missing or no YAML mapping, a key is unknown (with the nearest known one), or a value is refused.
    """
    known = {**os.environ, **(variables or {})}
    tree = _read_extended(path, known)
    for assignment in overrides:
        _assign(tree, assignment)
        _read_arms(tree, path.parent, known)  # an override may name other files, and the next one a key of theirs
    tree = _resolve_paths(tree, base=path.parent.resolve())
    _check_keys(RunConfig, tree, where="")
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the configuration"
        came = "" if first["type"] in {"missing", "value_error"} else f"; got {first['input']!r}"
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{path}: {where}: {message}{came}.") from None


def resolved_yaml(config: RunConfig) -> str:
    """The whole configuration, defaults and overrides included, as YAML that ``load_config`` reads back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _read_arms(tree: dict[str, Any], folder: Path, variables: Mapping[str, str]) -> None:
    """Replace file names among the encoders by what the files hold."""
    arms = tree.get("encoders")
    if isinstance(arms, list):
        tree["encoders"] = [_read_yaml(folder / arm, variables) if isinstance(arm, str) else arm for arm in arms]


def _read_extended(path: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """A file's keys over those of the file it ``extends``; each file's paths are relative to its own folder."""
    tree = _read_yaml(path, variables)
    base = tree.pop("extends", None)
    _read_arms(tree, path.parent, variables)
    tree = _resolve_paths(tree, base=path.parent.resolve())
    if base is None:
        return dict(tree)
    if not isinstance(base, str):
        raise InputError(f"{path}: extends must name one YAML file; got {base!r}.")
    return _merge(_read_extended(path.parent / base, variables), tree)


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = dict(over)
    for key, value in base.items():
        if isinstance(value, dict) and isinstance(over.get(key), dict):
            both[key] = _merge(value, over[key])
        else:
            both.setdefault(key, value)
    return both


def _read_yaml(path: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"A configuration file is required; {path} does not exist. Check the path.")
    names: list[tuple[str, str | None]] = []

    def stand_in(match: re.Match[str]) -> str:
        names.append((match[1], match[2]))
        return f"GENEBRAIN-VARIABLE-{len(names) - 1}-"

    text = re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", stand_in, path.read_text(encoding="utf-8"))
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(tree, dict):
        raise InputError(f"{path} must hold a mapping of keys to values; it holds {type(tree).__name__}.")
    expanded: dict[str, Any] = _expand(tree, names, variables, path)
    return expanded


def _expand(node: Any, names: Sequence[tuple[str, str | None]], variables: Mapping[str, str], path: Path) -> Any:
    """Put values in the places of variables once YAML has been read: in a folder called ``a #1`` is no comment."""
    if isinstance(node, dict):
        return {key: _expand(value, names, variables, path) for key, value in node.items()}
    if isinstance(node, list):
        return [_expand(value, names, variables, path) for value in node]
    if not isinstance(node, str):
        return node

    def value_of(match: re.Match[str]) -> str:
        variable, default = names[int(match[1])]
        value = variables.get(variable, default)
        if value is None:
            raise InputError(f"{path} uses ${{{variable}}}, which is not set; export {variable} or write a default.")
        return value

    stand_in = r"GENEBRAIN-VARIABLE-(\d+)-"
    text = re.sub(stand_in, value_of, node)
    if not re.fullmatch(stand_in, node):
        return text
    read = (
        yaml.safe_load(text) if re.fullmatch(r"[\w.+-]*|\[.*\]", text) else text
    )  # a variable may hold a number or a list
    return text if read is None else read


def _assign(tree: dict[str, Any], assignment: str) -> None:
    key, separator, text = assignment.partition("=")
    if not separator:
        raise InputError(f"--set needs key=value; got '{assignment}'. Example: --set alignment.n_permutations=1999.")
    *parents, last = key.split(".")
    node: Any = tree
    for part in parents:
        if isinstance(node, list):
            if not part.isdigit() or int(part) >= len(node):
                raise InputError(f"--set {key}: '{part}' is no position in a list of {len(node)} items.")
            node = node[int(part)]
        else:
            node = node.setdefault(part, {})
        if not isinstance(node, dict | list):
            raise InputError(f"--set {key}: '{part}' holds a value, not a section.")
    value = _read_value(text)
    if isinstance(node, list):
        if not last.isdigit() or int(last) >= len(node):
            raise InputError(f"--set {key}: '{last}' is no position in a list of {len(node)} items.")
        node[int(last)] = value
    else:
        node[last] = value


def _read_value(text: str) -> Any:
    """A value as YAML reads it; plain text as it stands, since ``a #1`` and ``a: b`` are names of folders too."""
    if text.lstrip().startswith(("'", '"', "[", "{")):
        return yaml.safe_load(text)
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return text if isinstance(value, str | dict) else value


def _resolve_paths(node: Any, base: Path, key: str = "") -> Any:
    if isinstance(node, dict):
        return {name: _resolve_paths(value, base, name) for name, value in node.items()}
    if isinstance(node, list):
        return [_resolve_paths(value, base, key) for value in node]
    if isinstance(node, str):
        if key in _OUTPUT_PATHS:
            return str(Path(node).expanduser().absolute())
        # A hub id ("owner/name") is no path: a source is one only if it exists or says so by its first letter.
        is_path = key != "source" or node.startswith((".", "/", "~")) or (base / node).exists()
        if key in _INPUT_PATHS and is_path:
            return str(Path(os.path.normpath(base / Path(node).expanduser())))
    return node


def _check_keys(model: type[BaseModel], tree: Any, where: str) -> None:
    """Refuse unknown keys before pydantic does, to name the nearest known one."""
    if not isinstance(tree, dict):
        return
    known = model.model_fields
    for key, value in tree.items():
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"known keys: {', '.join(known)}."
            raise InputError(f"Unknown configuration key '{where}{key}'; {hint}")
        for child in _sections_of(known[key].annotation):
            if isinstance(value, list):
                for number, item in enumerate(value):
                    _check_keys(child, item, f"{where}{key}.{number}.")
            elif key == "brain" and isinstance(value, dict):
                for name, item in value.items():
                    _check_keys(child, item, f"{where}{key}.{name}.")
            else:
                _check_keys(child, value, f"{where}{key}.")


def _sections_of(annotation: Any) -> list[type[BaseModel]]:
    arguments = typing.get_args(annotation)
    if not arguments:
        return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
    return [section for argument in arguments for section in _sections_of(argument)]
