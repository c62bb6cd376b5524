"""Whose a folder of checkpoints is, of a training in several processes."""

from pathlib import Path

import pytest

from analyses.errors import InputError
from analyses.training.workspace import TrainingWorkspace


def test_a_process_that_comes_later_finds_a_folder_that_says_not_yet_whose_it_is(tmp_path: Path) -> None:
    """The main process makes it, and a moment later writes its mark; it is the one that refuses."""
    (tmp_path / "model.training" / "checkpoints").mkdir(parents=True)
    TrainingWorkspace(tmp_path / "model", {"seed": 1}, force=False, is_main=False)
    with pytest.raises(InputError, match=r"model\.training holds something else"):
        TrainingWorkspace(tmp_path / "model", {"seed": 1}, force=False, is_main=True)
