"""Subsampling curves of a finished run: a link rises with the subjects, a control has none, nothing is done again."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analyses.config.file import load_config
from analyses.results import load_results
from analyses.results.schema.experiments import SubsampleResult
from analyses.workflow import pipeline

N = 211
YAML = """
name: parts
participants: [{path: participants.tsv}]
brain: {linked: {path: linked.csv}, control: {path: control.csv, role: negative control}}
confounds: [{column: age, kind: continuous}]
encoders: [{name: mine, encoder: precomputed, source: ./vectors}]
alignment: {n_permutations: 39, min_ratio: 6}
folds: {n_splits: 3}
subsample: {shares: [0.1, 0.4, 0.7], n_draws: 5}
tracking: {enabled: false}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An alignment, and then the experiment in the same folder."""
    folder = tmp_path_factory.mktemp("parts")
    rng = np.random.default_rng(6)
    ids = [f"s{row:03d}" for row in range(N)]
    pd.DataFrame({"subject_id": ids, "age": rng.uniform(20, 60, N)}).to_csv(
        folder / "participants.tsv", sep="\t", index=False
    )
    genes = rng.standard_normal((N, 12))
    for name, link in (("linked", 1.2), ("control", 0.0)):
        values = rng.standard_normal((N, 7)) + link * genes[:, :1]
        brain = pd.DataFrame(values, columns=[f"roi{k}" for k in range(7)])
        brain.insert(0, "subject_id", ids)
        brain.to_csv(folder / f"{name}.csv", index=False)
    (folder / "vectors" / "APOE").mkdir(parents=True)
    np.save(folder / "vectors" / "APOE" / "embeddings_1_layer_last.npy", genes.astype(np.float32))
    np.save(folder / "vectors" / "APOE" / "iids.npy", np.array(ids))
    path, output = folder / "run.yaml", folder / "out"
    path.write_text(YAML)
    pipeline.run_pipeline(load_config(path, (f"output={output}",)), until="compare")
    aligned = {path: path.stat().st_mtime_ns for path in output.glob("alignments/*/alignment.json")}
    assert len(aligned) == 2
    pipeline.run_pipeline(load_config(path, (f"output={output}", "experiment=subsample")), until="report")
    assert {path: path.stat().st_mtime_ns for path in aligned} == aligned
    return output


def test_a_link_rises_with_its_subjects_and_a_control_has_none(finished: Path) -> None:
    result = load_results(finished).experiment
    assert isinstance(result, SubsampleResult)
    curves = {view: [one for one in result.points if one.view == view] for view in ("linked", "control")}
    least, few, many, whole = curves["linked"]
    assert least.n_subjects < few.n_subjects < many.n_subjects < whole.n_subjects == N
    assert sum(few.dimensions) < sum(whole.dimensions)
    assert whole.rho == load_results(finished).alignments[0].summary.held_out.rho[0]
    for one in (few, many):
        assert None not in (one.rho, *one.interval, *one.studies)
        assert one.studies[0] < one.interval[0] < one.rho < one.interval[1] < one.studies[1]
    assert few.rho < many.rho
    assert many.interval[0] > 0
    for one in curves["control"][1:3]:
        assert one.interval[0] < 0 < one.interval[1]
    assert result.answer[0].startswith("mine × linked: held-out ρ₁ is ")
    assert "holds 95 % of further studies of 148" in result.answer[0]


def test_the_report_shows_curve_and_csv(finished: Path) -> None:
    page = (finished / "report.html").read_text(encoding="utf-8")
    assert "How many subjects does the link need?" in page
    with (finished / "figures" / "subsample__mine__linked.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["share"]) for row in rows] == [0.1, 0.4, 0.7, 1.0]
