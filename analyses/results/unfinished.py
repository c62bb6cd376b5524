"""What an unfinished stage has done so far, below the private folder: portions of permutations, until it is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.results.provenance import digest
from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.numpy_files import open_npz
from encoders.publishing import published_file
from fusion.journal import Arrays, keep_portions

if TYPE_CHECKING:
    from analyses.results.workspace import Workspace

FOLDER = "unfinished"


@dataclass(frozen=True)
class FolderJournal:
    """One file an entry.

    Attributes
    ----------
    folder : Path
        Exists.
    """

    folder: Path

    def read(self, entry: str) -> Arrays | None:
        """The arrays of an entry; None where it is not there, or was damaged since."""
        path = self._path(entry)
        if not path.is_file():
            return None
        try:
            with refused_if_damaged(path, "a portion of an unfinished stage"):
                return open_npz(path)
        except InputError:
            return None  # it is done again

    def write(self, entry: str, arrays: Arrays) -> None:
        """Keep an entry: it appears whole or not at all."""
        content: dict[str, Any] = dict(arrays)
        with published_file(self._path(entry)) as temporary, temporary.open("wb") as file:
            np.savez(file, **content)

    def _path(self, entry: str) -> Path:
        return self.folder / f"{entry}.npz"


@contextmanager
def kept_until_finished(workspace: Workspace, stage: str, key: str, *, anew: bool = False) -> Iterator[None]:
    """Within: what is shared out among workers is kept, for the same stage with the same key; gone when it succeeds.

    Parameters
    ----------
    workspace : Workspace
    stage, key : str
        As of `Workspace.stage`.
    anew : bool
        Forget what an earlier process has done.
    """
    own = f"{stage.replace(' ', '-')}-{digest(stage, key)[:16]}"
    root = workspace.path("private", FOLDER, own, "entry").parent.parent
    for other in root.iterdir():
        if other.name != own or anew:
            shutil.rmtree(other)
    folder = workspace.path("private", FOLDER, own, "entry").parent
    with keep_portions(FolderJournal(folder)):
        yield
    shutil.rmtree(root)
