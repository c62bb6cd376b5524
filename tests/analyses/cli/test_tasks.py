"""``genebrain tasks`` teaches, makes what a configuration or files name, and looks over sets of others."""

import json
from pathlib import Path

import pytest

from analyses.simulation.cohort import DemoCohort
from encoders.training.tasks import read_labelled_set
from tests.analyses.commands import CONFIG, Command

Captured = pytest.CaptureFixture[str]


def test_help_teaches(genebrain: Command, capsys: Captured) -> None:
    assert genebrain("tasks", "--help") == 0
    page = capsys.readouterr().out
    for word in ("genebrain tasks --reference", "train.csv", "first-exon", "probe.sets", "GC", "near-"):
        assert word in page


def test_sets_are_made_from_files_and_from_a_configuration(
    genebrain: Command, cohort: DemoCohort, tmp_path: Path, capsys: Captured
) -> None:
    common = ("--task", "coding", "--window", "60", "--most", "50", "--seed", "4")
    files = ("--reference", cohort.reference, "--annotation", cohort.annotation)
    assert genebrain("tasks", *files, *common, "--output", tmp_path / "files", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["task"] for one in told] == ["coding"]
    assert genebrain("tasks", CONFIG, *common, "--output", tmp_path / "config") == 0
    said = capsys.readouterr().out
    assert "splits by cluster" in said
    assert "left out:" in said
    one, other = (read_labelled_set(tmp_path / name / "coding") for name in ("files", "config"))
    assert one.train.sequences == other.train.sequences
    counts = told[0]["counts"]
    assert sum(counts["train"].values()) == len(one.train)
    assert all(len(sequence) == 60 for sequence in one.test.sequences)


def test_a_set_of_others_is_looked_over(genebrain: Command, tmp_path: Path, capsys: Captured) -> None:
    rows = {"train": "ACGTTGCAATCGGATC", "dev": "TTGCACCGATAGGCCA", "test": "GGCATTACGATCCATG"}
    for name, bases in rows.items():
        (tmp_path / f"{name}.csv").write_text(f"sequence,label\n{bases}AC,0\n{bases[::-1]}AC,1\n")
    near = f"{rows['test']}CT,1"  # 16 of 18 bases of a test sequence
    (tmp_path / "train.csv").write_text(f"{(tmp_path / 'train.csv').read_text()}{near}\n")
    assert genebrain("tasks", "--check", tmp_path, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["near_duplicates"] == {"identity": 0.9, "in_train": 1, "in_dev": 0}
    assert told["counts"]["train"] == {"sequences": 3, "0": 1, "1": 2}
    assert genebrain("tasks", "--check", tmp_path) == 0
    assert "1 of 2 test sequences have a near-duplicate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Tasks need a CONFIG, or --reference and --annotation."),
        (("--reference", "a.fa", "--annotation", "a.gtf", "--task", "spice"), "--task must be one of splice, promoter"),
        (("--check", "nowhere"), "A labelled set is a folder with train.csv, dev.csv and test.csv; nowhere is no"),
    ],
)
def test_what_cannot_be_done_is_said(
    genebrain: Command, arguments: tuple[str, ...], sentence: str, capsys: Captured
) -> None:
    assert genebrain("tasks", *arguments) == 2
    assert sentence in capsys.readouterr().err
