"""A small simulated cohort, one run of it, and the command line called in process."""

import json
from pathlib import Path
from typing import Any

import pytest

from analyses.cli import app as cli
from analyses.config.file import load_config
from analyses.report.page import make_report
from analyses.simulation.cohort import DemoCohort, make_demo_cohort
from analyses.workflow import pipeline
from tests.analyses.commands import EXPERIMENTS, Command, Experiment, run_pipeline
from tests.analyses.pages import check_page
from tests.analyses.run_folder import write_run_folder


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> DemoCohort:
    """300 subjects, 8 genes."""
    return make_demo_cohort(tmp_path_factory.mktemp("simulated") / "cohort", n_subjects=300, n_genes=8, seed=11)


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory: pytest.TempPathFactory) -> DemoCohort:
    """120 subjects, 11 genes: for what is run many times."""
    return make_demo_cohort(tmp_path_factory.mktemp("small") / "cohort", n_subjects=120, n_genes=11, seed=11)


@pytest.fixture(scope="session")
def results(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results folder of the small cohort, one worker, MLflow included."""
    output = tmp_path_factory.mktemp("results") / "run"
    run_pipeline(cohort.folder, output, workers=1)
    return output


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder that nothing was computed for, with its report."""
    folder = write_run_folder(tmp_path_factory.mktemp("run") / "example")
    make_report(folder)
    return folder


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


@pytest.fixture(scope="session")
def experiment(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Runs ``configs/experiments/NAME.yaml`` on the small cohort and reads what it wrote."""
    root = tmp_path_factory.mktemp("experiments")

    def run(name: str, *settings: str, label: str = "", until: str = "experiment") -> dict[str, Any]:
        output = root / f"{name}{label}"
        quick = (f"output={output}", "alignment.n_permutations=99", "folds.n_splits=4", "workers=1", *settings)
        config = load_config(EXPERIMENTS / f"{name}.yaml", quick, variables={"DEMO_COHORT": str(cohort.folder)})
        pipeline.run_pipeline(config, until=until)
        if until == "report":
            check_page((output / "report.html").read_text("utf-8"))
        names = ("run", "comparison", f"experiments/{name}")
        found = {Path(file).name: output / f"{file}.json" for file in names}
        read = {file: json.loads(path.read_text()) for file, path in found.items() if path.exists()}
        return {"folder": output, **read, **read.get(name, {})}

    return run


@pytest.fixture(scope="session")
def compared(experiment: Experiment) -> dict[str, Any]:
    """Two arms and the dosage baseline on the small cohort, with the report."""
    encoders = "encoders=[../encoders/kmer-spectrum.yaml, ../encoders/untrained-caduceus-ps.yaml]"
    return experiment("compare", encoders, until="report")
