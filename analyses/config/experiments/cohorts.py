"""Experiments on other cohorts and on sites."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from analyses.config.section import Section


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


class HarmoniseConfig(Section):
    """``experiment: harmonise``: every brain view as it is, and with its sites brought together, on the same folds.

    ``harmonise: site`` is short for ``{site: site}``.
    """

    site: str | None = None
    """Column of sites or scanners; it must be among the confounds, which are removed in every arm."""
    methods: tuple[Literal["combat", "combat-keep", "covbat"], ...] = ("combat", "combat-keep", "covbat")
    """What stands beside the view as it is: ComBat, ComBat that keeps the confounds, CovBat that keeps them; each is
    fitted in every fold."""
    keep: tuple[str, ...] | None = None
    """Confounds that combat-keep and covbat keep; all others than the site if not given."""
    explained: float = Field(default=0.95, gt=0, le=1)
    """Share of the variance that the components which covbat brings together explain."""
    smallest_site: int = Field(default=30, ge=2)
    """Subjects that a site should have for a location and scale of its own."""
    small_sites: Literal["refuse", "keep"] = "refuse"
    """Smaller sites: refuse, or keep, which shrinks them towards what features have in common, like all others."""
    unseen: Literal["error", "pooled"] = "error"
    """A site that the training subjects of a fold lack: refuse, or leave its subjects as they are (pooled)."""
    n_components: int = Field(default=50, ge=1)
    """Leading components of a view that tell the site, as in audit."""
    n_shuffles: int = Field(default=199, ge=19)
    """Shuffles of the sites behind each p of how well they are told."""

    @field_validator("methods")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError(f"at least one method, and every one once, may be asked for; got {', '.join(value)}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _site_alone(cls, value: Any) -> Any:
        return {"site": value} if isinstance(value, str) else value
