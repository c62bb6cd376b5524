"""Pythons of this machine, wherever they come from: the one that runs this, the PATH, pyenv, uv."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from installers import found_uv


def find_python(version: str) -> Path | None:
    """A Python of this version, ``"3.12"`` say, that runs and can make environments; None where there is none."""
    return next((path for path in _candidates(version) if _is(path, version)), None)


def _candidates(version: str) -> Iterator[Path]:
    yield Path(sys.base_prefix) / "bin" / f"python{version}"  # of the one that runs this, be it in an environment
    if on_path := shutil.which(f"python{version}"):
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from (one / "bin" / "python" for one in sorted(pyenv.glob(f"{version}.*"), key=_patch, reverse=True))
    if uv := found_uv():
        command = [uv, "python", "find", "--no-python-downloads", "--no-project", version]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            yield Path(found.stdout.strip())


def _patch(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", folder.name))


def _is(python: Path, version: str) -> bool:
    """Whether it is what its name says: a shim of pyenv may stand for a version that is not there."""
    needed = "sys, venv" if found_uv() else "sys, venv, ensurepip"
    code = f"import {needed}; print('%d.%d' % sys.version_info[:2])"
    try:
        said = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return said.returncode == 0 and said.stdout.strip() == version
