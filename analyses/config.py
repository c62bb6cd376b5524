"""What a run can be told: frozen, validated sections. Nothing below ``analyses`` ever sees these objects.

``analyses.config_file`` reads them from YAML; the stages pass on plain keyword arguments.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from analyses.engine import EngineConfig
from analyses.experiment_config import (
    AuditConfig,
    CompareConfig,
    DimsConfig,
    ExperimentName,
    PoolingConfig,
    RcConfig,
    TuneConfig,
)
from analyses.section import Section

Options = dict[str, bool | int | float | str]

PRECOMPUTED = "precomputed"
"""Vectors that were made elsewhere take the place of an encoder."""


def _first_seed() -> Options:
    return {"seed": 0}


class GenomeConfig(Section):
    """Reference, annotation, genotypes, and how they become windows."""

    reference: tuple[Path, ...]
    annotation: tuple[Path, ...]
    variants: tuple[Path, ...]
    genes: tuple[str, ...] | None = None
    biotype: str | None = "protein_coding"
    transcript: Literal["canonical", "mane", "union"] = "canonical"
    unit: Literal["exon", "gene", "promoter"] = "exon"
    window: int = Field(default=510, ge=16, le=100_000)
    unphased: Literal["phased", "as-written", "iupac", "iupac-unphased", "alternate"] = "phased"
    missing: Literal["reference", "N", "refuse"] = "reference"
    unstranded: Literal["refuse", "forward"] = "refuse"
    contig_aliases: bool = False
    promoter_flank: int = Field(default=1000, ge=1)
    callable_regions: Path | None = None
    outside_callable: Literal["reference", "N"] = "reference"

    @field_validator("reference", "annotation", "variants", "genes", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class ParticipantsConfig(Section):
    """A table of covariates; ``side`` says whose ids it carries when genes and brains are paired at random."""

    path: Path
    id_column: str = "subject_id"
    columns: tuple[str, ...] | None = None
    side: Literal["genetic", "brain"] = "genetic"


class ConnectivityConfig(Section):
    """Features from time series (an npz keyed by subject) or, for ``tangent``, also from a table of covariances.

    ``tangent`` is learnt anew in every fold, from its training subjects.
    """

    kind: Literal["correlation", "partial", "covariance", "tangent"]
    constant_rois: str = "any"
    fisher_z: bool = True
    estimator: Literal["ledoit-wolf", "empirical"] = "ledoit-wolf"
    id_regex: str | None = None
    strip_prefixes: tuple[str, ...] = ()


class HarmonizeConfig(Section):
    """ComBat over the column ``site``, learnt anew in every fold; ``keep`` names what must survive.

    All other confounds by default. ``unseen: pooled`` is for folds whose training subjects lack a site.
    """

    site: str
    keep: tuple[str, ...] | None = None
    parametric: bool = True
    mean_only: bool = False
    reference: str | None = None
    unseen: Literal["error", "pooled"] = "error"


class AtlasConfig(Section):
    """Where the features of a view lie: a label image with names, or coordinates (MNI, mm) by name."""

    labels: Path | None = None
    lut: Path | None = None
    coordinates: Path | None = None


class BrainViewConfig(Section):
    """One brain table: which columns are features, and what the view is for."""

    path: Path
    connectivity: ConnectivityConfig | None = None
    harmonize: HarmonizeConfig | None = None
    normal_scores: bool = False
    atlas: AtlasConfig | None = None
    id_column: str = "subject_id"
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    nan: Literal["refuse", "drop-subjects", "mean"] = "refuse"
    description: str = ""
    role: Literal["test", "negative control"] = "test"

    @field_validator("connectivity", mode="before")
    @classmethod
    def _kind_alone(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value

    @field_validator("harmonize", mode="before")
    @classmethod
    def _site_alone(cls, value: object) -> object:
        return {"site": value} if isinstance(value, str) else value


class PairingConfig(Section):
    """``by-id`` joins tables on subject ids; ``random`` pairs genes with brains at random: a true null."""

    mode: Literal["by-id", "random"] = "by-id"
    seed: int = 0


class PlantConfig(Section):
    """A link of known strength, from haplotype dosages of ``genes`` into features of ``view``."""

    view: str
    genes: tuple[str, ...]
    strength: float = Field(gt=0, le=1)
    n_features: int = Field(default=20, ge=1)
    seed: int = 0


class ConfoundConfig(Section):
    column: str
    kind: Literal["continuous", "categorical"]


class CohortConfig(Section):
    """Who is analysed."""

    family_column: str | None = None
    relatives: Literal["keep-one", "keep-all"] = "keep-one"


class EncoderConfig(Section):
    """One arm: a registered encoder and its settings.

    ``encoder: precomputed`` takes vectors that exist, one file or folder a gene under ``source``. ``source: untrained``
    asks for the same network with random weights; ``untrained`` then says its seed and size, and
    is without effect once ``source`` names a checkpoint.
    """

    name: str
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
    """``subject_level: true`` lets held-out scores, by subject id, into the alignment's folder, tracking and report."""

    subject_level: bool = False


class TrackingConfig(Section):
    uri: str | None = None
    panel: str | None = None
    enabled: bool = True


class RunConfig(Section):
    """Everything a run depends on."""

    name: str
    title: str = ""
    seed: int = 0
    output: Path
    store: Path | None = None
    workers: int = Field(default=1, ge=1)
    engine: EngineConfig = EngineConfig()
    genome: GenomeConfig | None = None
    participants: tuple[ParticipantsConfig, ...] = ()
    brain: dict[str, BrainViewConfig]
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
        if self.plant and self.plant.view not in self.brain:
            raise ValueError(f"plant.view: '{self.plant.view}' is not among brain: {', '.join(self.brain)}")
        for name, view in self.brain.items():
            self._check_harmonize(name, view)
        planted = self.plant and self.brain[self.plant.view].connectivity
        if planted and planted.kind == "tangent":
            raise ValueError("plant.view: a link is planted into features, which tangent space learns in each fold")
        if self.kept_families and self.alignment.exchangeable_within:
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
    def kept_families(self) -> str | None:
        """Column of families that are kept whole; None where relatives are left out or unknown."""
        return self.cohort.family_column if self.cohort.relatives == "keep-all" else None

    @property
    def store_root(self) -> Path:
        """Folder of the embedding store, shared by runs that write beside each other."""
        return self.store or self.output.parent / "store"
