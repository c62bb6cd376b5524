"""Experiments on alignments: arms compared, numbers of components, audits, searches, methods beyond CCA."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from analyses.config.section import Section


class CompareConfig(Section):
    """``experiment: compare``: which controls stand beside the named arms."""

    baselines: bool = True
    """Whether k-mer counts, dosages and untrained twins of the named networks stand beside them."""
    probe: Path | None = None
    """Results folder of an experiment: probe; what it found of these arms is shown in the report."""


class PoolingConfig(Section):
    """``experiment: pooling``: every named arm under each pooling and layer."""

    poolings: tuple[Literal["mean", "cls", "max"], ...] = ("mean", "cls", "max")
    """Poolings under which every arm is tried."""
    layers: tuple[int, ...] = (-1,)
    """Hidden layers under which every arm is tried; -1 is the last."""


class RcConfig(Section):
    """``experiment: rc``: every named arm under each way to read two strands."""

    modes: tuple[Literal["forward", "average", "equivariant"], ...] = ("forward", "average")
    """Ways to read two strands under which every arm is tried."""


class DimsConfig(Section):
    """``experiment: dims``: how many components CCA should take from both sides."""

    grid: tuple[int, ...] = (2, 5, 10, 20, 40)
    """Numbers of components that CCA takes from both sides."""
    inner_splits: int = Field(default=3, ge=2)
    """Inner folds, in the training subjects of each fold, that choose among them."""


class SubsampleConfig(Section):
    """``experiment: subsample``: what parts of the cohort find as studies of their own."""

    shares: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8)
    """Shares of the subjects, between 0 and 1; the whole cohort stands beside them."""
    n_draws: int = Field(default=20, ge=3)
    """Parts of each size, drawn without replacement; families and groups as wholes."""

    @field_validator("shares")
    @classmethod
    def _within(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or len(set(value)) < len(value) or not all(0 < share < 1 for share in value):
            raise ValueError("must name shares between 0 and 1, each once")
        return tuple(sorted(value))


class AuditConfig(Section):
    """``experiment: audit``: what is predicted from the views, and how often brains are paired at random."""

    targets: tuple[str, ...] = ()
    """Columns that are predicted from the views; every confound if not given."""
    n_components: int = Field(default=50, ge=1)
    """Leading components of a view that predict."""
    n_shuffles: int = Field(default=199, ge=19)
    """Shuffles of a column behind each p."""
    n_pairings: int = Field(default=20, ge=1)
    """Random pairings of brains and genes, of which the p should be uniform."""


class TuneConfig(Section):
    """``experiment: tune``: what a search may vary, and how many folds are set aside for the one test."""

    n_trials: int = Field(default=30, ge=1)
    """Settings that Optuna tries."""
    test_folds: int = Field(default=1, ge=1)
    """Folds set aside for the one test of the best setting."""
    inner_splits: int = Field(default=3, ge=2)
    """Inner folds that rate a trial."""
    poolings: tuple[Literal["mean", "cls", "max"], ...] = ("mean",)
    """Poolings that trials may take."""
    layers: tuple[int, ...] = (-1,)
    """Hidden layers that trials may take."""
    n_components: tuple[int, int] = (2, 50)
    """Fewest and most components that CCA may take from both sides."""
    penalty: tuple[float, float] = (0.0, 0.95)
    """Smallest and largest ridge penalty, from 0 (exact CCA) to below 1."""


class EscalateConfig(Section):
    """``experiment: escalate``: does a method beyond linear CCA find more, in the same folds and permutations?"""

    methods: tuple[Literal["kernel", "contrastive", "deep"], ...] = Field(
        default=("kernel", "contrastive"), min_length=1
    )
    """Methods beside linear CCA: kernel CCA, two contrastive towers, deep CCA (two towers whose outputs correlate)."""
    n_components: int | None = Field(default=None, ge=1)
    """Leading components of a view that every method takes; those of the alignment if not given."""
    n_permutations: int = Field(default=199, ge=19)
    """Permutations, in each of which every method is fitted anew with all its choices."""
    inner_splits: int = Field(default=4, ge=2)
    """Inner folds, in the training subjects of each fold, that choose the kernel's penalty; training of the towers
    stops by the first of them."""
    recall_at: int = Field(default=10, ge=1)
    """Neighbours among which a subject's partner counts as found; fewer than a test fold has subjects."""
    kernel: Literal["rbf", "linear"] = "rbf"
    """Kernel of kernel CCA: Gaussian with the median squared distance as its width, or linear."""
    penalties: tuple[float, ...] = Field(default=(0.03, 0.1, 0.3, 0.9), min_length=1)
    """Ridge penalties of kernel CCA that inner folds choose from, each above 0 and at most 1."""
    n_landmarks: int = Field(default=64, ge=2)
    """Training subjects that span the kernels' feature spaces; exact where there are no more training subjects."""
    width: int = Field(default=16, ge=1)
    """Numbers that a contrastive tower gives."""
    deep_width: int = Field(default=4, ge=1)
    """Numbers that a tower of deep CCA gives."""
    hidden: int = Field(default=32, ge=1)
    """Hidden units of a tower."""
    n_epochs: int = Field(default=40, ge=1)
    """Most epochs of a tower."""
    patience: int = Field(default=5, ge=1)
    """Epochs without a better one after which training stops."""
    batch_size: int = Field(default=256, ge=8)
    """Subjects that are told apart from one another in one step."""
    learning_rate: float = Field(default=0.03, gt=0)
    """Of the towers."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Of the towers (AdamW)."""
    noise: float = Field(default=0.3, ge=0)
    """Noise that is added to what the towers read, in standard deviations."""
    device: str = "auto"
    """Where towers are trained: auto, cpu or cuda."""
    curve: tuple[float, ...] = (0.25, 0.5, 0.75)
    """Shares of the training subjects of the learning curve; all of them are always in it."""
    curve_draws: int = Field(default=3, ge=1)
    """Random parts of each share."""

    @field_validator("penalties", "curve")
    @classmethod
    def _shares(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 < one <= 1 for one in value):
            raise ValueError(f"every number must lie above 0 and be at most 1; got {', '.join(map(str, value))}")
        return value

    @field_validator("methods")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError(f"every method may be named once; got {', '.join(value)}")
        return value
