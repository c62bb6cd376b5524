"""docs/fuzz.md: what became of the inputs, as the program counted them."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from typing import Any

from tests.fuzz.run import BAD, REPOSITORY, SECONDS, Progress
from tests.fuzz.worker import LARGEST

RESULTS = REPOSITORY / "tests" / "fuzz" / "results.json"
PAGE = REPOSITORY / "docs" / "fuzz.md"
HEAD = f"""# Damaged files

Written by `make fuzz`. Every reader of the product is given files that are well but for some damage made by a program
that knows their format: bits, lines, cells, nodes of JSON, members and headers of archives, claimed sizes, bombs.
Each must be read, or refused in one sentence, within {SECONDS:.0f} s and {LARGEST >> 30} GB beyond what the process has
when it is well. Bad is: another exception (`uncaught`), a refusal that is no sentence, what another reader of the same
bytes contradicts (`otherwise`), `memory`, a `hang`, a `crash` of the process. The columns of seconds and MB are of the
worst input. Inputs are numbered, and number n of a reader is the same everywhere.

"""
COLUMNS = ("reader", "inputs", "refused", "read", *BAD, "slowest, s", "largest, MB", "date", "commit")


def write_page(progress: Progress) -> None:
    """Put what was counted in the place of what was counted before for the same readers."""
    known: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    when = {"date": datetime.now(UTC).date().isoformat(), "commit": _commit()}
    for reader, tally in progress.tallies().items():
        counts = {kind: tally.kinds[kind] for kind in ("refused", "read", *BAD)}
        worst = {"slowest, s": round(tally.slowest, 2), "largest, MB": round(tally.largest)}
        known[reader] = {"inputs": sum(tally.kinds.values()), **counts, **worst, **when}
    RESULTS.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n", "utf-8")
    PAGE.write_text(page(known), "utf-8")


def page(results: dict[str, Any]) -> str:
    """The whole page."""
    rows = [[name, *(str(one[column]) for column in COLUMNS[1:])] for name, one in sorted(results.items())]
    lines = ["| " + " | ".join(row) + " |" for row in (COLUMNS, ["---"] * len(COLUMNS), *rows)]
    return HEAD + "\n".join(lines) + "\n"


def _commit() -> str:
    """Short name of the commit; a plus where the readers differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout.strip()

    changed = git("status", "--porcelain", "--", "analyses", "encoders", "fusion", "tests/fuzz/readers")
    return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
