"""`genebrain finetune`: an encoder learns a labelled set, once a seed; figures on test with intervals; one folder."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.errors import InputError
from analyses.progress import say
from analyses.results.provenance import environment, file_fingerprint, input_name
from analyses.training.ending import ended_in_tracking
from analyses.training.seeds import SeedResult, train_seed
from analyses.training.workspace import TrainingWorkspace, source_name
from analyses.workflow.track import tracking_address
from encoders.damage import refused_if_damaged

if TYPE_CHECKING:
    from analyses.config.training.finetuning import FinetuningConfig
    from analyses.tracking.training_curve import TrainingCurve
    from encoders.training.finetuning.figures import Figure
    from encoders.training.pretraining.learner import Learner
    from encoders.training.tasks.labelled import LabelledSet

N_BIRTH_SEQUENCES, BIRTH_BASES = 3, 200
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Finetuned:
    """What a fine-tuning came to.

    Attributes
    ----------
    folder : Path
        Of the model, metrics.json and predictions.csv.
    metrics : dict
        Contents of metrics.json.
    was_there : bool
        Whether it had been made before, with the same settings.
    """

    folder: Path
    metrics: dict[str, Any]
    was_there: bool = False


def run_finetuning(config: FinetuningConfig, *, force: bool = False) -> Finetuned:
    """Fine-tune, or go on where an earlier process was ended.

    Parameters
    ----------
    config : FinetuningConfig
    force : bool
        Whether to begin anew.

    Raises
    ------
    InputError
        Bad input, before anything is trained; or a loss that is no number.
    """
    from encoders.training.loop.settings import is_main_process
    from encoders.training.tasks.labelled import read_labelled_set

    is_main = is_main_process()
    address = tracking_address(config.tracking, config.output.parent)
    task = read_labelled_set(config.task.path, overlap=config.task.overlap)
    space = TrainingWorkspace(config.output, _decisive(config), force=force, is_main=is_main)
    if space.is_finished:
        return read_finetuned(config.output)
    _check_lengths(config, task)
    with space.begun():
        for note in task.notes if is_main else ():
            say(f"task     {note}")
        results = []
        for seed in config.seeds:
            tracked = _track(config, space, address, seed) if address is not None and is_main else None
            with ended_in_tracking(tracked):
                results.append(train_seed(config, task, space, seed, tracked))
        return _conclude(config, task, space, results, is_main=is_main)


def read_finetuned(folder: Path) -> Finetuned:
    """What a finished fine-tuning came to, from the folder of its model.

    Raises
    ------
    InputError
        The folder was damaged since.
    """
    path = folder / "metrics.json"
    with refused_if_damaged(path, "what a fine-tuning wrote of itself"):
        metrics = json.loads(path.read_text("utf-8"))
        return Finetuned(folder, metrics | {"kept_seed": int(metrics["kept_seed"])}, was_there=True)


def _decisive(config: FinetuningConfig) -> dict[str, Any]:
    told = config.model_dump(mode="json", exclude={"name", "output", "tracking"})
    for key in ("device", "log_every", "gradient_checkpointing"):
        del told["training"][key]
    del told["task"]["path"]
    files = {name: file_fingerprint(config.task.path / f"{name}.csv") for name in SPLITS}
    return {"kind": "fine-tuning", "files": files, **told}


def _check_lengths(config: FinetuningConfig, task: LabelledSet) -> None:
    """Refuse sequences that the encoder does not read, by file and row."""
    from analyses.training.seeds import load_learner
    from encoders.errors import InputError as EncodersError

    spec = load_learner(config, config.seeds[0]).spec
    for name, split in task.splits.items():
        for row, sequence in enumerate(split.sequences, start=1):
            if spec.max_bp is not None and len(sequence) > spec.max_bp:
                raise InputError(
                    f"{spec.label} reads at most {spec.max_bp} bases and never truncates; sequence {row} of "
                    f"{config.task.path / name}.csv has {len(sequence)}: cut the sequences, or use an encoder that "
                    "reads longer ones."
                )
            if len(sequence) < spec.min_bp:
                raise EncodersError(
                    f"{spec.label} reads {spec.min_bp} bases at least; sequence {row} of "
                    f"{config.task.path / name}.csv has {len(sequence)}: leave it out."
                )


def _track(config: FinetuningConfig, space: TrainingWorkspace, address: str, seed: int) -> TrainingCurve:
    from analyses.tracking.training_curve import TrainingCurve

    params = {
        "encoder.name": config.model.encoder,
        "task": config.task.path.name,
        "method": config.method,
        "strands": config.strands,
        "learning_rate": config.training.learning_rate,
        "seed": seed,
    }
    folder = space.folder / f"tracked-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    return TrainingCurve(
        address,
        experiment=f"{config.tracking.panel or config.name}/fine-tuning",
        name=f"{config.name} seed {seed}",
        params={key: str(value) for key, value in params.items()},
        tags={"stage": "fine-tuning", "digest": space.digest},
        folder=folder,
    )


def _conclude(
    config: FinetuningConfig, task: LabelledSet, space: TrainingWorkspace, results: list[SeedResult], *, is_main: bool
) -> Finetuned:
    from accelerate import PartialState

    from encoders.training.finetuning.figures import as_json, summarise

    figures = summarise(
        task.kind,
        task.test.labels,
        [one.told for one in results],
        task.test.clusters,
        n_bootstrap=config.intervals.n_bootstrap,
        level=config.intervals.level,
        seed=0,
        classes=task.classes,
    )
    best = min(results, key=lambda one: one.dev_loss)
    metrics = {
        "task": task.name,
        "kind": task.kind,
        "classes": list(task.classes),
        "n": {name: len(split) for name, split in task.splits.items()},
        "level": config.intervals.level,
        "test": as_json(figures),
        "majority_accuracy": _majority(task),
        "trainings": [
            {"seed": one.seed, "dev_loss": one.dev_loss, "best_step": one.best_step, "steps": one.steps}
            for one in results
        ],
        "kept_seed": best.seed,
    }
    if is_main:
        _say_figures(figures)
        _publish(config, task, space, results, best, metrics)
        space.end()
    PartialState().wait_for_everyone()
    return Finetuned(config.output, metrics)


def _majority(task: LabelledSet) -> float | None:
    """Accuracy on test of always telling the class that most training sequences have."""
    if task.kind not in ("binary", "multiclass"):
        return None
    most = np.bincount(task.train.labels).argmax()
    return float((task.test.labels == most).mean())


def _say_figures(figures: list[Figure]) -> None:
    for one in figures:
        if one.undefined is not None:
            say(f"test     {one.name} not defined: {one.undefined}")
            continue
        seeds = "" if one.over_trainings is None else f"; over seeds {_range(one.over_trainings)}"
        say(f"test     {one.name} {one.mean:.3f} (over sequences {_range(one.over_sequences)}{seeds})")


def _range(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:.3f} to {bounds[1]:.3f}" if all(map(math.isfinite, bounds)) else "not defined"


def _publish(
    config: FinetuningConfig,
    task: LabelledSet,
    space: TrainingWorkspace,
    results: list[SeedResult],
    best: SeedResult,
    metrics: dict[str, Any],
) -> None:
    from analyses.training.seeds import load_trained
    from encoders.publishing import published_folder
    from encoders.training.model_folder import published_layout, write_model_folder

    learner, model = load_trained(config, task, space, best.seed)
    head = {f"classifier.{key}": value for key, value in model.classifier.state_dict().items()}
    with published_folder(config.output) as folder:
        write_model_folder(
            folder,
            published_layout(model.network, head.items()),
            model.network,
            encode=learner.encode,
            n_special=(learner.n_before, learner.n_before),
            sequences=_random_sequences(learner),  # those of the set may be of subjects
            provenance=_provenance(config, task, learner, metrics),
            k=learner.rule.span if learner.name.startswith("dnabert-") else None,
            tokenizer=learner.tokenizer_file,
        )
        (folder / "head.json").write_text(json.dumps(_head(config, task, best), indent=1) + "\n", "utf-8")
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", "utf-8")
        (folder / "predictions.csv").write_text(_predictions(task, results), "utf-8")
        (folder / "curve.csv").write_text(_curves(results), "utf-8")
        (folder / "training.json").write_text(space.mark(), "utf-8")


def _random_sequences(learner: Learner) -> list[str]:
    rng, length = np.random.default_rng(0), min(BIRTH_BASES, learner.spec.max_bp or BIRTH_BASES)
    return ["".join(rng.choice(list("ACGT"), length)) for _ in range(N_BIRTH_SEQUENCES)]


def _head(config: FinetuningConfig, task: LabelledSet, best: SeedResult) -> dict[str, Any]:
    """What the tensors classifier.weight and classifier.bias tell."""
    return {
        "format": "1",
        "kind": task.kind,
        "classes": list(task.classes),
        "pooling": config.pooling,
        "strands": best.strands,
        "mean": best.scale[0],
        "sd": best.scale[1],
    }


def _predictions(task: LabelledSet, results: list[SeedResult]) -> str:
    """Test sequences by their row in test.csv, once a seed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    is_regression = task.kind == "regression"
    writer.writerow(
        ["seed", "row", "label", "predicted", *([] if is_regression else [f"p_{one}" for one in task.classes])]
    )
    for result in results:
        for row, (label, told) in enumerate(zip(task.test.labels, result.told, strict=True), start=1):
            if is_regression:
                writer.writerow([result.seed, row, repr(float(label)), repr(float(told))])
                continue
            shown = (_names(task, label), _names(task, told >= 0.5 if task.kind == "multilabel" else told.argmax()))
            writer.writerow([result.seed, row, *shown, *(f"{p:.6g}" for p in told)])
    return text.getvalue()


def _names(task: LabelledSet, label: Any) -> str:
    if task.kind == "multilabel":
        return ";".join(name for name, one in zip(task.classes, label, strict=True) if one) or "none"
    return task.classes[int(label)]


def _curves(results: list[SeedResult]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["seed", "step", "name", "value"])
    writer.writerows((one.seed, step, name, repr(value)) for one in results for step, name, value in one.curve)
    return text.getvalue()


def _provenance(
    config: FinetuningConfig, task: LabelledSet, learner: Learner, metrics: dict[str, Any]
) -> dict[str, Any]:
    settings = config.model_dump(mode="json", exclude={"output", "tracking"})
    settings["task"]["path"] = input_name(config.task.path)
    settings["model"]["source"] = source_name(config.model.source)
    return {
        "made_by": "genebrain finetune",
        "encoder": config.model.encoder,
        "settings": settings,
        "files": {f"{name}.csv": file_fingerprint(config.task.path / f"{name}.csv") for name in SPLITS},
        "task": {"name": task.name, "provenance": dict(task.provenance), "notes": list(task.notes)},
        "began_as": {"source": source_name(config.model.source), "weights_sha256": learner.spec.weights_sha256},
        "test": {name: one["mean"] for name, one in metrics["test"].items() if one["mean"] is not None},
        "environment": environment(),
    }
