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


class PoolingConfig(Section):
    """``experiment: pooling``: every named arm under each pooling and layer."""

    poolings: tuple[Literal["mean", "cls", "max"], ...] = ("mean", "cls", "max")
    layers: tuple[int, ...] = (-1,)


class RcConfig(Section):
    """``experiment: rc``: every named arm under each way to read two strands."""

    modes: tuple[Literal["forward", "average", "equivariant"], ...] = ("forward", "average")


class DimsConfig(Section):
    """``experiment: dims``: how many components CCA should take from both sides."""

    grid: tuple[int, ...] = (2, 5, 10, 20, 40)
    inner_splits: int = Field(default=3, ge=2)


class AuditConfig(Section):
    """``experiment: audit``: what is predicted from the views, and how often brains are paired at random."""

    targets: tuple[str, ...] = ()
    n_components: int = Field(default=50, ge=1)
    n_shuffles: int = Field(default=199, ge=19)
    n_pairings: int = Field(default=20, ge=1)


class TuneConfig(Section):
    """``experiment: tune``: what a search may vary, and how many folds are set aside for the one test."""

    n_trials: int = Field(default=30, ge=1)
    test_folds: int = Field(default=1, ge=1)
    inner_splits: int = Field(default=3, ge=2)
    poolings: tuple[Literal["mean", "cls", "max"], ...] = ("mean",)
    layers: tuple[int, ...] = (-1,)
    n_components: tuple[int, int] = (2, 50)
    penalty: tuple[float, float] = (0.0, 0.95)


class ReplicateConfig(Section):
    """``experiment: replicate``: the results folder of the first cohort, whose weights are tested in this one.

    ``same_ids`` says what equal ids in both cohorts mean: the same people, who are left out (``exclude``), or other
    people under ids that both cohorts count from one (``other-people``).
    """

    results: Path
    same_ids: Literal["exclude", "other-people"] = "exclude"

    @model_validator(mode="before")
    @classmethod
    def _folder_alone(cls, value: Any) -> Any:
        return {"results": value} if isinstance(value, str | Path) else value
