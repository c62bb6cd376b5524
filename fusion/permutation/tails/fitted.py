"""p-values of fitted tails: which law, how sure, and when the counted p stands alone.

The law is fitted to the permutations alone. The observed value is one more draw of theirs only under the null; where
there is a link it lies far out, and would fit the very tail that it is held against. The counted p counts it still.
"""

# ruff: noqa: F722

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Float64
from scipy.stats import t as student

from fusion.arrays import Matrix
from fusion.permutation.p_values import permutation_p, remaining_maxima
from fusion.permutation.tails.goodness import LEAST_SURVIVAL, goodness_of_pareto, goodness_of_pearson
from fusion.permutation.tails.laws import Law, ParetoTail, PearsonIII, Tail
from fusion.permutation.tails.limits import ENOUGH_EXCEEDING, FEWEST_COLUMNS, FEWEST_DRAWS, WIDEST

REACHES = (100, 30, 10, 3)
"""How many times below the smallest p that can be counted a fit is read: the furthest that its interval allows."""

LEVEL = 0.05
"""A law of goodness p below it is refused."""

N_GROUPS = 40
"""Of permutations, left out in turn."""

REPEATS_AMONG = 2000
MOST_REPEATS = 1 / (2 * REACHES[0])
"""Share of repeated values among the first permutations above which there are too few distinct ones to read that far:
n of N equally likely ones repeat n^2 / 2N."""

LARGEST_TAIL, SMALLEST_TAIL, STEP = 0.25, 0.05, 0.01
FEWEST_IN_TAIL = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class TailP:
    """A counted p and, where the permutations carry it, the p of a law fitted to them.

    Attributes
    ----------
    p_counted : float
        Identity counted; NaN where nothing was tested.
    n_permutations, n_exceeding : int
        Besides the identity; those that reach the observed value.
    p_fitted : float
        NaN where refused; never below 1 / (100 (n_permutations + 1)).
    interval : tuple of float
        95 % interval of `p_fitted` over other draws of as many permutations, if the law holds.
    method : str
        ``pearson III``, ``gamma`` (its form with two moments, from 0) or ``generalised Pareto``; empty if refused.
    is_least : bool
        `p_fitted` is an upper bound: the observed value lies beyond what the fit is read to, or see `as_bound`.
    threshold : float
        Value above which a Pareto tail was fitted; NaN for a law of all permutations.
    n_fitted : int
        Permutations that were fitted.
    shape : float
        Skewness, or shape of the Pareto tail.
    goodness : float
        p of the goodness of fit, 0.01 to 0.5.
    refusal : str
        Why nothing was fitted, in a sentence; empty where it was.
    """

    p_counted: float
    n_permutations: int
    n_exceeding: int
    p_fitted: float = math.nan
    interval: tuple[float, float] = (math.nan, math.nan)
    method: str = ""
    is_least: bool = False
    threshold: float = math.nan
    n_fitted: int = 0
    shape: float = math.nan
    goodness: float = math.nan
    refusal: str = ""

    @property
    def p_surest(self) -> float:
        """The fitted p where there is one, and the counted one where it stands alone."""
        return self.p_counted if math.isnan(self.p_fitted) else self.p_fitted


def tail_p(null: Float64[np.ndarray, " n_draws"], law: Law = "pearson III") -> TailP:
    """p of one statistic by the fitted tail of its permutation distribution, beside the counted p.

    Tried in turn, until the goodness of fit (p above 5 %) allows: `law`; Pearson's type III with three moments; a
    generalised Pareto law above a threshold, from the upper quarter of the permutations to the upper twentieth. The
    interval comes from leaving out one in forty permutations in turn.

    Parameters
    ----------
    null : float64 array, shape [n_permutations + 1]
        The observed value first; large is evidence.
    law : {"pearson III", "gamma"}
        "gamma" for a statistic that is about a scaled chi-square (-log Wilks' lambda): two moments vary less.

    Returns
    -------
    TailP
        Nothing is fitted where ten permutations or more reach the observed value, where there are fewer than 499, where
        values are infinite or repeat, where no law fits, and where the interval spans more than a factor of ten either
        way even at a third of the smallest p that can be counted. The fit is read as far as that factor allows, at most
        to a hundredth of it; for a value beyond, that is a bound (``is_least``).

    References
    ----------
    Winkler, Ridgway, Douaud, Nichols & Smith (2016), doi:10.1016/j.neuroimage.2016.05.068; Knijnenburg, Wessels,
    Reinders & Shmulevich (2009), doi:10.1093/bioinformatics/btp211.

    Examples
    --------
    >>> import numpy as np
    >>> draws = np.random.default_rng(0).chisquare(12, 999)
    >>> found = tail_p(np.append(39.1, draws), "gamma")  # of a true p of 0.0001
    >>> found.p_counted, round(found.p_fitted, 5), found.method
    (0.001, 9e-05, 'gamma')
    """
    observed, draws = float(null[0]), null[1:]
    counted = float(permutation_p(null[:, np.newaxis])[0])
    if math.isnan(counted):
        return TailP(p_counted=counted, n_permutations=len(draws), n_exceeding=0, refusal="It was not tested.")
    n_exceeding = round(counted * len(null)) - 1
    alone = TailP(p_counted=counted, n_permutations=len(draws), n_exceeding=n_exceeding)
    if refusal := _unfit(draws, alone.n_exceeding):
        return replace(alone, refusal=refusal)
    fitted = _describe_by_moments(draws, law) or _describe_by_excesses(draws)
    if fitted is None:
        return replace(alone, refusal="No law that was tried describes the permuted values.")
    return _read(observed, draws, alone, fitted)


def tail_ps(null: Float64[np.ndarray, "n_draws n_tests"], law: Law = "pearson III") -> tuple[TailP, ...]:
    """`tail_p` of every column."""
    return tuple(tail_p(column, law) for column in null.T)


def unless_narrow(found: TailP, n_columns: int) -> TailP:
    """The fit of a held-out trace, or of a family with one, unless its views have too few columns for any law."""
    if n_columns >= FEWEST_COLUMNS or not found.method:
        return found
    refusal = (
        f"The held-out trace of {n_columns} columns has a heavier tail than any law that is fitted: {FEWEST_COLUMNS} "
        "or more are needed."
    )
    return TailP(
        p_counted=found.p_counted,
        n_permutations=found.n_permutations,
        n_exceeding=found.n_exceeding,
        refusal=refusal,
    )


def as_bound(found: TailP) -> TailP:
    """The fit as an upper bound, its interval from 0: for a statistic whose tail is known to be the lighter one."""
    if not found.method:
        return found
    return replace(found, is_least=True, interval=(0.0, found.interval[1]))


def step_down_tails(null: Float64[np.ndarray, "n_draws n_tests"]) -> tuple[TailP, ...]:
    """`tail_p` of every test corrected over the family by step-down max-T: the fit is to the distribution of maxima.

    A test has the fit of one before it where that has the larger p, as `fusion.permutation.p_values.step_down_max_t`.

    Parameters
    ----------
    null : float64 array, shape [n_permutations + 1, n_tests]
        Row 0 observed; row b of the same permutation in every test, on one scale.
    """
    order, maxima = remaining_maxima(null)
    corrected: dict[int, TailP] = {}
    largest: TailP | None = None
    for place, test in enumerate(order.tolist()):
        found = tail_p(np.append(null[0, test], maxima[1:, place]))
        if largest is None or found.p_surest >= largest.p_surest:
            largest = found
        corrected[test] = largest
    return tuple(corrected[test] for test in range(len(order)))


@dataclass(frozen=True)
class _Fit:
    """A law that the goodness of fit allows, and how to fit it to other draws."""

    law: Tail
    refit: Callable[[Matrix], Tail]
    method: str
    n_fitted: int
    shape: float
    goodness: float
    threshold: float = math.nan


def _unfit(draws: Matrix, n_exceeding: int) -> str:
    """Why no tail is to be fitted to these draws; empty if one is."""
    if n_exceeding >= ENOUGH_EXCEEDING:
        return f"{n_exceeding} of {len(draws)} permutations reach the observed value, so the counted p is sure enough."
    if len(draws) < FEWEST_DRAWS:
        return f"A tail is fitted to {FEWEST_DRAWS} permutations or more; there are {len(draws)}."
    if not np.isfinite(draws).all():
        return "Some permuted values are infinite or missing."
    first = draws[:REPEATS_AMONG]
    if len(first) - len(np.unique(first)) > MOST_REPEATS * len(first):
        return "Permuted values repeat: there are too few distinct permutations for a smooth law."
    return ""


def _describe_by_moments(draws: Matrix, law: Law) -> _Fit | None:
    for kind in dict.fromkeys((law, "pearson III")):
        found = PearsonIII.of(draws, kind)
        goodness = goodness_of_pearson(found, draws, kind)
        if goodness > LEVEL:
            return _Fit(found, partial(PearsonIII.of, law=kind), kind, len(draws), found.skewness, goodness)
    return None


def _describe_by_excesses(draws: Matrix) -> _Fit | None:
    """The largest tail whose goodness of fit allows it."""
    for share in np.arange(LARGEST_TAIL, SMALLEST_TAIL - STEP / 2, -STEP):
        if share * len(draws) < FEWEST_IN_TAIL:
            return None
        found = ParetoTail.of(draws, share)
        excesses = draws[draws > found.threshold]
        goodness = goodness_of_pareto(found, excesses)
        if goodness > LEVEL:
            refit = partial(ParetoTail.of, share=share)
            return _Fit(found, refit, "generalised Pareto", len(excesses), found.shape, goodness, found.threshold)
    return None


def _read(observed: float, draws: Matrix, alone: TailP, fit: _Fit) -> TailP:
    """p at the observed value, or the smallest that the fit is read to."""
    others = [fit.refit(np.delete(draws, slice(group, None, N_GROUPS))) for group in range(N_GROUPS)]
    for reach in REACHES:
        least = 1 / (reach * (len(draws) + 1))
        furthest = fit.law.isf(least)
        value = min(observed, furthest)
        factor = _spread(np.array([other.sf(value) for other in others]))
        if factor <= WIDEST:
            p = max(fit.law.sf(value), least)
            return replace(
                alone,
                p_fitted=p,
                interval=(p / factor, min(1.0, p * factor)),
                method=fit.method,
                is_least=observed > furthest,
                threshold=fit.threshold,
                n_fitted=fit.n_fitted,
                shape=fit.shape,
                goodness=fit.goodness,
            )
    refusal = (
        f"{len(draws)} permutations do not carry a fit that far out: the 95 % interval of its p would span more than a "
        f"factor of {WIDEST:g} either way."
    )
    return replace(alone, refusal=refusal)


def _spread(left_out: Float64[np.ndarray, " n_groups"]) -> float:
    """Factor by which p differs at either end of its 95 % interval: a jackknife of its logarithm."""
    logs = np.log(np.maximum(left_out, LEAST_SURVIVAL))
    error = math.sqrt((N_GROUPS - 1) * float(logs.var()))
    return math.exp(min(float(student.ppf(0.975, N_GROUPS - 1)) * error, 700.0))
