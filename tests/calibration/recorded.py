"""Rows of `results.md`, which is what the last runs with all data sets found, and the table that ends a run."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.calibration.rates import SURE, Counted, differs

RESULTS = Path(__file__).with_name("results.md")
HEAD = """# Calibration: how often a test finds what is not there

Written by `make calibration FULL=1`, or `PART=...` for the tests of one part; every row is replaced when its test runs
again with all of its data sets. Rejections at 5 % over independent data sets, with the exact binomial 95 % interval.
Rows of tests that end in `_fails` or `_liberal` are the naive ways beside the valid ones, as are cases `each alone`,
`without blocks`, `families of equal size` and those that begin with `naive`; `real_link` and `is_found` are power,
`interval_misses` counts misses. `comparison` and `families`: the smallest corrected p of a family.

| test | case | rejections | rate | 95 % interval |
|---|---|---|---|---|
"""
ROW = re.compile(r"\| (\w+) \| ([^|]+) \| (\d+) of (\d+) \|")


class Told(NamedTuple):
    """What a test found in one case, and what the results hold of it."""

    test: str
    case: str
    counted: Counted
    recorded: Counted | None

    @property
    def is_outside(self) -> bool:
        """Whether the rate is another than the recorded one."""
        return self.recorded is not None and differs(self.counted, self.recorded)


def read_rows() -> dict[tuple[str, str], Counted]:
    """Counts of `results.md` by test and case."""
    found = ROW.findall(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    return {(test, case): Counted(int(rejected), int(n)) for test, case, rejected, n in found}


def write_row(test: str, case: str, counted: Counted) -> None:
    """Put a row into `results.md`, in place of the earlier one."""
    low, high = counted.interval
    row = f"| {test} | {case} | {counted} | {counted.rate:.1%} | {low:.1%} to {high:.1%} |"
    lines = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    kept = {tuple(line.split(" | ")[:2]): line for line in [*lines, row] if ROW.match(line)}
    temporary = RESULTS.with_suffix(".tmp")
    temporary.write_text(HEAD + "\n".join(kept[key] for key in sorted(kept)) + "\n", encoding="utf-8")
    os.replace(temporary, RESULTS)


def table(told: Sequence[Told]) -> Iterator[str]:
    """Lines of all rows, and the names of those whose rate is another than the recorded one."""
    rows = [("test", "case", "found", "95 % interval", "recorded"), *map(_cells, told)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    outside = [f"{one.test}: {one.case}" for one in told if one.is_outside]
    yield f"Rates other than the recorded ones (Fisher's exact test, p < {SURE:g}): {len(outside) or 'none'}"
    yield from outside


def _cells(one: Told) -> tuple[str, ...]:
    low, high = one.counted.interval
    recorded = f"{_percent(one.recorded.rate)} ({one.recorded})" if one.recorded else "-"
    return one.test, one.case, str(one.counted), f"{_percent(low)} to {_percent(high)}", recorded


def _percent(rate: float) -> str:
    """With more digits where a rate is small."""
    return f"{rate:.1%}" if rate == 0 or rate >= 0.01 else f"{rate:.2%}"
