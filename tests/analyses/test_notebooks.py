"""Notebooks run as they are on fresh results, define nothing, and carry no outputs."""

import ast
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pysam
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

from analyses.simulation.cohort import DemoCohort
from tests.conftest import PATIENCE, REAL_DATA, outside_folder
from tests.encoders.brain.simulated_tables import write_thickness

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_defines_nothing_and_carries_no_output(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    plain = [TransformerManager().transform_cell(cell.source) for cell in cells]  # a line may begin with !
    nodes = [node for source in plain for node in ast.walk(ast.parse(source))]
    assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda) for node in nodes)


def _run(name: str) -> str:
    """Text of every output of a notebook that ran to its end."""
    (path,) = (path for path in NOTEBOOKS if path.stem == name)
    notebook = nbformat.read(path, as_version=4)
    waits = {"timeout": PATIENCE, "startup_timeout": PATIENCE, "iopub_timeout": PATIENCE}
    NotebookClient(notebook, kernel_name="python3", **waits).execute(cwd=str(path.parent))
    return "".join(str(output) for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs)


def test_a_first_alignment_is_read(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENEBRAIN_RESULTS", str(results))
    assert "p_max_t" in _run("01_first_alignment")


def test_a_comparison_is_read(compared: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENEBRAIN_RESULTS", str(compared["folder"]))
    text = _run("02_rc_equivariant_vs_averaged")
    assert "untrained caduceus-ps" in text
    assert "p_corrected" in text


@pytest.fixture
def public_files(cohort: DemoCohort, tmp_path: Path) -> Path:
    """The folder of public files; where it is missing simulated ones under their names, genes under those asked for."""
    if (real := outside_folder(*REAL_DATA)).is_dir():
        return real
    genome, brain = tmp_path / "data/genome/grch37_chr20", tmp_path / "data/brain"
    genome.mkdir(parents=True)
    brain.mkdir()
    text = cohort.annotation.read_text()
    names = dict.fromkeys(re.findall(r'gene_name "([^"]+)"', text))
    for name, asked in zip(names, ("SIRPA", "SIRPB1", "PDYN", "SNPH"), strict=False):
        text = text.replace(f'gene_name "{name}"', f'gene_name "{asked}"')
    (genome / "genes.GRCh37.87.chr20_1-2Mb.gtf").write_text(text)
    pysam.tabix_compress(str(cohort.reference), str(genome / "GRCh37.chr20_1-2Mb.npad.fa.gz"))
    variants = genome / "1kgp3_EUR300_phased.chr20_1-2Mb.vcf.gz"
    shutil.copy(cohort.variants, variants)
    pysam.tabix_index(str(variants), preset="vcf")
    write_thickness(brain / "fcon1000.csv", times=13)
    return tmp_path / "data"


def test_an_own_cohort_is_run_on_copies_of_public_files(
    public_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENEBRAIN_REAL_DATA", str(public_files))
    monkeypatch.setenv("GENEBRAIN_WORK", str(tmp_path / "work"))
    text = _run("03_own_cohort")
    assert "held-out rho_1" in text
    assert (tmp_path / "work" / "results" / "report.html").is_file()


def test_predictions_and_associations_are_run_and_read(
    small_cohort: DemoCohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (
        "alignment.n_permutations=19 alignment.n_components=1 folds.n_splits=3 workers=1 tracking.enabled=false "
        "predict.n_components=4 predict.n_permutations=99 associate.n_permutations=99 associate.n_bootstrap=100"
    )
    monkeypatch.setenv("DEMO_COHORT", str(small_cohort.folder))
    monkeypatch.setenv("GENEBRAIN_WORK", str(tmp_path))
    monkeypatch.setenv("GENEBRAIN_EXPERIMENTS", "predict associate")
    monkeypatch.setenv("GENEBRAIN_SETTINGS", settings)
    text = _run("04_prediction_and_attribution")
    assert "fusion - genes" in text
    assert "partial rank correlation" in text
    assert (tmp_path / "associate" / "report.html").is_file()


def test_naive_permutation_is_seen_to_fail_and_the_other_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENEBRAIN_STUDIES", "60")
    text = _run("05_why_naive_permutation_fails")
    naive, valid = (
        float(re.search(rf"{name} +(0\.\d+) ", text)[1])  # type: ignore[index]
        for name in ("residualise, shuffle, refit", "confounds inside the test")
    )
    assert naive > 0.5
    assert valid < 0.05 + 3 * (0.05 * 0.95 / 60) ** 0.5


def test_an_own_encoder_is_written_checked_and_run(
    small_cohort: DemoCohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_COHORT", str(small_cohort.folder))
    monkeypatch.setenv("GENEBRAIN_WORK", str(tmp_path))
    text = _run("06_add_your_encoder")
    assert "batch invariant" in text
    assert "neighbours rc-avg" in text
    assert (tmp_path / "results" / "report.html").is_file()
