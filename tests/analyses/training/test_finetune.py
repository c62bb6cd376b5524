"""`genebrain finetune`: what is written is what was told, however often it is ended; bad sets are refused by row."""

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from analyses.config.training.finetuning import FinetuningConfig
from analyses.errors import InputError
from analyses.report.opening import asked_contrasts
from analyses.results.folder import load_results
from analyses.simulation.cohort import DemoCohort
from analyses.training.finetune import run_finetuning
from encoders import verify_encoder
from encoders.errors import InputError as EncodersError
from encoders.training.loop.trainer import WholeTrainer
from tests.analyses.commands import Experiment
from tests.analyses.training.test_pretrain import _KilledError, files_of, kill_at
from tests.encoders.training.conftest import TINY, bpe_of_small_genome, random_bases, small_genome  # noqa: F401

Configure = Callable[..., FinetuningConfig]
Row = tuple[str, str]
LABELS = {
    "binary": lambda sequence: str(int("GA" in sequence[:20])),
    "multiclass": lambda sequence: {"A": "first", "C": "second"}.get(sequence[5], "third"),
    "multilabel": lambda sequence: ";".join(one for one in ("AA", "CC") if one in sequence) or "none",
    "regression": lambda sequence: f"{sequence.count('G') / 10 + 0.05:.2f}",
}


def write_set(folder: Path, splits: dict[str, Sequence[Row]]) -> Path:
    folder.mkdir()
    for name, rows in splits.items():
        lines = ["sequence,label", *(",".join(row) for row in rows)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


def rows_of(kind: str, n: int, seed: int) -> list[Row]:
    sequences = [random_bases(30 + number % 5, 1000 * seed + number) for number in range(n)]
    return [(sequence, LABELS[kind](sequence)) for sequence in sequences]


@pytest.fixture
def configure(bpe_of_small_genome: Path, tmp_path: Path) -> Configure:  # noqa: F811
    def make(kind: str = "binary", encoder: str = "dnabert-3", **changed: Any) -> FinetuningConfig:
        path = tmp_path / kind
        if not path.exists():
            write_set(path, {name: rows_of(kind, n, n) for name, n in (("train", 40), ("dev", 17), ("test", 23))})
        asked: dict[str, Any] = {
            "name": "tiny",
            "output": tmp_path / "a #1" / "model",
            "model": {"encoder": encoder, "sizes": TINY[encoder]},
            "task": {"path": path},
            "seeds": [0, 1],
            "training": {"epochs": 2, "batch_size": 8, "learning_rate": 0.003, "log_every": 2},
            "intervals": {"n_bootstrap": 100},
            "tracking": {"enabled": False},
        }
        for key, value in changed.items():
            asked[key] = {**asked[key], **value} if isinstance(value, dict) and key in asked else value
        return FinetuningConfig.model_validate(asked)

    return make


@pytest.mark.parametrize(
    ("kind", "encoder", "changed"),
    [
        ("binary", "dnabert-3", {"method": "lora", "lora": {"rank": 2}}),
        ("multiclass", "caduceus-ph", {"strands": "consistency", "class_weights": "balanced"}),
        ("multilabel", "caduceus-ps", {"class_weights": "balanced", "training": {"gradient_checkpointing": True}}),
        ("regression", "dnabert-3", {"method": "head"}),
    ],
)
def test_what_is_written_is_what_was_told(
    kind: str, encoder: str, changed: dict[str, Any], configure: Configure
) -> None:
    config = configure(kind, encoder, **changed)
    found = run_finetuning(config)
    assert verify_encoder(encoder, source=str(found.folder)).verdict == "proved"
    rows = list(csv.DictReader((found.folder / "predictions.csv").open()))
    assert len(rows) == 2 * 23
    wanted = [label for _, label in rows_of(kind, 23, 23)]
    for seed in (0, 1):
        of_seed = [row for row in rows if row["seed"] == str(seed)]
        assert [row["row"] for row in of_seed] == [str(one) for one in range(1, 24)]
        if kind == "regression":
            told = [float(row["predicted"]) for row in of_seed]
            name, value = "rmse", metrics.root_mean_squared_error([float(one) for one in wanted], told)
        else:
            told = [row["predicted"] for row in of_seed]
            assert [row["label"] for row in of_seed] == wanted
            if kind == "multilabel":
                pairs = zip(wanted, told, strict=True)
                agree = [(one in a.split(";")) == (one in b.split(";")) for a, b in pairs for one in ("AA", "CC")]
                name, value = "accuracy", float(np.mean(agree))
            else:
                name, value = "mcc", metrics.matthews_corrcoef(wanted, told)
        assert found.metrics["test"][name]["of_each_training"][seed] == pytest.approx(value)
    told_of = json.loads((found.folder / "provenance.json").read_text())
    assert str(config.output.parent) not in json.dumps(told_of)
    written = "".join(path.read_text() for path in found.folder.iterdir() if path.suffix in (".json", ".csv"))
    assert not any(sequence in written for sequence, _ in rows_of(kind, 23, 23))
    best = min(found.metrics["trainings"], key=lambda one: one["dev_loss"])
    assert found.metrics["kept_seed"] == best["seed"]
    assert run_finetuning(config).was_there
    (found.folder / "metrics.json").write_text("[]")
    with pytest.raises(EncodersError, match="must be what a fine-tuning wrote of itself"):
        run_finetuning(config)


def test_killed_and_resumed_it_ends_in_the_same_bits(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = {"method": "lora", "lora": {"rank": 2}}
    whole = run_finetuning(configure(**changed))
    other = configure(output=tmp_path / "killed", **changed)
    for step in (7, 9):  # of the first seed, then of the second, whose first seven are gone through meanwhile
        with monkeypatch.context() as patched:
            kill_at(patched, step)
            with pytest.raises(_KilledError):
                run_finetuning(other)
    assert files_of(run_finetuning(other).folder) == files_of(whole.folder)
    assert not (tmp_path / "killed.training").exists()


def test_the_best_pass_is_kept_and_a_training_ends_when_dev_gets_no_better(configure: Configure) -> None:
    config = configure(training={"epochs": 12, "patience": 2, "learning_rate": 0.05}, seeds=[3], method="whole")
    found = run_finetuning(config)
    curve = list(csv.DictReader((found.folder / "curve.csv").open()))
    losses = {int(row["step"]): float(row["value"]) for row in curve if row["name"] == "validation/loss"}
    (training,) = found.metrics["trainings"]
    assert training["best_step"] == min(losses, key=losses.__getitem__)
    assert training["dev_loss"] == min(losses.values())
    assert training["steps"] == max(losses) < 60
    assert training["steps"] - training["best_step"] == 10  # two passes of five steps
    assert found.metrics["test"]["accuracy"]["interval_over_trainings"] is None


@pytest.mark.parametrize(
    ("rows", "changed", "said"),
    [
        ({"train": [("ACGTACGTAC", "0"), ("ACGTACGTAG", "")]}, {}, "Every sequence needs a label; 1 of 2"),
        ({"train": [("ACGTACGTAC", "1"), ("ACGTACGTAG", "1")]}, {}, "class 0 has 0 of 2"),
        (
            {"train": [("ACGTACGTAC", "0"), ("GGGGTTTTGA", "1")]},
            {},
            "No sequence of dev or test may be in train; 1 of 2",
        ),
        ({"test": [("ACGT" * 150, "0"), ("ACGTACGTCC", "1")]}, {}, "sequence 1 of {path}/test.csv has 600"),
        ({"dev": [("AC", "0"), ("ACGTACGTCC", "1")]}, {}, "sequence 1 of {path}/dev.csv has 2"),
        ({}, {"lora": {"rank": 99}, "method": "lora"}, "lora.rank must be at most 16"),
    ],
)
def test_bad_input_is_one_sentence(
    rows: dict[str, list[Row]], changed: dict[str, Any], said: str, configure: Configure, tmp_path: Path
) -> None:
    good = {
        "train": [("ACGTACGTAC", "0"), ("ACGTACGTAG", "1")],
        "dev": [("CCGTACGTAC", "0"), ("CCGTACGTAG", "1")],
        "test": [("TCAAAACCCC", "0"), ("TCGTACGTAA", "1")],
    }
    path = write_set(tmp_path / "bad", {**good, **rows})
    with pytest.raises((InputError, EncodersError), match=re.escape(said.replace("{path}", str(path)))):
        run_finetuning(configure(task={"path": path}, **changed))


def test_a_loss_that_is_no_number_ends_it(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = WholeTrainer.compute_loss

    def compute_loss(self: WholeTrainer, *given: Any, **named: Any) -> Any:
        return plain(self, *given, **named) * (float("nan") if self.state.global_step == 6 else 1)

    monkeypatch.setattr(WholeTrainer, "compute_loss", compute_loss)
    with pytest.raises(EncodersError, match=r"in step 7 the loss became nan: the last good.*checkpoint-5"):
        run_finetuning(configure())
    with pytest.raises(EncodersError, match="the task is a regression"):
        run_finetuning(configure("regression", class_weights="balanced", output=tmp_path / "other"))


def test_a_comparison_holds_a_fine_tuned_arm_against_its_untrained_twin(
    configure: Configure, experiment: Experiment, cohort: DemoCohort, tmp_path: Path
) -> None:
    found = run_finetuning(configure(seeds=[0], output=tmp_path / "tuned", training={"epochs": 1}))
    compared = experiment(
        "compare",
        f"encoders=[{{name: tuned, encoder: dnabert-3, source: {found.folder}, rc: average}}]",
        f"brain={{linked: {{path: {cohort.brain_linked}}}}}",
        *("alignment.n_permutations=19", "alignment.n_components=1", "folds.n_splits=3"),
        label="-tuned",
        until="report",
    )
    results = load_results(compared["folder"])
    specs = {one.name: one.spec for one in results.run.arms}
    assert {name: spec.trained for name, spec in specs.items() if "tuned" in name} == {
        "tuned": True,
        "untr-tuned": False,
    }
    assert specs["tuned"].hidden_dim == specs["untr-tuned"].hidden_dim == TINY["dnabert-3"]["hidden_size"]
    assert [(one.kind, one.view) for one in asked_contrasts(results)] == [("training", "linked")]
