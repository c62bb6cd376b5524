"""An environment that is there whole or known to be half-made, by marks that outlive every kill."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installers import REQUIRE_HASHES, count, found_uv, install_with_pip, install_with_uv, say

REPOSITORY = Path(__file__).resolve().parent.parent
WANTED = ".[dev]"
PYTHON = sys.version.split()[0]
MAKING, INSTALLED, FOUND = ".making", ".installed", ".found"
"""Marks in an environment: being made; finished; was there before, so that it is never emptied."""
MARKS = {MAKING, INSTALLED, FOUND}


def make_environment(venv: Path, constraints: Path) -> None:
    """Make or mend the environment with the Python that runs this; one that is finished and current stays as it is.

    Raises
    ------
    InstallError
        pip or uv could not install everything.
    """
    begun = time.monotonic()
    with _alone(venv) as lock:
        if _is_current(venv, constraints):
            return
        _begin(venv)
        _install(venv, constraints, lock)
        os.replace(venv / MAKING, venv / INSTALLED)
    say(f"Installed {count(venv)} packages in {time.monotonic() - begun:.0f} s.")


def _is_current(venv: Path, constraints: Path) -> bool:
    """Whether the environment is finished, and was begun after what it is made from was last changed."""
    finished = venv / INSTALLED
    if not finished.exists() or _version(venv) != PYTHON:
        return False
    return finished.stat().st_mtime > max(one.stat().st_mtime for one in (REPOSITORY / "pyproject.toml", constraints))


def _install(venv: Path, constraints: Path, lock: int) -> None:
    uv = found_uv()
    say(f"Installing into {venv} with {'uv' if uv else 'pip'} (minutes, once) ...")
    steps = _steps(constraints)
    if uv:
        install_with_uv(uv, venv.absolute(), steps, cwd=REPOSITORY, lock=lock)
    else:
        pins = sum(1 for line in constraints.read_text("utf-8").splitlines() if "==" in line)
        install_with_pip(venv.absolute(), steps, n_expected=pins, cwd=REPOSITORY, lock=lock)


def _steps(constraints: Path) -> list[list[str]]:
    """What is installed, step by step: files with these hashes alone, then the project, where the file holds hashes."""
    if "--hash=" not in constraints.read_text("utf-8"):
        return [["--constraint", str(constraints.absolute()), "--editable", WANTED]]
    project = ["--no-deps", "--no-build-isolation", "--editable", "."]  # a folder has no hash
    return [[REQUIRE_HASHES, "--requirement", str(constraints.absolute())], project]


@contextmanager
def _alone(venv: Path) -> Iterator[int]:
    """Wait until nobody else works on the environment; the lock also lives in pip and uv, which may outlive a kill."""
    venv.parent.mkdir(parents=True, exist_ok=True)
    with venv.with_name(f"{venv.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another process is making {venv}; waiting for it ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _begin(venv: Path) -> None:
    """Mark the environment as being made; first put away one that nobody can trust."""
    if (venv / MAKING).exists():
        _put_away(venv, "was left half-made")
    elif (venv / INSTALLED).exists():
        os.replace(venv / INSTALLED, venv / MAKING)
        if (made_by := _version(venv)) != PYTHON:
            _put_away(venv, f"was made by Python {made_by or '(gone)'}, not {PYTHON}")
    elif venv.is_dir() and any(venv.iterdir()):
        (venv / FOUND).touch()
    venv.mkdir(exist_ok=True)
    (venv / MAKING).touch()  # now: what is changed while this works is newer than the finished environment


def _put_away(venv: Path, why: str) -> None:
    """Empty an environment, marks last; one that somebody else had made is set aside."""
    if (venv / FOUND).exists():
        free = (venv.with_name(f"{venv.name}.aside{number}") for number in itertools.count(1))
        aside = next(path for path in free if not path.exists())
        say(f"{venv} {why}; as it was not made here it is set aside as {aside}, and a new one is made.")
        os.rename(venv, aside)
        return
    say(f"{venv} {why}; it is made again.")
    for path in venv.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in MARKS:
            path.unlink()


def _version(venv: Path) -> str | None:
    """Version of the Python in an environment, if it still runs."""
    command = [str(venv / "bin" / "python"), "-c", "import sys; print(sys.version.split()[0])"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
