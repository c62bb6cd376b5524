"""Run a short part of the tests, and the demo, on every Python and on the oldest versions that pyproject allows.

    python3 .ci/matrix.py                # all legs
    python3 .ci/matrix.py 3.12 lowest    # some

Environments stay in .matrix/ and are brought up to date like .venv. A table at the end says what ran; a Python that is
not on this machine is said there, and fails the run only if it was asked for by name.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from installers import say
from interpreters import find_python

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = REPOSITORY / ".matrix"
TESTS = (
    "tests/encoders/genome/haplotypes",
    "tests/encoders/genome/variants",
    "tests/encoders/brain",
    "tests/encoders/dna/models",
    "tests/encoders/dna/tokenizers",
    "tests/fusion/cca",
    "tests/fusion/confounds",
    "tests/fusion/decomposition",
    "tests/fusion/late_fusion",
    "tests/fusion/views",
    "tests/analyses/cluster/test_engine.py::test_arrays_too_large_to_be_copied_give_the_same_bits",
    "tests/analyses/config",
    "tests/analyses/figures",
    "tests/analyses/results",
    "tests/test_distribution.py",
)
"""Where the code meets other people's: file formats, networks, estimators, loky and dask, figures, the wheel.

The demo adds the simulation, the report and MLflow.
"""
DEMO_SUBJECTS = 300
FOUND_P = 0.05
SHOWN = ("numpy", "pandas", "scikit-learn", "torch", "transformers")


@dataclass(frozen=True)
class Leg:
    """One row of the matrix."""

    python: str
    constraints: str


LEGS = {
    "3.11": Leg("3.11", "constraints.txt"),
    "3.12": Leg("3.12", "constraints.txt"),
    "3.13": Leg("3.13", "constraints.txt"),
    "lowest": Leg("3.11", ".ci/constraints-lowest.txt"),
}


@dataclass
class Outcome:
    """What became of a leg: its verdict, what it ran with, and why it failed or was missing."""

    leg: str
    verdict: str = "passed"
    versions: dict[str, str] = field(default_factory=dict)
    tests: dict[str, int] = field(default_factory=dict)
    demo: str = "-"
    seconds: dict[str, float] = field(default_factory=dict)
    why: list[str] = field(default_factory=list)

    def failed(self, why: str) -> None:
        """Note one reason; the verdict follows."""
        self.verdict = "failed"
        self.why.append(why)


def main(names: list[str]) -> int:
    """Run the legs; the exit code of the whole."""
    if unknown := [name for name in names if name not in LEGS]:
        raise SystemExit(f"make matrix: LEGS must be among {', '.join(LEGS)}; got {unknown[0]}.")
    outcomes = [run_leg(name) for name in names or LEGS]
    say("")
    for line in table(outcomes):
        say(line)
    return exit_code(outcomes, asked=bool(names))


def exit_code(outcomes: list[Outcome], *, asked: bool) -> int:
    """1 if a leg failed, if one that was asked for is missing, or if nothing ran at all."""
    verdicts = {one.verdict for one in outcomes}
    return int("failed" in verdicts or (asked and "missing" in verdicts) or "passed" not in verdicts)


def run_leg(name: str) -> Outcome:
    """Environment, tests, demo; what fails does not keep the rest from running."""
    leg, outcome, folder = LEGS[name], Outcome(name), FOLDER / name
    python = find_python(leg.python)
    if python is None:
        outcome.verdict = "missing"
        outcome.why.append(f"Python {leg.python} is neither on the PATH nor in pyenv nor known to uv.")
        return outcome
    say(f"{name:<8} environment by {python}")
    folder.mkdir(parents=True, exist_ok=True)
    install = [str(python), str(REPOSITORY / ".ci" / "install.py"), str(folder / "venv"), leg.constraints]
    if _timed(outcome, "install", install, folder):
        outcome.failed(f"The environment could not be made: {_last_line(folder / 'install.log')}")
        return outcome
    outcome.versions = _versions(folder / "venv")
    _run_tests(outcome, folder)
    _run_demo(outcome, folder)
    say(f"{name:<8} {outcome.verdict}")
    return outcome


def _run_tests(outcome: Outcome, folder: Path) -> None:
    written = folder / "tests.xml"
    written.unlink(missing_ok=True)
    pytest = [
        str(folder / "venv" / "bin" / "python"),
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        f"--junitxml={written}",
    ]
    code = _timed(outcome, "tests", [*pytest, "--numprocesses=auto", "--dist=loadfile", *TESTS], folder)
    if written.exists():
        outcome.tests = read_counts(written)
    if code:
        outcome.failed(f"The tests ended with exit code {code}: {folder / 'tests.log'}")
    elif not outcome.tests.get("passed"):
        outcome.failed(f"No test passed: {folder / 'tests.log'}")


def _run_demo(outcome: Outcome, folder: Path) -> None:
    results = folder / "results"
    shutil.rmtree(results, ignore_errors=True)
    demo = [str(folder / "venv" / "bin" / "genebrain"), "demo", "--subjects", str(DEMO_SUBJECTS)]
    code = _timed(outcome, "demo", [*demo, "--output", str(results / "demo")], folder)
    if code:
        outcome.failed(f"The demo ended with exit code {code}: {folder / 'demo.log'}")
        return
    rho, p = read_link(results / "demo" / "comparison.json")
    outcome.demo = f"rho {rho:.2f}, p {p:.3f}"
    if p > FOUND_P:
        outcome.failed(f"The demo did not find the link that it planted (p {p:.3f}): {folder / 'demo.log'}")


def _timed(outcome: Outcome, stage: str, command: list[str], folder: Path) -> int:
    """Run one stage into its log; its exit code."""
    log = folder / f"{stage}.log"
    say(f"{outcome.leg:<8} {stage}: {log.relative_to(REPOSITORY)} ...")
    alone = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    begun = time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, cwd=REPOSITORY, env=alone, check=False)
    outcome.seconds[stage] = time.monotonic() - begun
    return done.returncode


def _versions(venv: Path) -> dict[str, str]:
    code = (
        "import json, platform, sys; from importlib.metadata import version; "
        "print(json.dumps({'Python': platform.python_version()} | {name: version(name) for name in sys.argv[1:]}))"
    )
    said = subprocess.check_output([str(venv / "bin" / "python"), "-c", code, *SHOWN], text=True)
    return {str(name): str(version) for name, version in json.loads(said).items()}


def _last_line(log: Path) -> str:
    return next((line for line in reversed(log.read_text("utf-8").splitlines()) if line.strip()), "it said nothing.")


def read_counts(junit: Path) -> dict[str, int]:
    """Tests by what became of them, from the file that pytest writes."""
    (suite,) = ElementTree.parse(junit).getroot().iter("testsuite")
    n, failed, skipped = (sum(int(suite.attrib[key]) for key in keys) for keys in _COUNTED)
    return {"passed": n - failed - skipped, "failed": failed, "skipped": skipped}


_COUNTED = (("tests",), ("failures", "errors"), ("skipped",))


def read_link(comparison: Path) -> tuple[float, float]:
    """Held-out correlation of the planted link in the arm that shows it best, and its p over the whole family."""
    rows = json.loads(comparison.read_text("utf-8"))["rows"]
    best = max((row for row in rows if row["role"] == "test"), key=lambda row: row["rho"])
    return float(best["rho"]), float(best["p_max_t"])


def table(outcomes: list[Outcome]) -> list[str]:
    """What ran, one row a leg, then the reasons of what did not pass."""
    seconds = ("install", "tests", "demo")
    head = ["leg", "Python", *SHOWN, "passed", "failed", "skipped", "demo", *(f"{one} s" for one in seconds), "verdict"]
    rows = [head]
    for one in outcomes:
        counts = [str(one.tests.get(key, "-")) for key in ("passed", "failed", "skipped")]
        spent = [f"{one.seconds[stage]:.0f}" if stage in one.seconds else "-" for stage in seconds]
        versions = [one.versions.get(name, "-") for name in ("Python", *SHOWN)]
        rows.append([one.leg, *versions, *counts, one.demo, *spent, one.verdict])
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return lines + [f"{one.leg}: {why}" for one in outcomes for why in one.why]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("make matrix: interrupted; environments that are finished stay in .matrix.")
