"""A command that is told to end does so with a word and the code of its signal, also in the middle of a product."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from analyses.cli import signals
from analyses.stopping import StopRequested
from encoders.disks import DiskError
from tests.conftest import PATIENCE

_BEGINNING = """
import os, sys, time
from pathlib import Path
from analyses.cli import signals
from analyses.cli.signals import ending_in_words
from encoders.publishing import published_file

folder, signals.PATIENCE = Path(sys.argv[1]), float(sys.argv[2])

def ready():
    (folder / "ready").touch()

with ending_in_words():
"""
_WRITES = """    with published_file(folder / "x") as x:
        x.write_text("half")
        ready()
        time.sleep(600)
"""
_DEAF = """    import ctypes
    library, lock = ctypes.CDLL(None), ctypes.create_string_buffer(128)
    library.pthread_mutex_init(lock, None)
    library.pthread_mutex_lock(lock)
    ready()
    library.pthread_mutex_lock(lock)
"""
"""What waits for a lock of C looks at no signal, as a product of large matrices does, and takes no processor."""


def _end(folder: Path, code: str, number: signal.Signals, *, patience: float = PATIENCE) -> tuple[int, str]:
    program = [sys.executable, "-c", _BEGINNING + code, str(folder), str(patience)]
    heard = partial(signal.signal, number, signal.SIG_DFL)  # whoever runs the tests under nohup ignores SIGHUP
    process = subprocess.Popen(program, stderr=subprocess.PIPE, text=True, preexec_fn=heard)
    while not (folder / "ready").exists():
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.1)
    process.send_signal(number)
    _, said = process.communicate()
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_what_was_begun_is_taken_back(tmp_path: Path, number: signal.Signals) -> None:
    code, said = _end(tmp_path, _WRITES, number)
    assert code == 128 + number
    assert said == f"genebrain: ended by {number.name}; what was finished is kept: run the same command again.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]


def test_a_library_that_looks_at_no_signal_does_not_keep_a_process(tmp_path: Path) -> None:
    code, said = _end(tmp_path, _DEAF, signal.SIGTERM, patience=0.5)
    assert code == 128 + signal.SIGTERM
    assert said.count("ended by SIGTERM") == 1


def test_who_ignores_a_signal_goes_on(tmp_path: Path) -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    went_on = False
    try:
        with signals.ending_in_words():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            signal.raise_signal(signal.SIGHUP)
            went_on = True
    finally:
        signal.signal(signal.SIGHUP, before)
    assert went_on


def test_handlers_are_as_they_were(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)]
    with signals.ending_in_words():
        assert signal.getsignal(signal.SIGTERM) not in before
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)] == before


def test_a_full_disk_that_nothing_else_told_is_told_here(tmp_path: Path) -> None:
    lock = tmp_path / "windows.lock"
    with pytest.raises(DiskError, match=f"^{re.escape(str(lock))} must take what is written; its disk is full"):  # noqa: SIM117
        with signals.ending_in_words():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(lock))
    with pytest.raises(FileNotFoundError), signals.ending_in_words():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(lock))


@pytest.mark.parametrize(
    ("stop", "code"), [(KeyboardInterrupt(), 130), (StopRequested(143), 143), (ValueError(), None)]
)
def test_a_library_that_fails_while_it_clears_up_hides_no_signal(
    stop: BaseException, code: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit if code else RuntimeError) as end, signals.ending_in_words():  # noqa: PT012
        try:
            raise stop
        finally:
            raise RuntimeError("a transaction must be rolled back first")
    assert getattr(end.value, "code", None) == code
    assert ("ended by SIG" in capsys.readouterr().err) == (code is not None)
