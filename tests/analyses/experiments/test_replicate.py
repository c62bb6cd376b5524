"""Weights of one cohort in another: a link that is there is found again, and the same people are no replication."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyses.errors import InputError
from analyses.results import load_results
from analyses.results.schema.experiments import ReplicateResult
from analyses.results.subject_ids import count_shared, shared_ids
from analyses.simulation.cohort import DemoCohort
from fusion import InputError as FusionError
from tests.analyses.commands import Command, Experiment

ARM = "encoders=[../encoders/kmer-spectrum.yaml]"
QUICK = ("alignment.n_permutations=59", "folds.n_splits=3", "alignment.n_components=1")
N_FIRST, N_SHARED = 170, 9


@pytest.fixture(scope="module")
def halves(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two tables of participants, some of whom are in both."""
    folder = tmp_path_factory.mktemp("halves")
    everybody = pd.read_csv(cohort.folder / "participants.tsv", sep="\t", dtype=str)
    parts = everybody[:N_FIRST], everybody[N_FIRST - N_SHARED :]
    paths = folder / "one.tsv", folder / "two.tsv"
    for part, path in zip(parts, paths, strict=True):
        part.to_csv(path, sep="\t", index=False)
    return paths


@pytest.fixture(scope="module")
def first(experiment: Experiment, halves: tuple[Path, Path]) -> Path:
    """Results of the first cohort."""
    found = experiment("align", ARM, *QUICK, f"participants=[{{path: {halves[0]}}}]", label="_first", until="compare")
    return Path(found["folder"])


@pytest.fixture(scope="module")
def second(experiment: Experiment, halves: tuple[Path, Path], first: Path) -> dict[str, Any]:
    settings = (ARM, *QUICK, f"participants=[{{path: {halves[1]}}}]", f"replicate={first}")
    return experiment("replicate", *settings, label="_second", until="report")


def test_a_link_is_found_again_and_a_control_is_not(second: dict[str, Any]) -> None:
    found = {one["view"]: one for one in second["replications"]}
    assert max(found["linked"]["p_corrected"]) < 0.05
    assert min(found["control"]["p_corrected"]) >= 0.05
    low, high = found["linked"]["interval"][0]
    assert 0 < low < found["linked"]["rho"][0] < high
    assert found["linked"]["trace"]["p"] < 0.05
    assert second["answer"][0].startswith("The link of align is found again: kmer-5 × linked: ")
    assert "A cohort of this size finds" not in second["answer"][0]


def test_the_first_cohorts_numbers_stand_beside(second: dict[str, Any], first: Path) -> None:
    (linked,) = (one for one in second["replications"] if one["view"] == "linked")
    (row,) = load_results(first).table().query("view == 'linked'").to_dict("records")
    assert linked["first"]["rho"] == row["rho"]
    assert linked["first"]["n_subjects"] == row["n_subjects"]
    assert linked["rho"][0] == pytest.approx(row["rho"], abs=0.25)


def test_whoever_is_in_both_is_left_out(second: dict[str, Any], first: Path, cohort: DemoCohort) -> None:
    kept = json.loads((second["folder"] / "private" / "subjects.json").read_text())["analysed"]
    then = json.loads((first / "private" / "subjects.json").read_text())["analysed"]
    assert not set(kept) & set(then)
    assert second["first"]["same_people"] == "left out"
    reasons = {one["reason"]: one["n"] for one in second["run"]["cohort"]["exclusions"]}
    assert reasons["also in the first cohort, which they cannot replicate"] == second["first"]["n_left_out"]
    assert second["first"]["n_left_out"] in range(5, N_SHARED + 1)
    assert all(one["n_subjects"] == len(kept) for one in second["replications"])


def test_the_report_opens_with_the_answer(second: dict[str, Any]) -> None:
    page = (second["folder"] / "report.html").read_text()
    assert page.index("is found again") < page.index("Replication of Alignment of genes and brain")
    table = pd.read_csv(second["folder"] / "figures" / "replicate.csv")
    assert table["view"].tolist() == ["linked", "control"]
    result = load_results(second["folder"]).experiment
    assert isinstance(result, ReplicateResult)
    assert result.metrics["replicate/rho_kmer-5_linked"] == result.replications[0].rho[0]


def test_the_same_people_are_no_replication(experiment: Experiment, halves: tuple[Path, Path], first: Path) -> None:
    settings = (ARM, f"participants=[{{path: {halves[0]}}}]", f"replicate={first}")
    with pytest.raises(InputError, match=r"\d+ of 170 subjects are in align_first too, and a replication in"):
        experiment("replicate", *settings, label="_same")


def _changed(first: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first, tmp_path / "first"))


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("genome.window=255", r"the windows of \S+ differs \(it was \d+ in \d+-\d+, reference \w+, it is \d+ in"),
        ("encoders=[{name: kmer-5, encoder: kmer-spectrum, options: {k: 4}}]", "the encoder differs"),
        (
            "brain.linked.exclude=[lh_insula_thickness]",
            "the brain features of the first cohort; missing: lh_ins",
        ),
        ("brain.linked.normal_scores=true", r"normal scores differs \(it was no, it is yes\)"),
        ("brain.linked.nan=pairwise", r"those of brain\.linked are mapped to .*take nan: impute in both runs"),
        ("encoders=[{name: mine, encoder: kmer-spectrum}]", "mine x linked needs the weights .* has those of kmer-5 x"),
    ],
)
def test_what_is_not_as_it_was_is_named_before_anything_is_embedded(
    experiment: Experiment, halves: tuple[Path, Path], first: Path, setting: str, sentence: str
) -> None:
    settings = (ARM, f"participants=[{{path: {halves[1]}}}]", f"replicate={first}", setting)
    with pytest.raises((InputError, FusionError), match=sentence):
        experiment("replicate", *settings, label="_unlike", until="windows")


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("encoders=[{name: kmer-5, encoder: kmer-spectrum, options: {k: 4}}]", "the encoder differs"),
        ("brain.linked.normal_scores=true", r"normal scores differs \(it was no, it is yes\)"),
    ],
)
def test_what_needs_no_windows_is_named_before_they_are_cut(
    experiment: Experiment, halves: tuple[Path, Path], first: Path, setting: str, sentence: str
) -> None:
    settings = (ARM, f"participants=[{{path: {halves[1]}}}]", f"replicate={first}", setting)
    label = f"_early_{setting.partition('=')[0].replace('.', '-')}"
    with pytest.raises((InputError, FusionError), match=sentence):
        experiment("replicate", *settings, label=label, until="windows")
    assert not (first.parent / f"replicate{label}" / "windows").exists()


def test_a_folder_without_results_or_weights_says_so(
    experiment: Experiment, halves: tuple[Path, Path], first: Path, tmp_path: Path
) -> None:
    settings = (ARM, f"participants=[{{path: {halves[1]}}}]")
    with pytest.raises(InputError, match=r"nowhere has no run.json"):
        experiment("replicate", *settings, f"replicate={tmp_path / 'nowhere'}", label="_none", until="windows")
    bare = _changed(first, tmp_path)
    shutil.rmtree(bare / "private" / "weights")
    with pytest.raises(InputError, match="has none"):
        experiment("replicate", *settings, f"replicate={bare}", label="_none", until="windows")


def test_people_are_found_by_hash_too_and_said_to_be_unknown_without_either(
    first: Path, second: dict[str, Any], tmp_path: Path
) -> None:
    ids = json.loads((first / "private" / "subjects.json").read_text())["analysed"]
    hashed = _changed(first, tmp_path)
    (hashed / "private" / "subjects.json").unlink()
    assert shared_ids(hashed, [*ids[:4], "somebody"]) == frozenset(ids[:4])
    assert count_shared(first, hashed) == count_shared(hashed, first) == len(ids)
    assert count_shared(first, second["folder"]) == 0
    (hashed / "private" / "id_key.txt").unlink()
    assert shared_ids(hashed, ids) is None
    assert count_shared(hashed, first) is None


def test_two_studies_are_combined_from_the_command_line(
    genebrain: Command, first: Path, second: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert genebrain("meta", first, second["folder"], "--output", tmp_path / "meta") == 0
    said = capsys.readouterr().out
    assert "kmer-5 × linked, 2 studies: held-out ρ₁ " in said
    found = json.loads((tmp_path / "meta" / "meta.json").read_text())
    (linked,) = (row for row in found["combined"] if row["view"] == "linked")
    z = [np.arctanh(one["rho"]) for one in linked["studies"]]
    weights = [one["se"] ** -2 for one in linked["studies"]]
    assert linked["pooled"]["fixed"]["rho"] == pytest.approx(np.tanh(np.average(z, weights=weights)))
    forest = pd.read_csv(tmp_path / "meta" / "figures" / "forest__kmer-5__linked.csv")
    assert forest["kind"].tolist() == ["study"] * 2 + ["pooled"] * 4
    assert genebrain("meta", first, first, "--output", tmp_path / "twice") == 2
    assert "is named twice" in capsys.readouterr().err
    assert not (tmp_path / "twice").exists()
