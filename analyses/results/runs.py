"""``run.json``: who, what and from where, in counts; no subject's data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from analyses.results.alignments import Role
from analyses.results.planted_links import PlantedLink
from analyses.results.serialisation import OMITTED_IF_NONE
from encoders.dna.protocol import EncoderSpec


@dataclass(frozen=True, slots=True)
class TableOverlap:
    """A table that was joined: its ``n`` subjects, how many are in all tables, how many were dropped by reason."""

    table: str
    n: int
    in_all: int
    dropped: dict[str, int]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """``n`` subjects left out after the join, and why."""

    reason: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortCounts:
    """Tables joined, ``n_subjects`` analysed, and who was excluded."""

    overlap: tuple[TableOverlap, ...]
    n_subjects: int
    exclusions: tuple[Exclusion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceAgreement:
    """Of ``n_records`` variant records the ``n_matching`` whose REF is the reference's, their ``share`` (0 to 1), and
    how many bases were compared."""

    n_records: int
    n_matching: int
    n_bases: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GenomeSummary:
    """The windows of a run.

    Attributes
    ----------
    n_genes, n_windows : int
        Of the panel, on the reference.
    n_sequences_total, n_distinct : int
        Windows over all haplotypes, and the distinct ones among them.
    gain : float
        The first over the second.
    events : dict of str to int
        What happened while haplotypes were built, by kind.
    reference_agreement : ReferenceAgreement
        Under the key ``gate``.
    settings : dict of str to str
        Of the windows, as configured.
    sources : tuple of str
        Annotation files.
    """

    n_genes: int
    n_windows: int
    n_sequences_total: int
    n_distinct: int
    gain: float
    events: dict[str, int]
    reference_agreement: Annotated[ReferenceAgreement, Field(alias="gate")]
    settings: dict[str, str]
    sources: tuple[str, ...]


def _spec_values(spec: Any) -> Any:
    return spec | {"options": tuple(sorted(spec.get("options", {}).items()))} if isinstance(spec, dict) else spec


Spec = Annotated[EncoderSpec, BeforeValidator(_spec_values), PlainSerializer(EncoderSpec.to_dict)]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedCounts:
    """As of `encoders.embedding.EmbedReport`; None, or left out, for vectors made elsewhere: nothing was counted."""

    n_distinct: int | None = None
    n_cached: int | None = None
    n_encoded: int | None = None
    n_forward_passes: int | None = None
    n_too_short: Annotated[int | None, OMITTED_IF_NONE] = None
    n_unreadable: Annotated[int | None, OMITTED_IF_NONE] = None
    n_ambiguous_bases: Annotated[int | None, OMITTED_IF_NONE] = None
    n_split: Annotated[int | None, OMITTED_IF_NONE] = None
    runtime: Annotated[dict[str, str] | None, OMITTED_IF_NONE] = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArm:
    """An arm: name in files, label as shown, whether its weights were trained, what its vectors are and cost now."""

    name: str
    label: str
    trained: bool
    spec: Spec
    embed: EmbedCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A brain view.

    Attributes
    ----------
    name : str
    n_features : int
    description : str
    preparation : str
        What folds learn of it besides principal components.
    role : {"test", "negative control"}
    dropped_constant : int
        Columns left out because they do not vary.
    """

    name: str
    n_features: int
    description: str
    preparation: str = ""
    role: Role
    dropped_constant: int = 0


@dataclass(frozen=True, slots=True)
class RunConfound:
    """A column whose effect is removed."""

    column: str
    kind: Literal["continuous", "categorical"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlasLibrary:
    """One library of matrix products in use: it decides last digits."""

    internal_api: str | None
    version: str | None
    architecture: str | None
    threading_layer: str | None


@dataclass(frozen=True, slots=True)
class InputFile:
    """An input by folder and name, with its fingerprint."""

    path: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class RunSeeds:
    """Of the run, and of pairing at random."""

    seed: int
    pairing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Code (None without git), versions of packages, BLAS libraries, input files, seeds."""

    git_sha: str | None
    git_dirty: bool | None
    versions: dict[str, str]
    blas: tuple[BlasLibrary, ...]
    inputs: tuple[InputFile, ...]
    seeds: RunSeeds


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run.

    Attributes
    ----------
    schema : int
        Layout of the results folder that it lies in.
    name, title, experiment : str
    created : str
        ISO 8601, UTC.
    seed : int
    panel : str, optional
        What tracking groups runs by; the name where it is None.
    pairing : str
        ``by-id`` or ``random``.
    cohort : CohortCounts
    genome : GenomeSummary or None
        None where every arm brings its vectors.
    arms : tuple of RunArm
    views : tuple of RunView
    planted : PlantedLink or None
    confounds : tuple of RunConfound
    provenance : Provenance
    alignments : tuple of str
        Folders under ``alignments/``, in order.
    wall_seconds : dict of stage to float
    """

    schema: int
    name: str
    title: str
    experiment: str
    created: str
    seed: int
    panel: str | None = None
    pairing: str
    cohort: CohortCounts
    genome: GenomeSummary | None
    arms: tuple[RunArm, ...]
    views: tuple[RunView, ...]
    planted: PlantedLink | None
    confounds: tuple[RunConfound, ...]
    provenance: Provenance
    alignments: tuple[str, ...]
    wall_seconds: dict[str, float]
