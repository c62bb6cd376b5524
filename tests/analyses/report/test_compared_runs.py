"""Several runs on one page: answers, one table, and differences only where rows are those of the same subjects."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyses.alignment.run_differences import find_differences
from analyses.errors import InputError
from analyses.report.compared_runs import make_comparison_page
from analyses.report.opening import make_opening
from analyses.results import load_results
from analyses.results.folder import Results
from tests.analyses.commands import Command
from tests.analyses.run_folder import SUBJECTS, write_run_folder

Copy = Callable[..., Path]
_OTHER_FOLDS = {"folds_sha256": "0" * 64}


@pytest.fixture
def copied(results: Path, tmp_path: Path) -> Copy:
    """A copy of a real run's folder under another name, after something was done to it."""

    def copy(name: str, change: Callable[[Path], object] | None = None) -> Path:
        folder = Path(shutil.copytree(results, tmp_path / name, ignore=shutil.ignore_patterns("cohort", "windows")))
        run = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(run | {"name": name}))
        if change is not None:
            change(folder)
        return folder

    return copy


def _named(*folders: Path) -> list[tuple[str, Results]]:
    return [(folder.name, load_results(folder)) for folder in folders]


def _change(relative: str, change: Callable[[Any], Any]) -> Callable[[Path], object]:
    def changed(folder: Path) -> None:
        for path in folder.glob(relative):
            path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return changed


def test_a_run_does_not_differ_from_itself(results: Path, copied: Copy) -> None:
    found, without = find_differences(_named(results, copied("again")))
    assert without == []
    assert [(row.first, row.second, row.view) for row in found] == [
        (one.summary.arm_label, one.summary.arm_label, one.summary.view) for one in load_results(results).alignments
    ]
    assert {(row.difference, row.interval, row.p_corrected) for row in found} == {(0.0, (0.0, 0.0), 1.0)}


def test_first_minus_second_is_what_the_two_runs_say(results: Path, compared: dict[str, Any]) -> None:
    runs = _named(results, compared["folder"])
    found, without = find_differences(runs)
    assert without == []
    rho = [{(one.summary.arm_label, one.summary.view): one.rho for one in run.headlines()} for _, run in runs]
    for row in found:
        assert row.first == row.second == "kmer-5"
        assert row.difference == pytest.approx(rho[0]["kmer-5", row.view] - rho[1]["kmer-5", row.view], abs=1e-12)
    assert {row.view for row in found} == {"linked", "control"}
    for row, back in zip(found, find_differences(runs[::-1])[0], strict=True):
        assert back.difference == pytest.approx(-row.difference)
        assert back.p == row.p <= row.p_corrected


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda folder: shutil.rmtree(folder / "private"), "private folder of one is not here"),
        (_change("private/subjects.json", lambda kept: kept | {"analysed": kept["analysed"][::-1]}), "another order"),
        (_change("private/subjects.json", lambda kept: kept | {"analysed": kept["analysed"][3:]}), "of whom \\d+ are"),
        (
            _change("alignments/*/alignment.json", lambda one: one | {"held_out": one["held_out"] | _OTHER_FOLDS}),
            "other folds",
        ),
        (lambda folder: (folder / "private" / "kmer-5__linked.npz").unlink(), "1 of 4 pairs"),
        (_change("alignments/*/alignment.json", lambda one: one), None),
    ],
)
def test_other_subjects_or_folds_are_not_subtracted(
    results: Path, copied: Copy, change: Callable[[Path], object], reason: str | None
) -> None:
    found, without = find_differences(_named(results, copied("changed", change)))
    if reason is None:
        assert found
        assert without == []
    else:
        assert len(found) == (3 if reason == "1 of 4 pairs" else 0)
        assert re.search(reason, without[0].reason)


def test_the_page_shows_each_first_screen_and_one_table_that_sorts(
    genebrain: Command, results: Path, compared: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "pages" / "compared.html"
    assert genebrain("report", results, compared["folder"], "--output", output) == 0
    assert str(output) in capsys.readouterr().out
    page = output.read_text("utf-8")
    text = re.sub(r"\s+", " ", page.replace("&#34;", '"').replace("&#39;", "'"))
    for folder in (results, compared["folder"]):
        opening = make_opening(load_results(folder))
        assert all(sentence in text for sentence in opening.sentences)
        assert all(cell.value in text for cell in opening.cells)
    table = page.split('id="all"')[1].split("</table>")[0]
    assert table.count("<tr") == 1 + 4 + len(load_results(compared["folder"]).alignments)
    assert table.count("<tbody>") == 1  # so that it sorts over runs
    assert "first − second" in page
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", page)


def test_the_page_names_no_subject_and_says_why_nothing_is_subtracted(tmp_path: Path) -> None:
    folders = [write_run_folder(tmp_path / name, seed=seed) for seed, name in enumerate(("one", "other"))]
    (folders[1] / "private" / "subjects.json").unlink()
    page = make_comparison_page(folders, tmp_path / "page.html").read_text("utf-8")
    assert "one and other are not subtracted" in page
    assert not [subject for subject in SUBJECTS if subject in page]


def test_what_cannot_be_compared_is_refused_whole(genebrain: Command, results: Path, tmp_path: Path) -> None:
    page = tmp_path / "compared.html"
    for folders in ([results, results], [results, tmp_path], [results, Path(__file__)]):
        assert genebrain("report", *folders, "--output", page) == 2
    assert genebrain("report", results, results.parent, "--force") == 2
    assert not page.exists()
    with pytest.raises(InputError, match="at least two"):
        make_comparison_page([results], page)


def test_a_file_of_a_run_is_never_replaced_by_a_page(copied: Copy, tmp_path: Path) -> None:
    folders = [copied("a"), copied("b")]
    for output, said in (
        (folders[0] / "run.json", "whose name ends in .html; got .*run.json"),
        (folders[0] / "run.json" / "page.html", "needs a folder .*name another place"),
    ):
        with pytest.raises(ValueError, match=said):
            make_comparison_page(folders, output)
    assert json.loads((folders[0] / "run.json").read_text())["name"] == "a"
