"""A disk that is full, read-only or not this user's ends what writes in one sentence; what was finished is kept."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from encoders.errors import InputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_REMEDIES = {
    **dict.fromkeys(_FULL, "its disk is full or has no room left for this user"),
    **dict.fromkeys(_READ_ONLY, "its disk is read-only"),
    **dict.fromkeys(_FORBIDDEN, "this user may not write there"),
}
_NUMBER_IN_TEXT = re.compile(r"errno\W{1,3}(\d+)", re.IGNORECASE)  # h5py and pyarrow tell it so


class DiskError(InputError):
    """Nothing is wrong with the input: a disk takes no more. What was finished is kept."""

    exit_code = 3


@contextmanager
def refused_if_unwritable(folder: Path) -> Iterator[None]:
    """Around what writes into a folder.

    Parameters
    ----------
    folder : Path
        Named in the sentence.

    Raises
    ------
    DiskError
        In place of whatever numpy, zipfile, pyarrow, h5py, htslib or the system raised because the disk is full,
        read-only or forbidden. Other errors pass, also that a file elsewhere may not be read.
    """
    try:
        yield
    except DiskError:
        raise
    except Exception as error:
        number = disk_number(error)
        if number is None or (number in _FORBIDDEN and not _is_below(error, folder)):
            raise
        raise DiskError(describe(number, folder)) from error


def disk_number(error: BaseException) -> int | None:
    """The error number if a disk is at fault; None for any other error."""
    number = getattr(error, "errno", None)
    if number is None and (told := _NUMBER_IN_TEXT.search(str(error))):
        number = int(told[1])
    return number if number in _REMEDIES else None


def describe(number: int, place: Path | str) -> str:
    """One sentence on a place that takes no more."""
    do = "Make room" if number in _FULL else "Let it be written"
    return (
        f"{place} must take what is written; {_REMEDIES[number]} ({errno.errorcode[number]}: {os.strerror(number)}). "
        f"{do}, or choose another folder, and run the same command again: what was finished is kept."
    )


def _is_below(error: Exception, folder: Path) -> bool:
    names = (getattr(error, "filename", None), getattr(error, "filename2", None))
    paths = [Path(os.fsdecode(name)) for name in names if isinstance(name, str | bytes | os.PathLike)]
    return any(path == folder or folder in path.parents for path in paths)
