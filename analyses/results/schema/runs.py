"""``run.json``: who, what and from where, in counts; no subject's data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, PlainSerializer

from analyses.privacy.counts import Count
from analyses.results.schema.alignments import Role
from analyses.results.schema.planted_links import PlantedLink
from analyses.results.serialisation import OMITTED_IF_NONE
from encoders.dna.protocol import EncoderSpec


@dataclass(frozen=True, slots=True)
class TableOverlap:
    """A table that was joined: its ``n`` subjects, how many are in all tables, how many were dropped by reason.

    A small count is text, ``<5``; a sum that would give it away is what it stays below."""

    table: str
    n: Count
    in_all: Count
    dropped: dict[str, Count]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """``n`` subjects left out, and why; a small count is text, ``<5``."""

    reason: str
    n: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortCounts:
    """Tables joined, ``n_subjects`` analysed, who was excluded, and what readers of the tables remarked."""

    overlap: tuple[TableOverlap, ...]
    n_subjects: int
    exclusions: tuple[Exclusion, ...]
    remarks: tuple[str, ...] = ()

    @property
    def has_small_counts(self) -> bool:
        """Whether a count is suppressed."""
        counts = [one.n for one in self.exclusions]
        counts += [n for table in self.overlap for n in (table.n, table.in_all, *table.dropped.values())]
        return any(isinstance(n, str) for n in counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceAgreement:
    """Of ``n_records`` variant records the ``n_matching`` whose REF is the reference's, their ``share`` (0 to 1), and
    how many bases were compared."""

    n_records: int
    n_matching: int
    n_bases: int
    share: float


def _earlier(name: str, key: str) -> Any:
    """A field that files of earlier versions hold under another key."""
    return Field(validation_alias=AliasChoices(name, key))


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCounts:
    """Windows of a panel in a cohort.

    Attributes
    ----------
    n_genes : int
    n_windows_per_haplotype : int
        Of the panel, on the reference.
    n_haplotype_windows : int
        Windows over all haplotypes of all subjects.
    n_distinct_windows : int
        Distinct sequences among them.
    gain : float
        The last but one over the last.
    """

    n_genes: int
    n_windows_per_haplotype: Annotated[int, _earlier("n_windows_per_haplotype", "n_windows")]
    n_haplotype_windows: Annotated[int, _earlier("n_haplotype_windows", "n_sequences_total")]
    n_distinct_windows: Annotated[int, _earlier("n_distinct_windows", "n_distinct")]
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GenomeSummary(WindowCounts):
    """The windows of a run.

    Attributes
    ----------
    events : dict of str to Count
        What happened while haplotypes were built, by kind; a small count is text in ``run.json``.
    reference_agreement : ReferenceAgreement
        Under the key ``gate``.
    settings : dict of str to str
        Of the windows, as configured.
    sources : tuple of str
        Annotation files.
    skipped_genes : dict of str to str, or None
        Genes that were asked for and left out, and why; None in files of versions that did not keep them.
    notes : tuple of str, or None
        What else is to be known of the annotation.
    """

    events: dict[str, Count]
    reference_agreement: Annotated[ReferenceAgreement, Field(alias="gate")]
    settings: dict[str, str]
    sources: tuple[str, ...]
    skipped_genes: Annotated[dict[str, str] | None, OMITTED_IF_NONE] = None
    notes: Annotated[tuple[str, ...] | None, OMITTED_IF_NONE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWindows(WindowCounts):
    """Windows counted from files alone.

    Attributes
    ----------
    events : dict of str to int
        What happened while haplotypes were built, by kind.
    n_subjects : int
    by_gene : dict of str to int
        Distinct windows of each gene.
    reference_agreement : ReferenceAgreement or None
        Under the key ``gate``; None where nothing was held against a reference.
    counted_by : {"sequence", "alleles"}
        Without a reference windows are told apart by their alleles; ``note`` says what that costs.
    note : str
    skipped_genes : dict of str to str
        Genes left out, and why.
    settings : dict
        Of the windows, as asked for.
    notes : tuple of str, or None
        What else is to be known of the annotation.
    """

    events: dict[str, int]
    n_subjects: int
    by_gene: dict[str, int]
    reference_agreement: Annotated[ReferenceAgreement | None, Field(alias="gate")]
    counted_by: Literal["sequence", "alleles"]
    note: str
    skipped_genes: dict[str, str]
    settings: dict[str, str | int | None]
    notes: Annotated[tuple[str, ...] | None, OMITTED_IF_NONE] = None


def _spec_values(spec: Any) -> Any:
    """A spec with its options as pairs; what is no mapping is left to the type, which refuses it."""
    options = spec.get("options", {}) if isinstance(spec, dict) else None
    return spec | {"options": tuple(sorted(options.items()))} if isinstance(options, dict) else spec


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
    features : tuple of str, optional
        Names of the features; of edges, their regions; of numbered ones, first and last. None in earlier files.
    left_out : dict of str to str, optional
        Columns of the table that are no features, and what each is. None in earlier files.
    """

    name: str
    n_features: int
    description: str
    preparation: str = ""
    role: Role
    dropped_constant: int = 0
    features: Annotated[tuple[str, ...] | None, OMITTED_IF_NONE] = None
    left_out: Annotated[dict[str, str] | None, OMITTED_IF_NONE] = None


@dataclass(frozen=True, slots=True)
class RunConfound:
    """What is removed: a column and its kind (``spline, df 4``), or ``age x sex``, a ``product``."""

    column: str
    kind: str


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
