"""Sections of a run that no experiment owns: the alignment, folds, privacy, tracking, the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from analyses.config.names import RunName
from analyses.config.section import Section

if TYPE_CHECKING:
    pass


class AlignmentConfig(Section):
    """Dimensions and tests."""

    pca_components: int = Field(default=512, ge=1)
    """Components to which each view is reduced; capped at columns and training subjects - 1, and both numbers are
    reported."""
    scale_x: bool = True
    """Whether columns of the gene view get unit variance before PCA; false for embeddings, whose columns share a
    unit."""
    scale_y: bool = True
    """Whether columns of the brain view get unit variance before PCA."""
    x_dimensions: int | Literal["auto"] = "auto"
    """Leading components of the gene view that enter CCA; auto takes the most with N_eff / (P + Q) >= min_ratio."""
    y_dimensions: int | Literal["auto"] = "auto"
    """Leading components of the brain view that enter CCA; auto as for x_dimensions."""
    min_ratio: float = Field(default=10.0, gt=0)
    """Effective subjects (subjects less confounds) per dimension, for auto dimensions."""
    statistic: Literal["wilks", "roy"] = "wilks"
    """In-sample statistic: wilks gathers all components, roy looks at the largest alone."""
    projection: Literal["auto", "huh-jhun", "theil"] = "auto"
    """How permutations respect confounds: huh-jhun, theil, or auto (Theil where columns are rare or tails heavy, and it
    is said)."""
    n_components: int = Field(default=3, ge=1)
    """Canonical components that are tested and described."""
    n_permutations: int = Field(default=999, ge=19)
    """Permutations of every test; the smallest p is 1 / (n_permutations + 1)."""
    tails: bool = True
    """Whether p of a fitted tail is given beside a p that fewer than ten permutations decide."""
    exchangeable_within: str | None = None
    """Column within whose levels subjects change places, such as a site."""
    unseen_level: Literal["error", "mean"] = "mean"
    """A categorical level that a fold's training subjects lack: refuse (error), or the mean over levels."""
    also: tuple[Literal["rv", "dcor", "hsic"], ...] = ()
    """Tests of links of any form, with the same confounds and blocks: RV, distance correlation (dcor), HSIC."""

    @field_validator("also")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError(f"every test may be asked for once; got {', '.join(value)}")
        return value


class FoldsConfig(Section):
    """Folds of the held-out tests."""

    n_splits: int = Field(default=5, ge=2)
    """Folds of the held-out tests."""
    group: str | None = None
    """Column whose levels never lie in two folds, such as a site that is to be left out as a whole."""
    stratify: str | None = None
    """Column whose levels are spread evenly over folds."""


class PrivacyConfig(Section):
    """What may be shown of subjects."""

    subject_level: bool = False
    """Whether held-out scores, by subject id, may go into the alignment's folder, tracking and report."""
    smallest_count: int = Field(default=5, ge=1)
    """Counts of subjects below this are shown as that they are (<5); 1 shows every count."""


class TrackingConfig(Section):
    """MLflow."""

    uri: str | None = None
    """MLflow: a server, or the path of an mlflow.db; MLFLOW_TRACKING_URI or mlflow.db beside output if not given."""
    panel: RunName | None = None
    """Name of the MLflow experiment in which the runs of one cohort stand together; that of the file which is
    extended, or the run's own, if not given."""
    enabled: bool = True
    """Whether the run is logged into MLflow."""


class EngineConfig(Section):
    """What carries parallel work, and how many workers it has."""

    backend: Literal["loky", "dask", "sequential"] = "loky"
    """What carries parallel work: processes of this machine (loky), workers of dask on one machine or many, or none
    (sequential)."""
    address: str | None = None
    """dask: scheduler that runs already; without it a cluster on the loopback address is started and ended."""
    workers: int | None = Field(default=None, ge=1)
    """Workers of the engine; as workers of the run if not given, and the windows stage then stays in one process. With
    address, sequences to embed are shared out too."""
    resources: dict[Annotated[str, Field(pattern=r"^\w[\w.-]*$")], Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict
    )
    """dask: what a worker must have to be given sequences to embed, and how much of it each share takes, such as
    {GPU: 1} for workers that were started with `dask worker ADDRESS --nthreads 1 --resources "GPU=1"`. All other work
    goes to every worker."""

    @model_validator(mode="after")
    def _consistent(self) -> EngineConfig:
        if self.resources and self.address is None:
            raise ValueError("engine.resources are those of the workers of a dask cluster. Set engine.address to it")
        if self.address is not None and self.backend != "dask":
            raise ValueError(f"engine.address is that of a dask scheduler; engine.backend is {self.backend}. Set dask")
        return self
