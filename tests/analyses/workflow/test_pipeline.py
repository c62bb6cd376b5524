"""The whole way on a simulated cohort: what was planted is found, what was not is not, nothing is done twice."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyses.simulation.cohort import DemoCohort
from encoders.genome.windows.table import WindowTable
from tests.analyses.commands import Command, run_arguments, run_pipeline


@pytest.fixture(scope="module")
def results(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run with its store and its database: tests here run it again and damage it."""
    return Path(shutil.copytree(results.parent, tmp_path_factory.mktemp("again") / "results")) / results.name


def _read(results: Path, name: str) -> Any:
    return json.loads((results / name).read_text())


def _alignment(results: Path, view: str, arm: str = "kmer-5") -> dict[str, Any]:
    found: dict[str, Any] = _read(results, f"alignments/{arm}__{view}/alignment.json")
    return found


def test_the_linked_view_is_found_and_the_control_is_not(results: Path) -> None:
    assert _alignment(results, "linked")["held_out"]["p_fwer"][0] < 0.05
    assert _alignment(results, "control")["held_out"]["p_fwer"][0] >= 0.05


def test_planted_genes_lead_the_loadings(results: Path, cohort: DemoCohort) -> None:
    ranked = [row["gene_id"] for row in _alignment(results, "linked")["gene_loadings"]]
    assert len(set(cohort.truth["genes"]) & set(ranked[:4])) >= 2


def test_every_test_counts_the_identity_and_states_its_size(results: Path) -> None:
    for name in _read(results, "run.json")["alignments"]:
        draws = np.load(results / "alignments" / name / "null_draws.npz")
        summary = _read(results, f"alignments/{name}/alignment.json")
        assert draws["held_out"].shape[0] == 200
        assert draws["held_out"][0, 0] == pytest.approx(summary["held_out"]["rho"][0], abs=1e-12)
        assert min(p for p in summary["held_out"]["p"] if p is not None) >= 1 / 200  # None: not tested
        assert summary["dimensions"]["x_requested"] == 512
        assert summary["dimensions"]["ratio"] >= 10


def test_one_relative_per_family_is_analysed(results: Path) -> None:
    cohort = _read(results, "private/cohort.json")
    dropped = sum(row["n"] for row in cohort["exclusions"])
    assert dropped > 0
    assert cohort["n_subjects"] == 300 - dropped


def test_what_is_read_is_the_distinct_windows_and_references_that_nobody_carries(results: Path) -> None:
    table = WindowTable.load(results / "windows" / "table")
    dense = {sequence for window in range(table.n_windows) for sequence in table.haplotypes(window)}
    of_reference = set(table.reference_index.tolist()) - dense
    assert len(dense) == table.n_distinct
    assert len(dense) + len(of_reference) == len(table.sequences)
    kmer = _read(results, "embed.json")["kmer-5"]
    assert kmer["n_distinct"] + kmer["n_too_short"] == len(table.sequences) + kmer["n_split"]


def test_a_second_run_embeds_nothing_and_aligns_nothing(
    results: Path, cohort: DemoCohort, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (results / "alignments" / "kmer-5__linked" / "alignment.json").stat().st_mtime_ns
    run_pipeline(cohort.folder, results, workers=1)
    embedded = _read(results, "embed.json")
    assert [report["n_forward_passes"] for report in embedded.values()] == [0, 0]
    assert (results / "alignments" / "kmer-5__linked" / "alignment.json").stat().st_mtime_ns == before
    assert capsys.readouterr().out.count("up to date") == 4


def test_a_run_with_nothing_to_do_changes_nothing(results: Path, cohort: DemoCohort) -> None:
    run_pipeline(cohort.folder, results, workers=1)  # what other tests have changed is as it was
    last_said = {"embed.json", ".windows.lock", ".manifest.lock"}
    files = [path for path in results.rglob("*") if path.is_file() and path.name not in last_said]
    before = {path: path.read_bytes() for path in files}
    written = {path: path.stat().st_mtime_ns for path in files if path.parent.name in ("figures", "comparison")}
    assert len(written) > 10
    run_pipeline(cohort.folder, results, workers=1)
    assert {path: path.read_bytes() for path in files} == before
    assert {path: path.stat().st_mtime_ns for path in written} == written


@pytest.mark.parametrize("name", ["comparison.json", "run.json", "env.json"])
def test_what_was_damaged_since_is_made_again(results: Path, cohort: DemoCohort, name: str) -> None:
    run_pipeline(cohort.folder, results, workers=1)
    whole = (results / name).read_bytes()
    (results / name).write_bytes(whole[:-20] + b"}")
    run_pipeline(cohort.folder, results, workers=1)
    assert set(_read(results, name)) == set(json.loads(whole))


def test_workers_do_not_change_a_bit(results: Path, cohort: DemoCohort, tmp_path: Path) -> None:
    run_pipeline(cohort.folder, tmp_path / "run", workers=2)
    names = _read(results, "run.json")["alignments"]
    assert len(names) == 4
    for name in names:
        one, two = (np.load(folder / "alignments" / name / "null_draws.npz") for folder in (results, tmp_path / "run"))
        assert all(np.array_equal(one[key], two[key], equal_nan=True) for key in one.files)
        summaries = [(folder / "alignments" / name / "alignment.json") for folder in (results, tmp_path / "run")]
        assert summaries[0].read_bytes() == summaries[1].read_bytes()


def _published(results: Path) -> list[Path]:
    """Everything but what stays on this machine: results, tracking database, artifacts."""
    public = [p for p in results.rglob("*") if p.is_file() and not {"private", "windows"} & set(p.parts)]
    return public + [
        p for p in results.parent.rglob("*") if p.suffix == ".db" or ("mlartifacts" in p.parts and p.is_file())
    ]


def _subjects(cohort: DemoCohort) -> list[bytes]:
    return [line.split("\t")[0].encode() for line in cohort.participants.read_text().splitlines()[1:]]


def test_no_subject_id_leaves_the_private_folder(results: Path, cohort: DemoCohort) -> None:
    ids = _subjects(cohort)
    assert len(ids) == 300
    assert len(_published(results)) > 10
    for path in _published(results):
        content = path.read_bytes()
        assert not any(subject in content for subject in ids), path


def test_a_user_may_allow_scores_by_subject(genebrain: Command, cohort: DemoCohort, tmp_path: Path) -> None:
    allowed = ("encoders=[encoders/kmer-spectrum.yaml]", "alignment.n_permutations=19", "privacy.subject_level=true")
    assert genebrain("run", *run_arguments(tmp_path / "out", *allowed)) == 0
    scores = (tmp_path / "out" / "alignments" / "kmer-5__linked" / "held_out_scores.csv").read_text().splitlines()
    assert scores[0].startswith("subject_id,fold,genes_1,brain_1")
    assert len(scores) - 1 == _read(tmp_path / "out", "run.json")["cohort"]["n_subjects"]
    assert scores[1].split(",")[0].encode() in _subjects(cohort)
    assert "Held-out scores, one dot a subject" in (tmp_path / "out" / "report.html").read_text()
    logged = [p for p in _published(tmp_path / "out") if p.name == "held_out_scores.csv" and "mlartifacts" in p.parts]
    assert len(logged) == 2
    withdrawn = (*allowed[:2], "privacy.subject_level=false")
    assert genebrain("run", *run_arguments(tmp_path / "out", *withdrawn)) == 0
    assert not (tmp_path / "out" / "alignments" / "kmer-5__linked" / "held_out_scores.csv").exists()


def test_a_dry_run_says_the_size_and_writes_nothing(
    genebrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert genebrain("run", *run_arguments(tmp_path / "out", "alignment.n_permutations=19"), "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["n_subjects"] < 300
    assert plan["windows"]["n_distinct_windows"] > 0
    assert plan["arms"][0]["n_to_embed"] > 0
    taken = plan["features"]["linked"]["taken"]
    assert "lh_bankssts_thickness" in taken
    assert len(taken) == plan["views"]["linked"]
    assert plan["features"]["linked"]["left_out"] == {}
    assert plan["confounds"]["site"] == "categorical"
    assert not (tmp_path / "out").exists()


def test_stages_stop_where_they_are_told(genebrain: Command, tmp_path: Path) -> None:
    assert genebrain("windows", *run_arguments(tmp_path / "out")) == 0
    assert (tmp_path / "out" / "windows" / "summary.json").is_file()
    assert not (tmp_path / "out" / "embed.json").exists()


def test_a_run_without_confounds_goes_the_whole_way(genebrain: Command, tmp_path: Path) -> None:
    quick = ("encoders=[encoders/kmer-spectrum.yaml]", "alignment.n_permutations=19", "tracking.enabled=false")
    assert genebrain("run", *run_arguments(tmp_path / "out", *quick, "confounds=[]")) == 0
    summary = _alignment(tmp_path / "out", "linked")
    assert summary["n"]["confounds"] == 0
    assert summary["n"]["n_effective"] == summary["n"]["subjects"] - 1
