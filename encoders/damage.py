"""The boundary at which whatever a damaged file makes a reader raise becomes one sentence."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from encoders.errors import InputError

_LONGEST = 160
_SHOWN = 60
_NO_TEXT = {
    b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd",
    b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16",
}  # fmt: skip


@contextmanager
def refused_if_damaged(path: Path, what: str) -> Iterator[None]:
    """Around the call of a reader that is not ours: numpy, zipfile, zlib, h5py, pyarrow, torch, nibabel, nilearn.

    They raise what suits them (`EOFError`, `BadZipFile`, `zlib.error`, `HeaderDataError`, `RuntimeError`, ...), and no
    list of it would be whole; so everything is taken for what it is here, a file that cannot be read.

    Parameters
    ----------
    path : Path
        The file that is read.
    what : str
        What it must be, with its article.

    Raises
    ------
    InputError
        In place of anything but an `InputError`.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        said = " ".join(str(error).split()).rstrip(".") or "it ends too early"
        raise InputError(
            f"{path} must be {what}; it cannot be read ({type(error).__name__}: {said[:_LONGEST]}): get it again, or "
            "leave it out."
        ) from error


def how_absent(path: Path) -> str:
    """Why a path is no file: ``does not exist``, ``is a folder``, or ``is no file``, such as a device."""
    return "is a folder" if path.is_dir() else "is no file" if path.exists() else "does not exist"


def describe_long_name(error: OSError) -> str | None:
    """One sentence on a path that is longer than its file system allows; None for any other error."""
    if error.errno != errno.ENAMETOOLONG:
        return None
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    return (
        f"A path must be as short as its file system allows; the one that begins with {name[:_SHOWN]!r} has "
        f"{len(os.fsencode(name)):,} bytes: choose shorter names of files and folders."
    )


def which_packing(head: bytes) -> str | None:
    """What packs or encodes a file otherwise than text or gzip, by its first bytes; None where nothing known does."""
    return next((form for begins, form in _NO_TEXT.items() if head.startswith(begins)), None)
