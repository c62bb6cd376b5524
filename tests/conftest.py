"""Where outside data and outside answers live, how hypothesis looks for examples, and what a run of the tests ran.

A test that needs outside data skips, with the reason, if they are missing.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, settings

from tests.shape_checks import forget_trust

REPOSITORY = Path(__file__).resolve().parent.parent
SLOWEST = 10
collect_ignore_glob = ["benchmarks/*"]  # measured by hand, with nothing to be collected
REAL_DATA = ("GENEBRAIN_REAL_DATA", "../shared/data")
PATIENCE = 600
"""Seconds after which a process that hangs is given up. No measure of speed: a loaded machine may take long."""

# Read when OpenMP starts: threads that spin while they wait take the cores from the tests beside them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.pop("MLFLOW_TRACKING_URI", None)  # runs of tests stay in the folders of tests

# On a loaded machine processes on the loopback address take long to answer one another as well.
os.environ.setdefault("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", f"{PATIENCE}s")
for wait in ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
    os.environ.setdefault(wait, str(PATIENCE))

# A loaded or slow machine takes longer over an example, and to draw one; that is no fault of the code. What passes once
# passes everywhere: new examples are looked for by `--hypothesis-profile exploring`.
settings.register_profile("project", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("exploring", settings.get_profile("project"), derandomize=False)
settings.load_profile("project")


THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
FIRST = "tests/analyses/workflow/test_slurm.py"
"""It takes longest, and waits for nothing that the files beside it make."""


def pytest_configure(config: pytest.Config) -> None:
    """Processes that fill the cores share them: threads of BLAS beyond that wait for one another, and spin meanwhile.

    Libraries read it when they are loaded, so it is said before the processes begin. joblib counts the cores that this
    process may use.
    """
    from joblib import cpu_count  # it loads libraries, and the variables above are read when these are loaded

    processes = len(getattr(config.option, "tx", None) or ())
    if processes and "PYTEST_XDIST_WORKER" not in os.environ:
        for name in THREADS:
            os.environ.setdefault(name, str(max(1, cpu_count() // processes)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first."""
    items.sort(key=lambda item: not item.nodeid.startswith(FIRST))


def outside_folder(variable: str, default: str) -> Path:
    """Where outside data are looked for; it need not exist."""
    return Path(os.environ.get(variable, REPOSITORY / default)).resolve()


def _folder(variable: str, default: str) -> Path:
    path = outside_folder(variable, default)
    if not path.is_dir():
        pytest.skip(f"{variable} is not set and {default} does not exist: outside data is not part of the repository")
    return path


shapes_are_checked_anew = pytest.fixture(autouse=True)(forget_trust)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real genomes, brain tables and two-view data (``GENEBRAIN_REAL_DATA``)."""
    return _folder(*REAL_DATA)


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Outside answers that were made for this project: its README says how."""
    return REPOSITORY / "tests" / "reference"


@pytest.fixture(scope="session")
def simulated_genome(reference_data: Path) -> Path:
    """Folder of a simulated genome and cohort with the answers of bcftools and plink2: the twin of the real genomes."""
    return reference_data / "genome"


@pytest.fixture(scope="session")
def published_data() -> Path:
    """Folder of files that others published, and answers about real genomes (``GENEBRAIN_REFERENCE``)."""
    return _folder("GENEBRAIN_REFERENCE", "../shared/reference")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tests and seconds by wing, skips by reason, the slowest tests."""
    terminalreporter.section("what ran")
    for line in _what_ran(terminalreporter.stats):
        terminalreporter.write_line(line)


def _what_ran(stats: dict[str, list[object]]) -> Iterator[str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    by_wing: Counter[str] = Counter()
    by_test: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error", "skipped", ""):  # "" holds what was set up and taken down
        for report in stats.get(outcome, []):
            if not isinstance(report, pytest.TestReport):
                continue
            wing = _wing(report.nodeid)
            by_wing[wing] += report.duration
            by_test[report.nodeid] += report.duration
            counts[wing][outcome] += 1
            if outcome == "skipped":
                reasons[report.longrepr[2].removeprefix("Skipped: ")] += 1  # type: ignore[index]
    yield f"{'wing':<34}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}"
    for wing in sorted(by_wing):
        of = counts[wing]
        failed = of["failed"] + of["error"]
        yield f"{wing:<34}{of['passed']:>8}{failed:>8}{of['skipped']:>9}{by_wing[wing]:>9.1f}"
    for reason, number in reasons.most_common():
        yield f"{number:>6} skipped: {reason}"
    yield "slowest"
    for test, seconds in by_test.most_common(SLOWEST):
        yield f"{seconds:>6.1f} s {test}"


def _wing(nodeid: str) -> str:
    """The wing that a test belongs to; an example in a docstring belongs to that of its module."""
    folders = PurePosixPath(nodeid.split("::")[0]).parts[:-1]
    return "/".join(folders[1:] if folders[:1] == ("tests",) and len(folders) > 1 else folders)
