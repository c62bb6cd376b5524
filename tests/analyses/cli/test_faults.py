"""A fault of the program ends in one line, a private file with its traceback, and an exit code of its own."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from analyses.cli import faults

LINE = re.compile(
    r"genebrain: this is a fault of the program: (\w+): (.+); the traceback is in (\S+); please report it with that "
    r"file\.\n"
)
BROKEN = """
import sys
from analyses.cli import app, faults
def broken():
    raise {error}
app._load = lambda *_: broken()
sys.argv = ["genebrain", "run", "ours.yaml", "--seed", "7"]
app.main()
"""


def run(error: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`genebrain run` whose first step raises something."""
    code = BROKEN.format(error=error)
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | variables, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        ("KeyError('a key')", "KeyError", "'a key'"),
        ("EOFError()", "EOFError", "it says no more"),
        ("RuntimeError('one\\nline\\x1b[31m')", "RuntimeError", "one line [31m"),
    ],
)
def test_one_line_and_a_private_file(tmp_path: Path, error: str, kind: str, said: str) -> None:
    done = run(error, XDG_STATE_HOME=str(tmp_path / "state"))
    assert done.returncode == faults.EXIT_CODE
    assert (done.stdout, "Aborted" in done.stderr) == ("", False)
    found = LINE.fullmatch(done.stderr)
    assert found is not None, done.stderr
    assert found.groups()[:2] == (kind, said)
    log = Path(found[3])
    assert log.parent == tmp_path / "state" / "genebrain"
    assert (stat.S_IMODE(log.stat().st_mode), stat.S_IMODE(log.parent.stat().st_mode)) == (0o600, 0o700)
    text = log.read_text("utf-8")
    assert "Traceback" in text
    assert "in broken" in text
    assert "'ours.yaml', '--seed', '7'" in text
    assert re.search(r"^numpy: \d", text, re.MULTILINE)


def test_the_traceback_is_shown_where_it_is_wanted(tmp_path: Path) -> None:
    done = run("KeyError('a key')", XDG_STATE_HOME=str(tmp_path), GENEBRAIN_DEBUG="1")
    assert done.returncode == faults.EXIT_CODE
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("genebrain: this is a fault of the program: KeyError: 'a key'.\n")
    assert not list(tmp_path.rglob("*.log"))


def test_without_a_place_for_the_file_the_traceback_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no folder").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "no folder"))
    monkeypatch.setattr(faults.tempfile, "gettempdir", lambda: str(tmp_path / "not there"))
    try:
        raise OSError("the fault itself")
    except OSError as error:
        faults.tell_fault(error)
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert shown.endswith("genebrain: this is a fault of the program: OSError: the fault itself.\n")


def test_the_folder_for_temporary_files_serves_where_there_is_no_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no folder").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "no folder"))
    monkeypatch.setattr(faults.tempfile, "gettempdir", lambda: str(tmp_path))
    faults.tell_fault(ValueError("odd"))
    found = LINE.fullmatch(capsys.readouterr().err)
    assert found is not None
    assert Path(found[3]).parent == tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("run", "{long}.yaml"),
        ("report", "{long}"),
        ("audit-privacy", "{long}"),
        ("brain", "import", "{long}", "--output", "x.parquet"),
        ("verify-encoder", "dnabert2", "--source", "{long}"),
    ],
)
def test_a_path_that_no_file_system_takes_is_no_fault(tmp_path: Path, words: tuple[str, ...]) -> None:
    given = [word.format(long="A" * 3000) for word in words]
    code = f"import sys; sys.argv = ['genebrain', *{given!r}]; from analyses.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"genebrain: A path must be as short as its file system allows; the one that begins with '.*A{20,}' has 3,\d+ "
        r"bytes: choose shorter names of files and folders\.\n",
        done.stderr,
    )
