"""Experiments on columns of the participants: outcomes predicted, associated, and strata; what adds to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from analyses.config.cells import Codes
from analyses.config.section import Section


class PredictConfig(Section):
    """``experiment: predict``: what genes, brain and both together tell of an outcome, in the run's own folds."""

    outcome: str | None = None
    """Column of the participants tables that is predicted; it must not be among the confounds."""
    kind: Literal["auto", "binary", "multiclass", "continuous"] = "auto"
    """What the outcome is; auto takes text for classes, two values for binary, and numbers with more than 10 values for
    continuous."""
    positive: str | None = None
    """Level of a binary outcome that is the case; the larger number, or the last in the alphabet, if not given."""
    polygenic_score: str | None = None
    """Column of the participants tables that predicts beside genes and brain, such as a polygenic score."""
    models: tuple[Literal["linear", "boosting"], ...] = ("linear",)
    """Ridge or logistic regression (linear), gradient-boosted trees (boosting, which needs LightGBM)."""
    n_components: int = Field(default=512, ge=1)
    """Leading components of a view that predict; capped at columns and training subjects - 1 - confounds."""
    inner_splits: int = Field(default=3, ge=3)
    """Inner folds, in the training subjects of each fold, that choose penalties and stack predictions."""
    test: Literal["permutation", "delong", "corrected-t"] = "permutation"
    """How predictors are compared: predictions swapped within subjects (permutation), DeLong on the first fold alone,
    or the corrected resampled t over repeated folds."""
    repeats: int = Field(default=5, ge=2)
    """Repetitions of the folds; for test: corrected-t."""
    n_permutations: int = Field(default=4999, ge=19)
    """Swaps behind each p."""


class AttributeConfig(Section):
    """``experiment: attribute``: what single genes, regions and sets of genes add, given all others.

    To the alignment, or to the prediction of ``predict.outcome`` where that is given.
    """

    sides: tuple[Literal["genes", "brain"], ...] = ("genes", "brain")
    """Whose blocks are left out: genes one by one, regions of the brain one by one, or both."""
    regions: Literal["auto", "column"] = "auto"
    """What a region is: every column (column), or columns of one region where their names tell (auto: measures of
    FreeSurfer and ENIGMA; all edges of a region of connectivity)."""
    repeats: int = Field(default=10, ge=1)
    """Repetitions of the folds behind the change and its interval; the test takes the run's own folds."""
    n_permutations: int = Field(default=1999, ge=19)
    """Exchanges of a block's own part behind each p. Among G blocks q falls below 0.05 only with more than 20 G."""
    gene_sets: Path | None = None
    """GMT of gene sets (symbols or ids), each tested against the other genes and by itself."""

    @field_validator("sides")
    @classmethod
    def _each_side_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError(f"must name genes, brain or both, each once; got {', '.join(value) or 'none'}")
        return value


class OutcomeConfig(Section):
    """What scores are held against: one column of the participants, or a time with the column of its event."""

    column: str
    """Column of the participants tables; it must not be among the confounds."""
    kind: Literal["auto", "binary", "multiclass", "ordinal", "continuous", "time"] = "auto"
    """What it holds; auto takes text for classes, two values for binary, numbers with more than 10 values for
    continuous. ordinal and time (until an event) are always to be said."""
    positive: str | None = None
    """Level of a binary outcome that is the case, or of the event's column that says that it happened; the larger
    number, or the last in the alphabet, if not given."""
    levels: Codes = ()
    """Levels of an ordinal outcome from lowest to highest; numbers have their own order."""
    event: str | None = None
    """Column that says whether a time ended with the event; for kind: time."""

    @model_validator(mode="before")
    @classmethod
    def _column_alone(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> OutcomeConfig:
        if (self.kind == "time") != (self.event is not None):
            raise ValueError("event names the column that says whether a time ended with the event: give both or none")
        if self.levels and self.kind != "ordinal":
            raise ValueError("levels are those of an ordinal outcome: set kind: ordinal, or leave them out")
        return self


class AssociateConfig(Section):
    """``experiment: associate``: held-out scores of genes and brain against outcomes, confounds adjusted for."""

    outcomes: tuple[OutcomeConfig, ...] = ()
    """What scores are held against: columns, or their keys."""
    scores: tuple[Literal["genes", "brain", "average", "product"], ...] = Field(
        default=("genes", "brain", "average"), min_length=1
    )
    """Scores of every component: of genes, of the brain, the average of both, their product (a subject's own part in
    the link)."""
    n_components: int | None = Field(default=None, ge=1)
    """Leading components; all that the alignments report if not given."""
    n_permutations: int = Field(default=4999, ge=19)
    """Permutations behind each p."""
    n_bootstrap: int = Field(default=1000, ge=100)
    """Draws behind the interval of a correlation."""

    @field_validator("outcomes", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str | dict) else value


class StratifyConfig(Section):
    """``experiment: stratify``: whether genes and brain are coupled alike in strata of the cohort."""

    column: str | None = None
    """Column of the participants tables whose levels are the strata: cases and controls, sexes, ancestries, sites."""
    levels: Codes = ()
    """Levels that are compared, in this order; whoever has another is in the model and in no stratum. All if not
    given."""
    bands: tuple[float, ...] = ()
    """Cut points of a number, ascending: [40, 60] gives below 40, 40 to below 60, and 60 and more."""
    n_components: int = Field(default=1, ge=1)
    """Leading components that are compared."""
    separate: bool = True
    """Whether each stratum gets a model of its own as well."""
    n_permutations: int = Field(default=999, ge=19)
    """Draws of labels behind each p; own models are fitted anew in every one."""
    n_bootstrap: int = Field(default=2000, ge=100)
    """Draws behind each interval."""

    @model_validator(mode="after")
    def _consistent(self) -> StratifyConfig:
        if self.levels and self.bands:
            raise ValueError("levels choose among categories and bands cut a number: give one of them")
        if list(self.bands) != sorted(set(self.bands)):
            raise ValueError(f"bands must ascend; got {', '.join(f'{cut:g}' for cut in self.bands)}")
        if len(set(self.levels)) != len(self.levels) or len(self.levels) == 1:
            raise ValueError(f"levels must name two or more, each once; got {', '.join(self.levels)}")
        return self
