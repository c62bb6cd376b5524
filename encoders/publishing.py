"""Files and folders that are seen whole or not at all: made beside their place, then renamed into it.

What is published into a folder that only its owner may enter is its owner's alone, whatever the umask.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from encoders.disks import refused_if_unwritable
from encoders.errors import InputError
from encoders.leftovers import sweep, unfinished_name

_NO_PLACE = {errno.EEXIST, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT, errno.EINVAL}


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

    Raises
    ------
    DiskError
        The disk is full, read-only or forbidden.
    InputError
        A folder is there, or its own folder cannot be made.
    """
    with refused_if_unwritable(path.parent):
        check_place(path, is_file=True)
        sweep(path.parent.glob(f"{escape(path.name)}.*"))
        unfinished = path.with_name(unfinished_name(path.name))
        with refused_without_place(path.parent):
            unfinished.touch()
        try:
            yield unfinished
            if is_private(path.parent):
                unfinished.chmod(0o600)
            if durable:
                with unfinished.open("rb+") as file:
                    os.fsync(file.fileno())
            os.replace(unfinished, path)
        finally:
            with suppress(OSError):  # what cannot be removed either must not hide why it could not be written
                unfinished.unlink(missing_ok=True)


def check_place(path: Path, *, is_file: bool) -> None:
    """Make the folder in which something is to be published, and see that nothing of another kind is in its place.

    Raises
    ------
    InputError
        A file is where a folder is to be, or the reverse; or its own folder cannot be made.
    """
    with refused_without_place(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        is_other = path.is_dir() if is_file else path.exists() and not path.is_dir()
    if is_other:
        kinds = ("file", "folder") if is_file else ("folder", "file")
        raise InputError(f"A {kinds[0]} is to be written at {path}, where a {kinds[1]} is: name another place.")


@contextmanager
def refused_without_place(folder: Path) -> Iterator[None]:
    """Around what makes a file or folder: a place that takes none is one sentence.

    Raises
    ------
    InputError
        In place of an OSError that says so.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_PLACE:
            raise
        raise InputError(
            f"What is written needs a folder that takes files, or can be made; {folder} does not ({error.strerror}): "
            "name another place."
        ) from None


def private_folder(folder: Path) -> Path:
    """Make a folder that only its owner may enter, or make one so that exists."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_private(folder):
        folder.chmod(0o700)
    return folder


def is_private(folder: Path) -> bool:
    """Whether only its owner may enter a folder."""
    return not stat.S_IMODE(folder.stat().st_mode) & 0o077


def _make_private(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


def write_whole(path: Path, content: str | bytes | memoryview, *, durable: bool = False) -> None:
    """Write text (UTF-8) or bytes as a file. See `published_file`."""
    with published_file(path, durable=durable) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def published_folder(folder: Path, *, replace: bool = True, private: bool = False) -> Iterator[Path]:
    """An empty folder to fill that becomes `folder` when the block succeeds and is gone when it fails.

    Parameters
    ----------
    folder : Path
        Its parent is made where it is missing.
    replace : bool
        Whether it takes the place of an older folder; otherwise an older one stays, also if another process published
        it in the meantime.
    private : bool
        For its owner's eyes alone; so it is in any case where its parent is.

    Yields
    ------
    Path
        To be filled.

    Raises
    ------
    DiskError
        The disk is full, read-only or forbidden.
    InputError
        A file is there, or its own folder cannot be made.
    """
    with refused_if_unwritable(folder.parent):
        check_place(folder, is_file=False)
        sweep(folder.parent.glob(f".{escape(folder.name)}.*"))
        scratch = folder.with_name(unfinished_name(f".{folder.name}"))
        try:
            unfinished = scratch / "new"
            with refused_without_place(folder.parent):
                unfinished.mkdir(parents=True)
            yield unfinished
            if private or is_private(folder.parent):
                _make_private(unfinished)
            _put(unfinished, folder, scratch / "old", replace=replace)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _put(unfinished: Path, folder: Path, old: Path, *, replace: bool) -> None:
    if replace and folder.exists():
        os.replace(folder, old)
    try:
        os.replace(unfinished, folder)
    except OSError:  # a folder that holds something cannot be replaced by a rename
        if replace or not folder.is_dir():
            raise
