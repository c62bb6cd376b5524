"""A planted motif is found and shuffled labels are not; twins are the trained network's size; reports show it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from analyses.arms.twins import make_twin
from analyses.config.encoder import EncoderConfig
from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.experiments.probe import probe
from analyses.experiments.probe.of_arms import probe_of_arms
from analyses.results.folder import load_results
from analyses.results.schema.experiments import ProbeResult
from analyses.results.serialisation import to_json
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from analyses.workflow.pipeline import run_pipeline
from encoders.errors import InputError as EncodersError
from tests.analyses.commands import EXPERIMENTS, Experiment

SIZES = {"train": 150, "dev": 40, "test": 90}
LENGTH = 44
ONE_VIEW = ("alignment.n_permutations=19", "alignment.n_components=1", "folds.n_splits=3")


def write_task(folder: Path, labels: Callable[[np.ndarray, np.random.Generator], np.ndarray], seed: int = 0) -> Path:
    """Sequences of which half hold TATAAA in the middle, labelled by a rule; plain csv without a card."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, n in SIZES.items():
        bases = rng.choice(list("ACGT"), size=(n, LENGTH))
        has_motif = np.arange(n) % 2 == 1
        bases[has_motif, 19:25] = list("TATAAA")
        rows = [f"{''.join(row)},{label}" for row, label in zip(bases, labels(has_motif, rng), strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["sequence,label", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A task that a motif decides, the same sequences with labels at random, and one whose test lacks a class."""
    root = tmp_path_factory.mktemp("sets")
    planted = write_task(root / "motif", lambda has, rng: has * 1)
    lacking = write_task(
        root / "lacking",
        lambda has, rng: np.where((rng.random(len(has)) < 0.3) & (len(has) != SIZES["test"]), 2, has * 1),
    )
    return planted, write_task(root / "shuffled", lambda has, rng: rng.permutation(has * 1)), lacking


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small k=3 network of random weights in the published layout, which passes for a trained one."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    shape = sizes | {"vocab_size": 69, "max_position_embeddings": 512, "layer_norm_eps": 1e-12}
    folder = tmp_path_factory.mktemp("tiny_k3")
    (folder / "config.json").write_text(json.dumps(shape))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        torch.save(BertForMaskedLM(BertConfig(**shape)).state_dict(), folder / "pytorch_model.bin")
    return folder


@pytest.fixture(scope="module")
def demo(experiment: Experiment, cohort: DemoCohort, sets: tuple[Path, Path, Path], checkpoint: Path) -> dict[str, Any]:
    view = f"brain={{linked: {{path: {cohort.brain_linked}}}}}"
    arm = f"{{name: tiny, encoder: dnabert-3, source: {checkpoint}, rc: average}}"
    made = ("probe.make=[coding]", "probe.window=48", "probe.most=60", f"probe.sets=[{sets[0]}, {sets[1]}, {sets[2]}]")
    quick = ("probe.n_permutations=499", "probe.n_bootstrap=200")
    return experiment("probe", f"encoders=[{arm}]", view, *made, *quick, *ONE_VIEW, until="report")


@pytest.fixture(scope="module")
def result(demo: dict[str, Any]) -> ProbeResult:
    found = load_results(demo["folder"]).experiment
    assert isinstance(found, ProbeResult)
    return found


def test_a_planted_motif_is_found_and_shuffled_labels_are_not(result: ProbeResult) -> None:
    found = {(one.task, one.arm): one for one in result.arms}
    assert {one.name for one in result.tasks} == {"coding", "motif", "shuffled", "lacking"}
    for arm in ("one-hot", "pwm"):
        assert found["motif", arm].p_corrected < 0.05
        assert found["motif", arm].scores[0].value > 0.95
    assert found["motif", "kmer-5"].p_corrected < 0.05
    for (task, _), one in found.items():
        if task != "motif":  # labels at random, and the simulated exons that differ from introns by nothing but GC
            assert one.p_corrected > 0.01
    assert [score.name for score in found["motif", "pwm"].scores] == ["AUROC", "AUPRC", "MCC", "F1", "accuracy"]
    assert "motif is told beyond chance by" in " ".join(result.answer)
    assert "By no arm is shuffled told beyond chance" in " ".join(result.answer)


def test_a_network_whose_weights_are_random_sees_no_more_than_its_twin(result: ProbeResult) -> None:
    training = [one for one in result.differences if one.question == "training"]
    assert {(one.first, one.second) for one in training} == {("tiny", "untr-tiny")}
    assert all(one.p_corrected > 0.05 for one in training)
    assert result.answer[0].startswith("No trained encoder sees more than its untrained twin in any of 3 probes")
    widths = {one.arm: (one.hidden_dim, one.layer) for one in result.arms}
    assert widths["tiny"] == widths["untr-tiny"]  # of the sizes that the checkpoint has
    assert {one.kind for one in result.arms if one.arm == "untr-tiny"} == {"untrained"}
    assert {(one.first, one.second) for one in result.differences if one.question == "kmers"} == {
        (arm, "kmer-5") for arm in ("tiny", "untr-tiny", "one-hot", "pwm")
    }


def test_what_is_not_defined_is_left_out_with_the_reason(result: ProbeResult) -> None:
    assert not [one for one in result.arms if one.task == "lacking"]
    assert not [one for one in result.differences if one.task == "lacking"]
    told = [one for one in result.left_out if "lacking" in one]
    assert "AUROC of one-hot on lacking is not defined: test has no sequence of class 2." in told
    assert len(told) == len({one.arm for one in result.arms})


def test_what_was_made_lies_in_the_results_with_its_card(demo: dict[str, Any], result: ProbeResult) -> None:
    made = next(one for one in result.tasks if one.made)
    card = (demo["folder"] / "probe" / "coding" / "task.yaml").read_text()
    assert "reference.fa" in card
    assert "sha256" in card
    assert (made.name, made.near_duplicates, made.longest) == ("coding", 0, 48)


def test_the_page_the_figure_and_its_table_show_it(demo: dict[str, Any]) -> None:
    page = (demo["folder"] / "report.html").read_text()
    assert "What each encoder sees, trained minus untrained" in page
    assert "position weight matrix" in page
    table = pd.read_csv(demo["folder"] / "figures" / "probe_scores.csv")
    assert len(table) == 3 * 5
    assert set(table.loc[table["twin_of"].notna(), "arm"]) == {"untr-tiny"}


def test_a_comparison_shows_the_probe_of_its_arms(
    compared: dict[str, Any], demo: dict[str, Any], tmp_path: Path
) -> None:
    """A finished comparison that is told of a probe later; the k-mer spectrum is in both, by what it is."""
    folder = shutil.copytree(compared["folder"], tmp_path / "compared")
    told = (f"output={folder}", f"store={compared['folder'].parent / 'store'}", f"compare.probe={demo['folder']}")
    run_pipeline(load_config(folder / "config" / "resolved.yaml", told), until="report")
    shown = load_results(folder).probe
    assert shown is not None
    assert {one.arm for one in shown.arms} == {"kmer-5"}
    assert shown.left_out == ("2 of the encoders compared here were not probed in probe.",)
    assert 'id="probe"' in (folder / "report.html").read_text()
    assert len(pd.read_csv(folder / "figures" / "probe_scores.csv")) == 3


def test_twins_come_with_their_trained_networks(demo: dict[str, Any], result: ProbeResult) -> None:
    tiny = next(one.fingerprint for one in result.arms if one.arm == "tiny")
    assert tiny is not None
    found = probe_of_arms(demo["folder"], {tiny})
    assert {one.arm for one in found.arms} == {"tiny", "untr-tiny"}
    assert {one.question for one in found.differences} == {"training"}


def test_a_probe_of_other_encoders_shows_nothing(demo: dict[str, Any]) -> None:
    found = probe_of_arms(demo["folder"], {"0" * 32})
    assert found.arms == ()
    assert found.left_out == ("None of the encoders compared here was probed in probe.",)
    json.dumps(to_json(found), allow_nan=False)


def test_layers_and_poolings_are_probed_side_by_side(
    demo: dict[str, Any], cohort: DemoCohort, sets: tuple[Path, Path]
) -> None:
    chosen = (
        f"output={demo['folder']}",
        "encoders=[untrained-dnabert-3-rc]",
        "probe.make=[]",
        f"probe.sets=[{sets[0]}]",
        "probe.layers=[0, -1]",
        "probe.poolings=[mean, max]",
        "probe.n_permutations=99",
        "probe.n_bootstrap=100",
    )
    run = Run(load_config(EXPERIMENTS / "probe.yaml", chosen, variables={"DEMO_COHORT": str(cohort.folder)}))
    probe.check_windows(run)
    found = [one for one in probe.run(run).arms if one.kind == "untrained"]
    assert {(one.layer, one.pooling) for one in found} == {(0, "mean"), (0, "max"), (2, "mean"), (2, "max")}
    assert len({one.arm_label for one in found}) == 4


def test_sequences_that_an_arm_does_not_read_are_refused(
    demo: dict[str, Any], cohort: DemoCohort, tmp_path: Path
) -> None:
    long = write_task(tmp_path / "long", lambda has, rng: has * 1)
    text = (long / "test.csv").read_text()
    (long / "test.csv").write_text(text + "ACGT" * 300 + ",1\n")
    chosen = (f"output={demo['folder']}", "encoders=[untrained-dnabert-3-rc]", "probe.make=[]", f"probe.sets=[{long}]")
    run = Run(load_config(EXPERIMENTS / "probe.yaml", chosen, variables={"DEMO_COHORT": str(cohort.folder)}))
    with pytest.raises(InputError, match="reads at most 512 bp, and task long has one of 1200"):
        probe.check_windows(run)
    (long / "test.csv").write_text((long / "train.csv").read_text())
    with pytest.raises(EncodersError, match="No sequence of dev or test may be in train"):
        probe.check_windows(run)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (("probe.make=[]",), "must name labelled sets"),
        (("probe.make=[splice]", "probe.sets=[a/splice]"), "'splice' is there twice"),
        (("probe.make=[spice]",), "probe.make"),
        (("probe.sets=[nowhere]",), "probe.sets.0: train must name an existing file"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_read(
    cohort: DemoCohort, settings: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises((InputError, ValidationError), match=sentence):
        Run(load_config(EXPERIMENTS / "probe.yaml", settings, variables={"DEMO_COHORT": str(cohort.folder)}), dry=True)


def test_twins_take_the_sizes_of_the_checkpoint_unless_they_are_told(checkpoint: Path) -> None:
    config = EncoderConfig(name="tiny", encoder="dnabert-3", source=str(checkpoint), layer=1)
    twin = make_twin(config)
    read = json.loads((checkpoint / "config.json").read_text())
    assert (twin.encoder, twin.source, twin.layer) == ("untrained:dnabert-3", None, 1)
    assert twin.options["hidden_size"] == read["hidden_size"]
    told = make_twin(config.model_copy(update={"untrained": {"seed": 3, "hidden_size": 8}}))
    assert told.options == {"seed": 3, "hidden_size": 8}
    long = make_twin(config.model_copy(update={"options": {"long": "stitch"}}))
    assert long.options["long"] == "stitch"  # read as the trained one is
