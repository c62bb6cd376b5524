"""Progress: a bar on a terminal, plain lines in a job's log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from analyses.errors import printable

Advance = Callable[[int, int], None]
_SECONDS_BETWEEN_LINES = 15.0


def say(text: str) -> None:
    """Lines to the user, at once: job logs are read while the job runs.

    Names in them come from files, so what a terminal would take for a command is shown as what it is.
    """
    print(printable(text, keep="\n\t"), flush=True)


@contextmanager
def progress_bar(label: str) -> Iterator[Advance]:
    """A callback ``advance(done, total)`` that draws a bar on a terminal and writes sparse lines elsewhere."""
    from tqdm import tqdm

    if sys.stderr.isatty():
        with tqdm(desc=f"  {label}", leave=False, file=sys.stderr) as bar:

            def draw(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield draw
        return

    last = time.monotonic()

    def write(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            say(f"  {label}: {done:,} of {total:,}")

    yield write
