"""A folder of this process for indexes that were made anew; it goes when the process ends."""

import tempfile
from functools import cache
from itertools import count
from pathlib import Path

from encoders.errors import InputError

_NUMBERS = count()


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="genebrain-indexes-")


def scratch_path(name: str) -> Path:
    """Where a file of this name may be written; another call gives another place.

    Raises
    ------
    InputError
        If no folder for temporary files can be written.
    """
    try:
        folder = Path(_folder().name) / str(next(_NUMBERS))
        folder.mkdir()
    except OSError as error:
        raise InputError(
            f"A folder for temporary files is needed, since an index is made anew ({name}); none can be written "
            f"({error}): set TMPDIR to one that can."
        ) from error
    return folder / name
