"""Labelled sets of others and our own are read as they are meant, or refused in one sentence."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.errors import InputError
from encoders.genome.sequences import reverse_complement
from encoders.training.tasks import TaskCard, read_labelled_set
from encoders.training.tasks.card import read_card, write_card
from encoders.training.tasks.labels import parse_labels

ROWS = {
    "train": ["ACGTACGTAA,0", "acgtccgtaa,1", "TTGTACGNAA,0"],
    "dev": ["GGGTACGTAA,1", "GGGTACCTAA,0"],
    "test": ["CCCTACGTAT,1"],
}


def write_set(folder: Path, rows: dict[str, list[str]] = ROWS, header: str = "sequence,label") -> Path:
    folder.mkdir(exist_ok=True)
    for name, lines in rows.items():
        (folder / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


def test_plain_csv_of_others_is_read(tmp_path: Path) -> None:
    task = read_labelled_set(write_set(tmp_path / "gue"))
    assert (task.name, task.kind, task.classes, task.longest) == ("gue", "binary", ("0", "1"), 10)
    assert task.train.sequences == ("ACGTACGTAA", "ACGTCCGTAA", "TTGTACGNAA")
    assert [split.labels.tolist() for split in task.splits.values()] == [[0, 1, 0], [1, 0], [1]]
    assert task.test.clusters == task.test.sequences


def test_a_card_names_the_classes_and_columns_follow(tmp_path: Path) -> None:
    rows = {name: [f"{line},chr{n},c{n}" for n, line in enumerate(lines)] for name, lines in ROWS.items()}
    folder = write_set(tmp_path, rows, "sequence,label,chromosome,cluster")
    card = TaskCard("sites", "binary", ("neither", "donor"), {"seed": 3, "sources": [{"file": "a.fa"}]})
    write_card(folder, card)
    assert read_card(folder) == card
    task = read_labelled_set(folder)
    assert (task.name, task.classes, task.provenance["seed"]) == ("sites", ("neither", "donor"), 3)
    assert task.train.clusters == ("c0", "c1", "c2")
    assert task.train.take([2, 0]).columns["chromosome"] == ("chr2", "chr0")


@pytest.mark.parametrize(
    ("labels", "kind", "expected"),
    [
        (["donor", "neither", "acceptor"], "multiclass", [1, 2, 0]),
        (["0;2", "none", "1"], "multilabel", [[1, 0, 1], [0, 0, 0], [0, 1, 0]]),
        (["0.5", "-1", "2e3"], "regression", [0.5, -1.0, 2000.0]),
    ],
)
def test_kinds_are_found_from_labels(tmp_path: Path, labels: list[str], kind: str, expected: list[object]) -> None:
    bases = {"train": "A", "dev": "C", "test": "AC"}
    rows = {name: [f"{base * 4}G{'G' * n},{label}" for n, label in enumerate(labels)] for name, base in bases.items()}
    task = read_labelled_set(write_set(tmp_path, rows))
    assert task.kind == kind
    assert task.train.labels.tolist() == expected


@given(
    st.lists(st.lists(st.sampled_from(["donor", "acceptor", "exon"]), unique=True, max_size=3), min_size=1, max_size=9)
)
def test_several_classes_round_trip(chosen: list[list[str]]) -> None:
    cells = [";".join(names) or "none" for names in chosen]
    labels = parse_labels(cells, "multilabel", ("acceptor", "donor", "exon"), "x.csv")
    read = [{("acceptor", "donor", "exon")[place] for place in np.flatnonzero(row)} for row in labels]
    assert read == [set(names) for names in chosen]


LEAK = ROWS | {"train": [*ROWS["train"], f"{reverse_complement('CCCTACGTAT')},0"]}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (ROWS | {"dev": ["GGGTACGTAA,"]}, "Every sequence needs a label; 1 of 1 in .*dev.csv have none"),
        (ROWS | {"dev": [",1", "ACC,0"]}, "Every row needs a sequence; row 1 of .*dev.csv"),
        (ROWS | {"dev": ["ACXT,1"]}, "Sequence 1 of .*dev.csv: A DNA sequence holds only"),
        ({name: [f"{'A' * (n + 4)}C,1"] for n, name in enumerate(ROWS)}, "two classes or more; all labels of .* are 1"),
        (ROWS | {"dev": ["GGGTACGTAA,4"]}, "class 2 has 0 of 3"),
        (ROWS | {"dev": ["GGGTACGTAA,417"]}, "at most 100 classes; .* write task.yaml"),
        (LEAK, r"No sequence of dev or test may be in train; 1 of 4 in .*train.csv are, the first is sequence 4"),
        ({"train": ROWS["train"]}, "A table is required at .*dev.csv"),
    ],
    ids=["unlabelled", "empty", "letters", "one class", "no training", "values", "leak", "no dev"],
)
def test_what_is_at_fault_is_named(tmp_path: Path, rows: dict[str, list[str]], told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_labelled_set(write_set(tmp_path, rows))


def test_shared_sequences_are_dropped_from_the_earlier_split_if_asked(tmp_path: Path) -> None:
    task = read_labelled_set(write_set(tmp_path, LEAK), overlap="drop")
    assert task.train.sequences == read_labelled_set(write_set(tmp_path / "whole")).train.sequences
    assert task.notes[0] == "1 sequences of train that are in dev or test too were dropped from train."


@pytest.mark.parametrize(
    ("card", "told"),
    [
        ("format: 1\nname: a\nkind: binary\nclasses: [x]\n", "is binary and needs two different classes; got x"),
        ("format: 1\nname: a\nkind: ordinal\nclasses: [x, y]\n", "kind must be one of binary, multiclass"),
        ("format: 9\nname: a\n", "card of a labelled set in format 1; got 9"),
        ("format: 1\nname: &a [x]\nkind: *a\n", "it holds an alias"),
        ("format: 1\nname: a\nkind: binary\nclasses: [no, yes]\n", "quote yes and no"),
        ("format: 1\nname: a\nkind: binary\nclasses: [x, y]\n", "must be one of the 2 classes .x, y.*'perhaps'"),
    ],
)
def test_a_card_at_fault_is_refused(tmp_path: Path, card: str, told: str) -> None:
    folder = write_set(tmp_path, ROWS | {"dev": ["GGGTACGTAA,perhaps"]})
    (folder / "task.yaml").write_text(card)
    with pytest.raises(InputError, match=told):
        read_labelled_set(folder)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["0", "0.0", "zero"], "all words or all numbers; got '0' beside 'zero'"),
        (["0.5", "1.5", "high"], "all words or all numbers; got '0.5' beside 'high'"),
        (["-1", "1", "1"], "count from 0; got -1, 1: number them from 0"),
        (["0.5", "1e400", "2.5"], "at most 1e[+]30 in size; sequence 1 of .*dev.csv has '1e400'"),
    ],
)
def test_labels_that_may_be_meant_as_either_are_refused(tmp_path: Path, labels: list[str], told: str) -> None:
    rows = {name: [f"ACGT{'A' * n}C,{label}"] for n, (name, label) in enumerate(zip(ROWS, labels, strict=True))}
    with pytest.raises(InputError, match=told):
        read_labelled_set(write_set(tmp_path, rows))


def test_where_names_of_classes_are_numbers_a_label_is_a_name() -> None:
    assert parse_labels(["2", "1.0"], "binary", ("1", "2"), "f").tolist() == [1, 0]
    with pytest.raises(InputError, match="sequence 1 of f has '0'"):
        parse_labels(["0"], "binary", ("1", "2"), "f")


def test_figures_that_a_split_leaves_undefined_are_told(tmp_path: Path) -> None:
    task = read_labelled_set(write_set(tmp_path / "classes"))
    assert task.notes == ("test has no sequence of class 0, of which AUROC and AUPRC are not defined.",)
    values = {"train": ["ACG,0.5", "ACC,1.5"], "dev": ["ACA,1", "GGA,2"], "test": ["AGA,0.5", "AGG,0.5"]}
    assert read_labelled_set(write_set(tmp_path / "values", values)).notes == (
        "All values of test are 0.5: its correlations are not defined.",
    )
