"""What a run can be told: frozen, validated sections. Nothing below ``analyses`` ever sees these objects.

``analyses.config.file`` reads them from YAML; the stages pass on plain keyword arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, ValidationInfo, field_validator, model_validator

from analyses.config.brain_view import BrainViewConfig
from analyses.config.confounds import ConfoundConfig, one_or_many, without_columns
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
    ProbeConfig,
    RcConfig,
    ReplicateConfig,
    SpeciesConfig,
    StratifyConfig,
    SubsampleConfig,
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
from analyses.config.sections import AlignmentConfig, EngineConfig, FoldsConfig, PrivacyConfig, TrackingConfig

if TYPE_CHECKING:
    from fusion.confounds.terms import TermLike

OF_SEQUENCES: tuple[ExperimentName, ...] = ("tokens", "variants")
"""Experiments that ask about sequences, which a run on vectors made elsewhere does not have."""

WHITENED: tuple[ExperimentName, ...] = ("align", "compare")
"""Experiments that take rows of relatives made uncorrelated."""


class RunConfig(Section):
    """Everything a run depends on."""

    name: RunName = Field(json_schema_extra={"default": "the file's name"})
    """Name of the run, its folder and its MLflow run."""
    title: Line = ""
    """Heading of the report; the name if not given."""
    seed: int = Field(default=0, ge=0)
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
    confounds_without: tuple[str, ...] = Field(default=(), exclude_if=lambda value: not value)
    """Columns that are taken out of `confounds`, products of them too, as an outcome must be where the file that is
    extended removes it."""
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
    subsample: SubsampleConfig = SubsampleConfig()
    """Settings of experiment: subsample."""
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
    probe: ProbeConfig = ProbeConfig()
    """Settings of experiment: probe."""
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
    def _hold_together(cls, value: tuple[ConfoundConfig, ...], info: ValidationInfo) -> tuple[ConfoundConfig, ...]:
        from fusion.confounds.terms import read_terms

        value = without_columns(value, info.data.get("confounds_without", ()))
        read_terms(term for confound in value for term in confound.terms())
        return value

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        _check_together(self)
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


def _check_together(run: RunConfig) -> None:
    """Raise ValueError where keys contradict one another, or one needs another that is not there."""
    _check_inputs(run)
    _check_columns(run)
    _check_sites(run)
    _check_relatives(run)


def _check_inputs(run: RunConfig) -> None:
    if not run.encoders:
        raise ValueError("encoders: at least one arm is required")
    sequenced = [arm.name for arm in run.encoders if arm.encoder != PRECOMPUTED]
    if run.genome is None and sequenced:
        raise ValueError(f"genome: is required, since encoder '{sequenced[0]}' reads sequences")
    if run.genome is None and run.experiment in OF_SEQUENCES:
        raise ValueError(f"genome: is required, since experiment: {run.experiment} reads sequences")
    if run.genome is None and run.plant:
        raise ValueError("plant: needs genome:, since a link is planted from haplotypes")
    if not run.brain:
        raise ValueError("brain: at least one view is required")
    check_distinct("encoders:", (arm.name for arm in run.encoders))
    check_distinct("brain:", run.brain)
    if run.experiment == "replicate" and run.replicate is None:
        raise ValueError("replicate: is required: the results folder of the cohort whose weights are tested")
    if run.plant and run.plant.view not in run.brain:
        raise ValueError(f"plant.view: '{run.plant.view}' is not among brain: {', '.join(run.brain)}")
    planted = run.plant and run.brain[run.plant.view].connectivity
    if planted and planted.kind == "tangent":
        raise ValueError("plant.view: a link is planted into features, which tangent space learns in each fold")
    if run.experiment == "predict" and run.predict.outcome is None:
        raise ValueError("predict.outcome: must name the column of the participants that is predicted")


def _check_relatives(run: RunConfig) -> None:
    if run.keeps_families and run.alignment.exchangeable_within:
        raise ValueError(
            "alignment.exchangeable_within and cohort.relatives: keep-all exclude one another: whole families are "
            "exchanged, which may lie in different blocks"
        )
    if run.whitens_relatives:
        _check_whitening(run)


def _check_columns(run: RunConfig) -> None:
    if run.experiment == "associate" and not run.associate.outcomes:
        raise ValueError("associate.outcomes: must name columns of the participants that scores are held against")
    if run.experiment == "stratify" and run.stratify.column is None:
        raise ValueError("stratify.column: must name the column of the participants whose levels are the strata")


def _check_sites(run: RunConfig) -> None:
    for name, view in run.brain.items():
        if view.harmonize is not None:
            _check_harmonize(run, f"brain.{name}.harmonize", view.harmonize.site, view.harmonize.keep)
    if run.experiment == "harmonise":
        if run.harmonise.site is None:
            raise ValueError("harmonise.site: must name the column of sites that are brought together")
        _check_harmonize(run, "harmonise", run.harmonise.site, run.harmonise.keep)
    if run.experiment == "species" and len(run.species.genomes) < 2:
        raise ValueError(f"species.genomes: needs two species or more; got {len(run.species.genomes)}")
    if run.experiment == "probe":
        _check_probe(run)


def _check_probe(run: RunConfig) -> None:
    if not (run.probe.make or run.probe.sets):
        raise ValueError("probe.make or probe.sets: must name labelled sets: kinds that are made, or folders")
    if run.probe.make and run.genome is None:
        raise ValueError("genome: is required, since probe.make makes labelled sets from it; or give probe.sets alone")


def _check_harmonize(run: RunConfig, key: str, site: str, keep: tuple[str, ...] | None) -> None:
    confounds = run.confound_columns
    if site not in confounds:
        raise ValueError(
            f"{key}: '{site}' must be among confounds too: the permutation test has to know what was removed"
        )
    for column in keep or ():
        if column not in confounds or column == site:
            raise ValueError(f"{key}.keep: '{column}' must be a confound other than the site")


def _check_whitening(run: RunConfig) -> None:
    if not run.cohort.knows_families and run.genome is None:
        raise ValueError(
            "cohort.relatives: whiten needs to know who is related to whom: give cohort.kinship_table or "
            "cohort.pedigree, or genome.variants of the whole genome"
        )
    if run.alignment.exchangeable_within:
        raise ValueError(
            "alignment.exchangeable_within and cohort.relatives: whiten exclude one another: a whitened row is "
            "made of relatives, who may lie in different blocks; set relatives to keep-one"
        )
    if run.folds.group:
        raise ValueError(
            "folds.group and cohort.relatives: whiten exclude one another: folds keep whole families, which may "
            "lie in different groups; leave folds.group out"
        )
    if run.pairing.mode == "random":
        raise ValueError(
            "cohort.relatives: whiten and pairing.mode: random exclude one another: brains of others are not "
            "related as these genes are; set relatives to keep-one"
        )
    if run.experiment not in WHITENED:
        raise ValueError(
            f"cohort.relatives: whiten is for experiments {' and '.join(WHITENED)}; experiment is "
            f"{run.experiment}: set relatives to keep-one or keep-all"
        )
    for name, view in run.brain.items():
        tangent = view.connectivity is not None and view.connectivity.kind == "tangent"
        if view.keeps_gaps or view.harmonize or view.normal_scores or tangent:
            raise ValueError(
                f"cohort.relatives: whiten takes brain views as they are; brain.{name} is learnt in every fold "
                "(missing values, harmonize, normal_scores or tangent space): set relatives to keep-one or keep-all"
            )
