"""transformers' Trainer with this project's promises: a checkpoint is whole or not there, a loss finite or the end."""

import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import PrinterCallback

from encoders.errors import InputError
from encoders.leftovers import sweep, unfinished_name

PREFIX = "checkpoint-"
NOT_DECAYED = ("A_log", "D")
"""Parameters of a state space that are rates: decay would change what it remembers."""

Judge = Callable[[], Mapping[str, float]]
Report = Callable[[int, Mapping[str, float]], None]


class WholeTrainer(Trainer):
    """A trainer whose examples are functions of their number, and come in order.

    Parameters
    ----------
    model : nn.Module
        Gives a dict with ``loss``.
    arguments : TrainingArguments
        See `training_arguments`.
    examples : Dataset
        All of the training, in the order in which they are read.
    collate : callable
        From examples to a batch.
    judge : callable
        Figures of the model as it is, by name; called where a validation is due.
    report : callable
        Told each point of the curve: step, and values by name.
    keep : int
        Checkpoints that are kept, the best one beside.
    callbacks : list of TrainerCallback
        Further ones.
    """

    def __init__(
        self,
        model: nn.Module,
        arguments: TrainingArguments,
        *,
        examples: Dataset[Any],
        collate: Callable[..., dict[str, Tensor]],
        judge: Judge,
        report: Report,
        keep: int = 2,
        callbacks: list[TrainerCallback] | None = None,
    ) -> None:
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=examples,
            eval_dataset=examples,  # `judge` stands in its place; the library wants one all the same
            data_collator=collate,
            callbacks=[_Reporter(report), *(callbacks or [])],
        )
        self.remove_callback(PrinterCallback)
        self._judge, self._keep = judge, keep
        self._folder = Path(str(arguments.output_dir))
        self._unfinished: Path | None = None

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """Matrices alone, and of those not the rates of a state space."""
        names: list[str] = super().get_decay_parameter_names(model)
        return [name for name in names if name.rpartition(".")[2] not in NOT_DECAYED]

    def evaluate(self, *_: object, **__: object) -> dict[str, float]:
        """Figures of `judge`, each under its name after ``eval_``; every process works them out."""
        metrics = {f"eval_{key}": value for key, value in self._judge().items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def training_step(self, *given: Any, **named: Any) -> Tensor:
        """One batch.

        Raises
        ------
        InputError
            The loss is no number any more.
        """
        loss: Tensor = super().training_step(*given, **named)
        lowest = self.accelerator.reduce(torch.isfinite(loss).float(), reduction="sum")
        if int(lowest) < self.accelerator.num_processes:  # every process leaves at the same step
            self._refuse(
                f"the loss became {float(loss)}" if not math.isfinite(loss) else "that of another process is not"
            )
        return loss

    def _refuse(self, what: str) -> None:
        last = newest_checkpoint(self._folder)
        kept = f"the last good checkpoint is {last}" if last else "there was no checkpoint yet"
        raise InputError(
            f"The loss of a training must stay a number; in step {self.state.global_step + 1} {what}: {kept}. Lower "
            "training.learning_rate or lengthen the warm-up, and name a new output or begin anew with --force."
        )

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._folder if self._unfinished is None else self._unfinished)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Write beside, then rename: a process that is killed leaves nothing that could be taken for a checkpoint."""
        if not all(bool(torch.isfinite(one).all()) for one in model.parameters()):
            self._refuse("weights became NaN or infinite")
        name = f"{PREFIX}{self.state.global_step}"
        self._unfinished = self._folder / f".{name}.unfinished"
        if self.args.should_save:
            sweep(self._folder.glob(".*"))
            shutil.rmtree(self._unfinished, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        try:
            super()._save_checkpoint(model, trial)
            if self.args.should_save:  # the best one is known by its step: where it was written is not where it lies
                self.state.best_model_checkpoint = None
                self.state.save_to_json(str(self._unfinished / name / TRAINER_STATE_NAME))
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                self._publish(name)
        finally:
            self._unfinished = None
        self.accelerator.wait_for_everyone()

    def _publish(self, name: str) -> None:
        assert self._unfinished is not None
        older = self._folder / name
        if older.exists():  # of a run that was resumed before it
            aside = self._folder / unfinished_name(f".{name}")
            older.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        (self._unfinished / name).rename(older)
        shutil.rmtree(self._unfinished, ignore_errors=True)
        best = self.state.best_global_step
        for path in list_checkpoints(self._folder)[: -self._keep]:
            if path.name != f"{PREFIX}{best}":
                shutil.rmtree(path, ignore_errors=True)

    def train_on(self) -> None:
        """Train from the newest checkpoint there is, to the end."""
        newest = newest_checkpoint(self._folder)
        self.train(resume_from_checkpoint=None if newest is None else str(newest))


def list_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints by their steps."""
    found = [path for path in folder.glob(f"{PREFIX}*") if path.name.removeprefix(PREFIX).isdigit()]
    return sorted(found, key=lambda path: int(path.name.removeprefix(PREFIX)))


def newest_checkpoint(folder: Path) -> Path | None:
    """The one of the latest step."""
    found = list_checkpoints(folder)
    return found[-1] if found else None


class _Reporter(TrainerCallback):
    """Hands each point of the curve over, from the main process."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Where a training may be gone on from a point of the curve ends: both halves have the same points then."""
        if state.global_step % args.save_steps == 0:
            control.should_log = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: object,
    ) -> None:
        values = {key: float(value) for key, value in (logs or {}).items() if key not in _OF_THE_LIBRARY}
        if state.is_world_process_zero and values:
            self._report(state.global_step, values)


_OF_THE_LIBRARY = {
    "epoch",
    "total_flos",
    "train_runtime",
    "train_samples_per_second",
    "train_steps_per_second",
    "train_loss",
}
