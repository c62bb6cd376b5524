"""Results folders combined: matched by name, what is not alike said, studies of the same people refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyses.errors import InputError
from analyses.workflow.meta_analysis import combine_folders
from tests.analyses.run_folder import write_run_folder


def _study(folder: Path, name: str, seed: int, *, ids: str | None = "", **changes: Any) -> Path:
    """A results folder of other people than any other one's."""
    write_run_folder(folder, seed=seed)
    _edit(folder / "run.json", name=name, **changes)
    subjects = folder / "private" / "subjects.json"
    if ids is None:
        subjects.unlink()
    else:
        _edit(subjects, analysed=[f"{ids or name}-{i}" for i in range(37)])
    return folder


def _edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _summary(folder: Path, alignment: str) -> Path:
    return folder / "alignments" / alignment / "alignment.json"


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [_study(tmp_path / name, name, seed) for seed, name in enumerate(["bonn", "oslo", "turin"])]


def test_every_arm_and_view_is_combined(folders: list[Path]) -> None:
    found = combine_folders(folders)
    assert len(found.combined) == 4
    assert found.left_out == ()
    for row in found.combined:
        assert [one.study for one in row.studies] == ["bonn", "oslo", "turin"]
        assert sum(one.weight or 0.0 for one in row.studies) == pytest.approx(1.0)
        assert row.pooled is not None
        assert row.pooled.prediction is not None
        low, high = row.studies[0].interval
        assert low is not None
        assert high is not None
        assert row.studies[0].se == pytest.approx((np.arctanh(high) - np.arctanh(low)) / 3.919928, rel=1e-5)
        assert row.p_holm >= row.p
    linked = {row.arm: row for row in found.combined if row.role == "test"}
    assert all(row.p < min(one.p for one in row.studies) for row in linked.values())


def test_what_is_missing_or_unlike_is_said(folders: list[Path]) -> None:
    run = json.loads((folders[1] / "run.json").read_text())
    gone, alone = run["alignments"][0], run["alignments"][3]
    _edit(folders[1] / "run.json", alignments=run["alignments"][1:])
    run["arms"][1]["spec"]["weights_sha256"] = "beef" * 16
    _edit(folders[1] / "run.json", arms=run["arms"])
    kept = json.loads((folders[2] / "run.json").read_text())["alignments"]
    _edit(folders[2] / "run.json", alignments=kept[:3])
    _edit(folders[0] / "run.json", alignments=kept[:3])
    found = combine_folders(folders)
    assert (
        f"{gone.replace('__', ' × ')} is combined over bonn, turin; the other folders have no such" in found.left_out[0]
    )
    assert f"{alone.replace('__', ' × ')} is in oslo alone, and is not combined." in found.left_out
    notes = [note for row in found.combined if row.arm == run["arms"][1]["name"] for note in row.notes]
    assert notes == [f"{run['arms'][1]['name']} is another encoder in oslo than in bonn: its fingerprint differs."]


def test_a_study_without_a_valid_interval_counts_in_p_alone(folders: list[Path]) -> None:
    alignment = json.loads((folders[0] / "run.json").read_text())["alignments"][0]
    for folder in folders[1:]:
        path = _summary(folder, alignment)
        held_out = json.loads(path.read_text())["held_out"]
        held_out["interval"][0] = [None, None]
        _edit(path, held_out=held_out)
    row = combine_folders(folders).combined[0]
    assert row.pooled is None
    assert len(row.notes) == 2
    assert "so it counts in the combined p alone" in row.notes[0]
    assert 0 < row.p < 1


def test_studies_of_the_same_people_are_refused_unless_ids_are_equal_by_chance(tmp_path: Path) -> None:
    one, other = (_study(tmp_path / name, name, seed, ids="sub") for seed, name in enumerate(["bonn", "oslo"]))
    with pytest.raises(InputError, match="bonn and oslo share 37 subjects by id"):
        combine_folders([one, other])
    found = combine_folders([one, other], same_ids="other-people")
    assert found.left_out == ("Equal ids in two folders were said to be of other people.",)


def test_unreadable_ids_are_said(tmp_path: Path) -> None:
    one, other = (_study(tmp_path / name, name, seed, ids=None) for seed, name in enumerate(["bonn", "oslo"]))
    found = combine_folders([one, other])
    assert found.left_out == ("Whether bonn and oslo share people was not checked: their ids cannot be read.",)


def test_runs_of_one_name_go_by_their_folders(tmp_path: Path) -> None:
    folders = [_study(tmp_path / place, "align", seed, ids=place) for seed, place in enumerate(["bonn", "oslo"])]
    assert [one.name for one in combine_folders(folders).studies] == ["bonn", "oslo"]


def test_nothing_in_common_names_what_there_is(folders: list[Path]) -> None:
    run = json.loads((folders[0] / "run.json").read_text())["alignments"]
    for folder, names in zip(folders, (run[:1], run[1:2], run[2:3]), strict=True):
        _edit(folder / "run.json", alignments=names)
    with pytest.raises(InputError, match=rf"needs an arm and brain view.*bonn: {run[0]}; oslo: {run[1]}"):
        combine_folders(folders)
    with pytest.raises(InputError, match="at least two results folders; got 1"):
        combine_folders(folders[:1])
