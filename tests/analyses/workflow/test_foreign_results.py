"""Results that somebody else made: their names are no paths, no commands to a terminal, no part of a drawing."""

import csv
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from analyses.errors import InputError, printable
from analyses.results.folder import load_results
from analyses.workflow.meta_analysis import combine_folders
from tests.analyses.hostile_run import command
from tests.analyses.run_folder import write_run_folder
from tests.hostile import HOSTILE, ODD_FOLDER

TEXT = " ".join(HOSTILE.values())


def _edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _alignments(folder: Path) -> list[str]:
    names: list[str] = json.loads((folder / "run.json").read_text())["alignments"]
    return names


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two studies in an odd folder; every text of theirs that is shown somewhere is hostile."""
    made = []
    for number, seed in enumerate((3, 4)):
        folder = write_run_folder(tmp_path / ODD_FOLDER / f"study {number}", seed=seed, compared=False)
        alignments = json.loads((folder / "run.json").read_text())["alignments"][:1]
        _edit(folder / "run.json", name=f"{TEXT} {number}", title=f"{TEXT} {number}", alignments=alignments)
        _edit(folder / "private" / "subjects.json", analysed=[f"S{number}-{row}" for row in range(37)])
        for path in folder.glob("alignments/*/alignment.json"):
            _edit(path, arm_label=TEXT)
        made.append(folder)
    return made


@pytest.mark.parametrize(
    "changes",
    [
        {"rho": []}, {"p": []}, {"interval": []}, {"rho": [2.0]}, {"p": [0.0]}, {"p": [-1.0]}, {"n_permutations": 0},
        {"n_splits": 3}, {"rho_by_fold": [[]]},
    ],
    ids=str,
)  # fmt: skip
def test_numbers_that_are_of_no_analysis_are_refused(folders: list[Path], changes: dict[str, Any]) -> None:
    (path,) = (folders[0] / "alignments" / name / "alignment.json" for name in _alignments(folders[0]))
    _edit(path, held_out=json.loads(path.read_text())["held_out"] | changes)
    with pytest.raises(InputError, match="must hold the numbers of one alignment"):
        combine_folders(folders)


def test_a_folder_that_is_a_loop_is_no_results(folders: list[Path]) -> None:
    (name,) = _alignments(folders[0])
    (folders[0] / "alignments" / name / "alignment.json").unlink()
    (folders[0] / "alignments" / name / "alignment.json").symlink_to("alignment.json")
    with pytest.raises(InputError, match="must be a file that can be read"):
        load_results(folders[0])


@pytest.mark.parametrize("name", ["../../../x__y", "..", "/etc", "a/b__c", "a\\b__c", "a\nb__c", ""])
def test_an_alignment_is_no_path(folders: list[Path], name: str) -> None:
    _edit(folders[0] / "run.json", alignments=[name])
    with pytest.raises(InputError, match="get the results again"):
        load_results(folders[0])


@pytest.mark.parametrize("changes", [{"arm": "../../../../x"}, {"view": "/../../x"}, {"arm": "other"}])
def test_an_alignment_is_of_the_arm_and_view_that_name_its_folder(
    folders: list[Path], tmp_path: Path, changes: dict[str, str]
) -> None:
    (first,) = _alignments(folders[0])
    _edit(folders[0] / "alignments" / first / "alignment.json", **changes)
    with pytest.raises(InputError, match="named for its arm and view"):
        combine_folders(folders)
    assert command("meta", *folders, "--output", tmp_path / "out")[0] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [ODD_FOLDER]


def test_a_meta_analysis_shows_foreign_names_as_they_are(folders: list[Path], tmp_path: Path) -> None:
    output = tmp_path / ODD_FOLDER / "meta"
    code, printed = command("meta", *folders, "--output", output)
    assert code == 0, printed
    assert printable(printed, keep="\n\t") == printed
    (drawing,) = (output / "figures").glob("*.svg")
    tree = ElementTree.parse(drawing).getroot()
    assert not {one.tag.rpartition("}")[2] for one in tree.iter()} & {"script", "image", "foreignObject", "a"}
    assert not [name for one in tree.iter() for name in one.attrib if name.startswith("on")]
    assert r"$\frac$" in " ".join(tree.itertext())
    with drawing.with_suffix(".csv").open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert not [cell for cell in cells if re.match(r"\s*[=+@\uff1d\t\r]|\s*-[^\d.]", cell)]
    assert sorted(path.name for path in (tmp_path / ODD_FOLDER).iterdir()) == ["meta", "study 0", "study 1"]


def test_a_terminal_gets_no_command_of_foreign_results(folders: list[Path]) -> None:
    for words in (folders[:1], folders, [folders[0].parent]):
        code, printed = command("results", *words)
        assert code == 0, printed
        assert printable(printed, keep="\n\t") == printed
        assert "red" in printed


def test_a_results_folder_may_hold_links_and_loops(folders: list[Path]) -> None:
    """Links to nowhere, to themselves and to a folder above are neither followed nor in the way."""
    above = folders[0].parent
    (above / "loop").symlink_to(above)
    (above / "nowhere").symlink_to(above / "gone")
    (above / "itself").symlink_to(above / "itself")
    code, printed = command("results", above)
    assert code == 0, printed
    assert printed.count("study 0") == printed.count("study 1") >= 1
