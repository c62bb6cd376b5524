"""An environment is there whole, or known to be half-made; why it could not be made is one sentence."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

INSTALL = REPOSITORY / ".ci" / "install.py"


def _install(venv: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = os.environ | {"GENEBRAIN_INSTALLER": "pip", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""} | environment
    command = [sys.executable, str(INSTALL), str(venv)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=given)


def test_what_cannot_be_installed_is_one_sentence_and_never_taken_for_finished(tmp_path: Path) -> None:
    venv = tmp_path / "a #1"
    failed = _install(venv)
    assert failed.returncode == 1
    (sentence,) = failed.stderr.splitlines()
    assert sentence.startswith("make install: pip could not install everything; it says: ")
    assert sentence.endswith("run the same command again.")
    assert (venv / ".making").exists()
    assert not (venv / ".installed").exists()

    (venv / "half-written").touch()
    again = _install(venv)
    assert f"{venv} was left half-made; it is made again." in again.stdout
    assert not (venv / "half-written").exists()


def test_an_environment_that_somebody_else_made_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pyvenv.cfg").touch()
    (tmp_path / "mine" / "work").touch()
    assert _install(tmp_path / "mine").returncode == 1
    assert (tmp_path / "mine" / "work").exists()


def test_a_finished_environment_is_marked_before_it_is_changed(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / ".installed").touch()
    assert _install(tmp_path / "venv").returncode == 1
    assert not (tmp_path / "venv" / ".installed").exists()
    assert (tmp_path / "venv" / ".making").exists()


def test_a_python_that_is_too_old_is_named() -> None:
    code = f"import sys; sys.version_info = (3, 10, 0); sys.path.insert(0, {str(INSTALL.parent)!r}); import install\n"
    code += (
        "from pathlib import Path\ntry:\n    install.main(Path('/nowhere'))\nexcept install.InstallError as error:\n"
    )
    code += "    print(error)"
    said = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert said.startswith("Python 3.11 or newer is required; ")
