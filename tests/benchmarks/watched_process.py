"""A command with all processes that it starts: seconds, processor seconds and memory of the whole tree."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_INTERVAL = 0.2
"""Seconds between two looks. What a process does after the last look at it is counted if its parent waited for it."""

GIGABYTE = 1e9


@dataclass
class WatchedProcess:
    """What a process tree was seen to use.

    Attributes
    ----------
    largest : int
        Bytes of the processes together, pages that they share counted once; or of one process alone at its own peak.
    seen : dict
        Processor seconds of each process when it was last looked at, by its id and start.
    """

    largest: int = 0
    seen: dict[tuple[int, float], float] = field(default_factory=dict)

    def look(self, process: psutil.Process) -> None:
        """Take the tree as it is now."""
        together = 0
        for one in _tree(process):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError, ProcessLookupError):
                times = one.cpu_times()
                self.seen[one.pid, one.create_time()] = times.user + times.system
                shared_out, own_peak = _memory(one.pid)
                together += shared_out
                self.largest = max(self.largest, own_peak)
        self.largest = max(self.largest, together)


def watch(command: Sequence[str], *, cwd: Path, log: Path) -> dict[str, float]:
    """Run a command to its end.

    Parameters
    ----------
    log : Path
        Where what it says is added.

    Returns
    -------
    dict
        ``seconds``, ``cpu_seconds``, ``peak_gb``.

    Raises
    ------
    subprocess.CalledProcessError
        It failed; the log says why.
    """
    found, begun = WatchedProcess(), time.perf_counter()
    with log.open("a", encoding="utf-8") as said:
        before = _waited_for()
        process = subprocess.Popen(command, cwd=cwd, stdout=said, stderr=subprocess.STDOUT)
        root = psutil.Process(process.pid)
        while process.poll() is None:
            found.look(root)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_INTERVAL)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, f"see {log}")
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": max(sum(found.seen.values()), _waited_for() - before),
        "peak_gb": found.largest / GIGABYTE,
    }


def _tree(process: psutil.Process) -> Iterator[psutil.Process]:
    yield process
    with suppress(psutil.NoSuchProcess):
        yield from process.children(recursive=True)


def _memory(pid: int) -> tuple[int, int]:
    """Bytes of a process now, its part of shared pages; and the most that it ever held."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return _kilobytes(rollup, "Pss:"), _kilobytes(status, "VmHWM:")


def _kilobytes(text: str, key: str) -> int:
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(key)), 0)


def _waited_for() -> float:
    """Processor seconds of the children that ended, and of theirs."""
    times = psutil.Process().cpu_times()
    return times.children_user + times.children_system
