"""What a killed process left goes; what a process is writing, here or elsewhere, stays."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from encoders.leftovers import below, is_left, sweep, unfinished_name
from encoders.publishing import published_file, published_folder, write_whole

_KILLED = """
import os, signal, sys
from pathlib import Path
from encoders.publishing import published_file, published_folder

folder = Path(sys.argv[1])
with published_file(folder / "x.json") as file, published_folder(folder / "made") as made:
    file.write_text("half")
    (made / "part").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A folder in which a process was killed that was writing a file and a folder."""
    answer = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert answer.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    return tmp_path


def test_who_writes_the_same_takes_it_away(killed: Path) -> None:
    write_whole(killed / "x.json", "whole")
    with published_folder(killed / "made") as made:
        (made / "part").write_text("whole")
    assert sorted(path.name for path in killed.iterdir()) == ["made", "x.json"]
    assert (killed / "made" / "part").read_text() == "whole"


def test_a_sweep_takes_all_of_it_and_a_journal_beside_it(killed: Path) -> None:
    (database,) = killed.glob("x.json.*")
    database.with_name(f"{database.name}-journal").write_text("")
    (killed / "finished.tmp").write_text("somebody's own")
    sweep(killed.iterdir())
    assert [path.name for path in killed.iterdir()] == ["finished.tmp"]


def test_folders_that_another_process_takes_away_are_passed_over(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name / "new").mkdir(parents=True)
        (tmp_path / name / "new" / "part").write_text("half")
    assert len(list(below(tmp_path))) == 9
    found = []
    for path in below(tmp_path):
        found.append(path.name)
        shutil.rmtree(tmp_path / "b", ignore_errors=True)
    assert sorted(found) == ["a", "b", "c", "new", "new", "part", "part"]


def test_what_lives_is_left_alone(tmp_path: Path) -> None:
    with published_file(tmp_path / "x") as mine:
        mine.write_text("half")
        parent = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{os.getppid()}-"))
        parent.write_text("of a process that lives")
        write_whole(tmp_path / "x", "another thread was faster")
        assert mine.exists()
        assert parent.exists()


def test_a_number_that_came_again_is_no_life(tmp_path: Path) -> None:
    """A container counts its processes from 1 at every start."""
    name = unfinished_name("x")
    earlier = re.sub(r"-[0-9a-f]{16}", f"-{'0' * 16}", name)
    assert earlier != name
    for one in (name, earlier):
        (tmp_path / one).write_text("")
    assert is_left(tmp_path / earlier)
    assert not is_left(tmp_path / name)


def test_what_another_machine_writes_is_left_for_a_day(tmp_path: Path) -> None:
    path = tmp_path / re.sub(r"\.[0-9a-f]{8}-", ".01234567-", unfinished_name("x"))
    path.write_text("")
    assert not is_left(path)
    os.utime(path, (time.time() - 90_000,) * 2)
    assert is_left(path)
