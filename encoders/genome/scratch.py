"""A folder of this process for indexes that were made anew; it goes when the process ends."""

import tempfile
from functools import cache
from itertools import count
from pathlib import Path

_NUMBERS = count()


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="genebrain-indexes-")


def scratch_path(name: str) -> Path:
    """Where a file of this name may be written; another call gives another place."""
    folder = Path(_folder().name) / str(next(_NUMBERS))
    folder.mkdir()
    return folder / name
