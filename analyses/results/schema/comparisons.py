"""``comparison.json`` and ``comparison/arms.json``: arms held against one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from analyses.results.schema.alignments import Role
from analyses.results.schema.tails import FittedTail
from analyses.results.serialisation import OMITTED_IF_NONE, Interval, Number, OptionalInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One arm on one view, among all arms and views.

    Attributes
    ----------
    arm, arm_label, view, trained, role
        As of an alignment.
    rho : float
        First held-out correlation.
    interval : tuple of float
        Its 95 % interval, if this arm and view was the one to look at before all were seen; None, None where none is
        valid.
    p, p_max_t : float
        Alone, and corrected by step-down max-T over all arms and the views of its role.
    trace : float, optional
        Held-out Pillai trace.
    p_of_both : tuple of float, optional
        Of the first correlation and of the trace, corrected together over all arms and the views of its role.
    tail, tails_of_both : FittedTail and pair of FittedTail, optional
        Beside `p_max_t` and `p_of_both`, fitted to the largest of the family, where ``alignment.tails`` is on.
    in_sample_r1 : float
        First in-sample correlation.
    x_cca : int
        Gene components that enter CCA.
    rank : int
        Place among the arms of the view, 1 the largest `rho`.
    rank_interval : tuple of float
        Places that the differences between arms leave open; those of all arms of the view hold at once in 95 % of
        studies. In files before format 4: places that hold 95 % of bootstrap draws, which is too few of them.
    interval_of_all : tuple of float, optional
        95 % interval that holds together with those of all arms and the views of its role, and so for whichever is
        picked; absent before format 4.
    rho_at_80_percent_power : float, optional
        Correlation that the held-out tests, corrected over arms and views as these are, find in 80 % of studies;
        absent before format 4, and where there is none.
    p_best : float, optional
        In files before format 4: the share of bootstrap draws in which the arm is first, overconfident.
    """

    arm: str
    arm_label: str
    view: str
    trained: bool
    role: Role
    rho: float
    interval: OptionalInterval
    p: float
    p_max_t: float
    trace: Annotated[float | None, OMITTED_IF_NONE] = None
    p_of_both: Annotated[tuple[float, float] | None, OMITTED_IF_NONE] = None
    in_sample_r1: float
    x_cca: int
    rank: int
    rank_interval: Interval
    interval_of_all: Annotated[OptionalInterval | None, OMITTED_IF_NONE] = None
    rho_at_80_percent_power: Annotated[float | None, OMITTED_IF_NONE] = None
    p_best: Annotated[float | None, OMITTED_IF_NONE] = None
    tail: Annotated[FittedTail | None, OMITTED_IF_NONE] = None
    tails_of_both: Annotated[tuple[FittedTail, FittedTail] | None, OMITTED_IF_NONE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmDifference:
    """First held-out correlation of ``arm_a`` minus that of ``arm_b``, in the same subjects, folds and permutations:
    ``difference``, its 95 % ``interval`` (None, None where an arm has no valid one), the paired ``p``, and
    ``p_corrected`` over the pairs of the view."""

    arm_a: str
    arm_b: str
    view: str
    difference: float
    interval: OptionalInterval
    p: float
    p_corrected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StrandConsistency:
    """Gene vectors of both strands of the reference, over ``n_genes``: their cosine, and the norm of their difference
    over that of their mean."""

    n_genes: int
    median_cosine: float
    least_cosine: float
    median_relative_l2: float
    most_relative_l2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCost:
    """What the vectors of one store have cost, over all runs that filled it.

    Attributes
    ----------
    n_encoded, n_forward_passes : int
    seconds : float
        Wall time of embedding.
    peak_gb : float or None
        Largest resident memory of the process in GiB, libraries included; None where nothing was embedded.
    store_gb : float
        Vectors on disk, GiB.
    """

    n_encoded: int
    n_forward_passes: int
    seconds: Number
    peak_gb: float | None
    store_gb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingCost(StoreCost):
    """With the longest reference window, ``window_bp`` bases, and the 10^9 operations of one pass over it."""

    window_bp: int
    gflop_per_window: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmProperties:
    """What an arm is apart from how it aligns; ``rc_consistency`` and ``cost`` are None for vectors made elsewhere."""

    arm: str
    arm_label: str
    rc_mode: str
    hidden_dim: int
    trained: bool
    rc_consistency: StrandConsistency | None
    cost: EmbeddingCost | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentationLikeness:
    """How alike the scores of two arms that enter CCA are.

    Attributes
    ----------
    arm_a, arm_b : str
    cka : float
        Linear CKA, 0 to 1.
    smallest_angle, median_angle, largest_angle : float
        Principal angles, degrees.
    n_alike, n_components : int
        Directions closer than 30 degrees, of how many.
    """

    arm_a: str
    arm_b: str
    cka: float
    smallest_angle: float
    median_angle: float
    largest_angle: float
    n_alike: int
    n_components: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadingStability:
    """Spearman correlation of the genes' loadings over all pairs of folds: ``mean`` and ``least``; None where a
    fold gives the genes no order: one gene, genes of one loading, scores that are constant in its subjects."""

    arm: str
    view: str
    mean: float | None
    least: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmsDescription:
    """``comparison/arms.json``: the arms, every pair of them, and every arm on every tested view."""

    arms: tuple[ArmProperties, ...]
    alike: tuple[RepresentationLikeness, ...]
    stability: tuple[LoadingStability, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``comparison.json``.

    Attributes
    ----------
    metric : str
        What is compared.
    rows : tuple of ComparisonRow, [n_arms * n_views]
    differences : tuple of ArmDifference, [n_views * n_pairs]
    n_permutations : int
    note : str
        How p was corrected, for readers.
    arms, alike, stability : optional
        As of `ArmsDescription`, where arms are compared as encoders.
    """

    metric: str
    rows: tuple[ComparisonRow, ...]
    differences: tuple[ArmDifference, ...]
    n_permutations: int
    note: str
    arms: Annotated[tuple[ArmProperties, ...] | None, OMITTED_IF_NONE] = None
    alike: Annotated[tuple[RepresentationLikeness, ...] | None, OMITTED_IF_NONE] = None
    stability: Annotated[tuple[LoadingStability, ...] | None, OMITTED_IF_NONE] = None
