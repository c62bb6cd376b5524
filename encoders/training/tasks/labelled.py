"""The reader of labelled sets: our own folders, and plain csv in the format of the GUE benchmark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from encoders.errors import InputError
from encoders.genome.sequences import clean_sequence, reverse_complement
from encoders.tables.spreadsheets import read_spreadsheet
from encoders.tables.subjects import check_columns
from encoders.training.tasks.card import CARD_NAME, TaskCard, TaskKind, read_card
from encoders.training.tasks.labels import Labels, check_labelled, find_kind, parse_labels

if TYPE_CHECKING:
    import pandas

SPLITS = ("train", "dev", "test")
"""In the order in which they are used."""

_MOST_CLASSES = 100

OverlapPolicy = Literal["refuse", "drop"]


@dataclass(frozen=True, eq=False)
class LabelledSequences:
    """The sequences of one split.

    Parameters
    ----------
    sequences : tuple of str
        Upper case.
    labels : int64 [n], int64 [n, n_classes] or float64 [n]
        Numbers of classes; 0 and 1 for each class of a multi-label set; values of a regression.
    columns : mapping of str to tuple of str
        What else the table holds of each sequence: chromosome, start, end, strand, cluster.
    """

    sequences: tuple[str, ...]
    labels: Labels
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def clusters(self) -> tuple[str, ...]:
        """What is drawn as one in an interval: the column ``cluster``, else each distinct sequence by itself."""
        return self.columns.get("cluster", self.sequences)

    def take(self, rows: Sequence[int]) -> "LabelledSequences":
        """Some of the sequences, in this order."""
        chosen = list(rows)
        columns = {name: tuple(cells[row] for row in chosen) for name, cells in self.columns.items()}
        return LabelledSequences(tuple(self.sequences[row] for row in chosen), self.labels[chosen], columns)


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """A task: its sequences by split.

    Parameters
    ----------
    folder : Path
    name : str
    kind : {"binary", "multiclass", "multilabel", "regression"}
    classes : tuple of str
        Empty for a regression.
    train, dev, test : LabelledSequences
    provenance : mapping
        Of the card; empty for csv of others.
    notes : tuple of str
        What a user is to know of the files.
    """

    folder: Path
    name: str
    kind: TaskKind
    classes: tuple[str, ...]
    train: LabelledSequences
    dev: LabelledSequences
    test: LabelledSequences
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def splits(self) -> dict[str, LabelledSequences]:
        """By name, in the order in which they are used."""
        return {"train": self.train, "dev": self.dev, "test": self.test}

    @property
    def longest(self) -> int:
        """Bases of the longest sequence."""
        return max(len(sequence) for split in self.splits.values() for sequence in split.sequences)


def read_labelled_set(folder: str | Path, *, overlap: OverlapPolicy = "refuse") -> LabelledSet:
    """Read ``train.csv``, ``dev.csv`` and ``test.csv``, each with columns ``sequence`` and ``label``.

    Parameters
    ----------
    folder
        With ``task.yaml``, or without it; then kind and classes are found from the labels.
    overlap : {"refuse", "drop"}
        What becomes of a sequence of train or dev that is in test (or of train that is in dev), as it is or as its
        reverse complement: the set is refused, or the sequence is dropped from the earlier split and told in the notes.

    Raises
    ------
    InputError
        A file or column is missing, a sequence is no DNA or has no label, a class has no training sequence, there is
        one class only, or sequences of test are in train.

    References
    ----------
    Format: Zhou et al. 2024, DNABERT-2 (GUE benchmark), doi:10.48550/arXiv.2306.15006.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"A labelled set is a folder with train.csv, dev.csv and test.csv; {folder} is no folder.")
    card = read_card(folder)
    tables = {name: _Table(folder / f"{name}.csv") for name in SPLITS}
    if card is None:
        cells = [cell for table in tables.values() for cell in table.labels]
        try:
            kind, classes = find_kind(cells)
        except InputError as error:
            raise InputError(f"{folder}: {error}") from None
        _check_found(folder, cells, classes)
        card = TaskCard(folder.name, kind, classes)
    splits = {name: table.sequences(card) for name, table in tables.items()}
    notes = [note for table in tables.values() for note in table.notes]
    notes += _separate(folder, splits, overlap)
    notes += _note_contradictions(splits) if card.kind != "regression" else []
    _check_training(folder, splits, card)
    notes += _note_undefined(splits, card)
    return LabelledSet(
        folder, card.name, card.kind, card.classes, **splits, provenance=card.provenance, notes=(*notes,)
    )


class _Table:
    """One csv file as text."""

    def __init__(self, path: Path) -> None:
        sheet = read_spreadsheet(path)
        check_columns(path, sheet.names, "sequence", "label")
        self.path = path
        self.frame: pandas.DataFrame = sheet.frame.astype(str)
        self.labels: list[str] = self.frame["label"].tolist()
        self.notes = [f"{path.name}: {note}" for note in sheet.notes]
        check_labelled(self.labels, path)

    def sequences(self, card: TaskCard) -> LabelledSequences:
        cleaned = tuple(self._clean(number, text) for number, text in enumerate(self.frame["sequence"], start=1))
        labels = parse_labels(self.labels, card.kind, card.classes, self.path)
        others = [name for name in self.frame.columns if name not in ("sequence", "label")]
        return LabelledSequences(cleaned, labels, {name: tuple(self.frame[name]) for name in others})

    def _clean(self, number: int, text: str) -> str:
        if not text.strip():
            raise InputError(f"Every row needs a sequence; row {number} of {self.path} has none: leave it out.")
        try:
            return clean_sequence(text.strip())
        except InputError as error:
            raise InputError(f"Sequence {number} of {self.path}: {error}") from None


def _check_found(folder: Path, cells: Sequence[str], classes: Sequence[str]) -> None:
    if len(set(cells)) < 2:
        raise InputError(
            f"A task needs two classes or more; all labels of {folder} are {cells[0]}: add sequences of another one."
        )
    if len(classes) > _MOST_CLASSES:
        raise InputError(
            f"Without a card a set has at most {_MOST_CLASSES} classes; labels of {folder} stand for {len(classes)}: "
            f"if they are values, write {CARD_NAME} with format: 1, name and kind: regression beside the csv files."
        )


def _check_training(folder: Path, splits: Mapping[str, LabelledSequences], card: TaskCard) -> None:
    """Every class has to be learnt from some, and to be told from others."""
    for name, split in splits.items():
        if not len(split):
            raise InputError(f"{folder / name}.csv must keep at least one sequence; all of its are in later splits.")
    labels = splits["train"].labels
    if card.kind == "regression":
        if np.ptp(labels) == 0:
            raise InputError(f"Values of a regression must differ; all of {folder / 'train.csv'} are {labels[0]:g}.")
        return
    multi = card.kind == "multilabel"
    counts = labels.sum(axis=0) if multi else np.bincount(labels, minlength=len(card.classes))
    for name, count in zip(card.classes, counts.tolist(), strict=True):
        if count == 0 or (multi and count == len(labels)):
            raise InputError(
                f"Every class needs training sequences with it and without it; class {name} has {count} of "
                f"{len(labels)} in {folder / 'train.csv'}: add some, or correct the classes (numbers count from 0)."
            )


def _strandless(sequence: str) -> str:
    return min(sequence, reverse_complement(sequence))


def _separate(folder: Path, splits: dict[str, LabelledSequences], overlap: OverlapPolicy) -> list[str]:
    """Refuse or drop what an earlier split shares with a later one."""
    notes, later = [], set(map(_strandless, splits["test"].sequences))
    held = "test"
    for name in ("dev", "train"):
        keys = list(map(_strandless, splits[name].sequences))
        shared = [row for row, key in enumerate(keys) if key in later]
        if shared and overlap == "refuse":
            raise InputError(
                f"No sequence of {held} may be in {name}; {len(shared)} of {len(keys)} in {folder / name}.csv are, the "
                f"first is sequence {shared[0] + 1} (reverse complements count): split anew, or ask for overlap: drop."
            )
        if shared:
            kept = sorted(set(range(len(keys))) - set(shared))
            splits[name] = splits[name].take(kept)
            notes.append(f"{len(shared)} sequences of {name} that are in {held} too were dropped from {name}.")
        later |= set(keys)
        held = "dev or test"
    return notes


def _note_undefined(splits: Mapping[str, LabelledSequences], card: TaskCard) -> list[str]:
    """Tell of classes that a split lacks, and of values that are all alike, where figures are not defined."""
    notes = []
    for name in ("dev", "test"):
        labels = splits[name].labels
        if card.kind == "regression":
            if np.ptp(labels) == 0:
                notes.append(f"All values of {name} are {labels[0]:g}: its correlations are not defined.")
            continue
        there = np.flatnonzero(labels.sum(axis=0)) if card.kind == "multilabel" else labels
        missing = [one for place, one in enumerate(card.classes) if place not in there]
        if missing:
            shown = ", ".join(missing[:8]) + (", ..." if len(missing) > 8 else "")
            notes.append(f"{name} has no sequence of class {shown}, of which AUROC and AUPRC are not defined.")
    return notes


def _note_contradictions(splits: Mapping[str, LabelledSequences]) -> list[str]:
    """Tell of sequences that stand several times in a split with different labels."""
    notes = []
    for name, split in splits.items():
        found: dict[str, set[bytes]] = {}
        for sequence, label in zip(split.sequences, split.labels, strict=True):
            found.setdefault(sequence, set()).add(label.tobytes())
        n = sum(len(labels) > 1 for labels in found.values())
        notes += [f"{n} sequences of {name} have several labels each."] * bool(n)
    return notes
