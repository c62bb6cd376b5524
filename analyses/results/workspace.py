"""The results folder of a run: files appear whole or not at all, and a finished stage is not done twice."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from analyses.errors import InputError
from analyses.results.journal import MANIFEST
from analyses.results.provenance import file_fingerprint
from analyses.results.serialisation import read_json, read_result, to_json
from encoders.leftovers import below, sweep
from encoders.publishing import private_folder, write_whole

SCHEMA = 1
"""Layout of the folder: which files lie where, and what its manifest holds."""

PRIVATE_FOLDERS = ("private", "windows")
"""What names subjects: scores, the key of hashed ids, haplotypes. Nothing of it goes into tracking or the report."""

T = TypeVar("T")


def check_output(folder: Path) -> None:
    """See whether a results folder can be written at a place, without writing it.

    Raises
    ------
    InputError
        A file is in its place or in that of a folder above it, or the folder that is there takes nothing.
    """
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return
    why = "takes nothing" if there.is_dir() else "is no folder"
    raise InputError(f"The output folder must be writable; {there} {why}. Set output to another folder.")


class Workspace:
    """Folder of one run, with a manifest of finished stages.

    Parameters
    ----------
    folder : Path
        Created if missing.
    force : bool
        Forget what earlier runs finished here.

    Raises
    ------
    InputError
        The folder cannot be written.
    """

    def __init__(self, folder: Path, *, force: bool = False) -> None:
        self.folder = folder
        self._force = force
        self._renewed: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise InputError(
                f"The output folder must be writable; {folder} is not ({error.strerror}). Set output to another folder."
            ) from None
        sweep(below(folder))  # of processes that were killed

    @property
    def is_forced(self) -> bool:
        """Whether what earlier runs did is forgotten."""
        return self._force

    def path(self, *parts: str) -> Path:
        """A path inside the folder, its parent created; below `PRIVATE_FOLDERS` for the owner's eyes alone."""
        path = self.folder.joinpath(*parts)
        *folders, _ = path.relative_to(self.folder).parts
        if folders and folders[0] in PRIVATE_FOLDERS:
            for depth in range(1, len(folders) + 1):
                private_folder(self.folder.joinpath(*folders[:depth]))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write_json(self, relative: str, content: Any) -> Path:
        """Write JSON atomically; NaN is refused, since JSON has none."""
        return self.write_text(relative, json.dumps(content, indent=1, allow_nan=False, default=str) + "\n")

    def write_text(self, relative: str, text: str) -> Path:
        path = self.path(relative)
        write_whole(path, text)
        return path

    def read_json(self, relative: str) -> Any:
        """Read what `write_json` wrote; a missing file is an InputError."""
        return read_json(self.folder / relative)

    def write_result(self, relative: str, result: object) -> Path:
        """Write a result, one of the types of this package, with its format."""
        return self.write_json(relative, to_json(result))

    def read_result(self, kind: type[T], relative: str) -> T:
        """Read what `write_result` wrote."""
        return read_result(kind, self.folder / relative)

    def is_finished(self, stage: str, key: str) -> bool:
        """Whether ``stage`` was finished with the same inputs and its files are unchanged since."""
        if self._force and stage not in self._renewed:
            return False
        record = self._manifest()["stages"].get(stage)
        if record is None or record["key"] != key:
            return False
        return all(
            os.path.isfile(self.folder / name) and file_fingerprint(self.folder / name) == fingerprint
            for name, fingerprint in record["files"].items()
        )

    @contextmanager
    def stage(self, stage: str, key: str, *, before: float = 0.0) -> Iterator[list[Path]]:
        """Record ``stage`` as finished with the files the caller appends to the yielded list.

        Parameters
        ----------
        before : float
            Seconds that were spent on the stage elsewhere.
        """
        begun = time.perf_counter()
        files: list[Path] = []
        yield files
        record = {
            "key": key,
            "seconds": round(before + time.perf_counter() - begun, 3),
            "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "files": {str(path.relative_to(self.folder)): file_fingerprint(path) for path in files},
        }
        self._renewed.add(stage)
        with self.lock("manifest"):
            manifest = self._manifest()
            manifest["stages"][stage] = record
            self.write_json(MANIFEST, manifest)

    def lock(self, name: str) -> FileLock:
        """Context that one process at a time may enter: array tasks share this folder."""
        return FileLock(self.folder / f".{name}.lock")

    def seconds(self) -> dict[str, float]:
        """Wall seconds of each finished stage."""
        return {name: record["seconds"] for name, record in self._manifest()["stages"].items()}

    def _manifest(self) -> dict[str, Any]:
        if not (self.folder / MANIFEST).is_file():
            return {"schema": SCHEMA, "stages": {}}
        manifest: dict[str, Any] = self.read_json(MANIFEST)
        schema = manifest.get("schema", SCHEMA) if isinstance(manifest, dict) else SCHEMA
        if schema != SCHEMA:  # said first: another format may list its stages in another way
            raise InputError(
                f"{self.folder} was written in format {schema}, this version writes {SCHEMA}; choose another output "
                "folder."
            )
        if not isinstance(manifest, dict) or "schema" not in manifest or not _are_stages(manifest.get("stages")):
            raise InputError(
                f"{self.folder / MANIFEST} must list the stages that were finished; it is damaged: remove it, "
                "and they are run again."
            )
        return manifest


def _are_stages(stages: Any) -> bool:
    """Whether these are records of stages as `Workspace.stage` writes them."""
    return isinstance(stages, dict) and all(
        isinstance(one, dict)
        and isinstance(one.get("key"), str)
        and isinstance(one.get("seconds"), int | float)
        and isinstance(one.get("files"), dict)
        for one in stages.values()
    )
