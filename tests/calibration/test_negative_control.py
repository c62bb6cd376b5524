"""The whole way through, over seeds: a brain view without a link must not be found."""

from pathlib import Path

import pytest

from analyses.config.file import load_config
from analyses.results.schema.alignments import AlignmentSummary
from analyses.simulation.cohort import make_demo_cohort
from analyses.workflow.pipeline import run_pipeline

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "demo.yaml"
N_SEEDS = 20
#: With a true rate of 5 %, more than 3 of 20 happens in 1.6 % of calibrations.
MOST_FOUND = 3


def _p_of_views(cohort_folder: Path, output: Path) -> dict[str, float]:
    settings = [
        f"output={output}",
        "experiment=align",
        "alignment.n_permutations=199",
        "tracking.enabled=false",
        "encoders=[{name: kmer-5, encoder: kmer-spectrum, options: {k: 5}}]",
    ]
    config = load_config(CONFIG, settings, variables={"DEMO_COHORT": str(cohort_folder)})
    run = run_pipeline(config, until="align")
    files = {view: f"alignments/kmer-5__{view}/alignment.json" for view in config.brain}
    summaries = {view: run.workspace.read_result(AlignmentSummary, file) for view, file in files.items()}
    return {view: summary.held_out.p_fwer[0] for view, summary in summaries.items()}


@pytest.mark.calibration
def test_the_control_is_rarely_found_and_the_link_mostly(tmp_path: Path) -> None:
    found = {"linked": 0, "control": 0}
    for seed in range(N_SEEDS):
        cohort = make_demo_cohort(tmp_path / f"cohort{seed}", n_subjects=300, n_genes=8, seed=seed)
        for view, p in _p_of_views(cohort.folder, tmp_path / f"run{seed}").items():
            found[view] += p < 0.05
    print(f"\nfound over {N_SEEDS} seeds: {found}")
    assert found["control"] <= MOST_FOUND
    assert found["linked"] >= 0.8 * N_SEEDS
