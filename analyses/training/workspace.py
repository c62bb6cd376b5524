"""Beside the folder that a training ends in: checkpoints and curve until it is finished, and whose they are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analyses.errors import InputError
from analyses.results.provenance import digest, input_name
from encoders.publishing import check_place, refused_without_place, write_whole

FORMAT = "1"
MARK = "training.json"


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
        Whether what a training left there, finished or not, is replaced; what anything else left never is.
    is_main : bool
        Whether this process writes; the others of a training read.

    Raises
    ------
    InputError
        What is there is of another training, or of none.
    """

    def __init__(self, output: Path, decisive: Mapping[str, Any], *, force: bool, is_main: bool) -> None:
        if not output.name:
            raise InputError(f"A trained model is written into a folder of its own; got {output}: name another output.")
        self.output = output
        self.folder = output.with_name(f"{output.name}.training")
        self.digest = digest(decisive)
        self._is_main, self._force = is_main, force
        if is_main:  # the others may come when its folder is begun and says not yet whose it is; it refuses for all
            self._check()
        if force and is_main:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def checkpoints(self) -> Path:
        """Where the trainer writes."""
        return self.folder / "checkpoints"

    @property
    def is_finished(self) -> bool:
        """Whether the model of this very training lies in its folder."""
        return not self._force and self._read(self.output / MARK) == self.digest

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Around a training: the folder is made, and says whose it is.

        Input that is refused before the first checkpoint leaves no folder: corrected, it is no other training.
        """
        if not self._is_main:
            yield
            return
        if self._read(self.folder / MARK) != self.digest:
            shutil.rmtree(self.folder, ignore_errors=True)
        with refused_without_place(self.folder.parent):
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / MARK, self.mark())
        try:
            yield
        except ValueError:  # an InputError of any package
            if not self._has_progress():
                self.end()
            raise

    def mark(self) -> str:
        """What says whose a folder is."""
        return json.dumps({"format": FORMAT, "digest": self.digest}) + "\n"

    def end(self) -> None:
        """Remove checkpoints: the model is in its folder."""
        if self._is_main:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _has_progress(self) -> bool:
        """Whether there is anything to go on from: a checkpoint, or a seed that was finished."""
        return any(self.checkpoints.rglob("checkpoint-*")) or any(self.folder.glob("seed-*"))

    def _check(self) -> None:
        for folder in (self.output, self.folder):
            check_place(folder, is_file=False)
            if self._read(folder / MARK) is None and folder.is_dir() and any(folder.iterdir()):
                raise InputError(
                    f"A trained model is written into a folder of its own, and its checkpoints into another; {folder} "
                    "holds something else: name another output."
                )
        if self._force:
            return
        if self._read(self.folder / MARK) not in (None, self.digest) and self._has_progress():
            raise InputError(
                f"Checkpoints are gone on from with the settings and files that they were begun with; {self.folder} "
                "was begun with others: name another output, or begin anew with --force."
            )
        if self._read(self.output / MARK) not in (None, self.digest):
            raise InputError(
                f"A trained model is written into a folder of its own; {self.output} holds a model of other settings "
                "or files: name another output, or replace it with --force."
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
