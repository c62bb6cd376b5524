"""An arm whose vectors were made elsewhere: with genotypes beside it, and alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from tests.analyses.commands import CONFIG, SETTINGS, Command, run_arguments


@pytest.fixture(scope="module")
def panel(results: Path, cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The k-mer arm's dense vectors, written as other tools leave them: chunks of subjects in one folder a gene."""
    config = load_config(CONFIG, [f"output={results}", *SETTINGS], variables={"DEMO_COHORT": str(cohort.folder)})
    view = Run(config).arms["kmer-5"].gene_view()
    root = tmp_path_factory.mktemp("vectors")
    dense = view.multiply(np.eye(view.shape[1])).astype(np.float32)
    groups = np.array(view.column_groups)
    order = np.random.default_rng(0).permutation(len(dense))
    for gene in dict.fromkeys(view.column_groups):
        folder = root / gene
        folder.mkdir()
        values = dense[order][:, groups == gene]
        np.save(folder / "embeddings_1_layer_last.npy", values[:100])
        np.save(folder / "embeddings_2_layer_last.npy", values[100:])
        np.save(folder / "iids.npy", np.array(view.subject_ids)[order])
    return root


def _aligned(results: Path, arm: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((results / "alignments" / f"{arm}__linked" / "alignment.json").read_text())
    return found


def test_alone_it_gives_what_the_encoder_gave(genebrain: Command, panel: Path, results: Path, tmp_path: Path) -> None:
    arm = f"encoders=[{{name: made-elsewhere, encoder: precomputed, source: {panel}}}]"
    alone = ("genome=null", arm, "truth=null", "tracking.enabled=false")
    assert genebrain("run", *run_arguments(tmp_path / "out", *alone)) == 0
    held_out = _aligned(tmp_path / "out", "made-elsewhere")["held_out"]
    assert held_out["rho"][0] == pytest.approx(_aligned(results, "kmer-5")["held_out"]["rho"][0], abs=0.05)
    assert held_out["p"][0] < 0.05
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["genome"] is None
    assert run["cohort"]["overlap"][0]["table"] == "embeddings made-elsewhere"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "made-elsewhere (vectors made elsewhere)" in page
    assert "forward strand" not in page
    assert "<td>mean</td>" not in page


def test_beside_an_encoder_it_is_compared(genebrain: Command, panel: Path, tmp_path: Path) -> None:
    arms = f"encoders=[encoders/kmer-spectrum.yaml, {{name: made-elsewhere, encoder: precomputed, source: {panel}}}]"
    both = (
        arms,
        "experiment=compare",
        "compare.baselines=false",
        "alignment.n_permutations=99",
        "tracking.enabled=false",
    )
    assert genebrain("run", *run_arguments(tmp_path / "out", *both)) == 0
    comparison = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert {arm["arm"]: arm["cost"] is None for arm in comparison["arms"]} == {"kmer-5": False, "made-elsewhere": True}
    assert comparison["alike"][0]["cka"] == pytest.approx(1.0, abs=1e-4)
    (linked,) = (row for row in comparison["differences"] if row["view"] == "linked")
    assert abs(linked["difference"]) < 0.05


def test_changed_files_are_other_vectors(panel: Path, cohort: DemoCohort, tmp_path: Path) -> None:
    settings = [f"output={tmp_path}", *SETTINGS, "genome=null", "truth=null"]
    settings += [f"encoders=[{{name: elsewhere, encoder: precomputed, source: {panel}}}]"]

    def fingerprint() -> str:
        config = load_config(CONFIG, settings, variables={"DEMO_COHORT": str(cohort.folder)})
        return str(Run(config).specs["elsewhere"].fingerprint)

    before = fingerprint()
    assert fingerprint() == before
    chunk = next(panel.iterdir()) / "embeddings_2_layer_last.npy"
    np.save(chunk, np.load(chunk) + 1)
    assert fingerprint() != before


def test_an_encoder_that_reads_sequences_needs_a_genome(cohort: DemoCohort, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="genome: is required, since encoder 'kmer-5' reads sequences"):
        load_config(CONFIG, [f"output={tmp_path}", "genome=null"], variables={"DEMO_COHORT": str(cohort.folder)})
