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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.torture.attacks import ATTACKS
from tests.torture.kills import Outcome, Undisturbed, draw_moments, every_stage, kill, run_undisturbed
from tests.torture.page import write_page
from tests.torture.small_run import import_all, import_most, make_cohort


def main() -> None:
    """The program."""
    asked = _arguments()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    outcome, rng = Outcome(), random.Random(asked.seed)
    with _undisturbed() as undisturbed:
        if asked.part == "stages":
            kill(outcome, "one", undisturbed, every_stage(rng))
            print(json.dumps(asdict(outcome)))
        elif asked.part == "attacks":
            for name, attack in ATTACKS.items():
                outcome.attacks[name] = attack(outcome, undisturbed)
            print(json.dumps(asdict(outcome)))
        else:
            _everything(outcome, undisturbed, rng, asked)


def _everything(outcome: Outcome, undisturbed: Undisturbed, rng: random.Random, asked: argparse.Namespace) -> None:
    """The attacks in a process beside the kills."""
    words = [sys.executable, "-m", "tests.torture", "--part", "attacks"]
    beside = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    folder = 0
    while len(outcome.kills) < asked.kills:
        folder += 1
        moments = draw_moments(rng, min(rng.randint(1, 6), asked.kills - len(outcome.kills)))
        kill(outcome, f"folder-{folder}", undisturbed, moments, workers=2 if folder % 3 == 0 else 1)
        print(f"{len(outcome.kills)} kills; {outcome.faults or 'nothing wrong'}", flush=True)
        write_page(outcome, asked.seed)
    told = json.loads(beside.communicate()[0])
    outcome.attacks = told["attacks"]
    outcome.n_resumed += told["n_resumed"]
    for kind, places in told["faults"].items():
        outcome.faults.setdefault(kind, []).extend(places)
    write_page(outcome, asked.seed)
    print(f"{len(outcome.kills)} kills, {len(ATTACKS)} other attacks; {outcome.faults or 'nothing wrong'}")


@contextmanager
def _undisturbed() -> Iterator[Undisturbed]:
    # No TemporaryDirectory: at their end, forks of this process would remove it too.
    scratch = Path(tempfile.mkdtemp(prefix="torture-"))
    try:
        import_most()
        cohort = make_cohort(scratch)
        expected, seconds = run_undisturbed(scratch / "undisturbed", cohort)
        import_all(scratch / "undisturbed" / "modules.json")
        yield Undisturbed(scratch, cohort, expected, seconds)
    finally:
        shutil.rmtree(scratch)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=["all", "stages", "attacks"], default="all", help="a part prints JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
