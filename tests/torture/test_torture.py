"""Six kills, one in every stage, and what is left: the short form of ``make torture``."""

import json
import os
import subprocess
import sys

from tests.conftest import REPOSITORY
from tests.torture.kills import STAGES


def test_a_run_that_is_killed_in_every_stage_loses_and_doubles_nothing() -> None:
    command = [sys.executable, "-m", "tests.torture", "--part", "stages"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    answer = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert found["faults"] == {}
    assert found["n_resumed"] == 1
    assert 1 <= len(found["kills"]) <= len(STAGES)  # a stage may be over before its signal comes
