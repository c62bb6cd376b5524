"""How large an association is: a partial correlation, or the odds or hazard ratio of one standard deviation."""

# ruff: noqa: F722

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from scipy.stats import norm

from fusion.arrays import Matrix
from fusion.association.response import Response
from fusion.association.separation import is_separated
from fusion.association.statsmodels_fits import fit_cox, fit_linear, fit_logistic, fit_ordinal
from fusion.cross_validation.resampling import bootstrap_correlations, percentile_interval
from fusion.cross_validation.score_tails import ScoreTails
from fusion.errors import NotDefinedError

MEASURES = {
    "continuous": "partial correlation",
    "binary": "odds ratio",
    "ordinal": "odds ratio",
    "time": "hazard ratio",
}
"""What `Effect.value` is; of ratios one standard deviation of the score is the unit."""
NO_EFFECT = {"partial correlation": 0.0, "odds ratio": 1.0, "hazard ratio": 1.0}
_Z = float(norm.ppf(0.975))
WIDEST = 50.0
"""Standard error of a logarithm of a ratio beyond which there is no telling."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One association.

    Attributes
    ----------
    value : float
        By `MEASURES`.
    interval : tuple of float, or None
        95 %: bootstrap of residuals of a correlation, Wald's of a ratio, clusters drawn or counted as one. None where
        few subjects carry the correlation, so that no interval is valid.
    p : float
        Of the model (t or Wald), which takes its assumptions as given; the permutation takes none of them.
    """

    value: float
    interval: tuple[float, float] | None
    p: float


def fit_effect(
    response: Response,
    score: Float64[np.ndarray, " n_subjects"],
    basis: Float64[np.ndarray, "n_known R"],
    clusters: Int64[np.ndarray, " n_subjects"],
    *,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Effect:
    """Effect of a score on a response, covariates held fixed.

    Parameters
    ----------
    response : Response
    score : float64 array, shape [n_subjects]
        In the unit that a ratio speaks of.
    basis : float64 array, shape [n_known, R]
        Intercept and covariates of those of whom the response is known, orthonormal.
    clusters : int array, shape [n_subjects]
        Who is drawn and counted as one; each subject's own for independent ones.
    n_bootstrap, seed : int
        Of the interval of a correlation.

    Raises
    ------
    NotDefinedError
        The score does not vary, or with it the outcomes are told apart without a mistake, so that no ratio is the
        likeliest.

    References
    ----------
    Fisher (1924), on partial correlations, Metron 3, 329-332; McCullagh (1980), doi:10.1111/j.2517-6161.1980.tb01109.x;
    Cox (1972), doi:10.1111/j.2517-6161.1972.tb00899.x; Huber's errors by cluster: Liang & Zeger (1986),
    doi:10.1093/biomet/73.1.13.
    """
    known, column = response.take(response.rows), score[response.rows]
    members = np.unique(clusters[response.rows], return_inverse=True)[1]
    related = members if len(np.unique(members)) < len(members) else None
    residual = column - basis @ (basis.T @ column)
    if np.linalg.norm(residual) <= 1e-8 * max(float(np.linalg.norm(column)), 1e-300):
        raise NotDefinedError("the score does not vary once the covariates are removed")
    if response.kind == "continuous":
        return _correlation(known, column, basis, members, related, n_bootstrap, seed)
    covariates = basis[:, 1:] * math.sqrt(len(basis))
    design = np.column_stack([column, covariates])
    if is_separated(known, design):
        raise NotDefinedError(
            "with this score no subject is on the wrong side (separation), so that no ratio is finite"
        )
    fit = {"binary": fit_logistic, "ordinal": fit_ordinal, "time": fit_cox}[response.kind]
    found = fit(known, design, related)
    log_ratio, error = float(np.asarray(found.params)[0]), float(np.asarray(found.bse)[0])
    if not (math.isfinite(error) and 0 < error < WIDEST):
        raise NotDefinedError("its model does not converge")
    low, high = log_ratio - _Z * error, log_ratio + _Z * error
    return Effect(math.exp(log_ratio), (math.exp(low), math.exp(high)), float(2 * norm.sf(abs(log_ratio) / error)))


def _correlation(
    known: Response,
    column: Matrix,
    basis: Matrix,
    members: Int64[np.ndarray, " n_known"],
    related: Int64[np.ndarray, " n_known"] | None,
    n_bootstrap: int,
    seed: int,
) -> Effect:
    fitted = fit_linear(known, np.column_stack([column, basis[:, 1:]]), related)
    score, outcome = (one - basis @ (basis.T @ one) for one in (column, known.values))
    value = float(score @ outcome / (np.linalg.norm(score) * np.linalg.norm(outcome)))
    one_fold = np.zeros(len(column), dtype=np.int64)
    sides = score[:, np.newaxis], outcome[:, np.newaxis]
    interval = None
    if not ScoreTails.of(*sides, one_fold).too_heavy[0]:
        # Residuals scatter less than errors, by the degrees of freedom that covariates took.
        widening = math.sqrt((len(column) - 1) / (len(column) - basis.shape[1]))
        settings: dict[str, Any] = {"n_draws": n_bootstrap, "seed": seed}
        draws = bootstrap_correlations(*sides, one_fold, members, widening=widening, **settings)
        low, high = percentile_interval(draws)[0]
        interval = (float(low), float(high))
    return Effect(value, interval, float(np.asarray(fitted.pvalues)[0]))
