"""A dask cluster over TCP: a scheduler and workers in processes of their own, which share nothing with the run."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from dask.distributed import Client

from tests.torture.processes import PATIENCE


@dataclass
class TcpCluster:
    """The processes of a cluster at one port of the loopback address."""

    folder: Path
    n_workers: int
    port: int
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list, init=False)

    @property
    def address(self) -> str:
        """As `engine.address` takes it."""
        return f"tcp://127.0.0.1:{self.port}"

    def begin(self) -> None:
        """Start the scheduler, then workers, and wait until they answer."""
        scheduler = ("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--dashboard-address", "127.0.0.1:0")
        self._start(*scheduler)
        self._start_workers(self.n_workers, 0)

    def add_worker(self, resources: str) -> None:
        """One more that says that it has something the others lack, such as ``GPU=1``."""
        self._start_workers(1, self.n_workers, "--resources", resources)

    def _start_workers(self, n_workers: int, n_before: int, *words: str) -> None:
        where = ("--nworkers", str(n_workers), "--nthreads", "1", "--no-dashboard", "--memory-limit", "0", *words)
        self._start("worker", self.address, *where, "--local-directory", str(self.folder))
        with Client(self.address, timeout=PATIENCE, set_as_default=False) as client:
            client.wait_for_workers(n_before + n_workers, timeout=PATIENCE)

    def workers(self) -> list[psutil.Process]:
        """Those that work, under the nanny that starts them again."""
        found = []
        with suppress(psutil.NoSuchProcess):
            for one in psutil.Process(self._processes[1].pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    if "spawn_main" in " ".join(one.cmdline()):
                        found.append(one)
        return found

    def kill_scheduler(self) -> None:
        """And with it what it knows of the work."""
        self._processes[0].kill()
        self._processes[0].wait()

    def end(self) -> None:
        """All of it, at once."""
        for one in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()
        self._processes.clear()

    def _start(self, *words: str) -> None:
        with (self.folder / "cluster.log").open("ab") as log:
            command = [sys.executable, "-m", "dask", *words]
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))


@contextmanager
def tcp_cluster(folder: Path, *, n_workers: int) -> Iterator[TcpCluster]:
    """A cluster that is there for as long as it is needed."""
    cluster = TcpCluster(folder, n_workers, free_port())
    try:
        cluster.begin()
        yield cluster
    finally:
        cluster.end()


def free_port() -> int:
    """A port of the loopback address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def bytes_over_loopback() -> int:
    """All that went over the loopback address since the machine began."""
    counters = psutil.net_io_counters(pernic=True)
    return int(counters["lo"].bytes_sent) if "lo" in counters else 0
