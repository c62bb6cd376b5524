"""One training of a fine-tuning: a head, an order of sequences, early stopping, and what it tells of test."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.errors import InputError
from analyses.training.curve import CurveReport, Point, curve_points
from analyses.training.workspace import TrainingWorkspace
from encoders.damage import refused_if_damaged
from encoders.numpy_files import open_npy

if TYPE_CHECKING:
    from analyses.config.training.finetuning import FinetuningConfig
    from analyses.tracking.training_curve import TrainingCurve
    from encoders.training.finetuning.model import FinetunedModel
    from encoders.training.pretraining.learner import Learner
    from encoders.training.tasks.labelled import LabelledSet

WEIGHTS, RESULT, TOLD = "model.safetensors", "result.json", "told.npy"


@dataclass(frozen=True)
class SeedResult:
    """What one training came to.

    Attributes
    ----------
    seed : int
    told : array
        Of the test sequences: probabilities of classes, or values.
    dev_loss : float
        Least loss on dev, of the weights that are kept.
    best_step, steps : int
        Step of those weights, and the last one.
    strands : str
        Whether both strands are read when it tells: both or forward.
    scale : (float, float)
        Mean and standard deviation of the training values of a regression; 0 and 1 of others.
    curve : list of (int, str, float)
    """

    seed: int
    told: np.ndarray
    dev_loss: float
    best_step: int
    steps: int
    strands: str
    scale: tuple[float, float]
    curve: list[Point]


def load_learner(config: FinetuningConfig, seed: int) -> Learner:
    """The encoder before it learns; of random weights, those of the seed."""
    from encoders.training.pretraining.learner import make_learner

    model = config.model
    return make_learner(
        model.encoder,
        source=model.source,
        revision=model.revision,
        sizes=model.sizes if model.source is None else None,
        seed=seed,
        dropout=model.dropout,
    )


def train_seed(
    config: FinetuningConfig, task: LabelledSet, space: TrainingWorkspace, seed: int, tracked: TrainingCurve | None
) -> SeedResult:
    """Train with one seed, or read what that came to; weights of the least loss on dev lie in its folder then.

    Raises
    ------
    InputError
        The loss is no number, or settings do not go together.
    """
    import torch
    from safetensors.torch import load_file

    from encoders.training.finetuning.adapters import merge_lora
    from encoders.training.finetuning.examples import score
    from encoders.training.finetuning.model import told

    done = _folder(space, seed)
    if (done / RESULT).is_file():
        return read_seed(done, seed)
    learner, model = _make(config, task, seed)
    strands, scale = _strands(config, learner), _scale(task)
    trainer = _make_trainer(config, task, space, learner, model, seed=seed, tracked=tracked)
    trainer.train_on()
    best = trainer.state.best_global_step
    model.load_state_dict(load_file(Path(trainer.args.output_dir) / f"checkpoint-{best}" / WEIGHTS))
    if config.method == "lora":
        merge_lora(model.network)
    points = curve_points(trainer.state.log_history)
    last = max(step for step, name, _ in points if name.startswith("validation/"))
    logits = score(model, learner, task.test.sequences, both_strands=strands != "forward")
    result = SeedResult(
        seed=seed,
        told=(told(logits, task.kind) * scale[1] + scale[0]).numpy(),
        dev_loss=float(trainer.state.best_metric),
        best_step=int(best),
        steps=last,
        strands="forward" if strands == "forward" else "both",
        scale=scale,
        curve=[point for point in points if point[0] <= last],
    )
    if trainer.is_world_process_zero():
        _write(done, result, {key: value.cpu() for key, value in model.state_dict().items()})
    trainer.accelerator.wait_for_everyone()
    del trainer
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return result


def load_trained(
    config: FinetuningConfig, task: LabelledSet, space: TrainingWorkspace, seed: int
) -> tuple[Learner, FinetunedModel]:
    """Encoder and model with the weights that a seed came to, low-rank changes merged."""
    from safetensors.torch import load_file

    learner, model = _make(config, task, seed, merged=True)
    model.load_state_dict(load_file(_folder(space, seed) / WEIGHTS))
    return learner, model


def _make(
    config: FinetuningConfig, task: LabelledSet, seed: int, *, merged: bool = False
) -> tuple[Learner, FinetunedModel]:
    import torch

    from encoders.training.finetuning.adapters import add_lora
    from encoders.training.finetuning.model import FinetunedModel, balanced_weights

    learner = load_learner(config, seed)
    network, weights = learner.model.network, None
    if config.method == "lora" and not merged:
        add_lora(network, rank=config.lora.rank, alpha=config.lora.alpha, dropout=config.lora.dropout, seed=seed)
    if config.class_weights == "balanced":
        labels = torch.as_tensor(task.train.labels)
        counts = (
            labels.sum(0) if task.kind == "multilabel" else torch.bincount(labels.long(), minlength=len(task.classes))
        )
        weights = balanced_weights(counts, len(labels), task.kind).float()
    model = FinetunedModel(
        network,
        task.kind,
        max(1, len(task.classes)),
        seed=seed,
        frozen=config.method == "head",
        pooling=config.pooling,
        weights=weights,
        consistency=config.consistency_weight,
    )
    return learner, model


def _strands(config: FinetuningConfig, learner: Learner) -> str:
    if config.strands == "auto":
        return "forward" if learner.is_equivariant else "augment"
    return config.strands


def _scale(task: LabelledSet) -> tuple[float, float]:
    if task.kind != "regression":
        return 0.0, 1.0
    return float(np.mean(task.train.labels)), float(np.std(task.train.labels))


def _make_trainer(
    config: FinetuningConfig,
    task: LabelledSet,
    space: TrainingWorkspace,
    learner: Learner,
    model: FinetunedModel,
    *,
    seed: int,
    tracked: TrainingCurve | None,
) -> Any:
    import torch

    from encoders.dna.token_models.token_encoder import read_device
    from encoders.training.finetuning.examples import FinetuningExamples, SequencePadding, score
    from encoders.training.finetuning.figures import figures_of
    from encoders.training.finetuning.model import mean_loss, told
    from encoders.training.loop.checkpointing import checkpoint_layers
    from encoders.training.loop.patience import Patience
    from encoders.training.loop.settings import LoopSettings, training_arguments
    from encoders.training.loop.trainer import WholeTrainer

    asked, strands, (mean, sd) = config.training, _strands(config, learner), _scale(task)
    of_a_pass = math.ceil(len(task.train) / asked.batch_size)
    steps = asked.epochs * of_a_pass
    same = ("batch_size", "accumulate", "learning_rate", "weight_decay", "beta1", "beta2", "epsilon", "max_grad_norm")
    settings = LoopSettings(
        steps=steps,
        warmup_steps=int(asked.warmup_share * steps),
        checkpoint_every=of_a_pass,
        validate_every=of_a_pass,
        keep=1,
        seed=seed,
        best_by="loss",
        **{key: getattr(asked, key) for key in (*same, "precision", "device", "log_every")},
    )
    train, dev = task.train, task.dev
    if task.kind == "regression":
        train, dev = (replace(one, labels=(one.labels - mean) / sd) for one in (train, dev))
    if asked.gradient_checkpointing and config.method != "head":
        checkpoint_layers(model.network)

    def judge() -> dict[str, float]:
        logits = score(model, learner, dev.sequences, both_strands=strands != "forward")
        figures = figures_of(task.kind, dev.labels, told(logits, task.kind).numpy())
        return {"loss": mean_loss(logits, torch.as_tensor(dev.labels), task.kind)} | figures

    return WholeTrainer(
        model,
        training_arguments(settings, space.checkpoints / f"seed-{seed}", read_device(asked.device)),
        examples=FinetuningExamples(learner, train, n_examples=steps * asked.batch_size, strands=strands, seed=seed),
        collate=SequencePadding(learner.pad_id, learner.n_before),
        judge=judge,
        report=CurveReport(steps, tracked),
        keep=settings.keep,
        callbacks=[Patience("loss", asked.patience)],
    )


def _folder(space: TrainingWorkspace, seed: int) -> Path:
    return space.folder / f"seed-{seed}"


def _write(folder: Path, result: SeedResult, weights: dict[str, Any]) -> None:
    from safetensors.torch import save_file

    from encoders.publishing import published_folder

    told: dict[str, Any] = {"dev_loss": result.dev_loss, "best_step": result.best_step, "steps": result.steps}
    told |= {"strands": result.strands, "scale": list(result.scale), "curve": result.curve}
    with published_folder(folder) as unfinished:
        save_file({key: value.contiguous() for key, value in weights.items()}, unfinished / WEIGHTS)
        np.save(unfinished / TOLD, result.told)
        (unfinished / RESULT).write_text(json.dumps(told), "utf-8")


def read_seed(folder: Path, seed: int) -> SeedResult:
    """What a finished training of one seed came to, from its folder.

    Raises
    ------
    InputError
        The folder was damaged since.
    """
    with refused_if_damaged(folder / RESULT, "what a training wrote of itself"):
        told = json.loads((folder / RESULT).read_text("utf-8"))
        mean, deviation = told["scale"]
        result = SeedResult(
            seed=seed,
            told=open_npy(folder / TOLD),
            dev_loss=float(told["dev_loss"]),
            best_step=int(told["best_step"]),
            steps=int(told["steps"]),
            strands=str(told["strands"]),
            scale=(float(mean), float(deviation)),
            curve=[(int(step), str(name), float(value)) for step, name, value in told["curve"]],
        )
    if not math.isfinite(result.dev_loss + sum(result.scale)) or result.told.dtype.kind != "f":
        raise InputError(
            f"What a training wrote of itself must be numbers; {folder} holds others: remove it, and the seed is "
            "trained again."
        )
    return result
