"""joblib's dask backend, with its gaps closed. Imported only where dask is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from joblib._dask import DaskDistributedBackend

QUEUED = 256
"""Tasks that wait at the scheduler, whatever workers there are: a cluster that grows does so by what waits for it."""


class DaskBackend(DaskDistributedBackend):  # type: ignore[misc]  # joblib carries no types
    """Says that dask gave a task up (its workers were killed, or its scheduler); joblib alone would wait for ever.

    joblib hears of errors inside a task, which the task itself reports, and not of tasks that never report.
    """

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], None] | None = None) -> Any:
        """Hand a task to dask; ``callback`` is called with its result, or with the error that ended it."""
        task = super().submit(func, callback)
        if callback is not None:
            task.add_done_callback(lambda done: done.exception() and callback(done.exception()))
        return task

    def retrieve_result_callback(self, out: Any) -> Any:
        """A task whose scheduler went away comes back as the error that says so, which is no result."""
        if isinstance(out, BaseException):
            raise out
        return super().retrieve_result_callback(out)

    def effective_n_jobs(self, n_jobs: int) -> int:
        """At least half of `QUEUED`: joblib hands out twice as many tasks, and one alone it would do by itself."""
        return max(int(super().effective_n_jobs(n_jobs)), QUEUED // 2)
