"""The configuration of `genebrain finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from analyses.config.names import RunName
from analyses.config.section import Section
from analyses.config.sections import TrackingConfig
from analyses.config.training.loop import LoopConfig, ModelConfig


class LabelledTaskConfig(Section):
    """What is learnt."""

    path: Path
    """Labelled set: a folder with train.csv, dev.csv and test.csv, each with columns sequence and label."""
    overlap: Literal["refuse", "drop"] = "refuse"
    """What becomes of sequences of train or dev that are in test too, or as reverse complements."""


class LoraConfig(Section):
    """Low-rank changes of the network's matrices, merged into them at the end."""

    rank: int = Field(default=8, ge=1)
    """Rank of the change of a matrix."""
    alpha: float = Field(default=16.0, gt=0)
    """The change is scaled by alpha over rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of inputs of the change that are left out while it learns."""


class FinetuningLoopConfig(LoopConfig):
    """How weights are changed, and how often that is looked at."""

    epochs: int = Field(default=10, ge=1)
    """Most passes over the training sequences."""
    patience: int = Field(default=3, ge=1)
    """Passes without a better loss on dev after which it ends; the best weights are kept."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """Largest learning rate, reached after the warm-up; then it falls to 0 along a line."""
    warmup_share: float = Field(default=0.1, ge=0, lt=1)
    """Part of all steps that is the warm-up."""


class IntervalConfig(Section):
    """Intervals of the figures on test."""

    n_bootstrap: int = Field(default=2000, ge=100)
    """Draws of test sequences, with replacement; clusters are drawn whole where the set names them."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    """Coverage."""


class FinetuningConfig(Section):
    """Fine-tuning of one encoder on one labelled set."""

    name: RunName
    """Name of the training; that of the file if not given."""
    output: Path
    """Folder of the model, figures and predictions; `source:` takes it."""
    model: ModelConfig
    """The network."""
    task: LabelledTaskConfig
    """What is learnt."""
    method: Literal["head", "whole", "lora"] = "whole"
    """What changes: a linear head on frozen vectors; the whole network and head; or the head and low-rank changes."""
    lora: LoraConfig = LoraConfig()
    """Low-rank changes, for method lora."""
    pooling: Literal["mean", "cls"] = "mean"
    """What the head reads: the mean over tokens of bases, as arms pool them, or [CLS], whose attention
    `genebrain motifs` looks at."""
    strands: Literal["auto", "forward", "augment", "consistency"] = "auto"
    """forward reads sequences as they are. augment reads half of them, drawn anew in each pass, as reverse complements;
    consistency reads both and adds the difference of what is told of them to the loss; either tells the mean of both
    strands. auto: forward for caduceus-ps, augment for the others. Set forward where the strand is the answer."""
    consistency_weight: float = Field(default=1.0, gt=0)
    """Weight of the difference between the strands."""
    class_weights: Literal["none", "balanced"] = "none"
    """balanced: the loss of a class is divided by its share of the training sequences."""
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] = Field(default=(0, 1, 2), min_length=1)
    """Trainings, each with its own head and order of sequences; figures are given for each and over them. The model
    that is kept is that of the best loss on dev."""
    training: FinetuningLoopConfig = FinetuningLoopConfig()
    """How weights are changed."""
    intervals: IntervalConfig = IntervalConfig()
    """Intervals of the figures on test."""
    tracking: TrackingConfig = TrackingConfig()
    """MLflow."""

    @field_validator("seeds", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, int | str) else value

    @field_validator("seeds")
    @classmethod
    def _each_once(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if twice := sorted({seed for seed in value if value.count(seed) > 1}):
            raise ValueError(f"each seed is a training of its own; {twice[0]} is there twice")
        return value
