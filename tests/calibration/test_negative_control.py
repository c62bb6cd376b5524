"""The whole way through, over seeds: a brain view without a link must not be found."""

from pathlib import Path

import pytest
from joblib import Parallel, delayed

from analyses.config.file import load_config
from analyses.results.schema.alignments import AlignmentSummary
from analyses.simulation.cohort import make_demo_cohort
from analyses.workflow.pipeline import run_pipeline
from tests.calibration.rates import Counted, Record, at_least, at_most, sets

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "demo.yaml"
N_SEEDS = 20
#: With a true rate of 5 %, more than 3 of 20 happens in 1.6 % of calibrations.
MOST_FOUND = 3


def _p_of_views(folder: Path, seed: int) -> dict[str, float]:
    cohort = make_demo_cohort(folder / f"cohort{seed}", n_subjects=300, n_genes=8, seed=seed)
    settings = [
        f"output={folder / f'run{seed}'}",
        "experiment=align",
        "alignment.n_permutations=199",
        "tracking.enabled=false",
        "encoders=[{name: kmer-5, encoder: kmer-spectrum, options: {k: 5}}]",
    ]
    config = load_config(CONFIG, settings, variables={"DEMO_COHORT": str(cohort.folder)})
    run = run_pipeline(config, until="align")
    files = {view: f"alignments/kmer-5__{view}/alignment.json" for view in config.brain}
    summaries = {view: run.workspace.read_result(AlignmentSummary, file) for view, file in files.items()}
    return {view: summary.held_out.p_fwer[0] for view, summary in summaries.items()}


@pytest.mark.calibration
def test_the_control_is_rarely_found_and_the_link_mostly(tmp_path: Path, record: Record) -> None:
    p = Parallel(n_jobs=-1)(delayed(_p_of_views)(tmp_path, seed) for seed in range(sets(N_SEEDS)))
    found = {}
    for view in ("linked", "control"):
        found[view] = Counted(sum(one[view] < 0.05 for one in p), len(p), len(p) < N_SEEDS)
        record(view, found[view], None)
    assert at_most(found["control"], MOST_FOUND / N_SEEDS)
    assert at_least(found["linked"], 0.8)
