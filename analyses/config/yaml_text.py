"""YAML as this project reads it: plain data, every key once, and never more of it than the file holds."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml

from analyses.errors import InputError
from encoders.damage import describe_long_name, how_absent

LARGEST = 100_000
"""Values that a text may stand for once its aliases are followed: far beyond any configuration."""

_DATE = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """PyYAML's own takes the last of two equal keys, and reads ``2001-01-01`` as a date: no option is one."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        letter: [(tag, pattern) for tag, pattern in resolvers if tag != _DATE]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        first: dict[str, tuple[int, int]] = {}
        for key, _ in node.value:
            place = key.start_mark.line + 1, key.start_mark.column
            if isinstance(key, yaml.ScalarNode) and key.value != "<<" and first.setdefault(key.value, place) != place:
                earlier, line = first[key.value][0], place[0]
                where = f"in line {earlier} and again in line {line}" if earlier != line else f"twice in line {line}"
                raise yaml.YAMLError(f"the key '{key.value}' stands {where}; keep one")
        return super().construct_mapping(node, deep=deep)


def read_text(path: Path) -> str:
    """Text of a file in UTF-8, with or without a byte order mark.

    Raises
    ------
    InputError
        The file is missing, cannot be read, or is not UTF-8.
    """
    try:
        if not path.is_file():
            raise InputError(f"A configuration file is required; {path} {how_absent(path)}. Check the path.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            describe_long_name(error) or f"A configuration file must be readable; {path} is not ({error.strerror})."
        ) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError(
            f"A configuration file must be UTF-8; {path} is not, in line {line}. Save it in that encoding."
        ) from None


def parse_yaml(text: str, where: str) -> Any:
    """What a text holds: mappings, lists, text, numbers, truth values.

    Parameters
    ----------
    text : str
    where : str
        Names the text in messages.

    Raises
    ------
    InputError
        It is no YAML, names a key twice, or stands for more than `LARGEST` values.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > LARGEST:
            raise yaml.YAMLError(f"its aliases stand for more than {LARGEST:,} values")
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{where} is not valid YAML: {_reason(error)}.") from None
    except (KeyError, AttributeError, IndexError, TypeError):  # PyYAML trusts tags: !!bool maybe, !!timestamp soon
        raise InputError(f"{where} is not valid YAML: a value is not what its tag (!!) says.") from None
    except RecursionError:
        raise InputError(f"{where} is not valid YAML: it is nested too deeply.") from None


def find_line(path: Path, place: Sequence[str | int]) -> int | None:
    """Line, from 1, of the deepest key or list item of a place that a file holds; None if it holds not even the first.

    Parameters
    ----------
    path : Path
        YAML that has been read; ``${VARIABLE}`` may stand in it.
    place : sequence of str or int
        Keys, and positions in lists.
    """
    text = re.sub(r"\$\{[^}]*\}", "VARIABLE", read_text(path))
    node, line = yaml.compose(text, _Loader), None
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = (node.value[part], node.value[part])
        else:
            found = None
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _reason(error: Exception) -> str:
    """What is wrong and where, without the text around it: that may be long, or nothing that can be printed."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} (line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1})"
    return " ".join(ascii(word)[1:-1] if not word.isprintable() else word for word in str(error).split())


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Values below a node, aliases followed; one that holds itself has no end."""
    if id(node) not in known:
        known[id(node)] = LARGEST + 1  # until it has been counted
        below = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + (0 if isinstance(node, yaml.ScalarNode) else sum(_size(part, known) for part in below))
    return known[id(node)]
