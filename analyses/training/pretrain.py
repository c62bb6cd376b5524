"""`genebrain pretrain`: a genome, a network, and what it tells of bases that it was not trained on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.progress import say
from analyses.results.provenance import environment, file_fingerprint, input_name
from analyses.training.curve import CurveReport, curve_points, curve_table
from analyses.training.ending import ended_in_tracking
from analyses.training.preparation import Prepared, decisive_settings, prepare, strands_of, training_device
from analyses.training.workspace import TrainingWorkspace, source_name
from analyses.workflow.track import tracking_address
from encoders.damage import refused_if_damaged

if TYPE_CHECKING:
    from analyses.config.training.pretraining import PretrainingConfig
    from analyses.tracking.training_curve import TrainingCurve
    from encoders.training.loop.trainer import WholeTrainer
    from encoders.training.pretraining.validation import Judgement

N_BIRTH_SEQUENCES, BIRTH_BASES = 3, 200


@dataclass(frozen=True)
class Pretrained:
    """What a pretraining came to.

    Attributes
    ----------
    folder : Path
        Of the model.
    nats_per_base : float
        Of the model on held-out bases; ln 4 = 1.386 is knowing nothing.
    chains : dict of int to float
        The same of Markov chains, by order.
    difference : float
        The model's less the best chain's.
    interval : tuple of float or None
        95 %, over the held-out sequences; None where they are too few.
    was_there : bool
        Whether it had been trained before, with the same settings.
    """

    folder: Path
    nats_per_base: float
    chains: dict[int, float]
    difference: float
    interval: tuple[float, float] | None
    was_there: bool = False

    @property
    def verdict(self) -> str:
        """What the interval says of model and best chain."""
        if self.interval is None:
            return "of too few held-out sequences to be told from"
        low, high = self.interval
        return "better than" if high < 0 else "worse than" if low > 0 else "not to be told from"


def run_pretraining(config: PretrainingConfig, *, force: bool = False) -> Pretrained:
    """Pretrain, or go on where an earlier process was ended.

    Parameters
    ----------
    config : PretrainingConfig
    force : bool
        Whether to begin anew.

    Raises
    ------
    InputError
        Bad input, before anything is trained; or a loss that is no number.
    """
    from encoders.training.loop.settings import is_main_process

    is_main = is_main_process()
    address = tracking_address(config.tracking, config.output.parent)
    space = TrainingWorkspace(config.output, decisive_settings(config), force=force, is_main=is_main)
    if space.is_finished:
        return read_pretrained(config.output)
    with space.begun():
        prepared = prepare(config, space)
        if is_main:
            _say_beginning(config, prepared)
        tracked = _track(config, prepared, space, address) if address is not None and is_main else None
        with ended_in_tracking(tracked):
            return _train(config, prepared, space, tracked)


def _train(
    config: PretrainingConfig, prepared: Prepared, space: TrainingWorkspace, tracked: TrainingCurve | None
) -> Pretrained:
    trainer = _make_trainer(config, prepared, space, tracked)
    trainer.train_on()
    judgement = prepared.validation.judge(prepared.learner.model)
    if trainer.is_world_process_zero():
        points = curve_points(trainer.state.log_history)
        _publish(config, prepared, space, judgement, curve_table(points))
        if tracked is not None:
            tracked.log_file(config.output / "curve.csv")
            tracked.log_file(config.output / "provenance.json")
        space.end()
    trainer.accelerator.wait_for_everyone()
    difference = _against_chain(prepared, judgement)
    return Pretrained(config.output, judgement.nats_per_base, prepared.chains, *difference)


def _against_chain(prepared: Prepared, judgement: Judgement) -> tuple[float, tuple[float, float] | None]:
    return prepared.validation.difference(judgement.by_window, prepared.chain_nats[prepared.best_order])


def _make_trainer(
    config: PretrainingConfig, prepared: Prepared, space: TrainingWorkspace, tracked: TrainingCurve | None
) -> WholeTrainer:
    from encoders.training.loop.checkpointing import checkpoint_layers
    from encoders.training.loop.settings import LoopSettings, training_arguments
    from encoders.training.loop.trainer import WholeTrainer
    from encoders.training.masking.lengths import LengthRule
    from encoders.training.pretraining.examples import MaskSchedule, Padding, PretrainingExamples

    asked, masking, learner = config.training, config.masking, prepared.learner
    same = ("batch_size", "accumulate", "learning_rate", "weight_decay", "beta1", "beta2", "epsilon", "max_grad_norm")
    settings = LoopSettings(
        steps=asked.steps,
        warmup_steps=asked.steps // 20 if asked.warmup_steps is None else asked.warmup_steps,
        checkpoint_every=asked.checkpoint_every,
        validate_every=config.validation.every,
        seed=config.seed,
        **{key: getattr(asked, key) for key in (*same, "precision", "device", "log_every", "keep")},
    )
    examples = PretrainingExamples(
        learner,
        prepared.train,
        lengths=LengthRule(prepared.shortest, prepared.longest, config.window.full_share),
        schedule=MaskSchedule(masking.share, masking.last_share, masking.last_part),
        n_examples=asked.steps * asked.batch_size,
        strands=strands_of(config, learner),
        seed=config.seed,
    )
    if asked.gradient_checkpointing:
        checkpoint_layers(learner.model.network)

    def judge() -> dict[str, float]:
        found = prepared.validation.judge(learner.model)
        return {"nats_per_base": found.nats_per_base, "nats_per_token": found.nats_per_token}

    constants = {f"markov_{order}/nats_per_base": value for order, value in prepared.chains.items()}
    return WholeTrainer(
        learner.model,
        training_arguments(settings, space.checkpoints, training_device(config)),
        examples=examples,
        collate=Padding(learner.pad_id),
        judge=judge,
        report=CurveReport(asked.steps, tracked, constants),
        keep=asked.keep,
    )


def _publish(
    config: PretrainingConfig, prepared: Prepared, space: TrainingWorkspace, judgement: Judgement, curve: str
) -> None:
    from encoders.publishing import published_folder
    from encoders.training.model_folder import published_layout, write_model_folder

    learner = prepared.learner
    rng = np.random.default_rng([config.seed, 2**34])
    length = min(BIRTH_BASES, prepared.longest)
    with published_folder(config.output) as folder:
        write_model_folder(
            folder,
            published_layout(learner.model.network, learner.model.head_weights()),
            learner.model.network,
            encode=learner.encode,
            n_special=(learner.n_before, learner.n_before),
            sequences=[prepared.held_out.draw(length, rng) for _ in range(N_BIRTH_SEQUENCES)],
            provenance=_provenance(config, prepared, judgement),
            k=learner.rule.span if learner.name.startswith("dnabert-") else None,
            tokenizer=prepared.tokenizer,
        )
        (folder / "curve.csv").write_text(curve, "utf-8")
        (folder / "training.json").write_text(space.mark(), "utf-8")


def _provenance(config: PretrainingConfig, prepared: Prepared, judgement: Judgement) -> dict[str, Any]:
    settings = config.model_dump(mode="json", exclude={"output", "tracking"})
    settings["genome"]["reference"] = [input_name(path) for path in config.genome.reference]
    settings["model"]["source"] = source_name(config.model.source)
    difference, interval = _against_chain(prepared, judgement)
    return {
        "made_by": "genebrain pretrain",
        "encoder": config.model.encoder,
        "settings": settings,
        "files": {input_name(path): file_fingerprint(path) for path in config.genome.reference},
        "began_as": {
            "source": source_name(config.model.source),
            "weights_sha256": prepared.learner.spec.weights_sha256,
        },
        "bases": {"train": prepared.train.n_bases, "held_out": prepared.held_out.n_bases},
        "validation": {
            "hidden_bases": prepared.validation.n_bases,
            "nats_per_base": judgement.nats_per_base,
            "nats_per_token": judgement.nats_per_token,
            "markov_nats_per_base": {str(order): value for order, value in prepared.chains.items()},
            "less_best_chain": difference,
            "interval_over_sequences": interval,
        },
        "environment": environment(),
    }


def _say_beginning(config: PretrainingConfig, prepared: Prepared) -> None:
    n = sum(weight.numel() for weight in prepared.learner.model.parameters())
    chains = ", ".join(f"order {order} {value:.4f}" for order, value in prepared.chains.items())
    say(
        f"pretrain {config.model.encoder}: {n:,} parameters, {prepared.train.n_bases:,} bases to train on, "
        f"{prepared.held_out.n_bases:,} held out\n"
        f"Markov chains on {prepared.validation.n_bases:,} hidden bases, nats per base: {chains}"
    )


def _track(config: PretrainingConfig, prepared: Prepared, space: TrainingWorkspace, address: str) -> TrainingCurve:
    from analyses.tracking.training_curve import TrainingCurve

    params = {
        "encoder.name": config.model.encoder,
        "steps": config.training.steps,
        "batch_size": config.training.batch_size,
        "learning_rate": config.training.learning_rate,
        "seed": config.seed,
        "bases.train": prepared.train.n_bases,
        "bases.held_out": prepared.held_out.n_bases,
    }
    return TrainingCurve(
        address,
        experiment=f"{config.tracking.panel or config.name}/pretraining",
        name=config.name,
        params={key: str(value) for key, value in params.items()},
        tags={"stage": "pretraining", "digest": space.digest},
        folder=space.folder,
    )


def read_pretrained(folder: Path) -> Pretrained:
    """What a finished pretraining came to, from the folder of its model.

    Raises
    ------
    InputError
        The folder was damaged since.
    """
    from encoders.training.model_folder import PROVENANCE_FILE

    path = folder / PROVENANCE_FILE
    with refused_if_damaged(path, "what a pretraining wrote of itself"):
        told = json.loads(path.read_text("utf-8"))["validation"]
        chains = {int(order): float(value) for order, value in told["markov_nats_per_base"].items()}
        interval = told["interval_over_sequences"]
        bounds = None if interval is None else (float(interval[0]), float(interval[1]))
        nats, less = float(told["nats_per_base"]), float(told["less_best_chain"])
    return Pretrained(folder, nats, chains, less, bounds, was_there=True)
