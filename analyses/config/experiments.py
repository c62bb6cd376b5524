"""What each experiment beyond the alignment can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from analyses.config.section import Section

ExperimentName = Literal["align", "compare", "pooling", "rc", "audit", "dims", "tune", "replicate"]


class CompareConfig(Section):
    """``experiment: compare``: which controls stand beside the named arms."""

    baselines: bool = True
    """Whether k-mer counts, dosages and untrained twins of the named networks stand beside them."""


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


class ReplicateConfig(Section):
    """``experiment: replicate``: weights of a first cohort are tested in this one.

    ``replicate: results/first`` is short for ``{results: results/first}``.
    """

    results: Path
    """Results folder of the first cohort, with its private/weights."""
    same_ids: Literal["exclude", "other-people"] = "exclude"
    """What ids in both cohorts mean: exclude leaves their people out; other-people says that both cohorts count
    their ids from one."""

    @model_validator(mode="before")
    @classmethod
    def _folder_alone(cls, value: Any) -> Any:
        return {"results": value} if isinstance(value, str | Path) else value
