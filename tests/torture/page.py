"""docs/torture.md: what was done to the program, and what came of it."""

import subprocess
from collections import Counter
from datetime import UTC, datetime

from tests.conftest import REPOSITORY
from tests.torture.kills import SIGNALS, STAGES, Outcome

PAGE = REPOSITORY / "docs" / "torture.md"
KINDS = (
    "lost or bricked",
    "other bits",
    "doubled",
    "doubled or missing in tracking",
    "untrue status",
    "temporary file left",
    "orphan after 5 s",
    "ended otherwise than told",
    "no word",
    "traceback",
    "the program failed",
)


def write_page(outcome: Outcome, seed: int) -> None:
    """Write the page anew."""
    PAGE.write_text("\n".join(_lines(outcome, seed)) + "\n", encoding="utf-8")


def _lines(outcome: Outcome, seed: int) -> list[str]:
    count = Counter(outcome.kills)
    words = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()
    names = [kind.name for kind in SIGNALS]
    return [
        "# What happens when a run is killed",
        "",
        f"Written by `make torture` on {datetime.now(UTC):%Y-%m-%d} at commit {commit} with seed {seed}.",
        "",
        f"{len(outcome.kills)} signals came at random moments of small runs (80 simulated subjects, 5 genes, one",
        "encoder, one brain view; an alignment, a prediction, a replication in turn), to the main process alone: up to",
        "six one after another in the same folder, each to a new run. Then a run was let go,",
        f"{outcome.n_resumed} times in all, those after other attacks included. What it left was held against a run",
        "that nothing had disturbed: results, null draws, predictions, frozen weights, stored vectors and figures to",
        "the bit, each run in MLflow once, with its values, and every status true. In every fourth folder two worker",
        "processes helped.",
        "",
        f"| stage | {' | '.join(names)} |",
        "|---|" + "---:|" * len(names),
        *(f"| {stage} | " + " | ".join(str(count[stage, name]) for name in names) + " |" for stage in STAGES),
        "",
        "| other attack | what came of it |",
        "|---|---|",
        *(f"| {name} | {told} |" for name, told in outcome.attacks.items()),
        "",
        "| what must not be | times |",
        "|---|---:|",
        *(f"| {kind} | {len(outcome.faults.get(kind, ()))} |" for kind in KINDS),
        *(f"\n- {kind}: {told}" for kind, all_told in outcome.faults.items() for told in all_told),
    ]
