"""Beside the folder that a training ends in: checkpoints and curve until it is finished, and whose they are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analyses.errors import InputError
from analyses.results.provenance import digest, input_name
from encoders.publishing import write_whole

FORMAT = "1"


def source_name(source: str | None) -> str | None:
    """How weights that a training began with are named in results: a hub id, or a folder without its absolute path."""
    if source is None or not Path(source).exists():
        return source
    return input_name(Path(source))


class TrainingWorkspace:
    """Folder ``<output>.training``.

    Parameters
    ----------
    output : Path
        Folder of the trained model.
    decisive : mapping
        What decides the weights, as plain data: a folder of other values is not gone on from.
    force : bool
        Whether what is there, finished or not, is removed.
    is_main : bool
        Whether this process writes; the others of a training read.

    Raises
    ------
    InputError
        What is there is of another training.
    """

    def __init__(self, output: Path, decisive: Mapping[str, Any], *, force: bool, is_main: bool) -> None:
        self.output = output
        self.folder = output.with_name(f"{output.name}.training")
        self.digest = digest(decisive)
        self._is_main, self._force = is_main, force
        if force and is_main:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._check(force=force)

    @property
    def checkpoints(self) -> Path:
        """Where the trainer writes."""
        return self.folder / "checkpoints"

    @property
    def is_finished(self) -> bool:
        """Whether the model of this very training lies in its folder."""
        return not self._force and self._read(self.output / "training.json") == self.digest

    def begin(self) -> None:
        """Make the folder, and write down whose it is."""
        if self._is_main:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder / "training.json", self.mark())

    def mark(self) -> str:
        """What says whose a folder is."""
        return json.dumps({"format": FORMAT, "digest": self.digest}) + "\n"

    def end(self) -> None:
        """Remove checkpoints: the model is in its folder."""
        if self._is_main:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _check(self, *, force: bool) -> None:
        begun, finished = (self._read(folder / "training.json") for folder in (self.folder, self.output))
        if force:
            return
        if begun not in (None, self.digest):
            raise InputError(
                f"Checkpoints are gone on from with the settings and files that they were begun with; {self.folder} "
                "was begun with others: name another output, or begin anew with --force."
            )
        if self.output.exists() and any(self.output.iterdir()) and finished != self.digest:
            raise InputError(
                f"A trained model is written into a folder of its own; {self.output} holds something else, or a model "
                "of other settings: name another output, or replace it with --force."
            )

    @staticmethod
    def _read(path: Path) -> str | None:
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_text("utf-8"))
            return str(content["digest"]) if content["format"] == FORMAT else "of another format"
        except (ValueError, KeyError, TypeError):
            return "damaged"
