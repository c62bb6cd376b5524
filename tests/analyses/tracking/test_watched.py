"""Servers end with whoever started them, also where that one is killed and can end nothing itself."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from analyses.tracking.watched import watched_command
from tests.conftest import PATIENCE

STARTER = """
import subprocess, sys
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, start_new_session=True)
print(server.pid, flush=True)
sys.exit(server.wait())
"""
SERVER = """
import os, subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {worker.pid}\\n")
worker.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_and_its_workers_end_with_a_starter_that_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    told = tmp_path / "pids"
    words = [sys.executable, "-c", STARTER, *watched_command([sys.executable, "-c", SERVER, str(told)])]
    starter = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    watcher = int(starter.stdout.readline())
    assert waits_for(lambda: told.is_file() and told.read_text().endswith("\n"))
    pids = [watcher, *map(int, told.read_text().split())]
    assert all(map(is_running, pids))
    starter.send_signal(number)
    starter.wait()
    starter.stdout.close()
    assert waits_for(lambda: not any(map(is_running, pids)))


def test_the_exit_code_is_that_of_the_command() -> None:
    words = watched_command([sys.executable, "-c", "raise SystemExit(7)"])
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        assert process.wait() == 7


def waits_for(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def is_running(pid: int) -> bool:
    """Whether there is such a process that has not ended (one that nobody asked after stays as a zombie)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
