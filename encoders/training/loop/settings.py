"""Settings of one training, and what transformers' Trainer is told of them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from encoders.dna.networks.product_libraries import product_library, torch_multiplies
from encoders.errors import InputError

if TYPE_CHECKING:
    from transformers import TrainingArguments

Precision = Literal["auto", "float32", "bfloat16"]

LAUNCHER = "accelerate launch"
"""Starts several processes of one training, and tells each of the others by its environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """How weights are changed.

    Attributes
    ----------
    steps : int
        Changes of the weights.
    batch_size : int
        Sequences of a step, on all processes together.
    accumulate : int
        Parts in which each process reads its share of a step.
    learning_rate : float
        The largest; reached after the warm-up, then falling to 0 along a line.
    warmup_steps : int
        Steps of the warm-up.
    weight_decay, beta1, beta2, epsilon, max_grad_norm : float
        Of AdamW (https://arxiv.org/abs/1711.05101); gradients of a larger norm are scaled down to it.
    precision : {"auto", "float32", "bfloat16"}
        Factors of products; "auto" is bfloat16 on a GPU that multiplies it, float32 elsewhere.
    device : {"auto", "cpu", "cuda"}
        Where it runs.
    checkpoint_every, validate_every, log_every : int
        Steps between checkpoints, judgements and points of the curve.
    keep : int
        Checkpoints that are kept, the best one beside.
    seed : int
        Of what the network itself draws (dropout).
    best_by : str or None
        Figure of validation of which the least marks the best checkpoint, which is kept.
    """

    steps: int
    batch_size: int
    accumulate: int = 1
    learning_rate: float = 4e-4
    warmup_steps: int = 0
    weight_decay: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-6
    max_grad_norm: float = 1.0
    precision: Precision = "auto"
    device: str = "auto"
    checkpoint_every: int = 500
    validate_every: int = 500
    log_every: int = 10
    keep: int = 2
    seed: int = 0
    best_by: str | None = None


def n_processes() -> int:
    """Processes of this training: what a launcher says in the environment, 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this process writes what is published: by the group that it joined already, else by what its launcher
    tells it in the environment."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return bool(torch.distributed.get_rank() == 0)
    return int(os.environ.get("RANK", "0")) == 0


def uses_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether products are those of bfloat16.

    Raises
    ------
    InputError
        It was asked for, and nothing multiplies it here.
    """
    has_it = torch_multiplies(torch.bfloat16, device) if device.type == "cuda" else product_library(torch.bfloat16)
    if precision == "bfloat16" and not has_it:
        raise InputError(
            "precision bfloat16 needs a GPU, or a CPU with AVX-512 or AVX-NE-CONVERT, that multiplies it; this machine "
            "has neither: set training.precision to float32."
        )
    return precision == "bfloat16" or (precision == "auto" and device.type == "cuda" and bool(has_it))


def training_arguments(settings: LoopSettings, checkpoints: Path, device: torch.device) -> "TrainingArguments":
    """The same in the words of transformers.

    Raises
    ------
    InputError
        A step cannot be shared out evenly, or the machine lacks the number format.
    """
    from transformers import TrainingArguments

    shares = n_processes() * settings.accumulate
    if settings.batch_size % shares:
        raise InputError(
            f"A step must be shared out evenly; got training.batch_size {settings.batch_size} for {n_processes()} "
            f"processes that accumulate {settings.accumulate} parts each: use a multiple of {shares}."
        )
    return TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size // shares,
        gradient_accumulation_steps=settings.accumulate,
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warmup_steps,
        lr_scheduler_type="linear",
        weight_decay=settings.weight_decay,
        adam_beta1=settings.beta1,
        adam_beta2=settings.beta2,
        adam_epsilon=settings.epsilon,
        max_grad_norm=settings.max_grad_norm,
        bf16=uses_bfloat16(settings.precision, device),
        use_cpu=device.type == "cpu",
        eval_strategy="steps",
        eval_steps=settings.validate_every,
        save_strategy="steps",
        save_steps=settings.checkpoint_every,
        logging_steps=settings.log_every,
        logging_nan_inf_filter=False,
        train_sampling_strategy="sequential",  # the order is the data set's own
        seed=settings.seed,
        metric_for_best_model=settings.best_by,
        greater_is_better=None if settings.best_by is None else False,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
    )
