"""Reported results folders, each of a panel of its own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from analyses.report.page import make_report
from tests.analyses.run_folder import write_run_folder


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_run_folder(tmp_path_factory.mktemp("run") / "example")
    make_report(folder)
    return folder


@pytest.fixture
def another_run(tmp_path: Path, reported: Path) -> Callable[[str], Path]:
    """Makes a reported results folder of a panel of its own, so that its experiment is empty."""

    def make(panel: str) -> Path:
        folder = Path(shutil.copytree(reported, tmp_path / panel, ignore=shutil.ignore_patterns("tracking.json")))
        run = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(run | {"panel": panel}))
        return folder

    return make
