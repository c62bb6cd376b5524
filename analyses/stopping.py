"""A process that is told to end does so in order: its locks are released and what was begun is taken back."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""Told to end, the terminal is gone, a scheduler warns."""


class StopRequested(SystemExit):
    """A signal asked this process to end."""


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Turn `ENDING` into an orderly end, unless one is ignored (nohup); signals reach the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        raise StopRequested(128 + number)

    heeded = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
