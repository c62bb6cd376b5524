"""What a labelled set says of itself: ``task.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.publishing import write_whole

TaskKind = Literal["binary", "multiclass", "multilabel", "regression"]

CARD_NAME = "task.yaml"
FORMAT = 1
_LARGEST = 2**20


@dataclass(frozen=True)
class TaskCard:
    """Name, kind and classes of a labelled set, and where it comes from.

    Parameters
    ----------
    name : str
    kind : {"binary", "multiclass", "multilabel", "regression"}
    classes : tuple of str
        In the order of their numbers in the column ``label``; empty for a regression.
    provenance : mapping
        Plain data: files with their hashes, rules, seed, counts.
    """

    name: str
    kind: TaskKind
    classes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = {
            "binary": len(self.classes) != 2,
            "multiclass": len(self.classes) < 3,
            "multilabel": not self.classes,
            "regression": bool(self.classes),
        }[self.kind]
        if wrong or len(set(self.classes)) < len(self.classes):
            needed = {"binary": "two", "multiclass": "three or more", "multilabel": "some", "regression": "no"}
            raise InputError(
                f"Task {self.name} is {self.kind} and needs {needed[self.kind]} different classes; got "
                f"{', '.join(self.classes) or 'none'}: correct kind or classes."
            )


class _Loader(yaml.SafeLoader):
    """Without aliases, by which a small file may stand for a large one."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it holds an alias")
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def read_card(folder: Path) -> TaskCard | None:
    """The card of a labelled set; None where the folder has none, as plain csv of others.

    Raises
    ------
    InputError
        It is no card, or of another format.
    """
    path = folder / CARD_NAME
    if not path.is_file():
        return None
    with refused_if_damaged(path, "the card of a labelled set"):
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST:,} bytes")
        read = yaml.load(path.read_text("utf-8"), _Loader)
    if not isinstance(read, dict) or read.get("format") != FORMAT:
        found = read.get("format") if isinstance(read, dict) else type(read).__name__
        raise InputError(
            f"{path} must be the card of a labelled set in format {FORMAT}; got {found!r}: make the set again, or "
            "delete the card to read the csv files alone."
        )
    name, kind, classes = read.pop("name", None), read.pop("kind", None), read.pop("classes", [])
    if not isinstance(name, str) or not isinstance(kind, str) or not _are_names(classes):
        raise InputError(
            f"{path} needs name and kind as text and classes as a list of names (quote yes and no): correct the card."
        )
    if kind not in get_args(TaskKind):
        raise InputError(f"{path}: kind must be one of {', '.join(get_args(TaskKind))}; got {kind!r}: correct it.")
    del read["format"]
    try:
        return TaskCard(name, kind, tuple(map(str, classes)), read)  # type: ignore[arg-type]  # checked above
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _are_names(classes: object) -> bool:
    return isinstance(classes, list) and all(type(one) in (str, int) for one in classes)


def write_card(folder: Path, card: TaskCard) -> None:
    """Write ``task.yaml``."""
    told = {"format": FORMAT, "name": card.name, "kind": card.kind, "classes": list(card.classes), **card.provenance}
    text = yaml.dump(told, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    write_whole(folder / CARD_NAME, text)
