"""Reported results folders, each of a panel of its own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def another_run(tmp_path: Path, reported: Path) -> Callable[[str], Path]:
    """Makes a reported results folder of a panel of its own, so that its experiment is empty."""

    def make(panel: str) -> Path:
        folder = Path(shutil.copytree(reported, tmp_path / panel, ignore=shutil.ignore_patterns("tracking.json")))
        run = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(run | {"panel": panel}))
        return folder

    return make
