"""How a command ends that is told to, or whose disk is full: in order, in a word, and soon."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analyses.errors import InputError
from analyses.stopping import ENDING, StopRequested, stop_on_signals
from encoders.damage import describe_long_name
from encoders.disks import DiskError, describe, disk_number

PATIENCE = 4.0
"""Seconds for an orderly end: a long product, or a server that does not answer, must not keep a process that is told to
end. What it then leaves is what a killed one leaves, and the next run takes that away."""

_ENDING = (*ENDING, signal.SIGINT)


@contextmanager
def ending_in_words() -> Iterator[None]:
    """Around a whole command: signals end it in order, in one sentence and with the code that shells know.

    A process that got one of these signals is at its end within `PATIENCE`, whatever it does.

    Raises
    ------
    DiskError
        In place of an OSError of a disk that is full, read-only or forbidden.
    InputError
        In place of an OSError of a path that is too long.
    """
    with _ended_at_last(), stop_on_signals():
        try:
            yield
        except SystemExit as stop:
            if number := _number(stop.code):
                print(_sentence(number), file=sys.stderr)
            raise
        except Exception as error:
            if number := _signal_behind(error):
                print(_sentence(number), file=sys.stderr)
                raise SystemExit(128 + number) from None
            if isinstance(error, OSError) and (said := describe_long_name(error)):
                raise InputError(said) from error
            if not isinstance(error, OSError) or (found := disk_number(error)) is None:
                raise
            place = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else "The disk"
            raise DiskError(describe(found, place)) from error


def _signal_behind(error: BaseException | None) -> int | None:
    """The signal that a library was clearing up after when it failed: it says that, and the end was asked for."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return signal.SIGINT
        if isinstance(error, StopRequested):
            return _number(error.code)
        error = error.__cause__ or error.__context__
    return None


def _number(code: object) -> int | None:
    return next((number for number in _ENDING if code == 128 + number), None)


def _sentence(number: int) -> str:
    return f"genebrain: ended by {signal.Signals(number).name}; what was finished is kept: run the same command again."


@contextmanager
def _ended_at_last() -> Iterator[None]:
    """Python looks at signals between two of its own steps; a thread hears of them at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    earlier = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_end_at_last, args=(reading,), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(earlier)
        os.close(writing)


def _end_at_last(reading: int) -> None:
    with os.fdopen(reading, "rb", buffering=0) as heard:
        while came := heard.read(1):
            if came[0] in _ENDING:
                time.sleep(PATIENCE)
                os.write(2, f"{_sentence(came[0])}\n".encode())
                os._exit(128 + came[0])
