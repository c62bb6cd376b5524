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
from analyses.workflow.meta_analysis import combine_folders, write_meta
from tests.analyses.hostile_run import command
from tests.analyses.run_folder import write_run_folder
from tests.hostile import HOSTILE, ODD_FOLDER

TEXT = " ".join(HOSTILE.values())


def _edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two studies in an odd folder; every text of theirs that is shown somewhere is hostile."""
    made = []
    for number, seed in enumerate((3, 4)):
        folder = write_run_folder(tmp_path / ODD_FOLDER / f"study {number}", seed=seed, compared=False)
        _edit(folder / "run.json", name=f"{TEXT} {number}", title=f"{TEXT} {number}")
        _edit(folder / "private" / "subjects.json", analysed=[f"S{number}-{row}" for row in range(37)])
        for path in folder.glob("alignments/*/alignment.json"):
            _edit(path, arm_label=TEXT)
        made.append(folder)
    return made


@pytest.mark.parametrize("name", ["../../../x__y", "..", "/etc", "a/b__c", "a\\b__c", "a\nb__c", ""])
def test_an_alignment_is_no_path(folders: list[Path], name: str) -> None:
    _edit(folders[0] / "run.json", alignments=[name])
    with pytest.raises(InputError, match="get the results again"):
        load_results(folders[0])


@pytest.mark.parametrize("changes", [{"arm": "../../../../x"}, {"view": "/../../x"}, {"arm": "other"}])
def test_an_alignment_is_of_the_arm_and_view_that_name_its_folder(
    folders: list[Path], tmp_path: Path, changes: dict[str, str]
) -> None:
    (first, *_) = json.loads((folders[0] / "run.json").read_text())["alignments"]
    _edit(folders[0] / "alignments" / first / "alignment.json", **changes)
    with pytest.raises(InputError, match="named for its arm and view"):
        combine_folders(folders)
    assert command("meta", *folders, "--output", tmp_path / "out")[0] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [ODD_FOLDER]


def test_a_meta_analysis_shows_foreign_names_as_they_are(folders: list[Path], tmp_path: Path) -> None:
    found = combine_folders(folders)
    output = tmp_path / ODD_FOLDER / "meta"
    write_meta(found, output)
    drawings = sorted((output / "figures").glob("*.svg"))
    assert len(drawings) == len(found.combined)
    tree = ElementTree.parse(drawings[0]).getroot()
    assert not {one.tag.rpartition("}")[2] for one in tree.iter()} & {"script", "image", "foreignObject", "a"}
    assert not [name for one in tree.iter() for name in one.attrib if name.startswith("on")]
    assert r"$\frac$" in " ".join(tree.itertext())
    with drawings[0].with_suffix(".csv").open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert not [cell for cell in cells if re.match(r"\s*[=+@\uff1d\t\r]|\s*-[^\d.]", cell)]
    assert sorted(path.name for path in (tmp_path / ODD_FOLDER).iterdir()) == ["meta", "study 0", "study 1"]


def test_a_terminal_gets_no_command_of_foreign_results(folders: list[Path], tmp_path: Path) -> None:
    for words in (
        ["results", folders[0]],
        ["results", *folders],
        ["results", folders[0].parent],
        ["meta", *folders, "--output", tmp_path / "meta"],
    ):
        code, printed = command(*words)
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
