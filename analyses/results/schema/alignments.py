"""``alignments/<arm>__<view>/alignment.json``: what one arm aligned with one brain view found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from analyses.errors import InputError
from analyses.privacy.counts import Count
from analyses.results.schema.interpretations import FeatureLoading, GeneLoading, Interpretation
from analyses.results.schema.tails import FittedTail
from analyses.results.serialisation import OMITTED_IF_FALSE, OMITTED_IF_NONE, OptionalInterval

Role = Literal["test", "negative control"]


@dataclass(frozen=True, slots=True)
class AlignmentLabels:
    """Which arm is aligned with which view.

    Attributes
    ----------
    arm, arm_label : str
        Name in files, and the encoder's label as shown.
    view : str
        Brain view.
    trained : bool
        False for random weights.
    role : {"test", "negative control"}
        Of the view; a control holds no link by design.
    """

    arm: str
    arm_label: str
    view: str
    trained: bool
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """Counts: ``n_effective`` is subjects less confound columns less 1; ``confounds`` counts columns of the design."""

    subjects: int
    genes: int
    features: int
    confounds: int
    n_effective: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfoundTaken:
    """What one confound explains of one side, of the variance before anything is removed.

    Attributes
    ----------
    side : {"genes", "brain"}
    term : str
        ``age (spline, df 4)``, ``age x sex``; ``all together`` in the last place of a side.
    df, df_beyond : int
        Independent columns (of a product with those of the terms that it is made of), and those that other terms leave.
    alone, beyond : float
        Shares (0 to 1) that it explains alone, and beyond all terms that are no product of it; df / (N - 1) by chance.
    """

    side: Literal["genes", "brain"]
    term: str
    df: int
    alone: float
    df_beyond: int
    beyond: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimensions:
    """Components of both sides (x genes, y brain).

    Attributes
    ----------
    x_requested, y_requested : int
        Asked of the PCA.
    x_effective, y_effective : int
        Available after it.
    x_cca, y_cca : int
        Entering CCA.
    rule : str
        How these were chosen.
    ratio : float
        Effective subjects per dimension that enters.
    """

    x_requested: int
    x_effective: int
    y_requested: int
    y_effective: int
    x_cca: int
    y_cca: int
    rule: str
    ratio: float


@dataclass(frozen=True, slots=True)
class RoyTest:
    """``p_fwer`` by Roy's largest root, [min(x_cca, y_cca)], None where a component was not tested; ``tails`` of the
    components tested, by themselves, where ``alignment.tails`` is on."""

    p_fwer: tuple[float | None, ...]
    tails: Annotated[tuple[FittedTail, ...] | None, OMITTED_IF_NONE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InSample:
    """The permutation test with everything fitted on all subjects; K = min(x_cca, y_cca).

    Attributes
    ----------
    canonical_correlations : tuple of float, [K]
    statistic : str
        By which the p-values are judged, ``wilks`` or ``roy``.
    p_uncorrected, p_fwer : tuple of float or None, [K]
        Of each component, and corrected over components by closure; None where it was not tested.
    null_mean_r1, null_q95_r1 : float
        Mean and 95 % point of the first correlation over permutations.
    n_permutations : int
        The observed order not counted.
    projection, scheme : str
        How confounds enter, and what was exchanged.
    n_tested : int
        Components tested, up to the first that is not significant.
    roy : RoyTest
    is_withheld : bool
        No p is given, since heavy tails and many confounds make it too small (`warnings` of the alignment say so).
    tails : tuple of FittedTail, optional, [n_tested]
        Beside `p_uncorrected`, where ``alignment.tails`` is on and p is given.
    """

    canonical_correlations: tuple[float, ...]
    statistic: str
    p_uncorrected: tuple[float | None, ...]
    p_fwer: tuple[float | None, ...]
    null_mean_r1: float
    null_q95_r1: float
    n_permutations: int
    projection: str
    scheme: str
    n_tested: int
    roy: RoyTest
    is_withheld: Annotated[bool, OMITTED_IF_FALSE] = False
    tails: Annotated[tuple[FittedTail, ...] | None, OMITTED_IF_NONE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutTrace:
    """Pillai's trace in subjects that took no part in fitting: what all dimensions find together.

    Attributes
    ----------
    value : float
        An estimate of the sum of squared canonical correlations; negative where test rows speak against the fit.
    null_mean, null_q95 : float
        Over permutations.
    p : float
        One-sided permutation p.
    p_corrected : tuple of float
        Of the first component and of the trace, corrected for being two by max-T over their permutations.
    tail : FittedTail, optional
        Beside `p`, where ``alignment.tails`` is on.
    tails_corrected : pair of FittedTail, optional
        Beside `p_corrected`, fitted to the larger of the two.
    """

    value: float
    null_mean: float
    null_q95: float
    p: float
    p_corrected: tuple[float, float]
    tail: Annotated[FittedTail | None, OMITTED_IF_NONE] = None
    tails_corrected: Annotated[tuple[FittedTail, FittedTail] | None, OMITTED_IF_NONE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Correlations in subjects that took no part in fitting; C components.

    Attributes
    ----------
    rho : tuple of float, [C]
        Correlation of every component.
    p, p_fwer : tuple of float or None, [C]
        Permutation p given the components before, and corrected over components by closure; None where a component was
        not tested.
    interval : tuple of (low, high), [C, 2]
        95 % bootstrap interval of `rho`; None, None where few subjects carry the scores, so that none is valid.
    rho_by_fold : tuple of tuple of float, [n_splits, C]
    null_mean, null_q95 : tuple of float or None, [C]
        Over permutations.
    trace : HeldOutTrace, optional
        Absent from results of format 1.
    n_splits, n_permutations : int
    n_unseen_levels : Count
        Subjects with a confound level that their training folds lack; a small count is text, ``<5``.
    folds_sha256 : str
        Hash of who is in which fold.
    ratio_to_in_sample : float
        First `rho` over the first in-sample correlation.
    tails : tuple of FittedTail, optional
        Beside `p`, of the components tested, where ``alignment.tails`` is on.
    """

    rho: tuple[float, ...]
    p: tuple[float | None, ...]
    p_fwer: tuple[float | None, ...]
    interval: tuple[OptionalInterval, ...]
    rho_by_fold: tuple[tuple[float, ...], ...]
    null_mean: tuple[float | None, ...]
    null_q95: tuple[float | None, ...]
    trace: Annotated[HeldOutTrace | None, OMITTED_IF_NONE] = None
    n_splits: int
    n_unseen_levels: Count = 0
    n_permutations: int
    folds_sha256: str
    ratio_to_in_sample: float
    tails: Annotated[tuple[FittedTail, ...] | None, OMITTED_IF_NONE] = None

    @property
    def first_p(self) -> float:
        """p of the first component, which is always tested."""
        return _tested(self.p[0])

    @property
    def first_null_q95(self) -> float:
        """95 % point of the first component's null."""
        return _tested(self.null_q95[0])


def _tested(value: float | None) -> float:
    if value is None:
        raise InputError("The first held-out component must have been tested; its p or null is missing: align again.")
    return value


@dataclass(frozen=True, slots=True)
class NoiseCorrelation:
    """Mean and 95 % point of the largest in-sample correlation of pure noise."""

    mean: float
    q95: float


@dataclass(frozen=True, slots=True)
class InSamplePower:
    """Power (0 to 1) of both in-sample tests at level 5 %."""

    roy: float
    wilks: float


@dataclass(frozen=True, slots=True)
class RequiredSubjects:
    """``n`` effective subjects from which a correlation ``rho`` reaches the detectability threshold."""

    rho: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectability:
    """What noise gives at this size, and what could be told from it.

    Attributes
    ----------
    rho_c : float
        Population correlation below which a link cannot be told from noise in sample.
    null_r1_mean, null_r1_q95 : float
        First in-sample correlation of noise, simulated.
    null_r1_closed_form : NoiseCorrelation, optional
        The same by Johnstone's approximation.
    wachter_edge : float
        Largest correlation of noise in the limit.
    power_at_rho_c : InSamplePower, optional
    rho_at_80_percent_power : float, optional
        Correlation that Roy's test finds in 80 % of studies.
    held_out_rho_at_80_percent_power : float, optional
        Correlation that the held-out tests of this alignment, corrected for being two, find in 80 % of studies; absent
        before format 4, and where there is none.
    required_n : RequiredSubjects
        For half of `rho_c`.
    """

    rho_c: float
    null_r1_mean: float
    null_r1_q95: float
    null_r1_closed_form: Annotated[NoiseCorrelation | None, OMITTED_IF_NONE] = None
    wachter_edge: float
    power_at_rho_c: Annotated[InSamplePower | None, OMITTED_IF_NONE] = None
    rho_at_80_percent_power: Annotated[float | None, OMITTED_IF_NONE] = None
    held_out_rho_at_80_percent_power: Annotated[float | None, OMITTED_IF_NONE] = None
    required_n: RequiredSubjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependence:
    """A test of dependence of any form between the embeddings that CCA takes, without confounds.

    Attributes
    ----------
    name : {"rv", "dcor", "hsic"}
    value, null_q95 : float
        RV coefficient, bias-corrected squared distance correlation, or scaled HSIC; 95 % point over permutations.
    p, p_corrected : float
        Alone, and corrected by max-T over the tests of dependence of the alignment.
    n_permutations : int
        The observed order not counted.
    """

    name: Literal["rv", "dcor", "hsic"]
    value: float
    null_q95: float
    p: float
    p_corrected: float
    n_permutations: int


@dataclass(frozen=True, slots=True)
class RelativesWhitened:
    """Rows of relatives made uncorrelated before anything was computed (``cohort.relatives: whiten``).

    Attributes
    ----------
    source : str
        What says who is related to whom.
    n_related : int or str
        Subjects with a relative in the cohort; a small number is said to be small.
    h2_genes, h2_brain : float
        Share of either view's variance that follows kinship, 0 to 0.999.
    """

    source: str
    n_related: int | str
    h2_genes: float
    h2_brain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentSummary:
    """All that one alignment publishes; no subject's data.

    Attributes
    ----------
    schema : int
        Layout of the results folder that it lies in.
    arm, arm_label, view, trained, role
        As of `AlignmentLabels`.
    n : SampleSize
    dimensions : Dimensions
    in_sample : InSample
    held_out : HeldOut
    detectability : Detectability
    gene_loadings : tuple of GeneLoading, [n_genes]
    roi_loadings : tuple of FeatureLoading, [n_features]
    interpretation : Interpretation, optional
    dependence : tuple of Dependence, optional
        Where the run asks for them (``alignment.also``).
    confounds : tuple of ConfoundTaken, optional
        Absent before format 5, and where there are none.
    relatives : RelativesWhitened, optional
        Where ``cohort.relatives`` is whiten.
    flags, warnings : tuple of str
        Sentences that ask for caution, and what the methods said on the way.
    """

    schema: int
    arm: str
    arm_label: str
    view: str
    trained: bool
    role: Role
    n: SampleSize
    dimensions: Dimensions
    in_sample: InSample
    held_out: HeldOut
    detectability: Detectability
    gene_loadings: tuple[GeneLoading, ...]
    roi_loadings: tuple[FeatureLoading, ...]
    interpretation: Annotated[Interpretation | None, OMITTED_IF_NONE] = None
    dependence: Annotated[tuple[Dependence, ...] | None, OMITTED_IF_NONE] = None
    confounds: Annotated[tuple[ConfoundTaken, ...] | None, OMITTED_IF_NONE] = None
    relatives: Annotated[RelativesWhitened | None, OMITTED_IF_NONE] = None
    flags: tuple[str, ...]
    warnings: tuple[str, ...]
