"""Sentences that a user should read beside a result: Python warnings, unless someone is collecting them.

`warnings.catch_warnings` changes what the whole process does with warnings, so that two threads that enter and leave it
at a time (compilers and decorators do, wherever they run) lose what a third was recording. What must stand in a report
is therefore handed over by itself.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_collected: ContextVar[list[str] | None] = ContextVar("collected", default=None)


def caution(sentence: str, *, stacklevel: int = 1) -> None:
    """Hand a sentence to whoever collects in this thread; else warn (``UserWarning``).

    Parameters
    ----------
    sentence : str
    stacklevel : int
        As that of ``warnings.warn``: 1 is the line that calls this function.

    Examples
    --------
    >>> from fusion.cautions import caution, collected
    >>> with collected() as sentences:
    ...     caution("Rows 3 and 17 are alike.")
    >>> sentences
    ['Rows 3 and 17 are alike.']
    """
    sentences = _collected.get()
    if sentences is None:
        warnings.warn(sentence, UserWarning, stacklevel=stacklevel + 1)
    else:
        sentences.append(sentence)


@contextmanager
def collected() -> Iterator[list[str]]:
    """Within: what `caution` is told goes into this list, in its order, and to nobody else."""
    sentences: list[str] = []
    token = _collected.set(sentences)
    try:
        yield sentences
    finally:
        _collected.reset(token)
