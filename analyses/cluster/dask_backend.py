"""joblib's dask backend, with one gap closed. Imported only where dask is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from joblib._dask import DaskDistributedBackend


class DaskBackend(DaskDistributedBackend):  # type: ignore[misc]  # joblib carries no types
    """Says that dask gave a task up (its workers were killed, one after the other); joblib alone would wait for ever.

    joblib hears of errors inside a task, which the task itself reports, and not of tasks that never report.
    """

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], None] | None = None) -> Any:
        """Hand a task to dask; ``callback`` is called with its result, or with the error that ended it."""
        task = super().submit(func, callback)
        if callback is not None:
            task.add_done_callback(lambda done: done.exception() and callback(done.exception()))
        return task
