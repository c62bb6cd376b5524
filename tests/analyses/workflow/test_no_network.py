"""Demo, run, report and the proof of an encoder open no connection, neither they nor the processes they start.

Their folder has a name that looks like an address, a comment and a command.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, REPOSITORY
from tests.encoders.dna.conftest import made_checkpoint
from tests.hostile import ODD_FOLDER

__all__ = ["made_checkpoint"]

#: Runs as every Python of the test starts: what is not the file system is written down and refused.
GUARD = """
import os, socket

def refused(what, where):
    with open(os.environ["ATTEMPTS"], "a") as file:
        file.write(f"{os.getpid()} {what} {where!r}\\n")
    raise OSError(101, "no network in this test")

class Socket(socket.socket):
    def connect(self, address):
        if self.family == socket.AF_UNIX:
            return super().connect(address)
        refused("connect", address)
    def connect_ex(self, address):
        return super().connect_ex(address) if self.family == socket.AF_UNIX else refused("connect_ex", address)
    def sendto(self, *arguments):
        return super().sendto(*arguments) if self.family == socket.AF_UNIX else refused("sendto", arguments[-1])

socket.socket = Socket
for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
    setattr(socket, name, lambda *where, name=name, **options: refused(name, where))
with open(os.environ["ATTEMPTS"] + ".guarded", "a") as file:
    file.write(f"{os.getpid()}\\n")
"""

COMMANDS = """
import sys
from pathlib import Path
from analyses.cli import main
from analyses.workflow import demo

demo.CONFIG = Path("study.yaml").absolute()  # the demo's, with one arm and few permutations
source = sys.argv[1]
for words in (
    "demo --output results/demo --subjects 100 --seed 11 --workers 2",
    "run study.yaml --output results/demo --seed 11 --workers 2",
    "report study.yaml --output results/demo --seed 11",
    f"verify-encoder dnabert-3 --device cpu --source {source}",
):
    sys.argv = ["genebrain", *words.split()]
    print(">", words, flush=True)
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            raise
"""

STUDY = """
participants: [{path: "${DEMO_COHORT:-results/demo/cohort}/participants.tsv"}]
genome:
  reference: ${DEMO_COHORT:-results/demo/cohort}/reference.fa
  annotation: ${DEMO_COHORT:-results/demo/cohort}/genes.gtf
  variants: ${DEMO_COHORT:-results/demo/cohort}/cohort.vcf.gz
brain:
  linked: {path: "${DEMO_COHORT:-results/demo/cohort}/brain_linked.parquet"}
  control: {path: "${DEMO_COHORT:-results/demo/cohort}/brain_control.parquet", role: negative control}
confounds: [{column: age, kind: continuous}]
encoders: [kmer-spectrum]
alignment: {n_permutations: 19}
folds: {n_splits: 2}
"""


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """Environment of processes that no socket leaves."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    paths = os.pathsep.join(map(str, (tmp_path / "guard", REPOSITORY)))
    kept = {key: value for key, value in os.environ.items() if "OFFLINE" not in key}
    return kept | {"PYTHONPATH": paths, "ATTEMPTS": str(tmp_path / "attempts")}


def _python(code: str, *arguments: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def test_the_guard_sees_what_a_child_of_a_child_does(offline: dict[str, str], tmp_path: Path) -> None:
    code = """
from joblib import Parallel, delayed

def ask(host):
    from urllib.request import urlopen
    try:
        urlopen(f"http://{host}/", timeout=1)
    except OSError:
        return "refused"

if __name__ == "__main__":
    print(Parallel(n_jobs=2)(delayed(ask)(host) for host in ("192.0.2.1", "example.org")))
"""
    script = tmp_path / "asks.py"
    script.write_text(code)
    _python(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", environment=offline, folder=tmp_path)
    attempts = (tmp_path / "attempts").read_text()
    assert "192.0.2.1" in attempts
    assert "example.org" in attempts


def test_nothing_asks_the_network_from_an_odd_folder(
    offline: dict[str, str], tmp_path: Path, made_checkpoint: Path
) -> None:
    folder = tmp_path / ODD_FOLDER
    folder.mkdir()
    (folder / "study.yaml").write_text(STUDY)
    answer = _python(COMMANDS, str(made_checkpoint), environment=offline, folder=folder)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert not (tmp_path / "attempts").exists(), (tmp_path / "attempts").read_text()
    assert len(set((tmp_path / "attempts.guarded").read_text().split())) > 2  # the workers too
    assert answer.stdout.count("up to date") >= 2  # results are found again
    for file in ("demo/report.html", "mlflow.db"):
        assert (folder / "results" / file).is_file()
    assert [path.name for path in tmp_path.iterdir() if "my" in path.name] == [ODD_FOLDER]
    assert "verdict: structural checks only" in answer.stdout
