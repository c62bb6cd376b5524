"""What a run can be told: frozen, validated sections. Nothing below ``analyses`` ever sees these objects.

``analyses.config.file`` reads them from YAML; the stages pass on plain keyword arguments.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from analyses.config.experiments import (
    AuditConfig,
    CompareConfig,
    DimsConfig,
    ExperimentName,
    PoolingConfig,
    RcConfig,
    ReplicateConfig,
    TuneConfig,
)
from analyses.config.inputs import (
    BrainViewConfig,
    CohortConfig,
    ConfoundConfig,
    GenomeConfig,
    PairingConfig,
    ParticipantsConfig,
    PlantConfig,
)
from analyses.config.names import Line, Name, RunName, check_distinct
from analyses.config.section import Section

Options = dict[str, bool | int | float | str]

PRECOMPUTED = "precomputed"
"""Vectors that were made elsewhere take the place of an encoder."""


def _first_seed() -> Options:
    return {"seed": 0}


class EncoderConfig(Section):
    """One arm: a registered encoder and its settings.

    ``encoder: precomputed`` takes vectors that exist, one file or folder a gene under ``source``. ``source: untrained``
    asks for the same network with random weights; ``untrained`` then says its seed and size, and
    is without effect once ``source`` names a checkpoint.
    """

    name: Name
    encoder: str
    source: str | None = None
    revision: str | None = None
    rc: Literal["forward", "average", "equivariant"] = "forward"
    pooling: Literal["mean", "cls", "max"] = "mean"
    layer: int = -1
    dtype: Literal["float32", "bfloat16"] = "float32"
    options: Options = Field(default_factory=dict)
    untrained: Options = Field(default_factory=_first_seed)

    @field_validator("name")
    @classmethod
    def _usable_as_folder(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", value):
            raise ValueError("must consist of letters, digits, '.' and '-' (it names a folder)")
        return value


class AlignmentConfig(Section):
    """Dimensions and tests."""

    pca_components: int = Field(default=512, ge=1)
    scale_x: bool = True
    scale_y: bool = True
    x_dimensions: int | Literal["auto"] = "auto"
    y_dimensions: int | Literal["auto"] = "auto"
    min_ratio: float = Field(default=10.0, gt=0)
    statistic: Literal["wilks", "roy"] = "wilks"
    projection: Literal["auto", "huh-jhun", "theil"] = "auto"
    n_components: int = Field(default=3, ge=1)
    n_permutations: int = Field(default=999, ge=19)
    exchangeable_within: str | None = None
    unseen_level: Literal["error", "mean"] = "mean"


class FoldsConfig(Section):
    n_splits: int = Field(default=5, ge=2)
    group: str | None = None
    stratify: str | None = None


class PrivacyConfig(Section):
    """What may be shown of subjects.

    ``subject_level: true`` lets held-out scores, by subject id, into the alignment's folder, tracking and report.
    ``smallest_count``: counts of subjects below it are shown as that they are (``<5``); 1 shows every count.
    """

    subject_level: bool = False
    smallest_count: int = Field(default=5, ge=1)


class TrackingConfig(Section):
    uri: str | None = None
    panel: RunName | None = None
    enabled: bool = True


class EngineConfig(Section):
    """What carries parallel work, and how many workers it has.

    Parameters
    ----------
    backend : {"loky", "dask", "sequential"}
        Processes of this machine; dask's workers, on this machine or many; or none.
    address : str, optional
        dask: a scheduler that runs already; without it a cluster on the loopback address is started and ended.
    workers : int, optional
        Without it as ``workers`` of the run, and the windows stage stays in one process. Given, genes are shared out
        too; with ``address`` so are the sequences to embed.
    """

    backend: Literal["loky", "dask", "sequential"] = "loky"
    address: str | None = None
    workers: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> EngineConfig:
        if self.address is not None and self.backend != "dask":
            raise ValueError(f"engine.address is that of a dask scheduler; engine.backend is {self.backend}. Set dask")
        return self


class RunConfig(Section):
    """Everything a run depends on."""

    name: RunName
    title: Line = ""
    seed: int = 0
    output: Path
    store: Path | None = None
    workers: int = Field(default=1, ge=1)
    engine: EngineConfig = EngineConfig()
    genome: GenomeConfig | None = None
    participants: tuple[ParticipantsConfig, ...] = ()
    brain: dict[Name, BrainViewConfig]
    pairing: PairingConfig = PairingConfig()
    plant: PlantConfig | None = None
    truth: Path | None = None
    confounds: tuple[ConfoundConfig, ...] = ()
    cohort: CohortConfig = CohortConfig()
    encoders: tuple[EncoderConfig, ...]
    alignment: AlignmentConfig = AlignmentConfig()
    folds: FoldsConfig = FoldsConfig()
    experiment: ExperimentName = "align"
    compare: CompareConfig = CompareConfig()
    pooling: PoolingConfig = PoolingConfig()
    rc: RcConfig = RcConfig()
    dims: DimsConfig = DimsConfig()
    audit: AuditConfig = AuditConfig()
    tune: TuneConfig = TuneConfig()
    replicate: ReplicateConfig | None = None
    privacy: PrivacyConfig = PrivacyConfig()
    tracking: TrackingConfig = TrackingConfig()

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        if not self.encoders:
            raise ValueError("encoders: at least one arm is required")
        sequenced = [arm.name for arm in self.encoders if arm.encoder != PRECOMPUTED]
        if self.genome is None and sequenced:
            raise ValueError(f"genome: is required, since encoder '{sequenced[0]}' reads sequences")
        if self.genome is None and self.plant:
            raise ValueError("plant: needs genome:, since a link is planted from haplotypes")
        if not self.brain:
            raise ValueError("brain: at least one view is required")
        check_distinct("encoders:", (arm.name for arm in self.encoders))
        check_distinct("brain:", self.brain)
        if self.experiment == "replicate" and self.replicate is None:
            raise ValueError("replicate: is required: the results folder of the cohort whose weights are tested")
        if self.plant and self.plant.view not in self.brain:
            raise ValueError(f"plant.view: '{self.plant.view}' is not among brain: {', '.join(self.brain)}")
        for name, view in self.brain.items():
            self._check_harmonize(name, view)
        planted = self.plant and self.brain[self.plant.view].connectivity
        if planted and planted.kind == "tangent":
            raise ValueError("plant.view: a link is planted into features, which tangent space learns in each fold")
        if self.keeps_families and self.alignment.exchangeable_within:
            raise ValueError(
                "alignment.exchangeable_within and cohort.relatives: keep-all exclude one another: whole families are "
                "exchanged, which may lie in different blocks"
            )
        return self

    def _check_harmonize(self, name: str, view: BrainViewConfig) -> None:
        settings, confounds = view.harmonize, [confound.column for confound in self.confounds]
        if settings is None:
            return
        if settings.site not in confounds:
            raise ValueError(
                f"brain.{name}.harmonize: '{settings.site}' must be among confounds too: the permutation test has to "
                "know what was removed"
            )
        for column in settings.keep or ():
            if column not in confounds or column == settings.site:
                raise ValueError(f"brain.{name}.harmonize.keep: '{column}' must be a confound other than the site")

    @property
    def keeps_families(self) -> bool:
        """Whether families are known and kept whole."""
        return self.cohort.knows_families and self.cohort.relatives == "keep-all"

    @property
    def store_root(self) -> Path:
        """Folder of the embedding store, shared by runs that write beside each other."""
        return self.store or self.output.parent / "store"
