"""`genebrain pretrain`: to the same bits however often it is ended, and whole or not at all."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyses.errors import InputError
from analyses.training import pretrain
from analyses.training.pretrain import run_pretraining
from encoders import verify_encoder
from encoders.errors import InputError as EncodersError
from encoders.training.loop.trainer import WholeTrainer, list_checkpoints
from tests.analyses.training.conftest import Configure


class _KilledError(BaseException):
    """What ends a process; nothing catches it."""


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    plain = WholeTrainer.training_step

    def training_step(self: WholeTrainer, *given: Any, **named: Any) -> Any:
        if self.state.global_step == step:
            raise _KilledError
        return plain(self, *given, **named)

    monkeypatch.setattr(WholeTrainer, "training_step", training_step)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "provenance.json"}


@pytest.mark.parametrize("encoder", ["dnabert-3", "caduceus-ps"])
def test_killed_and_resumed_it_ends_in_the_same_bits(
    encoder: str, configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_pretraining(configure(encoder))
    other = configure(encoder, output=tmp_path / "killed")
    for step in (2, 7):
        with monkeypatch.context() as patched:
            kill_at(patched, step)
            with pytest.raises(_KilledError):
                run_pretraining(other)
        assert not other.output.exists()
    with monkeypatch.context() as patched:  # while a checkpoint is being written: there is none of that step then
        patched.setattr(WholeTrainer, "_publish", lambda *_: (_ for _ in ()).throw(_KilledError()))
        with pytest.raises(_KilledError):
            run_pretraining(other)
    left = tmp_path / "killed.training" / "checkpoints"
    assert [path.name for path in list_checkpoints(left)] == ["checkpoint-4"]
    resumed = run_pretraining(other)
    assert files_of(resumed.folder) == files_of(whole.folder)
    assert not left.exists()
    assert run_pretraining(other).was_there
    (resumed.folder / "provenance.json").write_text('{"validation": {"nats_per_base": "few"}}')
    with pytest.raises(EncodersError, match="must be what a pretraining wrote of itself"):
        run_pretraining(other)


def test_what_comes_out_is_proved_and_says_where_it_comes_from(configure: Configure) -> None:
    config = configure(
        "dnabert2", tokenizer={"vocabulary": 40, "bases": 12_000}, training={"gradient_checkpointing": True}
    )
    found = run_pretraining(config)
    assert verify_encoder("dnabert2", source=str(found.folder)).verdict == "proved"
    told = json.loads((found.folder / "provenance.json").read_text())
    assert told["bases"] == {"train": 32_900, "held_out": 3000}
    assert next(iter(told["files"].values())).startswith("sha256:")
    assert str(config.output.parent) not in json.dumps(told)
    rows = list(csv.DictReader((found.folder / "curve.csv").open()))
    losses = [float(row["value"]) for row in rows if row["name"] == "train/loss"]
    assert len(losses) == 6
    last = [row for row in rows if row["name"] == "validation/nats_per_base"][-1]
    assert (last["step"], float(last["value"])) == ("12", found.nats_per_base)
    assert told["validation"]["nats_per_base"] == found.nats_per_base


def test_weights_that_exist_are_gone_on_from(configure: Configure, tmp_path: Path) -> None:
    first = run_pretraining(configure("dnabert-3", training={"steps": 40}))
    more = configure("dnabert-3", model={"sizes": {}, "source": str(first.folder)}, output=tmp_path / "more")
    more = more.model_copy(update={"training": more.training.model_copy(update={"steps": 1, "learning_rate": 1e-9})})
    again = run_pretraining(more)
    assert again.nats_per_base == pytest.approx(first.nats_per_base, abs=1e-4)
    told = json.loads((again.folder / "provenance.json").read_text())
    assert (
        told["began_as"]["weights_sha256"]
        == json.loads((first.folder / "provenance.json").read_text())["weights_sha256"]
    )


def test_a_loss_that_is_no_number_ends_it_with_step_and_checkpoint(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, plain = configure(), WholeTrainer.compute_loss

    def compute_loss(self: WholeTrainer, *given: Any, **named: Any) -> Any:
        loss = plain(self, *given, **named)
        return loss * float("nan") if self.state.global_step == 6 else loss

    monkeypatch.setattr(WholeTrainer, "compute_loss", compute_loss)
    with pytest.raises(EncodersError, match=r"in step 7 the loss became nan: the last good.*checkpoint-4"):
        run_pretraining(config)
    assert not config.output.exists()


def test_checkpoints_of_other_settings_are_not_gone_on_from(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        kill_at(patched, 5)
        with pytest.raises(_KilledError):
            run_pretraining(configure())
    with pytest.raises(InputError, match="begun with others: name another output, or begin anew with --force"):
        run_pretraining(configure(seed=3))
    assert run_pretraining(configure(seed=3), force=True).folder.is_dir()
    with pytest.raises(InputError, match="holds a model of other settings or files"):
        run_pretraining(configure(seed=4))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"window": {"max_bases": 600}}, "window.max_bases of dnabert-3 must be at most 512, which are 510 k-mers"),
        ({"window": {"min_bases": 2}}, "window.min_bases of dnabert-3 must be at least 3"),
        ({"window": {"min_bases": 4, "max_bases": 5}}, "have no room for one"),
        ({"genome": {"hold_out": ["three"]}}, "Contig three is not in the reference"),
        ({"training": {"batch_size": 5, "accumulate": 2}}, "use a multiple of 2"),
        ({"model": {"sizes": {"hidden_size": 15}}}, "hidden_size a multiple of num_attention_heads"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_is_trained(
    changed: dict[str, Any], said: str, configure: Configure
) -> None:
    with pytest.raises((InputError, EncodersError), match=re.escape(said)):
        run_pretraining(configure(**changed))


def test_the_curve_is_in_mlflow_with_the_chains_beside_it_and_goes_on_in_one_run(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    config = configure(tracking={"enabled": True, "uri": str(tmp_path / "mlflow.db")})
    with monkeypatch.context() as patched:
        kill_at(patched, 7)
        with pytest.raises(_KilledError):
            run_pretraining(config)
    found = run_pretraining(config)
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (experiment,) = (one for one in client.search_experiments() if one.name == "tiny/pretraining")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.metrics["validation/nats_per_base"] == found.nats_per_base
    assert run.data.metrics["markov_2/nats_per_base"] == found.chains[2]
    losses = client.get_metric_history(run.info.run_id, "train/loss")
    assert {one.step for one in losses} == {2, 4, 6, 8, 10, 12}
    assert {one.path for one in client.list_artifacts(run.info.run_id)} == {"curve.csv", "provenance.json"}


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(pretrain, "say", said.append)
    return said


def test_the_command_names_the_chain_that_it_is_held_against(configure: Configure, quiet: list[str]) -> None:
    run_pretraining(configure(training={"steps": 2}))
    assert re.search(r"Markov chains on \d+ hidden bases, nats per base: order 0 1\.\d+, order 2 \d\.\d+", quiet[0])
    assert np.isfinite(float(quiet[0].rpartition(" ")[2]))


def test_input_that_was_refused_and_corrected_is_no_other_training(configure: Configure) -> None:
    with pytest.raises(EncodersError, match="Contig tw is not in the reference"):
        run_pretraining(configure(genome={"hold_out": ["tw"]}))
    config = configure(training={"steps": 1})
    assert not config.output.with_name("model.training").exists()
    assert run_pretraining(config).folder.is_dir()


def test_a_place_that_is_no_models_is_refused_before_training_with_force_too(
    configure: Configure, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("x")
    for output, said in (
        (tmp_path / "file", "where a file is: name another"),
        (tmp_path / "file" / "model", "needs a folder .*name another"),
        (tmp_path / "thesis", "holds something else: name another"),
        (Path("/"), "a folder of its own; got /"),
        (tmp_path / ("x" * 250), "File name too long"),
    ):
        with pytest.raises(ValueError, match=said):
            run_pretraining(configure(output=output), force=True)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["chapter.txt", "file", "thesis"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"training": {"learning_rate": float("inf")}}, "should be a finite number"),
        ({"training": {"warmup_steps": 13}}, "warmup_steps must be at most steps, 12; got 13"),
        ({"seed": 2**32}, "less than 4294967296"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(configure: Configure, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        configure(**changed)


def test_chromosomes_may_be_written_as_numbers(configure: Configure) -> None:
    assert configure(genome={"hold_out": 22, "train_on": [20, "21:1-50"]}).genome.train_on == ("20", "21:1-50")
