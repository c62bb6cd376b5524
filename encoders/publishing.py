"""Files and folders that are seen whole or not at all: made beside their place, then renamed into it."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".tmp"
"""Suffix of a file that is being written; after a crash it may be deleted."""


@contextmanager
def published_file(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A file to write that becomes `path` when the block succeeds and is gone when it fails.

    Parameters
    ----------
    path : Path
        Its folder is made where it is missing; an older file is replaced.
    durable : bool
        Wait until the content is on the disk: after a power cut too, `path` is whole or not there.

    Yields
    ------
    Path
        To be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        yield unfinished
        if durable:
            with unfinished.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes | memoryview, *, durable: bool = False) -> None:
    """Write text (UTF-8) or bytes as a file. See `published_file`."""
    with published_file(path, durable=durable) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def published_folder(folder: Path, *, replace: bool = True) -> Iterator[Path]:
    """An empty folder to fill that becomes `folder` when the block succeeds and is gone when it fails.

    Parameters
    ----------
    folder : Path
        Its parent is made where it is missing.
    replace : bool
        Whether it takes the place of an older folder; otherwise an older one stays, also if another process published
        it in the meantime.

    Yields
    ------
    Path
        To be filled.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        unfinished = Path(scratch) / "new"
        unfinished.mkdir()
        yield unfinished
        if replace and folder.exists():
            os.replace(folder, Path(scratch) / "old")
        try:
            os.replace(unfinished, folder)
        except OSError:  # a folder that holds something cannot be replaced by a rename
            if replace or not folder.is_dir():
                raise
