"""False-positive rates that write themselves down: `results.md` is what the last runs found, each row by its test."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from joblib import Parallel, delayed
from scipy.stats import binomtest

ALPHA = 0.05
RESULTS = Path(__file__).with_name("results.md")
HEAD = """# Calibration: how often a test finds what is not there

Written by `make calibration`; every row is replaced when its test runs again. Rejections at 5 % over independent data
sets, with the exact binomial 95 % interval. Rows of tests that end in `_fails` or `_liberal` are the naive ways beside
the valid ones, as are cases `each alone`, `without blocks`, `families of equal size` and those that begin with `naive`;
`real_link` and `is_found` are power, `interval_misses` counts misses. `comparison` and `families`: the smallest
corrected p of a family.

| test | case | rejections | rate | 95 % interval |
|---|---|---|---|---|
"""
Rate = Callable[[Callable[[int], float], int], float]
Rates = Callable[[Callable[[int], dict[str, float]], int], dict[str, float]]


def _row(name: str, rejected: int, n_sets: int) -> str:
    test, _, case = name.partition("[")
    interval = binomtest(rejected, n_sets).proportion_ci(method="exact")
    percentages = f"{rejected / n_sets:.1%} | {interval.low:.1%} to {interval.high:.1%}"
    return f"| {test.removeprefix('test_')} | {case.rstrip(']') or '-'} | {rejected} of {n_sets} | {percentages} |"


def _write(row: str) -> None:
    lines = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    kept = {tuple(line.split(" | ")[:2]): line for line in [*lines, row] if re.match(r"\| \w+ \| [^|]+ \| \d", line)}
    temporary = RESULTS.with_suffix(".tmp")
    temporary.write_text(HEAD + "\n".join(kept[key] for key in sorted(kept)) + "\n", encoding="utf-8")
    os.replace(temporary, RESULTS)


@pytest.fixture
def p_values(request: pytest.FixtureRequest) -> Callable[[Callable[[int], float], int], np.ndarray]:
    """p-values of independent data sets, by seed; how many are at most 5 % is recorded under the name of the test."""

    def measure(p_value: Callable[[int], float], n_sets: int) -> np.ndarray:
        p = np.array(Parallel(n_jobs=-1)(delayed(p_value)(seed) for seed in range(n_sets)))
        _write(_row(request.node.name, int((p <= ALPHA).sum()), n_sets))
        return p

    return measure


@pytest.fixture
def rates(request: pytest.FixtureRequest) -> Rates:
    """Shares of data sets whose p is at most 5 %, of several tests of the same data; each has its row."""

    def measure(p_values: Callable[[int], dict[str, float]], n_sets: int) -> dict[str, float]:
        found = Parallel(n_jobs=-1)(delayed(p_values)(seed) for seed in range(n_sets))
        counts = {name: sum(p[name] <= ALPHA for p in found) for name in found[0]}
        for name, rejected in counts.items():
            test, _, case = request.node.name.rstrip("]").partition("[")
            _write(_row(f"{test}[{f'{case}: ' if case else ''}{name}]", rejected, n_sets))
        return {name: rejected / n_sets for name, rejected in counts.items()}

    return measure


@pytest.fixture
def rate(p_values: Callable[[Callable[[int], float], int], np.ndarray]) -> Rate:
    """Share of data sets whose p is at most 5 %."""
    return lambda p_value, n_sets: float((p_values(p_value, n_sets) <= ALPHA).mean())
