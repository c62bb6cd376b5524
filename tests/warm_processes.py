"""Processes of their own for tests, without the seconds that libraries take to import: forks of one that has them.

They stand for ``python -c``. Libraries are there before variables are set and before the code begins, so what an import
does, needs or leaves undone is tested by an interpreter that starts from nothing instead.
"""

import atexit
import multiprocessing
import os
import sys
import threading
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

from tests.conftest import PATIENCE

LIBRARIES = (
    *("alembic.command", "joblib", "mlflow.store.tracking.sqlalchemy_store", "pandas", "pydantic", "pysam"),
    *("scipy.linalg", "torch", "yaml"),
)
"""None of this project: its modules know by what process they were imported."""


@dataclass(frozen=True)
class Started:
    """A process that runs."""

    process: ForkServerProcess
    folder: TemporaryDirectory[str] = field(repr=False)

    def poll(self) -> int | None:
        """Its exit code; minus the signal that ended it; None while it runs."""
        return self.process.exitcode

    def kill(self) -> None:
        """By SIGKILL."""
        self.process.kill()

    def wait(self) -> int:
        """Its exit code, when it has ended."""
        self.process.join(PATIENCE)
        if self.process.exitcode is None:
            self.kill()
            raise TimeoutError(f"A process hung: {self.said('stderr')[-500:]}")
        return self.process.exitcode

    def said(self, stream: str) -> str:
        """What it wrote to ``stdout`` or ``stderr``."""
        path = Path(self.folder.name, stream)
        return path.read_text("utf-8", "replace") if path.exists() else ""


def start(code: str, *arguments: object, env: dict[str, str] | None = None) -> Started:
    """Begin what ``python -c code *arguments`` does, in the working directory of the test."""
    folder = TemporaryDirectory(prefix="genebrain-test-")
    words = ["-c", *map(str, arguments)]
    begun = _server().Process(target=_run, args=(code, words, env or dict(os.environ), os.getcwd(), folder.name))
    begun.start()
    return Started(begun, folder)


def run(code: str, *arguments: object, check: bool = False, env: dict[str, str] | None = None) -> CompletedProcess[str]:
    """The same, to its end."""
    process = start(code, *arguments, env=env)
    done = CompletedProcess(process, process.wait(), process.said("stdout"), process.said("stderr"))
    if check:
        assert done.returncode == 0, done.stderr
    return done


@cache
def _server() -> ForkServerContext:
    """The process that is forked starts with the first that a session of tests asks for, and ends with the session."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LIBRARIES))
    forkserver.ensure_running()
    return context


def _run(code: str, words: list[str], environment: dict[str, str], folder: str, streams: str) -> None:
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(streams, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = words
    try:
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    finally:  # what an interpreter does at its end, and a fork does not
        threading._shutdown()
        atexit._run_exitfuncs()
