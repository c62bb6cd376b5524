"""Two runs at once, disks that are full or read-only, a reader that goes away, servers and what they outlive."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from analyses.tracking.server import ui_command, ui_environment
from analyses.tracking.store import sqlite_uri
from tests.torture.clusters import TcpCluster, bytes_over_loopback, free_port, tcp_cluster
from tests.torture.kills import Outcome, Undisturbed, check_left, check_resumed, wait_for
from tests.torture.processes import PATIENCE, Started, start
from tests.torture.small_run import read_tracking, unfinished

Attack = Callable[[Outcome, Undisturbed], str]
SHARES = (0.02, 0.3, 0.6, 0.9)
VERBS = ("windows", "embed", "align", "compare", "report", "run")


def two_at_once(outcome: Outcome, undisturbed: Undisturbed) -> str:
    """Two runs of one configuration start together, on one store, one output and one tracking store."""
    folder = undisturbed.scratch / "two-at-once"
    folder.mkdir()
    runs = [start(undisturbed.command("run"), folder / f"log-{number}") for number in (1, 2)]
    codes = [run.wait() for run in runs]
    for run, code in zip(runs, codes, strict=True):
        if code:
            outcome.fault("lost or bricked", f"two at once: code {code}, {run.said.splitlines()[-1:]}")
    check_left(outcome, folder, undisturbed.expected)
    return f"both ended with {codes}"


def full_disk(outcome: Outcome, undisturbed: Undisturbed) -> str:
    """A disk that holds more from one run to the next; the last one has room."""
    run, log = undisturbed.command("run"), undisturbed.scratch / "log-full"
    with _disk(undisturbed.scratch / "full") as disk:
        if disk is None:
            return "not tried: no file system may be mounted here"
        needed = _bytes_below(undisturbed.scratch / f"undisturbed-{undisturbed.experiment}" / "results")
        for share in SHARES:
            _mount(disk, f"remount,size={int(share * needed)}")
            _check_refused(outcome, start(run, log, folder=disk), disk, f"full at {share:.0%}", "full")
        _mount(disk, f"remount,size={4 * needed}")
        check_resumed(outcome, disk, undisturbed)
    return f"{len(SHARES)} runs on a tmpfs of {SHARES[0]:.0%} to {SHARES[-1]:.0%} of the room, then one with room"


def read_only_disk(outcome: Outcome, undisturbed: Undisturbed) -> str:
    """Before every stage the disk is read-only once."""
    log = undisturbed.scratch / "log-read-only"
    with _disk(undisturbed.scratch / "read-only") as disk:
        if disk is None:
            return "not tried: no file system may be mounted here"
        for verb in VERBS:
            words = undisturbed.command(verb)
            _mount(disk, "remount,ro")
            _check_refused(outcome, start(words, log, folder=disk), disk, f"read-only before {verb}", "")
            _mount(disk, "remount,rw")
            if verb != "run" and start(words, log, folder=disk).wait():
                outcome.fault("lost or bricked", f"read-only disk: {verb} failed once it could be written")
        check_resumed(outcome, disk, undisturbed)
    return f"a read-only tmpfs before each of {', '.join(VERBS)}"


def files_too_large(outcome: Outcome, undisturbed: Undisturbed) -> str:
    """A limit on the size of one file (RLIMIT_FSIZE), as a quota that needs no mount."""
    folder = undisturbed.scratch / "too-large"
    folder.mkdir()
    limits = (2_000, 30_000)
    for limit in limits:
        run = start(
            undisturbed.command("run"),
            folder / "log",
            before=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),  # type: ignore[misc]
        )
        _check_refused(outcome, run, folder, f"files of {limit} bytes", "full")
    check_resumed(outcome, folder, undisturbed)
    return f"limits of {', '.join(map(str, limits))} bytes a file, then none"


def closed_output(outcome: Outcome, undisturbed: Undisturbed) -> str:
    """``| head -1``: the reader of what is printed goes after the first line."""
    folder = undisturbed.scratch / "closed"
    folder.mkdir()
    reading, writing = os.pipe()
    run = start(
        undisturbed.command("run", workers=2),
        folder / "log",
        before=lambda: (os.dup2(writing, 1), os.close(reading)),
    )
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    code = run.wait()
    if code == 0 or "Traceback" in run.said:
        outcome.fault("ended otherwise than told", f"closed output: code {code}, {run.said.splitlines()[-1:]}")
    for orphan in run.orphans():
        outcome.fault("orphan after 5 s", f"closed output: {orphan}")
    check_resumed(outcome, folder, undisturbed)
    return f"ended with code {code}, without a word"


def server_that_dies(outcome: Outcome, undisturbed: Undisturbed) -> str:
    """The tracking server is killed while a run logs into it; once it is back, ``genebrain log`` brings all of it."""
    folder = undisturbed.scratch / "server"
    folder.mkdir()
    database = folder / "results" / "mlflow.db"
    database.parent.mkdir()
    port = free_port()
    address = f"tracking.uri=http://127.0.0.1:{port}"
    server = _serve(database, port)
    run = start(undisturbed.command("run", address), folder / "log")
    while run.code() is None and not _holds_runs(database):
        time.sleep(0.02)
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    code = run.wait()
    if code != 3 or "genebrain log" not in run.said:
        outcome.fault("ended otherwise than told", f"server died: code {code}, {run.said.splitlines()[-1:]}")
    server = _serve(database, port)
    again = start(["log", "results/out"], folder / "log-again")
    if again.wait():
        outcome.fault("lost or bricked", f"server came back: {again.said.splitlines()[-1:]}")
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    check_left(outcome, folder, undisturbed.expected)
    return f"ended with code {code} and the command that logs later, which then did"


def interface_killed(outcome: Outcome, undisturbed: Undisturbed) -> str:
    """``genebrain ui`` is killed as soon as its server answers, which must end too."""
    folder = undisturbed.scratch / "interface"
    folder.mkdir()
    database = undisturbed.scratch / f"undisturbed-{undisturbed.experiment}" / "results" / "mlflow.db"
    run = start(["ui", str(database), "--port", str(free_port())], folder / "log")
    while run.code() is None and "Press Ctrl-C" not in run.said:
        time.sleep(0.1)
    if not run.kill(signal.SIGKILL):
        outcome.fault("lost or bricked", f"interface: code {run.wait()}, {run.said.splitlines()[-1:]}")
        return "did not begin"
    run.wait()
    orphans = run.orphans()
    for orphan in orphans:
        outcome.fault("orphan after 5 s", f"interface: {orphan}")
    return f"{len(orphans) or 'none'} of its processes outlived it"


def dask_workers_killed(outcome: Outcome, undisturbed: Undisturbed) -> str:
    """Four workers over TCP, of which one after another is killed while the run goes on."""
    folder = undisturbed.scratch / "dask-workers"
    folder.mkdir()
    n_killed, before = 0, bytes_over_loopback()
    with tcp_cluster(folder, n_workers=4) as cluster:
        run = start(undisturbed.command("run", _engine(cluster)), folder / "log")
        for stage in ("embedding", "alignment", "alignment", "alignment"):
            wait_for(run, stage, 0.2 * undisturbed.seconds[stage])
            if run.code() is None and (workers := cluster.workers()):
                workers[n_killed % len(workers)].kill()
                n_killed += 1
        if code := run.wait():
            outcome.fault("lost or bricked", f"dask workers killed: code {code}, {run.said.splitlines()[-1:]}")
    check_left(outcome, folder, undisturbed.expected)
    return f"{n_killed} of four workers killed, the bits of one process; {_megabytes(before)} went over loopback"


def dask_scheduler_killed(outcome: Outcome, undisturbed: Undisturbed) -> str:
    """The scheduler is killed in an alignment; with another at its place the same command goes on."""
    folder = undisturbed.scratch / "dask-scheduler"
    folder.mkdir()
    with tcp_cluster(folder, n_workers=2) as cluster:
        words = undisturbed.command("run", _engine(cluster))
        run = start(words, folder / "log")
        wait_for(run, "alignment", 0.3 * undisturbed.seconds["alignment"])
        cluster.kill_scheduler()
        code = run.wait()
        if code != 2 or "The scheduler of engine.address must live" not in run.said or "Traceback" in run.said:
            outcome.fault("ended otherwise than told", f"scheduler died: code {code}, {run.said.splitlines()[-1:]}")
        cluster.end()
        cluster.begin()
        again = start(words, folder / "log-again")
        if again.wait():
            outcome.fault("lost or bricked", f"scheduler came back: {again.said.splitlines()[-1:]}")
    check_left(outcome, folder, undisturbed.expected)
    return f"ended with code {code} and the command to give again, which then did"


def _engine(cluster: TcpCluster) -> str:
    return f"engine={{backend: dask, address: '{cluster.address}'}}"


def _megabytes(before: int) -> str:
    return f"{1e-6 * (bytes_over_loopback() - before):.1f} MB"


ATTACKS: Mapping[tuple[str, str], Attack] = {
    ("two runs at once", "align"): two_at_once,
    ("full disk", "predict"): full_disk,
    ("read-only disk", "replicate"): read_only_disk,
    ("files that may not grow", "predict"): files_too_large,
    ("output that nobody reads", "align"): closed_output,
    ("tracking server that dies", "replicate"): server_that_dies,
    ("`genebrain ui` that is killed", "align"): interface_killed,
    ("dask workers that are killed", "align"): dask_workers_killed,
    ("dask scheduler that is killed", "align"): dask_scheduler_killed,
}
"""By name and by the experiment that is attacked."""


def _check_refused(outcome: Outcome, run: Started, folder: Path, place: str, name: str) -> None:
    code = run.wait()
    sentences = [line for line in run.said.splitlines() if line.startswith("genebrain: ") and "warning" not in line]
    if code not in (2, 3) or len(sentences) != 1 or name not in sentences[0] or "Traceback" in run.said:
        outcome.fault("no word", f"{place}: code {code}, {sentences or run.said.splitlines()[-1:]}")
    if names := unfinished(folder):
        outcome.fault("temporary file left", f"{place}: {names}")


@contextmanager
def _disk(folder: Path) -> Iterator[Path | None]:
    """A small file system in memory; None where none may be mounted."""
    folder.mkdir()
    if not shutil.which("mount") or not _mount(folder, "size=64m", "-t", "tmpfs", "tmpfs"):
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _mount(folder: Path, options: str, *what: str) -> bool:
    return (
        subprocess.run(["mount", *what, "-o", options, str(folder)], capture_output=True, check=False).returncode == 0
    )


def _bytes_below(folder: Path) -> int:
    """Room that a tmpfs needs for it: whole pages."""
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*") if path.is_file())


def _serve(database: Path, port: int) -> subprocess.Popen[bytes]:
    with (database.parent / "server.log").open("ab") as log:
        server = subprocess.Popen(
            ui_command(sqlite_uri(database), port=port),
            env=ui_environment(),
            start_new_session=True,
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.1)
    raise RuntimeError(f"No server: {(database.parent / 'server.log').read_text()[-500:]}")


def _holds_runs(database: Path) -> bool:
    try:
        _, statuses = read_tracking(database)
    except Exception:  # noqa: BLE001 - its tables are being made
        return False
    return bool(statuses)
