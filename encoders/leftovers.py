"""Names of what is being written, by which a later process knows what a killed one left, and removes it."""

import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path

UNFINISHED = ".tmp"
"""Suffix of a file that is being written; after a crash it may be deleted."""

_MARK = re.compile(r"\.([0-9a-f]{8})-(\d+)-([0-9a-f]{8})[0-9a-f]{8}\.tmp")
_LIFE = secrets.token_hex(4)  # process numbers come again, in containers at every start
_SECONDS_ELSEWHERE = 86_400
"""Age at which what a process of another machine was writing is taken for left."""


def unfinished_name(name: str) -> str:
    """Name under which this process writes what shall be called ``name``; another call gives another."""
    return f"{name}.{_machine()}-{os.getpid()}-{_LIFE}{secrets.token_hex(4)}{UNFINISHED}"


def sweep(paths: Iterable[Path]) -> None:
    """Remove files and folders among ``paths`` that were being written when their process was killed.

    Also what SQLite keeps beside a database that was being made. What another process sweeps at the same time, or what
    may not be removed, is left.
    """
    for path in paths:
        if is_left(path):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink()


def below(folder: Path) -> Iterator[Path]:
    """Every file and folder below a folder; what another process takes away meanwhile is passed over.

    `Path.rglob` raises there, up to Python 3.12.
    """
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(place, name)


def is_left(path: Path) -> bool:
    """Whether a file or folder was being written by a process that is no more."""
    found = _MARK.search(path.name)
    if found is None:
        return False
    machine, pid, life = found[1], int(found[2]), found[3]
    if machine != _machine():
        return _age(path) > _SECONDS_ELSEWHERE
    return life != _LIFE if pid == os.getpid() else not _is_alive(pid)


@cache
def _machine() -> str:
    """Where process numbers mean the same: host and, in a container, its own count of processes."""
    own_count = Path("/proc/self/ns/pid")
    return blake2b(
        f"{socket.gethostname()} {os.readlink(own_count) if own_count.is_symlink() else ''}".encode(), digest_size=4
    ).hexdigest()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
