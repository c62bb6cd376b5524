"""The boundary at which whatever a damaged file makes a reader raise becomes one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fusion.errors import InputError

_LONGEST = 160


@contextmanager
def refused_if_damaged(path: Path | str, what: str) -> Iterator[None]:
    """Around the call of a reader that is not ours: numpy, zipfile, h5py, pyarrow.

    Parameters
    ----------
    path : path
        The file that is read.
    what : str
        What it must be, with its article.

    Raises
    ------
    InputError
        In place of anything but an `InputError`: no list of what these libraries raise would be whole.
    """
    try:
        yield
    except InputError:
        raise
    except RecursionError:
        raise InputError(f"{path} must be {what}; it is nested without end: write it again.") from None
    except Exception as error:
        said = " ".join(str(error).split()).rstrip(".") or "it ends too early"
        raise InputError(
            f"{path} must be {what}; it cannot be read ({type(error).__name__}: {said[:_LONGEST]}): write it again."
        ) from error
