"""What finished runs found, in the terminal: what their reports say, and nothing else."""

import html
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from analyses.results.folder import load_results
from tests.analyses.commands import Command


def _plain(text: str) -> str:
    return " ".join(text.split())


def test_one_run_is_told_as_its_report_tells_it(
    genebrain: Command, compared: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = compared["folder"]
    assert genebrain("results", folder) == 0
    said = capsys.readouterr().out
    page = (folder / "report.html").read_text("utf-8")
    shown = _plain(html.unescape(re.sub(r"<[^>]+>", " ", page)))
    first = _plain(said).split(" (compare) ")[1].split(". ")[0]
    assert first in shown
    for headline in load_results(folder).headlines():
        (line,) = [
            one
            for one in said.splitlines()
            if one.startswith(f"{headline.summary.arm_label} ") and headline.summary.view in one
        ]
        assert f"{abs(headline.rho):.2f}" in line
    assert said.count("negative control)") == len({one.summary.arm for one in load_results(folder).headlines()})


def test_several_runs_stand_in_one_table_and_a_folder_of_them_as_a_list(
    genebrain: Command, results: Path, compared: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert genebrain("results", results, compared["folder"]) == 0
    said = capsys.readouterr().out
    heads = [line for line in said.splitlines() if line in (str(results), str(compared["folder"]))]
    assert heads == [str(results), str(compared["folder"])]
    n_alignments = len(load_results(results).alignments) + len(load_results(compared["folder"]).alignments)
    assert len(said.split("\n\n")[0].splitlines()) == 1 + 2 + n_alignments
    shutil.copytree(results, tmp_path / "whole")
    shutil.copytree(results, tmp_path / "damaged")
    (tmp_path / "damaged" / "run.json").write_text("{")
    assert genebrain("results", tmp_path) == 0
    listed = capsys.readouterr().out
    assert f"{tmp_path / 'whole'}  (align, {len(load_results(results).alignments)} alignments)" in listed
    assert "cannot be read" in listed.split("damaged", 1)[1]


def test_commands_print_what_their_folders_alone_would(
    genebrain: Command,
    results: Path,
    compared: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(results, tmp_path / "results" / "one")
    shutil.copytree(compared["folder"], tmp_path / "results" / "two")
    monkeypatch.chdir(tmp_path)
    pairs = [
        (("list", "results"), ("results",)),
        (("list",), ()),
        (("show", "results/one"), ("results/one",)),
        (("compare", "results/one", "results/two"), ("results/one", "results/two")),
    ]
    for named, short in pairs:
        printed = []
        for words in (named, short):
            assert genebrain("results", *words) == 0
            printed.append(capsys.readouterr().out)
        assert printed[0] == printed[1] != ""
    assert genebrain("results", "show", "results") == 2
    assert "results holds 2: name one of them" in capsys.readouterr().err


def test_a_folder_without_results_is_said(
    genebrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert genebrain("results", tmp_path) == 2
    assert "name the output of a run" in capsys.readouterr().err
