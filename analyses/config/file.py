"""YAML to a validated configuration; unknown keys are refused with a suggestion.

Input paths are relative to the YAML file's folder, output paths to the current folder; ``${VARIABLE:-default}`` is
replaced from the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from analyses.config.assignments import assign
from analyses.config.problems import AnyConfig, validate
from analyses.config.run_config import RunConfig
from analyses.config.shipped_arms import find_arm
from analyses.config.yaml_text import parse_yaml, read_text
from analyses.errors import InputError

_INPUT_PATHS = {"reference", "annotation", "variants", "callable_regions", "path", "truth", "source"}
_INPUT_PATHS |= {"labels", "lut", "coordinates"}  # of an atlas
_INPUT_PATHS |= {"pedigree", "kinship_table", "gene_sets"}
_INPUT_PATHS |= {"replicate", "results"}  # a results folder that is read
_INPUT_PATHS |= {"bpe", "motifs", "annotations"}
_INPUT_PATHS |= {"sets", "probe"}  # labelled sets; the results of their probes
_OUTPUT_PATHS = {"output", "store"}


def load_config(path: Path, overrides: Sequence[str] = (), *, variables: Mapping[str, str] | None = None) -> RunConfig:
    """Read, override and validate one YAML file.

    Parameters
    ----------
    path : Path
        The YAML file. An entry of ``encoders`` may be the path of another YAML file holding one arm, or the name of an
        arm that is shipped. ``name`` is the file's where it is not given, ``output`` then ``results/<name>``.
    overrides : sequence of str
        ``a.b=c`` assignments as `analyses.config.assignments.assign` takes them (``encoders.0.options.k=6``).
    variables : mapping of str to str, optional
        Values of ``${VARIABLE}`` that come before the environment's.

    Raises
    ------
    InputError
        The file is missing or no YAML mapping; or keys are unknown (with the nearest known one) and values refused: all
        of them at once, with their lines.
    """
    known = {**os.environ, **(variables or {})}
    tree = _read_extended(path, known)
    tree = {"name": path.stem, **tree}
    for assignment in overrides:
        assign(tree, assignment, RunConfig)
        _read_arms(tree, path, known)  # an override may name other files, and the next one a key of theirs
    tree = _resolve_paths(tree, base=path.parent.resolve())
    tree.setdefault("output", str(Path("results").absolute() / str(tree["name"])))
    return validate(tree, path, [assignment.partition("=")[0] for assignment in overrides], model=RunConfig)


def load_sections(path: Path, overrides: Sequence[str], model: type[AnyConfig]) -> AnyConfig:
    """Read, override and validate one YAML file of another command than `run`; ``name`` is the file's if not given.

    Parameters
    ----------
    path : Path
        The YAML file; paths in it are relative to it, ``${VARIABLE}`` reads the environment.
    overrides : sequence of str
        ``a.b=c``.
    model : type of BaseModel
        What it is the configuration of.

    Raises
    ------
    InputError
        As `load_config`.
    """
    tree = {"name": path.stem, **_read_yaml(path, os.environ)}
    for assignment in overrides:
        assign(tree, assignment, model)
    tree = _resolve_paths(tree, base=path.parent.resolve())
    return validate(tree, path, [assignment.partition("=")[0] for assignment in overrides], model=model)


def resolved_yaml(config: BaseModel) -> str:
    """The whole configuration, defaults and overrides included, as YAML that ``load_config`` reads back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _read_arms(tree: dict[str, Any], path: Path, variables: Mapping[str, str]) -> None:
    """Replace files, and names of shipped arms, among the encoders by what the files hold."""
    arms = tree.get("encoders")
    if isinstance(arms, list):
        tree["encoders"] = [
            _read_yaml(find_arm(arm, folder=path.parent, where=path), variables) if isinstance(arm, str) else arm
            for arm in arms
        ]


def _read_extended(path: Path, variables: Mapping[str, str], above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A file's keys over those of the file it ``extends``; each file's paths are relative to its own folder."""
    if path.resolve() in above:
        raise InputError(f"{path} extends itself: {' extends '.join(one.name for one in (*above, path))}.")
    tree = _read_yaml(path, variables)
    base = tree.pop("extends", None)
    _read_arms(tree, path, variables)
    tree = _resolve_paths(tree, base=path.parent.resolve())
    if base is None:
        return dict(tree)
    if not isinstance(base, str):
        raise InputError(f"{path}: extends must name one YAML file; got {base!r}.")
    cohort = _read_extended(path.parent / base, variables, (*above, path.resolve()))
    return _beside(_merge(cohort, tree), cohort.get("name", Path(base).stem))


def _beside(tree: dict[str, Any], named: Any) -> dict[str, Any]:
    """Runs that extend the file of one cohort stand together in tracking, under that file's name."""
    tracking = tree.get("tracking", {})
    return tree | {"tracking": {"panel": named, **tracking}} if isinstance(tracking, dict) else tree


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = dict(over)
    for key, value in base.items():
        if isinstance(value, dict) and isinstance(over.get(key), dict):
            both[key] = _merge(value, over[key])
        else:
            both.setdefault(key, value)
    return both


def _read_yaml(path: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    names: list[tuple[str, str | None]] = []

    def stand_in(match: re.Match[str]) -> str:
        names.append((match[1], match[2]))
        return f"GENEBRAIN-VARIABLE-{len(names) - 1}-"

    text = re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", stand_in, read_text(path))
    tree = parse_yaml(text, str(path))
    if not isinstance(tree, dict):
        what = "nothing" if tree is None else "a list" if isinstance(tree, list) else "a single value"
        raise InputError(f"{path} must hold keys with values, one a line; it holds {what}: check the file.")
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
    # A variable may hold a number or a list.
    read = (
        parse_yaml(text, f"{path}: the value of ${{{names[0][0]}}}") if re.fullmatch(r"[\w.+-]*|\[.*\]", text) else text
    )
    return text if read is None else read


def _resolve_paths(node: Any, base: Path, key: str = "") -> Any:
    if isinstance(node, dict):
        # Nothing under brain.NAME.harmonize is a path: its reference is a site. A view may be called harmonize.
        is_text = {"harmonize"} if key != "brain" else set()
        return {name: value if name in is_text else _resolve_paths(value, base, name) for name, value in node.items()}
    if isinstance(node, list):
        return [_resolve_paths(value, base, key) for value in node]
    if isinstance(node, str):
        if key in _OUTPUT_PATHS:
            return os.path.abspath(os.path.expanduser(node))
        # A hub id ("owner/name") is no path: a source is one only if it exists or says so by its first letter.
        is_path = key != "source" or node.startswith((".", "/", "~")) or (base / node).exists()
        if key in _INPUT_PATHS and is_path:
            return os.path.normpath(base / os.path.expanduser(node))
    return node
