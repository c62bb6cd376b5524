"""A fault of the program: one line for the user, and a file that holds what is needed to mend it."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

EXIT_CODE = 70
"""Of a fault of the program, as ``EX_SOFTWARE`` of sysexits.h; bad input has its own."""

DEBUG = "GENEBRAIN_DEBUG"
"""Set to anything but 0, a fault shows its traceback in the terminal instead."""

_DISTRIBUTION = "gene-brain-fusion"
_LONGEST = 300


class UnexpectedEndError(Exception):
    """An `EOFError` that nobody expected: the library of the command line would call it a wish to stop."""


class Commands(TyperGroup):
    """The commands of a program in which nothing is asked of the user, so that no end of input is one of theirs."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an `EOFError` is a fault like any other."""
        try:
            return super().invoke(ctx)
        except EOFError as error:
            raise UnexpectedEndError(str(error)) from error


def tell_fault(error: Exception) -> None:
    """Say in one line what happened, and write the rest to a file for its owner alone.

    Where no file can be written, or the environment asks for it, the traceback is shown instead.

    Parameters
    ----------
    error : Exception
        What nobody expected.
    """
    told = error.__cause__ if isinstance(error, UnexpectedEndError) and error.__cause__ is not None else error
    lines = "".join(traceback.format_exception(told))
    said = " ".join("".join(c if c.isprintable() else " " for c in str(told)).split())[:_LONGEST].rstrip(". ")
    what = f"genebrain: this is a fault of the program: {type(told).__name__}: {said or 'it says no more'}"
    path = None if os.environ.get(DEBUG, "0") not in {"", "0"} else _write_log(lines)
    if path is None:
        typer.echo(f"{lines}{what}.", err=True)
    else:
        typer.echo(f"{what}; the traceback is in {path}; please report it with that file.", err=True)


def _write_log(lines: str) -> Path | None:
    """Write the first file that can be written; None where none can."""
    text = "\n".join([*_circumstances(), "", lines])
    for folder in (_state_folder, lambda: Path(tempfile.gettempdir())):
        with suppress(OSError):  # a full or read-only disk: the next place, or the terminal
            return _write_private(folder, text)
    return None


def _write_private(find: Callable[[], Path], text: str) -> Path:
    handle, name = tempfile.mkstemp(prefix="genebrain-fault-", suffix=".log", dir=find())  # 0600 whatever the umask
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _state_folder() -> Path:
    """Where a program keeps what outlives it and is no result: temporary files of a cluster's node do not."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    folder = Path(base) / "genebrain"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _circumstances() -> Iterator[str]:
    yield "Look this file through before you pass it on: it may name your files and your subjects."
    yield f"when: {datetime.now(UTC).isoformat(timespec='seconds')}"
    yield f"command: {sys.argv!r}"
    yield f"python: {platform.python_version()} on {platform.platform()}"
    yield f"{_DISTRIBUTION}: {_version(_DISTRIBUTION)}"
    for name in sorted(_dependencies()):
        yield f"{name}: {_version(name)}"


def _dependencies() -> set[str]:
    try:
        wanted = requires(_DISTRIBUTION) or []
    except PackageNotFoundError:  # run from a folder, never installed
        return set()
    return {found[0] for one in wanted if "extra ==" not in one and (found := re.match(r"[\w.-]+", one))}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
