"""joblib's dask backend, with its gaps closed. Imported only where dask is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

from distributed.comm.core import CommClosedError
from joblib._dask import DaskDistributedBackend

TRIES = 5
"""Times that a task is handed over, where workers that held its arguments are killed."""

SECONDS_BETWEEN_TRIES = 0.5
_LOST = (CancelledError, CommClosedError, TimeoutError)

QUEUED = 256
"""Tasks that wait at the scheduler, whatever workers there are: a cluster that grows does so by what waits for it."""


class DaskBackend(DaskDistributedBackend):  # type: ignore[misc]  # joblib carries no types
    """Says that dask gave a task up (its workers were killed, or its scheduler); joblib alone would wait for ever.

    joblib hears of errors inside a task, which the task itself reports, and not of tasks that never report, nor of
    those whose arguments never arrived.
    """

    def submit(self, func: Any, callback: Callable[[Any], None] | None = None) -> Any:
        """Hand a task to dask; ``callback`` is called with its result, or with the error that ended it."""
        return self._submit(func, callback, TRIES)

    def _submit(self, func: Any, callback: Callable[[Any], None] | None, tries: int) -> Any:
        heard = None if callback is None else partial(self._tell_or_repeat, func, callback, tries - 1)
        handed_over: Future[Future[Any]] = Future()
        func.task = handed_over
        task = super().submit(func, heard)
        if heard is not None:
            task.add_done_callback(lambda done: done.exception() and heard(done.exception()))
        handed_over.set_result(task)
        return task

    def _tell_or_repeat(self, func: Any, callback: Callable[[Any], None], tries: int, out: Any) -> None:
        """Tell what came of a task. It is handed over again where a worker was killed that its arguments were sent to,
        or lay with: dask forgets it then.
        """
        if tries and isinstance(out, _LOST) and self.client.status == "running":
            loop = self.client.loop
            loop.add_callback(loop.call_later, SECONDS_BETWEEN_TRIES, self._repeat, func, callback, tries)
        else:
            callback(out)

    def _repeat(self, func: Any, callback: Callable[[Any], None], tries: int) -> None:
        self.call_data_futures.clear()  # what was sent is sent again
        self._submit(func, callback, tries)

    async def _to_func_args(self, func: Any) -> Any:
        """Send the arguments of a task to the workers; where that fails, the task ends with the reason."""
        try:
            return await super()._to_func_args(func)
        except BaseException as error:  # noqa: BLE001 - joblib's coroutine would end here, and its task be waited for
            why = CommClosedError("arguments were not sent") if isinstance(error, asyncio.CancelledError) else error
            func.task.add_done_callback(partial(_end, why=why))
            raise asyncio.CancelledError from None  # which is not logged: the task has it

    def retrieve_result_callback(self, out: Any) -> Any:
        """A task whose scheduler went away comes back as the error that says so, which is no result."""
        if isinstance(out, BaseException):
            raise out
        return super().retrieve_result_callback(out)

    def effective_n_jobs(self, n_jobs: int) -> int:
        """At least half of `QUEUED`: joblib hands out twice as many tasks, and one alone it would do by itself."""
        return max(int(super().effective_n_jobs(n_jobs)), QUEUED // 2)


def _end(handed_over: Future[Future[Any]], why: BaseException) -> None:
    handed_over.result().set_exception(why)
