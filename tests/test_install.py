"""An environment is there whole, or known to be half-made; why it could not be made is one sentence."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, REPOSITORY

PACKAGES = ("first", "second", "third")
FAKE_UV = f"""#!/bin/sh
'''exec' "{sys.executable}" "$0" "$@"
'''
import os, signal, sys, time
from pathlib import Path

words, moment = sys.argv[1:], 0

def pause():
    global moment
    if os.environ.get("HANG_AT") == f"{{words[0]}} {{moment}}":
        Path(os.environ["REACHED"]).touch()
        while not Path(os.environ["GO_ON"]).exists():
            time.sleep(0.01)
    moment += 1

if words[0] == "venv":
    venv = Path(words[-1])
    pause()
    (venv / "bin").mkdir(exist_ok=True)
    pause()
    (venv / "bin" / "python").unlink(missing_ok=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
elif words[0] == "pip":
    Path(os.environ["HEARD"]).write_text("\\n".join(words))
    if os.environ.get("FAIL"):
        sys.exit(os.environ["FAIL"])
    site = Path(words[words.index("--python") + 1]).parents[1] / "lib" / "python3.11" / "site-packages"
    for name in {PACKAGES!r}:
        (site / f"{{name}}-1.dist-info").mkdir(parents=True, exist_ok=True)
        pause()
        if not (site / name).exists():  # like pip: what it finds it takes for whole
            (site / name).mkdir()
            pause()
            (site / name / "__init__.py").write_text("whole = True")
"""


class Project:
    """A project of three packages in a folder of its own, and an installer that can be stopped at any moment."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.venv = folder, folder / ".venv"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / ".ci", folder / ".ci", ignore=ignored)
        (folder / "pyproject.toml").write_text("[project]\nname = 'unneeded'\nversion = '1'\n")
        (folder / "constraints.txt").write_text("first==1\nsecond==1\nthird==1\n")
        (folder / "bin").mkdir()
        (folder / "bin" / "uv").write_text(FAKE_UV)
        (folder / "bin" / "uv").chmod(0o755)
        self.environment = {
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "PIP_CONFIG_FILE": os.devnull,
            "REACHED": str(folder / "reached"),
            "GO_ON": str(folder / "go-on"),
            "HEARD": str(folder / "heard"),
        }

    def start(self, **variables: str) -> subprocess.Popen[str]:
        """`make install` as a group of processes of its own."""
        command = [sys.executable, str(self.folder / ".ci" / "install.py"), str(self.venv)]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment | variables,
            start_new_session=True,
        )

    def install(self, **variables: str) -> tuple[int, str, str]:
        """Exit code, output and complaint."""
        running = self.start(**variables)
        output, complaint = running.communicate(timeout=PATIENCE)
        return running.returncode, output, complaint

    def stop_at(self, moment: str) -> subprocess.Popen[str]:
        """Start, and return when the installer has come to that moment."""
        running = self.start(HANG_AT=moment)
        _wait_for(self.folder / "reached")
        return running

    def is_whole(self) -> bool:
        """Whether it says that it is finished, and is."""
        (site,) = self.venv.glob("lib/*/site-packages")
        files = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.py"))
        marks = {path.name for path in self.venv.iterdir() if path.name.startswith(".")} - {".found"}
        return files == [f"{name}/__init__.py" for name in sorted(PACKAGES)] and marks == {".installed"}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "a #1")
    yield made
    (made.folder / "go-on").touch()


def _wait_for(path: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < until, f"{path.name} never came"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("moment", "by"),
    [("venv 0", signal.SIGKILL), ("venv 1", signal.SIGTERM), ("pip 1", signal.SIGTERM), ("pip 5", signal.SIGKILL)],
)
def test_what_was_killed_is_made_again(project: Project, moment: str, by: signal.Signals) -> None:
    running = project.stop_at(moment)
    os.killpg(running.pid, by)
    assert running.wait(PATIENCE) == -by
    assert not (project.venv / ".installed").exists()
    code, output, _ = project.install()
    assert code == 0
    assert f"{project.venv} was left half-made; it is made again." in output
    assert project.is_whole()


def test_who_was_left_behind_by_a_kill_is_waited_for(project: Project) -> None:
    running = project.stop_at("pip 1")
    running.kill()  # the installer lives on and writes into the environment
    next_one = project.start()
    assert next_one.stdout is not None
    assert next_one.stdout.readline() == f"Another process is making {project.venv}; waiting for it ...\n"
    (project.folder / "go-on").touch()
    assert next_one.wait(PATIENCE) == 0
    assert project.is_whole()


def test_two_at_a_time_install_once(project: Project) -> None:
    first = project.stop_at("pip 1")
    second = project.start()
    assert second.stdout is not None
    assert second.stdout.readline().startswith("Another process")
    (project.folder / "go-on").touch()
    assert [first.wait(PATIENCE), second.wait(PATIENCE)] == [0, 0]
    assert second.stdout.read() == ""
    assert project.is_whole()


def test_what_somebody_else_made_is_set_aside_and_never_removed(project: Project) -> None:
    project.venv.mkdir()
    (project.venv / "work").write_text("of a year")
    assert project.install(FAIL="error: no")[0] == 1
    assert (project.venv / "work").exists()
    code, output, _ = project.install()
    aside = project.folder / ".venv.aside1"
    assert code == 0
    assert f"set aside as {aside}" in output
    assert (aside / "work").read_text() == "of a year"
    assert project.is_whole()


def test_a_finished_environment_is_marked_before_it_is_changed(project: Project) -> None:
    assert project.install()[0] == 0
    assert project.install()[1] == "", "it is current, so nothing is to be done"
    os.utime(project.folder / "constraints.txt", (time.time() + 60, time.time() + 60))
    code, _, complaint = project.install(FAIL="error: this wheel is missing\n  cause: Because nobody made it.")
    assert code == 1
    assert complaint == (
        "make install: uv could not install everything; it says: this wheel is missing: Because nobody made it. "
        "Mend that, then run it again.\n"
    )
    assert (project.venv / ".making").exists()
    assert not (project.venv / ".installed").exists()


def test_an_environment_of_another_python_is_made_again(project: Project) -> None:
    assert project.install()[0] == 0
    (project.venv / "bin" / "python").unlink()
    (project.venv / "lib" / "left").touch()
    code, output, _ = project.install()
    assert code == 0
    assert "was made by Python (gone), not " in output
    assert project.is_whole()
    assert not (project.venv / "lib" / "left").exists()


def test_uv_is_told_what_pip_was_told(project: Project) -> None:
    told = {"PIP_EXTRA_INDEX_URL": "http://one/simple http://two/simple", "PIP_FIND_LINKS": "/wheels"}
    project.install(**told)
    heard = " ".join((project.folder / "heard").read_text().splitlines())
    assert "--extra-index-url http://one/simple --extra-index-url http://two/simple" in heard
    assert "--find-links /wheels" in heard
    assert "--index-strategy unsafe-best-match" in heard
    shutil.rmtree(project.venv)
    project.install(**told, UV_TORCH_BACKEND="cpu", UV_FIND_LINKS="/others")
    heard = (project.folder / "heard").read_text()
    assert "http://one" not in heard
    assert "/wheels" not in heard


@pytest.mark.parametrize(
    ("variables", "begins"),
    [
        ({"PIP_NO_INDEX": "1"}, "make install: pip could not install everything; it says: No matching distribution"),
        (
            {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"},
            "make install: The package index cannot be reached; pip says: ",
        ),
    ],
    ids=["missing", "unreachable"],
)
def test_pip_fails_in_one_sentence(project: Project, variables: dict[str, str], begins: str) -> None:
    code, _, complaint = project.install(GENEBRAIN_INSTALLER="pip", **variables)
    assert code == 1
    (sentence,) = complaint.splitlines()
    assert sentence.startswith(begins)
    assert sentence.endswith("then run it again.")
    assert (project.venv / ".making").exists()


def test_a_python_that_is_too_old_is_named(project: Project) -> None:
    code = (
        f"import sys; sys.version_info = (3, 6, 8); sys.path.insert(0, {str(project.folder / '.ci')!r}); import install"
    )
    said = subprocess.run(
        [sys.executable, "-c", f"{code}; install.main([])"], capture_output=True, text=True, check=False
    )
    assert said.stderr.startswith("make install: Python 3.11 or newer is required; ")
