"""False-positive rates that write themselves down: `results.md` is what the last runs found, each row by its test.

Over a share of the data sets nothing is written; whatever was found stands at the end of a run beside what is recorded.
"""

from collections.abc import Callable

import numpy as np
import pytest
from joblib import Parallel, delayed

from tests.calibration.rates import Counted, Rate, Rates, Record, count, sets, share
from tests.calibration.recorded import Told, read_rows, table, write_row

TOLD = pytest.StashKey[list[Told]]()
PValues = Callable[[Callable[[int], float], int], np.ndarray]


def _test_and_case(request: pytest.FixtureRequest, name: str = "") -> tuple[str, str]:
    """Of a row: `name` tells one of several tests of the same data."""
    test, _, case = request.node.name.rstrip("]").partition("[")
    return test.removeprefix("test_"), ": ".join(part for part in (case, name) if part) or "-"


@pytest.fixture(scope="session")
def rows() -> dict[tuple[str, str], Counted]:
    """What `results.md` holds before anything is written."""
    return read_rows()


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Put what a test counted, by a name, and what is recorded of it into the table that ends the run."""

    def tell(name: str, counted: Counted, recorded: Counted | None) -> None:
        told = Told(*_test_and_case(request, name), counted, recorded)
        request.config.stash.setdefault(TOLD, []).append(told)

    return tell


@pytest.fixture
def write(
    request: pytest.FixtureRequest, rows: dict[tuple[str, str], Counted], record: Record
) -> Callable[[str, Counted], None]:
    """Put what a test counted into `results.md` where all data sets are drawn, and into the table."""

    def put(name: str, counted: Counted) -> None:
        key = _test_and_case(request, name)
        record(name, counted, rows.get(key))
        if share() == 1:
            write_row(*key, counted)

    return put


@pytest.fixture
def p_values(write: Callable[[str, Counted], None]) -> PValues:
    """p-values of independent data sets, by seed; how many are at most 5 % is recorded under the name of the test."""

    def measure(p_value: Callable[[int], float], n_sets: int) -> np.ndarray:
        p = np.array(Parallel(n_jobs=-1)(delayed(p_value)(seed) for seed in range(sets(n_sets))))
        write("", count(p, n_sets))
        return p

    return measure


@pytest.fixture
def rates(write: Callable[[str, Counted], None]) -> Rates:
    """In how many data sets p is at most 5 %, of several tests of the same data; each has its row."""

    def measure(p_values: Callable[[int], dict[str, float]], n_sets: int) -> dict[str, Counted]:
        found = Parallel(n_jobs=-1)(delayed(p_values)(seed) for seed in range(sets(n_sets)))
        counts = {name: count(np.array([p[name] for p in found]), n_sets) for name in found[0]}
        for name, counted in counts.items():
            write(name, counted)
        return counts

    return measure


@pytest.fixture
def rate(p_values: PValues) -> Rate:
    """In how many data sets p is at most 5 %."""
    return lambda p_value, n_sets: count(p_values(p_value, n_sets), n_sets)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Everything that was counted beside what is recorded."""
    told = terminalreporter.config.stash.get(TOLD, [])
    if told:
        terminalreporter.section("rates")
        for line in table(told):
            terminalreporter.write_line(line)
