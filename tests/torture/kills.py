"""Kills at random moments of every stage, one after another in one folder, until a run is let go its way."""

import json
import random
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.torture.processes import Started, start
from tests.torture.small_run import Left, command, read_left, unfinished

Moment = tuple[str, signal.Signals, float]
"""Stage, signal, and after which share of the stage's seconds it comes."""

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
CODES = {signal.SIGKILL: {-9}, signal.SIGTERM: {143}, signal.SIGINT: {130}}
STAGES: dict[str, Callable[[Started], bool]] = {
    "windows": lambda run: "brain    " in run.said,
    "embedding": lambda run: " genes; " in run.said,
    "alignment": lambda run: "\nembed " in run.said,
    "experiment": lambda run: "\ncompare " in run.said and _is_of_experiment(run),
    "report": lambda run: ("\ncompare " in run.said and not _is_of_experiment(run)) or _has_told_experiment(run),
    "tracking store made": lambda run: "\nreport " in run.said and bool(_databases(run, "mlflow.db.*.tmp")),
    "logging": lambda run: "\nreport " in run.said and bool(_databases(run, "mlflow.db")),
}
"""What a stage begins with, as it is seen from outside."""


@dataclass
class Outcome:
    """Kills by stage and signal, what other attacks came to, and what was wrong, each with its place."""

    kills: list[tuple[str, str]] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)
    attacks: dict[str, str] = field(default_factory=dict)
    n_resumed: int = 0

    def fault(self, kind: str, told: str) -> None:
        """Note what is wrong."""
        self.faults.setdefault(kind, []).append(told)

    def add(self, other: Mapping[str, Any]) -> None:
        """Take in what another process found, read from JSON."""
        self.kills += [(stage, name) for stage, name in other["kills"]]
        self.attacks |= other["attacks"]
        self.n_resumed += other["n_resumed"]
        for kind, places in other["faults"].items():
            self.faults.setdefault(kind, []).extend(places)


@dataclass(frozen=True)
class Undisturbed:
    """Where to work, the cohort, an experiment, what a run left that nothing disturbed, and its stages' seconds."""

    scratch: Path
    cohort: Path
    experiment: str
    settings: tuple[str, ...]
    expected: Left
    seconds: dict[str, float]

    def command(self, verb: str, *settings: str, workers: int = 1) -> list[str]:
        """Arguments of a verb for this experiment."""
        return command(verb, self.cohort, *self.settings, *settings, workers=workers)

    @property
    def stages(self) -> list[str]:
        """The stages that this experiment has."""
        return [stage for stage in STAGES if stage != "experiment" or self.experiment != "align"]


def measure_stages(run: Started) -> dict[str, float]:
    """Seconds of each stage of a run that was just started."""
    begun: dict[str, float] = {}
    while run.code() is None:
        for stage, has_begun in STAGES.items():
            if stage not in begun and has_begun(run):
                begun[stage] = time.monotonic()
        time.sleep(0.03)
    ends = [*list(begun.values())[1:], time.monotonic()]
    return {stage: end - begun[stage] for stage, end in zip(begun, ends, strict=True)}


def run_undisturbed(folder: Path, cohort: Path, experiment: str, settings: tuple[str, ...]) -> Undisturbed:
    """One run that nothing disturbs: what it leaves, and the seconds of its stages."""
    folder.mkdir()
    names = folder / "modules.json"
    arguments = command("run", cohort, *settings)
    run = start(arguments, folder / "log", after=lambda: names.write_text(json.dumps([*sys.modules])))
    seconds = measure_stages(run)
    if run.wait():
        raise RuntimeError(f"A run that nothing disturbs must succeed: {run.said[-500:]}")
    return Undisturbed(folder.parent, cohort, experiment, settings, read_left(folder), seconds)


def kill(outcome: Outcome, name: str, undisturbed: Undisturbed, moments: Sequence[Moment], *, workers: int = 1) -> None:
    """Kill runs of one folder at these moments, then let one go."""
    folder = undisturbed.scratch / name
    folder.mkdir()
    for number, (stage, kind, share) in enumerate(moments):
        run = start(undisturbed.command("run", workers=workers), folder / f"log-{number}")
        wait_for(run, stage, share * undisturbed.seconds.get(stage, 0.1))
        if run.kill(kind):
            check_killed(outcome, stage, kind, run)
    check_resumed(outcome, folder, undisturbed, workers=workers)


def wait_for(run: Started, stage: str, seconds: float) -> None:
    """Until these seconds of a stage have passed, or the run has ended."""
    while run.code() is None and not STAGES[stage](run):
        time.sleep(0.03)
    deadline = time.monotonic() + seconds
    while run.code() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def check_killed(outcome: Outcome, stage: str, kind: signal.Signals, run: Started) -> None:
    """What must hold of a run that got a signal."""
    code, place = run.wait(), f"{kind.name} in {stage}"
    if code == 0:
        return  # it had as good as ended
    outcome.kills.append((stage, kind.name))
    if code not in CODES[kind]:
        outcome.fault("ended otherwise than told", f"{place}: code {code}")
    if "Traceback" in run.said:
        outcome.fault("traceback", f"{place}: {run.said.splitlines()[-1]}")
    if kind is not signal.SIGKILL and f"ended by {kind.name}" not in run.said:
        outcome.fault("no word", f"{place}: {run.said.splitlines()[-1:]}")
    for orphan in run.orphans():
        outcome.fault("orphan after 5 s", f"{place}: {orphan}")


def check_resumed(outcome: Outcome, folder: Path, undisturbed: Undisturbed, *, workers: int = 1) -> None:
    """What must hold once a run was let go its way."""
    run = start(undisturbed.command("run", workers=workers), folder / "log-last")
    outcome.n_resumed += 1
    if code := run.wait():
        outcome.fault("lost or bricked", f"{folder.name}: code {code}, {run.said.splitlines()[-1:]}")
        return
    for orphan in run.orphans():
        outcome.fault("orphan after 5 s", f"{folder.name}: {orphan}")
    check_left(outcome, folder, undisturbed.expected)


def check_left(outcome: Outcome, folder: Path, expected: Left) -> None:
    """Results to the bit, runs of tracking each once, nothing unfinished."""
    try:
        left = read_left(folder)
    except AssertionError as doubled:
        outcome.fault("doubled", f"{folder.name}: {doubled}")
        return
    changed = [name for name, digest in expected.files.items() if left.files.get(name) != digest]
    if changed or left.vectors != expected.vectors:
        outcome.fault("other bits", f"{folder.name}: {changed or 'vectors'}")
    if left.runs != expected.runs:
        outcome.fault("doubled or missing in tracking", f"{folder.name}: {[name for name, *_ in left.runs]}")
    if untrue := left.statuses.keys() - {"FINISHED", "KILLED", "FAILED"}:
        outcome.fault("untrue status", f"{folder.name}: {sorted(untrue)}")
    if names := unfinished(folder):
        outcome.fault("temporary file left", f"{folder.name}: {names}")


def every_stage(rng: random.Random, stages: Sequence[str]) -> list[Moment]:
    """A kill in every stage, with every signal in turn."""
    return [(stage, SIGNALS[k % len(SIGNALS)], rng.random()) for k, stage in enumerate(stages)]


def draw_moments(rng: random.Random, n: int, stages: Sequence[str]) -> list[Moment]:
    """Moments of one folder, stages in their order, since a run begins where the last one was ended."""
    stages = sorted(rng.choices(stages, k=n), key=list(STAGES).index)
    return [(stage, rng.choice(SIGNALS), rng.random()) for stage in stages]


def _databases(run: Started, form: str) -> list[Path]:
    return list((run.log.parent / "results").glob(form))


def _is_of_experiment(run: Started) -> bool:
    """Whether the first line, which tells the stages, names one of an experiment."""
    return ", experiment " in run.said


def _has_told_experiment(run: Started) -> bool:
    return any(f"\n{name} " in run.said for name in ("predict", "replicate"))
