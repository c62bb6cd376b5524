"""What long analyses have done, piece by piece: a process that was killed goes on where it stopped.

Whoever runs one gives a journal (`keep_portions`); whatever is shared out among workers within, or done in pieces, is
looked for there first and written there once it is done. Calls are told apart by their order, so that the same analysis
of the same data, and no other, may be given the same journal again. Without one nothing is kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar, runtime_checkable

from joblib import delayed
from numpy.typing import NDArray

from fusion.workers import workers

Arrays = Mapping[str, NDArray[Any]]
Call = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function and its arguments, all of them picklable."""
Part = TypeVar("Part")


@runtime_checkable
class Journal(Protocol):
    """Arrays by name; an entry is there whole or not at all."""

    def read(self, entry: str) -> Arrays | None:
        """The arrays of an entry; None where it is not there."""
        ...

    def write(self, entry: str, arrays: Arrays) -> None:
        """Keep an entry."""
        ...


class _Open:
    """A journal and the number of jobs that were begun since it was opened."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.n_jobs = 0


_open: ContextVar[_Open | None] = ContextVar("journal", default=None)


@contextmanager
def keep_portions(journal: Journal) -> Iterator[None]:
    """Within: what `share_out` and `keep` have done is kept in `journal`, and taken from it."""
    token = _open.set(_Open(journal))
    try:
        yield
    finally:
        _open.reset(token)


def share_out(
    calls: Sequence[Call],
    *,
    n_jobs: int,
    to_arrays: Callable[[Part], Arrays],
    of_arrays: Callable[[Arrays], Part],
    in_threads: bool = False,
) -> Iterator[Part]:
    """Results of calls in their order; those that the open journal holds are not done again.

    Parameters
    ----------
    calls : sequence of (callable, arguments)
    n_jobs : int
        joblib's; its active backend is respected.
    to_arrays, of_arrays : callable
        A result as arrays, and back.
    in_threads : bool
        On this machine by threads of this process, not by processes of their own.
    """
    options = {"prefer": "threads"} if in_threads else {}
    is_open = _open.get()
    if is_open is None:
        shared = workers(n_jobs, return_as="generator", **options)
        yield from shared(delayed(one)(*arguments) for one, arguments in calls)
        return
    is_open.n_jobs += 1
    entries = [f"{is_open.n_jobs:05d}-{number:05d}-of-{len(calls):05d}" for number in range(len(calls))]
    found = {entry: is_open.journal.read(entry) for entry in entries}
    left = [call for entry, call in zip(entries, calls, strict=True) if found[entry] is None]
    done = iter(workers(n_jobs, return_as="generator", **options)(delayed(one)(*arguments) for one, arguments in left))
    for entry in entries:
        kept = found.pop(entry)
        if kept is not None:
            yield of_arrays(kept)
            continue
        part: Part = next(done)
        is_open.journal.write(entry, to_arrays(part))
        yield part


def keep(make: Callable[[], Part], *, to_arrays: Callable[[Part], Arrays], of_arrays: Callable[[Arrays], Part]) -> Part:
    """Result of one piece of work that this process does; where the open journal holds it, it is not done again.

    Parameters
    ----------
    make : callable
        The work. What it shares out itself is kept as a whole with it, or not at all.
    to_arrays, of_arrays : callable
        A result as arrays, and back.

    Examples
    --------
    >>> import numpy as np
    >>> from fusion.journal import keep
    >>> keep(lambda: 3.0, to_arrays=lambda one: {"value": np.array(one)}, of_arrays=lambda kept: float(kept["value"]))
    3.0
    """
    is_open = _open.get()
    if is_open is None:
        return make()
    is_open.n_jobs += 1
    entry = f"{is_open.n_jobs:05d}"
    kept = is_open.journal.read(entry)
    if kept is not None:
        return of_arrays(kept)
    token = _open.set(None)  # calls are told apart by their order, which must not depend on what was kept
    try:
        made = make()
    finally:
        _open.reset(token)
    is_open.journal.write(entry, to_arrays(made))
    return made
