"""A small simulated cohort, one run of it, and the command line called in process."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyses.cli import app as cli
from analyses.config.file import load_config
from analyses.report.page import make_report
from analyses.simulation.cohort import DemoCohort, make_demo_cohort
from analyses.tracking import mlflow_store
from analyses.workflow import pipeline
from tests.analyses.commands import EXPERIMENTS, Command, Experiment, few_studies_drawn, run_pipeline
from tests.analyses.drawn_once import drawn_once
from tests.analyses.pages import check_page
from tests.analyses.run_folder import write_run_folder
from tests.made_once import made_once, session_folder


@pytest.fixture(scope="module", autouse=True)
def few_studies() -> Iterator[None]:
    """In every test of a wing of analyses."""
    with few_studies_drawn():
        yield


@pytest.fixture(scope="module", autouse=True)
def few_drawings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """In every test of a wing of analyses that does not draw for itself."""
    with drawn_once(session_folder(tmp_path_factory) / "drawn"):
        yield


@pytest.fixture(scope="module", autouse=True)
def few_schemas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """In every test of a wing of analyses but those of the schema: it takes a second, is made once and copied then."""
    make = mlflow_store._upgrade

    def make_in(folder: Path) -> None:
        folder.mkdir()
        make(folder / "mlflow.db")

    def make_or_copy(database: Path) -> None:
        if mlflow_store._tables(database):
            make(database)
        else:
            shutil.copyfile(made_once(tmp_path_factory, "schema", make_in) / "mlflow.db", database)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(mlflow_store, "_upgrade", make_or_copy)
        yield


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> DemoCohort:
    """300 subjects, 8 genes."""
    return _simulated(tmp_path_factory, n_subjects=300, n_genes=8)


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory: pytest.TempPathFactory) -> DemoCohort:
    """120 subjects, 11 genes: for what is run many times."""
    return _simulated(tmp_path_factory, n_subjects=120, n_genes=11)


def _simulated(factory: pytest.TempPathFactory, **sizes: int) -> DemoCohort:
    def make(folder: Path) -> DemoCohort:
        return make_demo_cohort(folder, **sizes, seed=11)

    return make(made_once(factory, f"cohort-of-{sizes['n_subjects']}", make))


@pytest.fixture(scope="session")
def results(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results folder of the small cohort, one worker, MLflow included; only to be read."""

    def make(root: Path) -> None:
        run_pipeline(cohort.folder, root / "run", workers=1)

    return made_once(tmp_path_factory, "results", make) / "run"


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder that nothing was computed for, with its report."""
    made = made_once(tmp_path_factory, "reported", lambda root: make_report(write_run_folder(root / "example")))
    return Path(shutil.copytree(made / "example", tmp_path_factory.mktemp("run") / "example"))


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
        _run_experiment(name, cohort, output, *settings, until=until)
        return _read_experiment(name, output)

    return run


def _run_experiment(name: str, cohort: DemoCohort, output: Path, *settings: str, until: str) -> None:
    quick = (f"output={output}", "alignment.n_permutations=99", "folds.n_splits=4", "workers=1", *settings)
    config = load_config(EXPERIMENTS / f"{name}.yaml", quick, variables={"DEMO_COHORT": str(cohort.folder)})
    with few_studies_drawn():
        pipeline.run_pipeline(config, until=until)
    if until == "report":
        check_page((output / "report.html").read_text("utf-8"))


def _read_experiment(name: str, output: Path) -> dict[str, Any]:
    names = ("run", "comparison", f"experiments/{name}")
    found = {Path(file).name: output / f"{file}.json" for file in names}
    read = {file: json.loads(path.read_text()) for file, path in found.items() if path.exists()}
    return {"folder": output, **read, **read.get(name, {})}


@pytest.fixture(scope="session")
def compared(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two arms and the dosage baseline on the small cohort, with the report; only to be read."""
    encoders = "encoders=[../encoders/kmer-spectrum.yaml, ../encoders/untrained-caduceus-ps.yaml]"

    def make(root: Path) -> None:
        _run_experiment("compare", cohort, root / "compare", encoders, until="report")

    return _read_experiment("compare", made_once(tmp_path_factory, "compared", make) / "compare")
