"""Subsampling curves of a finished run: a link rises with the subjects, a control has none, nothing is done again."""

import csv
from pathlib import Path

import pytest

from analyses.results import load_results
from analyses.results.schema.experiments import SubsampleResult
from tests.analyses.commands import Experiment

QUICK = ("encoders=[kmer-spectrum]", "subsample.shares=[0.4, 0.7]", "subsample.n_draws=4")


@pytest.fixture(scope="module")
def finished(experiment: Experiment) -> Path:
    """An alignment, and then the experiment in the same folder."""
    folder: Path = experiment("align", *QUICK, label="-then-subsample", until="compare")["folder"]
    aligned = {path: path.stat().st_mtime_ns for path in folder.glob("alignments/*/alignment.json")}
    assert len(aligned) == 2
    experiment("subsample", *QUICK, f"output={folder}", until="report")
    assert {path: path.stat().st_mtime_ns for path in aligned} == aligned
    return folder


def test_a_link_rises_with_its_subjects_and_a_control_has_none(finished: Path) -> None:
    result = load_results(finished).experiment
    assert isinstance(result, SubsampleResult)
    curves = {view: [one for one in result.points if one.view == view] for view in ("linked", "control")}
    few, many, whole = curves["linked"]
    assert few.n_subjects < many.n_subjects < whole.n_subjects
    assert few.rho is not None
    assert many.rho is not None
    assert many.rho > 0.2
    assert whole.rho == load_results(finished).alignments[0].summary.held_out.rho[0]
    for one in curves["linked"][:2]:
        assert None not in (*one.interval, *one.studies)
        assert one.studies[0] < one.interval[0] < one.rho < one.interval[1] < one.studies[1]
    assert many.interval[0] > 0
    for one in curves["control"][:2]:
        assert one.interval[0] < 0 < one.interval[1]
    assert result.answer[0].startswith("k-mer" if "k-mer" in few.arm_label else few.arm_label)
    assert "holds 95 % of further studies" in result.answer[0]


def test_the_report_shows_curve_and_csv(finished: Path) -> None:
    page = (finished / "report.html").read_text(encoding="utf-8")
    assert "How many subjects does the link need?" in page
    with (finished / "figures" / "subsample__kmer-5__linked.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["share"]) for row in rows] == [0.4, 0.7, 1.0]
