"""Worker processes that end when the process that started them does, however that one ends.

joblib's workers (loky) wait for more work for minutes after their parent was killed. Two things end them earlier: the
kernel, where it can be asked to (Linux), also in the middle of a long product; and a thread that looks for the parent.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from joblib import Parallel
from joblib.parallel import LokyBackend, get_active_backend

SECONDS_BETWEEN_LOOKS = 0.5
_PR_SET_PDEATHSIG = 1
_REPLACED = "A worker stopped while some jobs were given to the executor."


def is_of_no_concern(warning: Warning | str) -> bool:
    """Whether joblib warns of what changes nothing: a worker that grew by 300 MB was replaced by a fresh one.

    Examples
    --------
    >>> from fusion.workers import is_of_no_concern
    >>> is_of_no_concern("Rows 3 and 17 are alike.")
    False
    """
    return str(warning).startswith(_REPLACED)


def workers(n_jobs: int, **options: Any) -> Parallel:
    """Return joblib's ``Parallel``, whose processes on this machine end with this process.

    Parameters
    ----------
    n_jobs : int
        joblib's; its active backend is respected. Where that is not loky (threads, dask, this process alone), nothing
        is changed.
    **options
        Of ``joblib.Parallel``.

    Examples
    --------
    >>> from math import sqrt
    >>> from joblib import delayed
    >>> workers(1)(delayed(sqrt)(number) for number in (4, 9))
    [2.0, 3.0]
    """
    active, _ = get_active_backend()
    if type(active) is LokyBackend and not {"backend", "prefer", "require"} & options.keys():
        given = getattr(active, "backend_kwargs", {})  # since joblib 1.5
        options["backend"] = _WatchedLoky(
            nesting_level=active.nesting_level, inner_max_num_threads=active.inner_max_num_threads, **given
        )
    return Parallel(n_jobs=n_jobs, **options)


class _WatchedLoky(LokyBackend):  # type: ignore[misc]  # joblib carries no types
    """loky whose workers begin by watching their parent."""

    def configure(self, n_jobs: int = 1, parallel: Any = None, **options: Any) -> int:
        """Start or take over the workers. Equal arguments at every call, or joblib would start others."""
        given = getattr(self, "backend_kwargs", {})
        # The kernel takes the end of the thread that started a process for the end of its parent.
        by_main_thread = threading.current_thread() is threading.main_thread()
        options["initializer"] = end_with
        options["initargs"] = (os.getpid(), by_main_thread, given.get("initializer"), given.get("initargs", ()))
        return int(super().configure(n_jobs, parallel, **options))


def end_with(
    parent: int, by_main_thread: bool, then: Callable[..., object] | None = None, arguments: tuple[Any, ...] = ()
) -> None:
    """First thing that a worker does: see to it that it ends when its parent has ended.

    Parameters
    ----------
    parent : int
        Process that started this one.
    by_main_thread : bool
        Whether the parent's main thread did; only then may the kernel watch.
    then : callable, optional
        What else a worker begins with, and its `arguments`.
    """
    if by_main_thread and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    threading.Thread(target=_look_for, args=(parent,), daemon=True).start()
    if then is not None:
        then(*arguments)


def _look_for(parent: int) -> None:
    while os.getppid() == parent:  # another process adopts an orphan
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGKILL)
