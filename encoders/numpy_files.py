"""npy and npz files, whose claims are held against what they hold before anything is allocated."""

import zipfile
from collections.abc import Collection
from io import BufferedIOBase
from pathlib import Path
from typing import IO

import numpy as np

from encoders.claims import check_zip_member
from encoders.errors import InputError

_MOST_BYTES = 2**62
_LAST_LETTER = 0x10FFFF


def open_npy(path: Path, *, allow_pickle: bool = False, mapped: bool = False) -> np.ndarray:
    """The array of an npy file.

    Parameters
    ----------
    path : Path
    allow_pickle : bool
        Read arrays of Python objects.
    mapped : bool
        On disk, read where it is used.

    Raises
    ------
    InputError
        Its shape claims more than the file holds, it holds text that is none, or is an archive of several arrays.
    ValueError, OSError, EOFError
        It is damaged, or holds objects that were not allowed.
    """
    with path.open("rb") as file:
        _check_claim(file, path.stat().st_size, f"{path}")
    loaded = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=allow_pickle)
    if not isinstance(loaded, np.ndarray):
        raise InputError(f"{path} must hold one array; it is an archive of several: call it .npz.")
    return _checked_text(loaded, f"{path}")


def npz_names(path: Path) -> list[str]:
    """Names of the arrays of an npz file, none of which is read.

    Raises
    ------
    zipfile.BadZipFile, OSError
        It is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def open_npz(path: Path, names: Collection[str] | None = None, *, allow_pickle: bool = False) -> dict[str, np.ndarray]:
    """The arrays of an npz file by name.

    Parameters
    ----------
    path : Path
    names : collection of str, optional
        Those that are wanted; all if None.
    allow_pickle : bool
        Read arrays of Python objects.

    Raises
    ------
    InputError
        A member claims more than it holds, or holds nothing but repeats, or text that is none.
    zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError
        It is damaged, or holds objects that were not allowed.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if names is None or member.filename.removesuffix(".npy") in names:
                check_zip_member(member, path)
                with archive.open(member) as file:
                    _check_claim(file, member.file_size, f"{member.filename!r} of {path}")
    with np.load(path, allow_pickle=allow_pickle) as stored:
        wanted = {name: stored[name] for name in (stored.files if names is None else names)}
    if not all(isinstance(array, np.ndarray) for array in wanted.values()):
        raise InputError(f"{path} must hold arrays alone; it holds other files among them: write it again.")
    return {name: _checked_text(array, f"{name!r} of {path}") for name, array in wanted.items()}


def _check_claim(file: IO[bytes] | BufferedIOBase, size: int, what: str) -> None:
    """Hold the shape of an array against the bytes that there are; what is no npy is left to whoever reads it."""
    start = file.read(8)
    if start[:6] != np.lib.format.MAGIC_PREFIX or len(start) < 8:
        return
    read = np.lib.format.read_array_header_1_0 if start[6] == 1 else np.lib.format.read_array_header_2_0
    try:
        shape, _, dtype = read(file)
    except (MemoryError, RecursionError):  # of the parser of Python, which reads the header
        raise InputError(f"{what} must be an array with a header; its header is nested without end.") from None
    claimed = max(dtype.itemsize, 1)  # of items without a byte any file would hold any number
    for length in shape:
        claimed = min(claimed * length, _MOST_BYTES)
    if min(shape, default=0) < 0 or (not dtype.hasobject and claimed > size - file.tell()):
        raise InputError(
            f"Arrays must hold what their shape says; {what} claims the shape {shape} of {dtype} and holds {size:,} "
            "bytes: it was cut or damaged, write it again."
        )


def _checked_text(array: np.ndarray, what: str) -> np.ndarray:
    """The array, if all of its letters are some: Python takes the numbers of others for a fault of its own."""
    if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        letters = np.frombuffer(array.astype(array.dtype.newbyteorder("=")).tobytes(), dtype=np.uint32)
        if int(letters.max()) > _LAST_LETTER:
            raise InputError(f"Text must be letters; {what} holds numbers that stand for none: write it again.")
    return array
