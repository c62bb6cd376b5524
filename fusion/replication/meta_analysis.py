"""Correlations of several studies combined: fixed and random effects on Fisher's z, heterogeneity, one p of all."""

# ruff: noqa: F722

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.stats import chi2, norm, t
from statsmodels.stats.meta_analysis import combine_effects

from fusion.arrays import ArrayLike, Matrix, Real
from fusion.errors import InputError

FEWEST_FOR_PREDICTION = 3
DRAWS = 2000
HALVINGS = 40
MOST_STEPS = 1000
"""Of the iteration for the between-study variance, which converges in a few."""


@dataclass(frozen=True)
class Pooled:
    """A correlation common to all studies, or the mean of those of many: estimate and 95 % interval, both as
    correlations, and the standard error on Fisher's z."""

    rho: float
    interval: tuple[float, float]
    se: float


@dataclass(frozen=True)
class MetaAnalysis:
    """Combined correlations of k studies.

    Attributes
    ----------
    fixed : Pooled
        One correlation in all studies, weights inverse variances.
    dersimonian_laird, paule_mandel : Pooled
        Mean of correlations that differ between studies, by the estimator of their variance; normal intervals.
    hartung_knapp : Pooled
        The mean by Paule and Mandel's variance, with Hartung and Knapp's interval (t with k - 1 degrees of freedom),
        its standard error no smaller than that of `paule_mandel`.
    tau2 : tuple of float
        Variance of Fisher's z between studies, by DerSimonian and Laird and by Paule and Mandel.
    q, q_p, i2 : float
        Cochran's Q, its p, and the share (0 to 1) of scatter that is between studies.
    prediction : tuple of float, or None
        95 % interval for the correlation of another study, which counts in how uncertain the variance between studies
        is; None for fewer than three studies.
    weights : float64 array, shape [k]
        Shares of the studies in the mean of `paule_mandel`.
    """

    fixed: Pooled
    dersimonian_laird: Pooled
    paule_mandel: Pooled
    hartung_knapp: Pooled
    tau2: tuple[float, float]
    q: float
    q_p: float
    i2: float
    prediction: tuple[float, float] | None
    weights: Float64[np.ndarray, " k"]


def combine_estimates(effects: ArrayLike, variances: ArrayLike) -> MetaAnalysis:
    """Combine estimates on whatever scale they are normal on, with their variances; ``rho`` is then on that scale.

    `combine_correlations` does it on Fisher's z.
    """
    return _combine(np.asarray(effects, dtype=float), np.asarray(variances, dtype=float), float)


def combine_correlations(rho: ArrayLike, se: ArrayLike) -> MetaAnalysis:
    """Combine correlations of studies that share no subject.

    Parameters
    ----------
    rho : sequence of float, length k
        In (-1, 1).
    se : sequence of float, length k
        Standard errors of Fisher's z of each; `se_of_interval` reads them off an interval.

    Raises
    ------
    InputError
        Fewer than two studies, or numbers that are no correlations or standard errors.

    References
    ----------
    DerSimonian & Laird (1986), doi:10.1016/0197-2456(86)90046-2; Paule & Mandel (1982), doi:10.6028/jres.087.022;
    Hartung & Knapp (2001), doi:10.1002/sim.1009; Röver, Knapp & Friede (2015), doi:10.1186/s12874-015-0091-1; Higgins
    & Thompson (2002), doi:10.1002/sim.1186; Nagashima, Noma & Furukawa (2019), doi:10.1177/0962280218773520.

    Examples
    --------
    Six correlations of Borenstein et al. (2009), chapter 14:

    >>> import numpy as np
    >>> n = np.array([40, 90, 25, 400, 60, 50])
    >>> found = combine_correlations([0.5, 0.6, 0.4, 0.2, 0.7, 0.45], (n - 3) ** -0.5)
    >>> round(found.fixed.rho, 4), round(found.dersimonian_laird.rho, 4), round(found.tau2[0], 4)
    (0.3584, 0.4875, 0.0819)
    """
    values, errors = np.asarray(rho, dtype=float), np.asarray(se, dtype=float)
    if len(values) != len(errors) or len(values) < 2:
        raise InputError(
            f"A meta-analysis combines at least two studies, each with its standard error; got {len(values)} "
            f"correlations and {len(errors)} standard errors: give one of each a study."
        )
    for number, (one, error) in enumerate(zip(values, errors, strict=True), start=1):
        if not (-1 < one < 1 and 0 < error < math.inf):
            raise InputError(
                "A meta-analysis needs correlations between -1 and 1 with positive standard errors; study "
                f"{number} has {one:g} and {error:g}: correct it or leave it out."
            )
    return _combine(np.arctanh(values), errors**2, math.tanh)


def _combine(effects: Matrix, variances: Matrix, back: Callable[[float], float]) -> MetaAnalysis:
    """Everything from estimates on a scale on which they are normal; `back` leads to the scale on which it is shown."""

    def interval(centre: float, se: float, critical: float) -> tuple[float, float]:
        return back(centre - critical * se), back(centre + critical * se)

    def pooled(centre: float, se: float, critical: float) -> Pooled:
        return Pooled(back(centre), interval(centre, se, critical), se)

    with np.errstate(divide="ignore"):  # equal effects: no scatter to share out
        iterated = combine_effects(effects, variances, method_re="pm", use_t=False, atol=1e-10, maxiter=MOST_STEPS)
    k, q, weights = len(effects), float(iterated.q), 1 / variances
    between = (q - (k - 1)) / (weights.sum() - (weights**2).sum() / weights.sum())
    tau2 = max(0.0, float(between)), float(iterated.tau2)  # an estimate below 0 is none
    laird, mandel = (_mean(effects, variances, one) for one in tau2)
    normal, critical = float(norm.isf(0.025)), float(t.isf(0.025, k - 1))
    se_knapp = max(
        float(np.sqrt(iterated.var_hksj_re)), mandel[1]
    )  # studies that agree by chance say no more than that
    return MetaAnalysis(
        fixed=pooled(float(iterated.mean_effect_fe), float(iterated.sd_eff_w_fe), normal),
        dersimonian_laird=pooled(*laird, normal),
        paule_mandel=pooled(*mandel, normal),
        hartung_knapp=pooled(mandel[0], se_knapp, critical),
        tau2=tau2,
        q=q,
        q_p=float(chi2.sf(q, k - 1)),
        i2=max(0.0, 1 - (k - 1) / q) if q > 0 else 0.0,
        prediction=_interval_of_another(effects, variances, back) if k >= FEWEST_FOR_PREDICTION else None,
        weights=np.asarray(iterated.weights_rel_re, dtype=float),
    )


def _mean(effects: Matrix, variances: Matrix, tau2: float) -> tuple[float, float]:
    weights = 1 / (variances + tau2)
    return float(weights @ effects / weights.sum()), float(weights.sum() ** -0.5)


def _interval_of_another(effects: Matrix, variances: Matrix, back: Callable[[float], float]) -> tuple[float, float]:
    """95 % interval for the effect of another study, from draws of the variance between studies, the mean, the study.

    The weighted scatter of the effects has a chi-square distribution whatever that variance is, which turns draws of
    chi-square into draws of the variance: nothing of it is taken as known.

    References
    ----------
    Nagashima, Noma & Furukawa (2019), doi:10.1177/0962280218773520; Viechtbauer (2007), doi:10.1002/sim.2514.
    """
    rng, k = np.random.default_rng(0), len(effects)
    wanted = rng.chisquare(k - 1, DRAWS)
    tau2 = _variances_of_scatter(effects, variances, wanted)
    scatter, mean, precision = _scatter(effects, variances, tau2)
    # Studies that agree by chance say no more than their sizes, here as in the interval of the mean.
    knapp = np.sqrt(np.where(tau2 > 0, scatter / (k - 1), np.maximum(scatter / (k - 1), 1.0)) / precision)
    drawn = mean + rng.standard_t(k - 1, DRAWS) * knapp + rng.standard_normal(DRAWS) * np.sqrt(tau2)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return back(float(low)), back(float(high))


def _scatter(effects: Matrix, variances: Matrix, tau2: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Weighted scatter of the effects, their weighted mean and its precision, [n] each, for n variances between."""
    weights = 1 / (variances + tau2[:, np.newaxis])
    precision = weights.sum(axis=1)
    mean = weights @ effects / precision
    scatter = (weights * (effects - mean[:, np.newaxis]) ** 2).sum(axis=1)
    return np.asarray(scatter), np.asarray(mean), np.asarray(precision)


def _variances_of_scatter(effects: Matrix, variances: Matrix, wanted: Matrix) -> Matrix:
    """Variance between studies at which the weighted scatter is what is wanted, [n]; 0 where it is less already."""
    none = np.zeros(len(wanted))
    low, high = none, none + effects.var() + variances.max()
    while (is_above := _scatter(effects, variances, high)[0] > wanted).any():
        high = np.where(is_above, 2 * high, high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_above = _scatter(effects, variances, middle)[0] > wanted
        low, high = np.where(is_above, middle, low), np.where(is_above, high, middle)
    return np.where(_scatter(effects, variances, none)[0] > wanted, high, 0.0)


def se_of_interval(low: Real, high: Real, *, level: Real = 0.95) -> float:
    """Standard error of Fisher's z on which an interval of a correlation rests.

    A bootstrap interval of held-out correlations knows of folds that share subjects and of families, which 1 / sqrt(n)
    does not.

    Examples
    --------
    >>> import math
    >>> round(se_of_interval(math.tanh(0.3 - 1.96 * 0.1), math.tanh(0.3 + 1.96 * 0.1)), 3)
    0.1
    """
    if not -1 < low < high < 1:
        raise InputError(
            f"An interval of a correlation lies inside -1 and 1, low before high; got {low:g} to {high:g}."
        )
    return (math.atanh(float(high)) - math.atanh(float(low))) / (2 * float(norm.isf((1 - float(level)) / 2)))


def stouffer(p: ArrayLike, n: ArrayLike, draws: ArrayLike) -> float:
    """One-sided p of several studies together, weighted by the square roots of their numbers of subjects.

    Parameters
    ----------
    p : sequence of float
        One-sided permutation p, identity counted.
    n : sequence of int
        Subjects.
    draws : sequence of int
        Permutations: a p of 1 stands for more than half a permutation below it.

    References
    ----------
    Liptak (1958), Magyar Tud. Akad. Mat. Kut. Int. Közl. 3, 171-196; Zaykin (2011),
    doi:10.1111/j.1420-9101.2011.02297.x.

    Examples
    --------
    >>> round(stouffer([0.05, 0.05], [100, 100], [999, 999]), 4)
    0.01
    """
    bounded = np.minimum(np.asarray(p, dtype=float), 1 - 0.5 / (np.asarray(draws, dtype=float) + 1))
    weights = np.sqrt(np.asarray(n, dtype=float))
    return float(norm.sf(weights @ norm.isf(bounded) / np.linalg.norm(weights)))
