"""Sections about inputs: genome, participants, brain views, pairing, planting, confounds, cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from analyses.config.names import Name
from analyses.config.section import Section


class GenomeConfig(Section):
    """Reference, annotation, genotypes, and how they become windows."""

    reference: tuple[Path, ...]
    annotation: tuple[Path, ...]
    variants: tuple[Path, ...]
    genes: tuple[str, ...] | None = None
    biotype: str | None = "protein_coding"
    transcript: Literal["canonical", "mane", "union"] = "canonical"
    unit: Literal["exon", "gene", "promoter"] = "exon"
    window: int = Field(default=510, ge=1)
    unphased: Literal["phased", "as-written", "iupac", "iupac-unphased", "alternate"] = "phased"
    missing: Literal["reference", "N", "refuse"] = "reference"
    dosages: Literal["refuse", "best-guess"] = "refuse"
    unstranded: Literal["refuse", "forward"] = "refuse"
    contig_aliases: bool = False
    promoter_flank: int = Field(default=1000, ge=1)
    callable_regions: Path | None = None
    outside_callable: Literal["reference", "N"] = "reference"

    @field_validator("reference", "annotation", "variants", "genes", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


def _codes_as_text(value: object) -> object:
    """Codes are cells, so text; YAML gives numbers."""
    return tuple(str(code) for code in value) if isinstance(value, list | tuple) else value


Codes = Annotated[tuple[str, ...], BeforeValidator(_codes_as_text)]


class ParticipantsConfig(Section):
    """A table of covariates; ``side`` says whose ids it carries when genes and brains are paired at random.

    ``decimal`` is the decimal mark (found if not given); ``missing_codes`` are cells without a value, such as -9.
    """

    path: Path
    id_column: str = "subject_id"
    columns: tuple[str, ...] | None = None
    decimal: Literal[".", ","] | None = None
    missing_codes: Codes = ()
    side: Literal["genetic", "brain"] = "genetic"


class ConnectivityConfig(Section):
    """Features from time series (an npz keyed by subject) or, for ``tangent``, also from a table of covariances.

    ``tangent`` is learnt anew in every fold, from its training subjects. ``header`` says whether text files name their
    regions first (found out if not given). Groups ``session`` and ``run`` of ``id_regex`` tell visits apart:
    ``session`` (``first``, ``last`` or a name, by ``session_order`` where labels do not say it) chooses, ``join``
    (``runs`` or ``sessions``) puts them end to end.
    """

    kind: Literal["correlation", "partial", "covariance", "tangent"]
    constant_rois: str = "any"
    fisher_z: bool = True
    estimator: Literal["ledoit-wolf", "empirical"] = "ledoit-wolf"
    id_regex: str | None = None
    strip_prefixes: tuple[str, ...] = ()
    header: bool | None = None
    session: str | None = None
    session_order: tuple[str, ...] = ()
    join: Literal["nothing", "runs", "sessions"] = "nothing"


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


class ImputeConfig(Section):
    """How missing values are filled in: ``iterative`` regressions (up to 30 features by itself) or ``low-rank``.

    ``max_missing`` is the share of training subjects who may lack a feature, for ``nan: pairwise`` as well.
    """

    method: Literal["auto", "iterative", "low-rank"] = "auto"
    max_missing: float = Field(default=0.5, gt=0, lt=1)


class BrainViewConfig(Section):
    """One brain table: which columns are features, and what the view is for.

    ``decimal`` is the decimal mark (found if not given); ``missing_codes`` are cells without a value, such as -9.
    ``nan`` says what becomes of missing values: ``impute`` fills them in, in every fold by what its training subjects
    teach; ``pairwise`` takes the covariance of two features over the training subjects who have both.
    """

    path: Path
    connectivity: ConnectivityConfig | None = None
    harmonize: HarmonizeConfig | None = None
    normal_scores: bool = False
    atlas: AtlasConfig | None = None
    id_column: str = "subject_id"
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    nan: Literal["refuse", "drop-subjects", "mean", "impute", "pairwise"] = "refuse"
    impute: ImputeConfig = ImputeConfig()
    decimal: Literal[".", ","] | None = None
    missing_codes: Codes = ()
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

    @property
    def keeps_gaps(self) -> bool:
        """Whether folds deal with missing values."""
        return self.nan in ("impute", "pairwise")

    @model_validator(mode="after")
    def _consistent(self) -> BrainViewConfig:
        if self.connectivity is not None and self.keeps_gaps:
            raise ValueError(
                f"nan: {self.nan} is for tables of features; connectivity of time series has no missing values: leave "
                "nan out, or join the edges of a table without connectivity"
            )
        if self.impute != ImputeConfig() and not self.keeps_gaps:
            raise ValueError(f"impute says how missing values are filled in, and nan is {self.nan}: set nan to impute")
        if self.nan == "pairwise" and self.impute.method != "auto":
            raise ValueError("nan: pairwise imputes nothing: leave impute.method out, or set nan to impute")
        return self


class PairingConfig(Section):
    """``by-id`` joins tables on subject ids; ``random`` pairs genes with brains at random: a true null."""

    mode: Literal["by-id", "random"] = "by-id"
    seed: int = 0


class PlantConfig(Section):
    """A link of known strength, from haplotype dosages of ``genes`` into features of ``view``."""

    view: Name
    genes: tuple[str, ...]
    strength: float = Field(gt=0, le=1)
    n_features: int = Field(default=20, ge=1)
    seed: int = 0


class ConfoundConfig(Section):
    column: str
    kind: Literal["continuous", "categorical"]


class CohortConfig(Section):
    """Who is analysed, and who is related to whom.

    Families stand in ``family_column``, in a ``pedigree`` (.fam, .ped, or a table with the subject, its father and its
    mother), or in one or more ``kinship_table`` of KING or PLINK 2 (.kin0, .kin). Kept ones (``relatives: keep-all``)
    change places with families of their own kind: as the pedigree or table says, and by ``kinship_column``, which says
    what a subject is to its family (MZ, DZ, sibling).
    """

    family_column: str | None = None
    kinship_column: str | None = None
    pedigree: Path | None = None
    kinship_table: tuple[Path, ...] = ()
    relatives: Literal["keep-one", "keep-all"] = "keep-one"

    @field_validator("kinship_table", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str | Path) else () if value is None else value

    @model_validator(mode="after")
    def _consistent(self) -> CohortConfig:
        sources = [
            name for name in ("family_column", "pedigree", "kinship_table") if getattr(self, name) not in (None, ())
        ]
        if len(sources) > 1:
            raise ValueError(
                f"families stand in one place; {' and '.join(f'cohort.{name}' for name in sources)} are given: keep one"
            )
        if self.kinship_column and not sources:
            raise ValueError(
                "cohort.kinship_column says what a subject is to its family: give families by cohort.family_column, "
                "cohort.pedigree or cohort.kinship_table"
            )
        if self.kinship_column and self.relatives == "keep-one":
            raise ValueError(
                "cohort.kinship_column says how kept families change places, and cohort.relatives keeps one subject of "
                "each: set relatives to keep-all, or leave the column out"
            )
        return self

    @property
    def knows_families(self) -> bool:
        """Whether anything says who is related to whom."""
        return bool(self.family_column or self.pedigree or self.kinship_table)

    @property
    def family_key(self) -> str:
        """The key that says who is related to whom, for messages."""
        return "pedigree" if self.pedigree else "kinship_table" if self.kinship_table else "family_column"
