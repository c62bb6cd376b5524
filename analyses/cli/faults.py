"""A fault of the program: one line for the user, and a file that holds what is needed to mend it."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from analyses.errors import InputError
from analyses.validation import in_words

EXIT_CODE = 70
"""Of a fault of the program, as ``EX_SOFTWARE`` of sysexits.h; bad input has its own."""

DEBUG = "GENEBRAIN_DEBUG"
"""Set to anything but 0, a fault shows its traceback in the terminal instead."""

_DISTRIBUTION = "gene-brain-fusion"
_UsageError: Any = typer.BadParameter.__base__
"""Click's, or that of typer's own copy of click."""

_LONGEST = 300
_NO_MEMORY = re.compile(
    "out of memory|not enough memory|can't allocate memory|size calculation overflowed", re.IGNORECASE
)
"""Of torch, which raises RuntimeErrors."""


class UnexpectedEndError(Exception):
    """An `EOFError` that nobody expected: the library of the command line would call it a wish to stop."""


class Commands(TyperGroup):
    """The commands of a program in which nothing is asked of the user, so that no end of input is one of theirs."""

    def make_context(self, *given: Any, **named: Any) -> Any:
        """Read the options of the program; what is wrong with them is one sentence."""
        with _wrong_use_in_words():
            return super().make_context(*given, **named)

    def invoke(self, ctx: Any) -> Any:
        """Read the options of the command and run it; an `EOFError` is a fault like any other."""
        try:
            with _wrong_use_in_words():
                return super().invoke(ctx)
        except EOFError as error:
            raise UnexpectedEndError(str(error)) from error


@contextmanager
def _wrong_use_in_words() -> Iterator[None]:
    """One sentence in place of the library's usage line, hint and message."""
    try:
        yield
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise  # nothing was named: the whole help is the answer
        command = "genebrain" if error.ctx is None else _command(error.ctx)
        said = _wrong_use(error).rstrip(".")
        raise InputError(f"{said}{' See' if said.endswith('?') else ': see'} `{command} --help`.") from None


def _command(context: Any) -> str:
    """As a user writes it, whatever the program was started by."""
    below = context.command_path.removeprefix(context.find_root().info_name)
    return f"genebrain{below}"


def _wrong_use(error: Any) -> str:
    said, refused = str(error.format_message()), error.__cause__
    if not isinstance(refused, ValidationError):
        return said
    first = refused.errors(include_url=False)[0]
    if (words := in_words(first)) in first["msg"]:
        return said  # it tells the choices
    return f"{said.removeprefix('Invalid value for ').partition(':')[0]} {words}; got {first['input']!r}"


def tell_no_memory(error: Exception) -> bool:
    """Say in one sentence that a machine has too little memory, if that is what happened.

    Returns
    -------
    bool
        Whether it is.
    """
    if not isinstance(error, MemoryError) and not (isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error))):
        return False
    said = " ".join(str(error).split())[:_LONGEST].rstrip(". ") or "nothing more is known"
    typer.echo(
        f"genebrain: What is asked needs more memory than there is here ({said}): ask for less, such as smaller sizes, "
        "batches or dimensions, or take a machine with more; what was finished stays.",
        err=True,
    )
    return True


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
