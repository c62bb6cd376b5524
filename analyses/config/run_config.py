"""What a run can be told: frozen, validated sections. Nothing below ``analyses`` ever sees these objects.

``analyses.config.file`` reads them from YAML; the stages pass on plain keyword arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator, model_validator

from analyses.config.brain_view import BrainViewConfig
from analyses.config.confounds import ConfoundConfig, one_or_many
from analyses.config.consistency import check_together
from analyses.config.encoder import EncoderConfig
from analyses.config.experiments import (
    AssociateConfig,
    AttributeConfig,
    AuditConfig,
    CompareConfig,
    DimsConfig,
    EscalateConfig,
    ExperimentName,
    HarmoniseConfig,
    PoolingConfig,
    PredictConfig,
    RcConfig,
    ReplicateConfig,
    SpeciesConfig,
    StratifyConfig,
    TokensConfig,
    TuneConfig,
    VariantsConfig,
)
from analyses.config.inputs import (
    CohortConfig,
    GenomeConfig,
    PairingConfig,
    ParticipantsConfig,
    PlantConfig,
)
from analyses.config.names import Line, Name, RunName
from analyses.config.section import Section

if TYPE_CHECKING:
    from fusion.confounds.terms import TermLike


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

    @model_validator(mode="after")
    def _consistent(self) -> EngineConfig:
        if self.address is not None and self.backend != "dask":
            raise ValueError(f"engine.address is that of a dask scheduler; engine.backend is {self.backend}. Set dask")
        return self


class RunConfig(Section):
    """Everything a run depends on."""

    name: RunName = Field(json_schema_extra={"default": "the file's name"})
    """Name of the run, its folder and its MLflow run."""
    title: Line = ""
    """Heading of the report; the name if not given."""
    seed: int = 0
    """Seed of folds, permutations and bootstrap draws."""
    output: Path = Field(json_schema_extra={"default": "results/NAME"})
    """Results folder, relative to the current one."""
    store: Path | None = None
    """Folder of the embedding store, shared by runs that lie beside each other; store beside output if not given."""
    workers: int = Field(default=1, ge=1)
    """Processes for folds and permutations; results do not depend on it."""
    engine: EngineConfig = EngineConfig()
    """Where parallel work runs."""
    genome: GenomeConfig | None = None
    """Reference, annotation, genotypes, and how they become windows; not needed where all vectors are precomputed."""
    participants: tuple[ParticipantsConfig, ...] = ()
    """Tables of subjects and covariates, joined on their ids."""
    brain: dict[Name, BrainViewConfig]
    """Brain views, each under its name."""
    pairing: PairingConfig = PairingConfig()
    """How gene and brain subjects are paired."""
    plant: PlantConfig | None = None
    """A link of known strength to plant, for trials of the whole pipeline."""
    truth: Path | None = None
    """JSON of what was planted by a simulation, for the report alone."""
    confounds: tuple[ConfoundConfig, ...] = ()
    """What is removed from both views, and what the permutation test respects: a list of columns and products, or a
    formula."""
    cohort: CohortConfig = CohortConfig()
    """Who is analysed, and who is related to whom."""
    encoders: tuple[EncoderConfig, ...]
    """Arms: names of shipped ones (`genebrain encoders`), YAML files of one arm, or the keys themselves."""
    alignment: AlignmentConfig = AlignmentConfig()
    """Dimensions and tests."""
    folds: FoldsConfig = FoldsConfig()
    """Folds of the held-out tests."""
    experiment: ExperimentName = "align"
    """What is asked: align (each arm), compare (arms with baselines and untrained controls), or another; there is a
    file of each in configs/experiments."""
    compare: CompareConfig = CompareConfig()
    """Settings of experiment: compare."""
    pooling: PoolingConfig = PoolingConfig()
    """Settings of experiment: pooling."""
    rc: RcConfig = RcConfig()
    """Settings of experiment: rc."""
    dims: DimsConfig = DimsConfig()
    """Settings of experiment: dims."""
    attribute: AttributeConfig = AttributeConfig()
    """Settings of experiment: attribute."""
    audit: AuditConfig = AuditConfig()
    """Settings of experiment: audit."""
    tune: TuneConfig = TuneConfig()
    """Settings of experiment: tune."""
    predict: PredictConfig = PredictConfig()
    """Settings of experiment: predict."""
    escalate: EscalateConfig = EscalateConfig()
    """Settings of experiment: escalate."""
    replicate: ReplicateConfig | None = None
    """Settings of experiment: replicate, which needs them: a results folder, or its keys."""
    tokens: TokensConfig = TokensConfig()
    """Settings of experiment: tokens."""
    variants: VariantsConfig = VariantsConfig()
    """Settings of experiment: variants."""
    associate: AssociateConfig = AssociateConfig()
    """Settings of experiment: associate."""
    stratify: StratifyConfig = StratifyConfig()
    """Settings of experiment: stratify."""
    harmonise: HarmoniseConfig = HarmoniseConfig()
    """Settings of experiment: harmonise, or the site column alone."""
    species: SpeciesConfig = SpeciesConfig()
    """Settings of experiment: species."""
    privacy: PrivacyConfig = PrivacyConfig()
    """What may be shown of subjects."""
    tracking: TrackingConfig = TrackingConfig()
    """MLflow."""

    @field_validator("confounds", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return one_or_many(value)

    @field_validator("confounds")
    @classmethod
    def _hold_together(cls, value: tuple[ConfoundConfig, ...]) -> tuple[ConfoundConfig, ...]:
        from fusion.confounds.terms import read_terms

        read_terms(term for confound in value for term in confound.terms())
        return value

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        check_together(self)
        return self

    @property
    def reads_outcome(self) -> bool:
        """Whether the experiment asks after `predict.outcome`."""
        return self.experiment == "predict" or (self.experiment == "attribute" and self.predict.outcome is not None)

    @property
    def confound_terms(self) -> tuple[TermLike, ...]:
        """What is removed, formulas read, as `fusion.ConfoundDesign` takes it."""
        return tuple(term for confound in self.confounds for term in confound.terms())

    @property
    def confound_columns(self) -> dict[str, str]:
        """Columns that the confounds need: continuous, categorical, or inferred where a formula only names them."""
        from fusion.confounds.terms import INFERRED, read_terms

        found: dict[str, str] = {}
        for factor in (one for term in read_terms(self.confound_terms) for one in term.factors):
            kind = factor.kind if factor.kind in ("categorical", INFERRED) else "continuous"
            if found.get(factor.column, INFERRED) == INFERRED:
                found[factor.column] = kind
        return found

    @property
    def keeps_families(self) -> bool:
        """Whether families are known and kept whole."""
        return self.cohort.knows_families and self.cohort.relatives == "keep-all"

    @property
    def whitens_relatives(self) -> bool:
        """Whether rows of relatives are made uncorrelated."""
        return self.cohort.relatives == "whiten"

    @property
    def store_root(self) -> Path:
        """Folder of the embedding store, shared by runs that write beside each other."""
        return self.store or self.output.parent / "store"
