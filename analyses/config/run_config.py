"""What a run can be told: frozen, validated sections. Nothing below ``analyses`` ever sees these objects.

``analyses.config.file`` reads them from YAML; the stages pass on plain keyword arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator, model_validator

from analyses.config.brain_view import BrainViewConfig
from analyses.config.confounds import ConfoundConfig, one_or_many
from analyses.config.encoder import PRECOMPUTED, EncoderConfig
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
from analyses.config.names import Line, Name, RunName, check_distinct
from analyses.config.section import Section

OF_SEQUENCES = ("tokens", "variants")
"""Experiments that ask about sequences, which a run on vectors made elsewhere does not have."""

if TYPE_CHECKING:
    from fusion.confounds.terms import TermLike


WHITENED: tuple[ExperimentName, ...] = ("align", "compare")
"""Experiments that take rows of relatives made uncorrelated."""


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
        if not self.encoders:
            raise ValueError("encoders: at least one arm is required")
        sequenced = [arm.name for arm in self.encoders if arm.encoder != PRECOMPUTED]
        if self.genome is None and sequenced:
            raise ValueError(f"genome: is required, since encoder '{sequenced[0]}' reads sequences")
        if self.genome is None and self.experiment in OF_SEQUENCES:
            raise ValueError(f"genome: is required, since experiment: {self.experiment} reads sequences")
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
        planted = self.plant and self.brain[self.plant.view].connectivity
        if planted and planted.kind == "tangent":
            raise ValueError("plant.view: a link is planted into features, which tangent space learns in each fold")
        if self.experiment == "predict" and self.predict.outcome is None:
            raise ValueError("predict.outcome: must name the column of the participants that is predicted")
        if self.keeps_families and self.alignment.exchangeable_within:
            raise ValueError(
                "alignment.exchangeable_within and cohort.relatives: keep-all exclude one another: whole families are "
                "exchanged, which may lie in different blocks"
            )
        if self.whitens_relatives:
            self._check_whitening()
        return self

    @model_validator(mode="after")
    def _columns_named(self) -> RunConfig:
        if self.experiment == "associate" and not self.associate.outcomes:
            raise ValueError("associate.outcomes: must name columns of the participants that scores are held against")
        if self.experiment == "stratify" and self.stratify.column is None:
            raise ValueError("stratify.column: must name the column of the participants whose levels are the strata")
        return self

    @model_validator(mode="after")
    def _sites_consistent(self) -> RunConfig:
        for name, view in self.brain.items():
            if view.harmonize is not None:
                self._check_harmonize(f"brain.{name}.harmonize", view.harmonize.site, view.harmonize.keep)
        if self.experiment == "harmonise":
            if self.harmonise.site is None:
                raise ValueError("harmonise.site: must name the column of sites that are brought together")
            self._check_harmonize("harmonise", self.harmonise.site, self.harmonise.keep)
        if self.experiment == "species" and len(self.species.genomes) < 2:
            raise ValueError(f"species.genomes: needs two species or more; got {len(self.species.genomes)}")
        return self

    def _check_harmonize(self, key: str, site: str, keep: tuple[str, ...] | None) -> None:
        confounds = self.confound_columns
        if site not in confounds:
    def _check_whitening(self) -> None:
        if not self.cohort.knows_families and self.genome is None:
            raise ValueError(
                "cohort.relatives: whiten needs to know who is related to whom: give cohort.kinship_table or "
                "cohort.pedigree, or genome.variants of the whole genome"
            )
        if self.alignment.exchangeable_within:
            raise ValueError(
                "alignment.exchangeable_within and cohort.relatives: whiten exclude one another: a whitened row is "
                "made of relatives, who may lie in different blocks; set relatives to keep-one"
            )
        if self.folds.group:
            raise ValueError(
                "folds.group and cohort.relatives: whiten exclude one another: folds keep whole families, which may "
                "lie in different groups; leave folds.group out"
            )
        if self.pairing.mode == "random":
            raise ValueError(
                "cohort.relatives: whiten and pairing.mode: random exclude one another: brains of others are not "
                "related as these genes are; set relatives to keep-one"
            )
        if self.experiment not in WHITENED:
            raise ValueError(
                f"cohort.relatives: whiten is for experiments {' and '.join(WHITENED)}; experiment is "
                f"{self.experiment}: set relatives to keep-one or keep-all"
            )
        for name, view in self.brain.items():
            tangent = view.connectivity is not None and view.connectivity.kind == "tangent"
            if view.keeps_gaps or view.harmonize or view.normal_scores or tangent:
                raise ValueError(
                    f"cohort.relatives: whiten takes brain views as they are; brain.{name} is learnt in every fold "
                    "(missing values, harmonize, normal_scores or tangent space): set relatives to keep-one or keep-all"
                )

    def _check_harmonize(self, name: str, view: BrainViewConfig) -> None:
        settings, confounds = view.harmonize, self.confound_columns
        if settings is None:
            return
        if settings.site not in confounds:
            raise ValueError(
                f"{key}: '{site}' must be among confounds too: the permutation test has to know what was removed"
            )
        for column in keep or ():
            if column not in confounds or column == site:
                raise ValueError(f"{key}.keep: '{column}' must be a confound other than the site")

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
