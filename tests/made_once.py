"""Folders that take long to make: the first process of a session that needs one makes it, and all others read it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name` of the session, as ``make(folder)`` leaves it: tests of several processes read it at a time.

    Whoever writes into such a folder copies it first.
    """
    root = session_folder(factory)
    folder, is_made = root / name, root / f"{name}.made"
    with FileLock(root / f"{name}.lock"):
        if not is_made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a process that did not come to the end
            make(folder)
            is_made.touch()
    return folder


def session_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder that all processes of a session share."""
    root = factory.getbasetemp()
    return root.parent if "PYTEST_XDIST_WORKER" in os.environ else root  # that of a worker lies in it
