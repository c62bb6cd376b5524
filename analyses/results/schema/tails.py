"""p-values of fitted tails, beside the counted ones of alignments and comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from analyses.results.serialisation import OMITTED_IF_FALSE, OMITTED_IF_NONE, OptionalInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTail:
    """The p of a law fitted to the permuted values, where they carry one; the counted p beside it stands in any case.

    Attributes
    ----------
    p : float or None
        None where none was fitted.
    interval : tuple of (low, high)
        95 % interval of `p` over other permutations, if the law holds; None, None without `p`.
    is_least : bool
        `p` is an upper bound: the observed value lies beyond what the fit is read to, or the statistic is one held-out
        correlation, whose null has a lighter tail than the law (`interval` then begins at 0).
    method : str
        ``pearson III``, ``gamma`` (its form with two moments, from 0) or ``generalised Pareto``; empty without `p`.
    goodness, shape, threshold : float or None
        p of the goodness of fit, at most 0.5; skewness, or shape of the Pareto tail above ``threshold``.
    n_fitted : int
        Permutations that the law was fitted to.
    n_exceeding : int
        Permutations that reach the observed value.
    refusal : str, optional
        Why there is none.
    """

    p: float | None
    interval: OptionalInterval
    is_least: Annotated[bool, OMITTED_IF_FALSE] = False
    method: str
    goodness: Annotated[float | None, OMITTED_IF_NONE] = None
    shape: Annotated[float | None, OMITTED_IF_NONE] = None
    threshold: Annotated[float | None, OMITTED_IF_NONE] = None
    n_fitted: int
    n_exceeding: int
    refusal: Annotated[str | None, OMITTED_IF_NONE] = None
