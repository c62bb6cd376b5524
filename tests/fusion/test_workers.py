"""Workers end with the process that started them, whatever ends it and whatever they do."""

import inspect
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest
from joblib.externals.loky import process_executor
from joblib.parallel import LokyBackend

from fusion.workers import is_of_no_concern, workers

_PARENT = """
import os, sys, threading, time
from pathlib import Path
from joblib import delayed
from fusion.workers import workers

def work(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)

def run():
    workers(2)(delayed(work)(sys.argv[1]) for _ in range(4))

if sys.argv[2] == "main":
    run()
else:  # the kernel cannot be asked to watch a thread
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
"""
SECONDS = 300.0
"""Of a loaded machine; half of what the workers would sleep."""


def _is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")
@pytest.mark.parametrize(("thread", "number"), [("main", signal.SIGKILL), ("other", signal.SIGKILL)])
def test_workers_of_a_killed_process_end(tmp_path: Path, thread: str, number: signal.Signals) -> None:
    program = tmp_path / "program.py"
    program.write_text(_PARENT)
    (tmp_path / "pids").mkdir()
    parent = subprocess.Popen([sys.executable, str(program), str(tmp_path / "pids"), thread])
    while len(pids := [int(path.name) for path in (tmp_path / "pids").iterdir()]) < 2:
        assert parent.poll() is None
        time.sleep(0.05)
    parent.send_signal(number)
    parent.wait()
    deadline = time.monotonic() + SECONDS
    while (left := [pid for pid in pids if _is_there(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def test_another_backend_is_left_as_it_is() -> None:
    with joblib.parallel_config("threading"):
        assert type(workers(2)._backend).__name__ == "ThreadingBackend"
    with joblib.parallel_config("loky", inner_max_num_threads=3):
        chosen = workers(2)._backend
        assert isinstance(chosen, LokyBackend)
        assert chosen.inner_max_num_threads == 3
    assert type(workers(2, require="sharedmem")._backend).__name__ == "ThreadingBackend"


def _told() -> str:
    return os.environ.get("TOLD", "")


def _tell(word: str) -> None:
    os.environ["TOLD"] = word


def test_an_initialiser_of_the_user_is_called_too() -> None:
    if not hasattr(LokyBackend(), "backend_kwargs"):
        pytest.skip("joblib takes no initialiser before 1.5")
    with joblib.parallel_config("loky", initializer=_tell, initargs=("hello",)):
        assert workers(2)(joblib.delayed(_told)() for _ in range(2)) == ["hello"] * 2


def test_what_is_of_no_concern_is_what_joblib_says_today() -> None:
    """In other words it would be shown to users again."""
    said = re.sub(r'"\s+"', "", inspect.getsource(process_executor))
    (sentence,) = re.findall(r'"(A worker stopped while [^"]+)"', said)
    assert is_of_no_concern(UserWarning(sentence))
    assert not is_of_no_concern("A worker was killed.")
