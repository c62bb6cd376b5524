"""Sections about brain views: tables, connectivity, harmonisation, atlases."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from analyses.config.cells import Codes, Decimal
from analyses.config.section import Section


class ConnectivityConfig(Section):
    """Features from time series (an npz keyed by subject) or, for ``tangent``, also from a table of covariances.

    ``brain.NAME.connectivity: correlation`` is short for ``{kind: correlation}``.
    """

    kind: Literal["correlation", "partial", "covariance", "tangent"]
    """What is measured between two regions. tangent is learnt anew in every fold, from its training subjects."""
    constant_rois: str = "any"
    """Regions without variance over time: any drops those constant in any subject, all those constant in every one, a
    share such as 0.05 those constant in more subjects (who are left out where a kept one is constant); or refuse."""
    fisher_z: bool = True
    """Whether correlations go through Fisher's z, which makes their scatter alike; for correlation and partial."""
    estimator: Literal["ledoit-wolf", "empirical"] = "ledoit-wolf"
    """Covariance estimator; ledoit-wolf shrinks, for fewer time points than regions."""
    id_regex: str | None = None
    """Regular expression that finds the subject in a file's name; groups session and run tell visits apart."""
    strip_prefixes: tuple[str, ...] = ()
    """What stands before ids in file names and is left out, e.g. sub-."""
    header: bool | None = None
    """Whether text files name their regions in the first line; found out if not given."""
    session: str | None = None
    """Which visit is analysed: first, last, or its label."""
    session_order: tuple[str, ...] = ()
    """Labels of visits from first to last, where the labels themselves do not say it."""
    join: Literal["nothing", "runs", "sessions"] = "nothing"
    """Put runs, or sessions, of a subject end to end before connectivity is measured."""


class HarmonizeConfig(Section):
    """ComBat or CovBat over a site column, learnt anew in every fold.

    ``brain.NAME.harmonize: site`` is short for ``{site: site}``.
    """

    site: str
    """Column of sites or scanners; it must be among the confounds as well."""
    method: Literal["combat", "covbat"] = "combat"
    """combat brings means and variances of sites together, covbat (Chen et al. 2022) covariances too."""
    explained: float = Field(default=0.95, gt=0, le=1)
    """Share of the variance that the components which covbat brings together explain."""
    keep: tuple[str, ...] | None = None
    """Confounds whose effects must survive; all others than the site if not given."""
    parametric: bool = True
    """Whether the priors of ComBat are parametric (Johnson et al. 2007); false takes the empirical ones, slower."""
    mean_only: bool = False
    """Whether only the sites' means are aligned, and not their variances."""
    reference: str | None = None
    """Site to which all others are aligned; the grand mean if not given."""
    unseen: Literal["error", "pooled"] = "error"
    """A site that a fold's training subjects lack: refuse, or use the estimate pooled over sites."""


class AtlasConfig(Section):
    """Where the features of a view lie, for the pictures of the report."""

    labels: Path | None = None
    """Label image (NIfTI) of the parcellation."""
    lut: Path | None = None
    """Table of the labels' numbers and names; needed with labels."""
    coordinates: Path | None = None
    """Table of features and their centres (MNI, mm), where there is no label image."""


class ImputeConfig(Section):
    """How missing values are filled in, learnt anew in every fold."""

    method: Literal["auto", "iterative", "low-rank"] = "auto"
    """iterative regresses every feature on confounds and all others (scikit-learn's IterativeImputer), low-rank takes
    probabilistic principal components; auto is iterative up to 30 features."""
    max_missing: float = Field(default=0.5, gt=0, lt=1)
    """Share of training subjects who may lack a feature; for nan: pairwise as well."""


class BrainViewConfig(Section):
    """One brain table: which columns are features, and what the view is for."""

    path: Path
    """Table (TSV, CSV, Parquet), npy or npz of features; time series for connectivity."""
    connectivity: ConnectivityConfig | None = None
    """Make connectivity of time series; left out where the table holds features already."""
    harmonize: HarmonizeConfig | None = None
    """Remove differences of sites (ComBat, CovBat), learnt anew in every fold; nothing is removed if not given."""
    normal_scores: bool = False
    """Whether every residual column takes the quantiles of a normal distribution; for heavy tails, learnt in every
    fold."""
    atlas: AtlasConfig | None = None
    """Where the features lie, for pictures of the brain in the report."""
    id_column: str = "subject_id"
    """Column of the subject ids."""
    include: tuple[str, ...] = ("*",)
    """Columns that are features, as patterns: thickness_*."""
    exclude: tuple[str, ...] = ()
    """Columns that are none, as patterns; taken out of include."""
    nan: Literal["refuse", "drop-subjects", "mean", "impute", "pairwise"] = "refuse"
    """Missing values: refuse, drop the subjects that have any, fill in the column's mean, impute (filled in by every
    fold, by what its training subjects teach), or pairwise (covariances over the subjects who have both features)."""
    impute: ImputeConfig = ImputeConfig()
    """How nan: impute fills in, and how much may be missing."""
    decimal: Decimal = None
    """Decimal mark; found if not given."""
    missing_codes: Codes = ()
    """Cells that stand for no value, such as -9 or NA."""
    description: str = ""
    """What the view is, in words for the report: cortical thickness (mm)."""
    role: Literal["test", "negative control"] = "test"
    """What the view is for: a test, or a control in which nothing should be found. Controls are corrected among
    themselves."""

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
