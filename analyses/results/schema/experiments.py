"""``experiments/<name>.json``: what experiments beyond alignments found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from analyses.privacy.counts import Count
from analyses.results.schema.associations import AssociatedOutcome, Association
from analyses.results.schema.attributions import Attribution
from analyses.results.schema.audits import CovariateLeak, Duplicates, RandomPairings
from analyses.results.schema.escalations import CurvePoint, MethodDifference, MethodScore, UndefinedPair
from analyses.results.schema.harmonisations import HarmonisedAlignment, HarmonisedDifference, SitePrediction, Sites
from analyses.results.schema.orthologs import (
    DivergenceTest,
    OrthologDifference,
    OrthologPair,
    OrthologRetrieval,
    SpeciesRead,
)
from analyses.results.schema.predictions import (
    ArmAlignment,
    BenefitCurve,
    CalibrationCurve,
    PredictedOutcome,
    PredictionDifference,
    PredictorScore,
)
from analyses.results.schema.replications import FirstStudy, Replication
from analyses.results.schema.strata import StrataFinding, Stratum
from analyses.results.schema.tokens import CodonCuts, FrameShift, MotifMatches, TokenizerPieces
from analyses.results.schema.variants import ArmAlleles, Drivers, JoinedTable, Mutagenesis
from analyses.results.serialisation import Number, OptionalInterval

#: Settings and numbers that a tracking store shows beside a run: names are the store's, values what they happen to be.
Params = dict[str, str | int | float]
Metrics = dict[str, Number]


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting that was tried: a child run in tracking."""

    name: str
    params: Params
    metrics: Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """``experiments/audit.json``; ``duplicates`` lies under the key ``twins``.

    ``answer`` (sentences, the first of which stands alone), ``metrics`` (the most important first) and ``trials`` are
    part of every experiment's result.
    """

    leaks: tuple[CovariateLeak, ...]
    pairings: tuple[RandomPairings, ...]
    duplicates: Annotated[Duplicates, Field(alias="twins")]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionSearch:
    """Numbers of components on trial for one arm and view: G sizes, F outer folds.

    Attributes
    ----------
    arm, arm_label, view : str
    grid : tuple of int, [G]
        Components a side.
    inner_mean, inner_se : tuple of float, [G]
        First held-out correlation of the inner folds and its standard error, averaged over outer folds.
    inner_mean_by_fold : tuple of tuple of float, [F, G]
    chosen : tuple of int, [F]
        Smallest size within one standard error of the best.
    rho, p, null_q95 : float
        With the chosen sizes, in the outer folds; p keeps the choices.
    rho_by_fold : tuple of float, [F]
    grid_rho, grid_p : tuple of float, [G]
        Each size in all outer folds; p by max-T over the grid.
    n_permutations : int
    """

    arm: str
    arm_label: str
    view: str
    grid: tuple[int, ...]
    inner_mean: tuple[float, ...]
    inner_se: tuple[float, ...]
    inner_mean_by_fold: tuple[tuple[float, ...], ...]
    chosen: tuple[int, ...]
    rho: float
    rho_by_fold: tuple[float, ...]
    p: float
    null_q95: float
    grid_rho: tuple[float, ...]
    grid_p: tuple[float, ...]
    n_permutations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DimsResult:
    """``experiments/dims.json``."""

    searches: tuple[DimensionSearch, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BestSetting:
    """The trial with the largest ``inner_rho`` (first correlation in inner folds, too large by selection): pooling,
    layer, components a side, penalty of ridge CCA (0 to 1), and the ``trial``'s number from 0."""

    pooling: str
    layer: int
    n_components: int
    penalty: Number
    inner_rho: float
    trial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAsideTest:
    """The one test in ``n_test`` subjects set aside, fitted on ``n_train``: first correlation, 95 % interval (None,
    None where none is valid), p."""

    rho: float
    interval: OptionalInterval
    p: float
    n_train: int
    n_test: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingTrial:
    """One finished trial; fields as of `BestSetting`."""

    number: int
    inner_rho: float
    pooling: str
    layer: int
    n_components: int
    penalty: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSearch:
    """The search of one arm and view: its best setting, the test of that, every finished trial in order."""

    arm: str
    arm_label: str
    view: str
    best: BestSetting
    tested: SetAsideTest
    trials: tuple[SettingTrial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneResult:
    """``experiments/tune.json``."""

    searches: tuple[SettingSearch, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictResult:
    """``experiments/predict.json``.

    Attributes
    ----------
    outcome : PredictedOutcome
    reason : str or None
        Why nothing could be predicted; there are no predictors then.
    test : {"permutation", "delong", "corrected-t"}
    correction : {"max-T", "Holm"}
        Over all differences. p against chance is always by permutation, corrected by max-T over predictors.
    predictors : tuple of PredictorScore
    differences : tuple of PredictionDifference
    alignments : tuple of ArmAlignment
        How well the same arms align, beside how well they predict.
    calibration : tuple of CalibrationCurve
        Of a binary or continuous outcome.
    benefit : tuple of BenefitCurve
        Of a binary outcome.
    """

    outcome: PredictedOutcome
    reason: str | None
    test: str
    correction: str
    predictors: tuple[PredictorScore, ...]
    differences: tuple[PredictionDifference, ...]
    alignments: tuple[ArmAlignment, ...]
    calibration: tuple[CalibrationCurve, ...]
    benefit: tuple[BenefitCurve, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicateResult:
    """``experiments/replicate.json``."""

    first: FirstStudy
    replications: tuple[Replication, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeResult:
    """``experiments/attribute.json``.

    Attributes
    ----------
    outcome : str or None
        Column that is predicted; None where the alignment is attributed.
    attributions : tuple of Attribution
    """

    outcome: str | None
    attributions: tuple[Attribution, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> dict[str, dict[str, list[str | float | None]]]:
        """One row a block of every arm, view and side: a long table that a tracking store puts beside other runs'."""
        rows = [(one, block) for one in self.attributions for block in one.blocks]
        return {
            "attribution": {
                "arm": [one.arm or "" for one, _ in rows],
                "view": [one.view or "" for one, _ in rows],
                "side": [one.side for one, _ in rows],
                "gene": [block.label for _, block in rows],
                "measure": [one.measure for one, _ in rows],
                "value": [block.value for _, block in rows],
                "lower": [block.interval[0] for _, block in rows],
                "upper": [block.interval[1] for _, block in rows],
                "p": [block.p for _, block in rows],
                "q": [block.q for _, block in rows],
                "p_fwer": [block.p_fwer for _, block in rows],
                "loading": [block.loading for _, block in rows],
            }
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensResult:
    """``experiments/tokens.json``.

    Attributes
    ----------
    n_windows, n_bases : int
        Reference windows of the panel.
    n_shuffles : int
        Of every window, behind each p.
    bpe : str
        Where byte-pair encoding comes from, or why there is none.
    tokenizers : tuple of TokenizerPieces
    cuts : tuple of CodonCuts
        Of the panel, then gene by gene.
    cuts_reason : str or None
        Why codons are not defined.
    frames : tuple of FrameShift
    frames_reason : str or None
    motifs : tuple of MotifMatches
        The smallest p first.
    motifs_reason : str or None
    motif_p : float
    """

    n_windows: int
    n_bases: int
    n_shuffles: int
    bpe: str
    tokenizers: tuple[TokenizerPieces, ...]
    cuts: tuple[CodonCuts, ...]
    cuts_reason: str | None
    frames: tuple[FrameShift, ...]
    frames_reason: str | None
    motifs: tuple[MotifMatches, ...]
    motifs_reason: str | None
    motif_p: float
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantsResult:
    """``experiments/variants.json``.

    Attributes
    ----------
    n_alleles : int
        Carried, each once a gene.
    ploidy : int
        Sequences of a subject: an effect is that of one copy if 2, of carrying the allele at all if 1.
    arms : tuple of ArmAlleles
    drivers : tuple of Drivers
        Of each arm and view, component by component.
    mutagenesis : Mutagenesis or None
    mutagenesis_reason : str or None
    joined : JoinedTable or None
        The user's table; None where none was given.
    """

    n_alleles: int
    ploidy: int
    arms: tuple[ArmAlleles, ...]
    drivers: tuple[Drivers, ...]
    mutagenesis: Mutagenesis | None
    mutagenesis_reason: str | None
    joined: JoinedTable | None
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateResult:
    """``experiments/associate.json``.

    Attributes
    ----------
    outcomes : tuple of AssociatedOutcome
    adjusted_for : tuple of str
        Confounds, beside which every fold has its own mean.
    associations : tuple of Association
    n_permutations : int
    detectable : float or None
        Partial correlation that 80 % of such studies find after max-T; None where nothing was tested.
    """

    outcomes: tuple[AssociatedOutcome, ...]
    adjusted_for: tuple[str, ...]
    associations: tuple[Association, ...]
    n_permutations: int
    detectable: float | None
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StratifyResult:
    """``experiments/stratify.json``.

    Attributes
    ----------
    column : str
    strata : tuple of Stratum
    n_in_none : Count
        Subjects without a label, or with one that is not compared.
    held_fixed : tuple of str
        Confounds given which labels are drawn: those that are not made of the column itself.
    exchanged : float or None
        Share of the labels that change in a draw, of those that would if confounds told nothing of them.
    reason : str or None
        Why nothing could be compared.
    findings : tuple of StrataFinding
    n_permutations : int
    """

    column: str
    strata: tuple[Stratum, ...]
    n_in_none: Count
    held_fixed: tuple[str, ...]
    exchanged: float | None
    reason: str | None
    findings: tuple[StrataFinding, ...]
    n_permutations: int
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmoniseResult:
    """``experiments/harmonise.json``: alignments by method, what each changes, and how well each tells the site."""

    sites: Sites
    alignments: tuple[HarmonisedAlignment, ...]
    differences: tuple[HarmonisedDifference, ...]
    predictions: tuple[SitePrediction, ...]
    warnings: tuple[str, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesResult:
    """``experiments/species.json``.

    Attributes
    ----------
    species : tuple of SpeciesRead
    n_genes : int
        Genes that two species or more have.
    window : int
        Bases.
    distance : {"cosine", "euclidean"}
    left_out : tuple of str
        Genes and encoders that took no part, in sentences.
    retrievals : tuple of OrthologRetrieval
    differences : tuple of OrthologDifference
        Every encoder less the k-mer spectrum.
    divergences : tuple of DivergenceTest
    pairs : tuple of OrthologPair
        What was compared, gene by gene.
    """

    species: tuple[SpeciesRead, ...]
    n_genes: int
    window: int
    distance: str
    left_out: tuple[str, ...]
    retrievals: tuple[OrthologRetrieval, ...]
    differences: tuple[OrthologDifference, ...]
    divergences: tuple[DivergenceTest, ...]
    pairs: tuple[OrthologPair, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalateResult:
    """``experiments/escalate.json``.

    Attributes
    ----------
    scores : tuple of MethodScore
        Every method on every arm and view; linear CCA first.
    differences : tuple of MethodDifference
    curve : tuple of CurvePoint
    undefined : tuple of UndefinedPair
    n_permutations : int
        In each of which every method was fitted anew.
    warnings : tuple of str
    """

    scores: tuple[MethodScore, ...]
    differences: tuple[MethodDifference, ...]
    curve: tuple[CurvePoint, ...]
    undefined: tuple[UndefinedPair, ...]
    n_permutations: int
    warnings: tuple[str, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]


ExperimentResult = (
    AttributeResult
    | EscalateResult
    | SpeciesResult
    | HarmoniseResult
    | StratifyResult
    | AssociateResult
    | AuditResult
    | DimsResult
    | PredictResult
    | ReplicateResult
    | TokensResult
    | TuneResult
    | VariantsResult
)

#: What an experiment's file holds, by its name; a new experiment adds its type here.
RESULT_TYPES: Mapping[str, type[ExperimentResult]] = {
    "attribute": AttributeResult,
    "escalate": EscalateResult,
    "species": SpeciesResult,
    "harmonise": HarmoniseResult,
    "stratify": StratifyResult,
    "associate": AssociateResult,
    "audit": AuditResult,
    "dims": DimsResult,
    "predict": PredictResult,
    "replicate": ReplicateResult,
    "tokens": TokensResult,
    "tune": TuneResult,
    "variants": VariantsResult,
}


def result_file(experiment: str) -> str:
    """Where the result of an experiment lies in a results folder."""
    return f"experiments/{experiment}.json"
