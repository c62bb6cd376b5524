"""A small simulated cohort, one run of it, and the command line called in process."""

from pathlib import Path

import pytest

from analyses import cli
from analyses.simulate import DemoCohort, make_demo_cohort
from tests.analyses.commands import Command, run_pipeline


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> DemoCohort:
    """300 subjects, 8 genes."""
    return make_demo_cohort(tmp_path_factory.mktemp("simulated") / "cohort", n_subjects=300, n_genes=8, seed=11)


@pytest.fixture(scope="session")
def results(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results folder of the small cohort, one worker, MLflow included."""
    output = tmp_path_factory.mktemp("results") / "run"
    run_pipeline(cohort.folder, output, workers=1)
    return output


@pytest.fixture
def genebrain(monkeypatch: pytest.MonkeyPatch, cohort: DemoCohort) -> Command:
    """``genebrain(*arguments)`` as from a shell; returns the exit code."""

    def call(*arguments: object) -> int:
        monkeypatch.setenv("DEMO_COHORT", str(cohort.folder))
        monkeypatch.setattr("sys.argv", ["genebrain", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    return call
