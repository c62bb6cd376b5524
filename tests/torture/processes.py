"""Runs in processes of their own, and what is left of them."""

import atexit
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

_MARK = "GENEBRAIN_TORTURE"
SECONDS_TO_BE_GONE = 5.0
PATIENCE = 600.0


@dataclass
class Started:
    """A command that runs."""

    pid: int
    log: Path
    mark: str
    _status: int | None = field(default=None, init=False)

    @property
    def said(self) -> str:
        """What it printed, errors too."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def code(self) -> int | None:
        """Its exit code; minus the signal that ended it; None while it runs."""
        if self._status is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if ended else None
        return self._status

    def wait(self) -> int:
        """Its exit code, when it has ended."""
        deadline = time.monotonic() + PATIENCE
        while (code := self.code()) is None:
            if time.monotonic() > deadline:
                self.kill(signal.SIGKILL)
                raise TimeoutError(f"A run hung: {self.said[-500:]}")
            time.sleep(0.02)
        return code

    def kill(self, number: signal.Signals) -> bool:
        """Send a signal to the run alone; its workers must find out by themselves. False: it had ended before."""
        if self.code() is not None:
            return False
        os.kill(self.pid, number)
        return True

    def orphans(self) -> list[str]:
        """Processes that this run started and that are there after `SECONDS_TO_BE_GONE`."""
        deadline = time.monotonic() + SECONDS_TO_BE_GONE
        while (left := list(_marked(self.mark))) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left


def start(
    arguments: list[str],
    log: Path,
    *,
    folder: Path | None = None,
    before: Callable[[], object] = bool,
    after: Callable[[], object] = bool,
) -> Started:
    """Run ``genebrain *arguments`` in a fork, in `folder` or that of its log; `before` and `after` are called in it."""
    mark = token_hex(8)
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return Started(pid, log, mark)
    code = 1
    try:
        _settle(log, mark, folder or log.parent)
        before()
        code = _run(arguments)
        after()
    except BaseException:  # noqa: BLE001 - a fork must never go on as its parent
        traceback.print_exc()
        code = 1
    threading._shutdown()  # what an interpreter does at its end, without what this one has still to do
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


def _settle(log: Path, mark: str, folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job, and its children, ignore it
    os.setsid()
    os.chdir(folder)
    os.environ[_MARK] = mark
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (1, 2):
        os.dup2(written, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _run(arguments: list[str]) -> int:
    from analyses.cli import main

    sys.argv = ["genebrain", *arguments]
    try:
        main()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0


def _marked(mark: str) -> Iterator[str]:
    """Command lines of processes whose environment carries the mark."""
    wanted = f"{_MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                yield (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:200]
        except OSError:  # it ended while it was looked at, or is another user's
            continue
