"""Kills, races, full disks and a server that dies, against small runs.

python -m tests.torture                     60 kills and all attacks; writes docs/torture.md
python -m tests.torture --part stages       what the suite does: a kill in every stage, in one folder
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.torture import processes
from tests.torture.attacks import ATTACKS
from tests.torture.kills import Moment, Outcome, Undisturbed, draw_moments, every_stage, kill, run_undisturbed
from tests.torture.page import write_page
from tests.torture.small_run import EXPERIMENTS, import_all, import_most, make_cohort


def main() -> None:
    """The program."""
    asked = _arguments()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    outcome, rng = Outcome(), random.Random(asked.seed)
    with _undisturbed(["align"] if asked.part == "stages" else list(EXPERIMENTS)) as undisturbed:
        if asked.part == "stages":
            processes.SECONDS_TO_BE_GONE = (
                processes.PATIENCE
            )  # seconds are measured by the long form, on an idle machine
            aligned = undisturbed["align"]
            kill(outcome, "one", aligned, every_stage(rng, aligned.stages))
            print(json.dumps(asdict(outcome)))
        elif asked.part == "attacks":
            for (name, experiment), attack in ATTACKS.items():
                told = attack(outcome, undisturbed[experiment])
                outcome.attacks[f"{name} ({experiment})"] = told
            print(json.dumps(asdict(outcome)))
        else:
            _everything(outcome, list(undisturbed.values()), rng, asked)


def _everything(
    outcome: Outcome, all_undisturbed: list[Undisturbed], rng: random.Random, asked: argparse.Namespace
) -> None:
    """The attacks in a process beside the kills, whose folders are shared out too."""
    words = [sys.executable, "-m", "tests.torture", "--part", "attacks"]
    beside = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    deadline, number, running = time.monotonic() + 60 * asked.minutes, 0, set[int]()
    while running or (len(outcome.kills) < asked.kills and time.monotonic() < deadline):
        if len(outcome.kills) < asked.kills and time.monotonic() < deadline and len(running) < asked.jobs:
            number += 1
            undisturbed = all_undisturbed[number % len(all_undisturbed)]
            moments = draw_moments(rng, rng.randint(1, 6), undisturbed.stages)
            running.add(_in_fork(undisturbed, number, moments))
        else:
            ended, _ = os.wait()
            if ended in running:
                running.remove(ended)
                outcome.add(json.loads((all_undisturbed[0].scratch / f"{ended}.json").read_text()))
                print(f"{len(outcome.kills)} kills; {outcome.faults or 'nothing wrong'}", flush=True)
    outcome.add(json.loads(beside.communicate()[0]))
    write_page(outcome, asked.seed)
    print(f"{len(outcome.kills)} kills, {len(outcome.attacks)} other attacks; {outcome.faults or 'nothing wrong'}")


def _in_fork(undisturbed: Undisturbed, number: int, moments: list[Moment]) -> int:
    """Kill the runs of one folder in a process of their own, which writes what it found; returns its number."""
    pid = os.fork()
    if pid:
        return pid
    outcome = Outcome()
    try:
        kill(outcome, f"folder-{number}", undisturbed, moments, workers=2 if number % 4 == 0 else 1)
    except Exception as error:  # noqa: BLE001 - a fork must never go on as its parent
        outcome.fault("the program failed", f"folder-{number}: {error!r}")
    (undisturbed.scratch / f"{os.getpid()}.json").write_text(json.dumps(asdict(outcome)))
    os._exit(0)


@contextmanager
def _undisturbed(experiments: list[str]) -> Iterator[dict[str, Undisturbed]]:
    # No TemporaryDirectory: at their end, forks of this process would remove it too.
    scratch = Path(tempfile.mkdtemp(prefix="torture-"))
    try:
        import_most()
        cohort = make_cohort(scratch)
        found = {}
        for name in experiments:
            settings = EXPERIMENTS[name](scratch / "undisturbed-align" / "results" / "out")
            found[name] = run_undisturbed(scratch / f"undisturbed-{name}", cohort, name, settings)
            import_all(scratch / f"undisturbed-{name}" / "modules.json")
        yield found
    finally:
        shutil.rmtree(scratch)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=600, help="begin no folder later")
    parser.add_argument("--jobs", type=int, default=2, help="folders at the same time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=["all", "stages", "attacks"], default="all", help="a part prints JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
