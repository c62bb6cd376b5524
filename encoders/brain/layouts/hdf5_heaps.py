"""Texts of any length in an HDF5 file lie in heaps; one kind of damage to them makes the HDF5 library read for ever."""

import mmap
from collections.abc import Iterator
from pathlib import Path

from encoders.errors import InputError

_HEAP = b"GCOL\x01\0\0\0"
_WORD = 8
"""Bytes to which headers and objects are padded; an object's header begins with as many of index and references."""


def check_heaps(path: Path, length: int) -> None:
    """Refuse a heap whose walk from object to object never ends, as ``H5HG__cache_heap_deserialize`` walks it.

    Parameters
    ----------
    path : Path
        An HDF5 file (HDF5 File Format Specification, section III.E, global heaps of version 1).
    length : int
        Bytes in which the file says lengths: ``file.id.get_create_plist().get_sizes()[1]``.

    Raises
    ------
    InputError
        An object that claims so many bytes, none included, that the next one does not lie behind it.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for begin in _places(content):
            if (stuck := _stuck_object(content, begin, length)) is not None:
                raise InputError(
                    f"{path} must be an HDF5 file; the texts that lie at byte {begin:,} of it are damaged (the one at "
                    f"byte {stuck:,} has no end): get it again, or leave it out."
                )


def _places(content: mmap.mmap) -> Iterator[int]:
    begin = content.find(_HEAP)
    while begin >= 0:
        yield begin
        begin = content.find(_HEAP, begin + _WORD)


def _stuck_object(content: mmap.mmap, begin: int, length: int) -> int | None:
    """Where the object lies after which there is no next one; None if the walk comes to the end of the heap."""
    header = _WORD + _padded(length)
    end = min(begin + _number(content, begin + _WORD, length), len(content))
    place = begin + header
    while place + header <= end:
        index, claimed = _number(content, place, 2), _number(content, place + _WORD, length)
        step = header + _padded(claimed) if index else claimed  # object 0 is the free space, with its header
        if step == 0 or step >= 1 << 8 * length - 1:  # the library counts modulo 2^64: it stays, or goes back
            return place
        place += step
    return None


def _padded(n_bytes: int) -> int:
    return -(-n_bytes // _WORD) * _WORD


def _number(content: mmap.mmap, place: int, n_bytes: int) -> int:
    return int.from_bytes(content[place : place + n_bytes], "little")
