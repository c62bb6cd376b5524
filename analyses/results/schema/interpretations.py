"""What the first component of an alignment is made of, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from analyses.results.serialisation import OMITTED_IF_NONE, Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneLoading:
    """A gene in the first component.

    Attributes
    ----------
    gene_id : str
    loading, max : float
        Root mean square, and largest in size, of its columns' correlations with the genetic score.
    n_columns : int
        Columns of the gene view.
    rank : int
        1 is the largest loading.
    cross_loading : float
        The same root mean square with the brain score.
    lo, hi : float or None
        95 % bootstrap interval of `loading`; None where too few subjects bore refits, or where the component is tied.
    communality, communality_lo, communality_hi : float, optional
        Where components are tied: mean share (0 to 1) of its columns' variance in the space that these span, and its
        95 % bootstrap interval.
    """

    gene_id: str
    loading: float
    max: float
    n_columns: int
    rank: int
    cross_loading: float
    lo: float | None = None
    hi: float | None = None
    communality: Annotated[float | None, OMITTED_IF_NONE] = None
    communality_lo: Annotated[float | None, OMITTED_IF_NONE] = None
    communality_hi: Annotated[float | None, OMITTED_IF_NONE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureLoading:
    """A brain feature in the first component: ``loading`` is its correlation with the brain score, ``cross_loading``
    that with the genetic score; ``rank``, ``lo``, ``hi`` and what is said where components are tied as of a gene."""

    feature: str
    loading: float
    rank: int
    cross_loading: float
    lo: float | None = None
    hi: float | None = None
    communality: Annotated[float | None, OMITTED_IF_NONE] = None
    communality_lo: Annotated[float | None, OMITTED_IF_NONE] = None
    communality_hi: Annotated[float | None, OMITTED_IF_NONE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitHalf:
    """Cosine of the first component fitted to two random halves of the subjects: ``median`` and central 95 %
    ``interval`` over repeats, and median and 95 % point where pairs were shuffled."""

    median: float
    interval: Interval
    null_median: float
    null_q95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitHalves:
    """`SplitHalf` of weights and loadings, of genes (x) and brain (y)."""

    x_weights: SplitHalf
    y_weights: SplitHalf
    x_loadings: SplitHalf
    y_loadings: SplitHalf


@dataclass(frozen=True, slots=True)
class VarianceExtracted:
    """Share (0 to 1) of each side's variance that its own first score carries."""

    genes: float
    brain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Redundancy:
    """Share (0 to 1) of one side's variance that the other side's first score explains, in sample and held out."""

    genes_given_brain: float
    brain_given_genes: float
    genes_given_brain_held_out: float
    brain_given_genes_held_out: float


@dataclass(frozen=True, slots=True)
class Angle:
    """Largest principal angle in degrees, 0 to 90, between a space and those of bootstrap refits: ``median``, and the
    95 % point ``upper``, below which the angle to the population's space lies."""

    median: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tied:
    """Leading components too near one another to be told apart: their in-sample ``canonical_correlations``, and how
    sure the space is that they span together."""

    canonical_correlations: tuple[float, ...]
    genes: Angle
    brain: Angle


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation:
    """How sure the first component is: ``n_bootstrap`` refits behind the loadings' intervals, ``n_halves`` repeats
    behind ``split_half`` (None where halves are too small to fit), and what it explains; ``tied`` where it cannot be
    told from the components after it, so that loadings have no interval."""

    n_bootstrap: int
    n_halves: int
    split_half: SplitHalves | None
    variance_extracted: VarianceExtracted
    redundancy: Redundancy
    tied: Annotated[Tied | None, OMITTED_IF_NONE] = None
