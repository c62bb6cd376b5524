"""What covariates leave of a response: the residual whose product with a score is the test of that score.

Of every model here the derivative of the log-likelihood by the coefficient of a new column, at no effect, is the
product of that column with one residual (Rao's score test): the residual of least squares, observed less expected
probability, what an ordered model leaves, the martingale residual of a proportional-hazards model.
"""

# ruff: noqa: F722

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix
from fusion.association.response import Response
from fusion.association.separation import is_separated
from fusion.association.statsmodels_fits import fit_cox, fit_logistic, fit_ordinal
from fusion.errors import NotDefinedError

FEWEST = 10
"""Subjects of a class, of a level's either side, or events, below which nothing is fitted."""
FEWEST_FREE = 10
"""Subjects beyond intercept and covariates."""


def check_answerable(response: Response, n_covariates: int) -> None:
    """Raise a `NotDefinedError` that says why these subjects cannot answer, if they cannot.

    Parameters
    ----------
    response : Response
    n_covariates : int
        Columns that are adjusted for, with the intercept.
    """
    values = response.values[response.rows]
    if len(values) - n_covariates < FEWEST_FREE:
        raise NotDefinedError(
            f"fewer than {FEWEST_FREE} subjects are left beyond the {n_covariates} columns that are adjusted for"
        )
    if np.ptp(values) == 0:
        raise NotDefinedError("it has one value alone")
    if response.kind == "time":
        assert response.happened is not None
        if response.happened[response.rows].sum() < FEWEST:
            raise NotDefinedError(f"fewer than {FEWEST} subjects have the event")
    elif response.kind == "binary" and min((values == 1).sum(), (values == 0).sum()) < FEWEST:
        raise NotDefinedError(f"one of its two sides has fewer than {FEWEST} subjects")
    elif response.kind == "ordinal" and np.sort(np.bincount(values.astype(np.int64)))[:-1].sum() < FEWEST:
        raise NotDefinedError(f"fewer than {FEWEST} subjects are outside its most frequent level")


def null_residuals(response: Response, basis: Float64[np.ndarray, "n_known R"]) -> Float64[np.ndarray, " n_known"]:
    """Residual of a model with covariates alone, orthogonal to them, [n_known].

    Parameters
    ----------
    response : Response
    basis : float64 array, shape [n_known, R]
        Intercept and covariates of those of whom the response is known, orthonormal.

    Raises
    ------
    NotDefinedError
        Too few subjects, or covariates that tell the outcome by themselves.

    References
    ----------
    Rao (1948), doi:10.1017/S0305004100023987; Therneau, Grambsch & Fleming (1990), doi:10.1093/biomet/77.1.147.
    """
    check_answerable(response, basis.shape[1])
    known = response.take(response.rows)
    covariates = basis[:, 1:] * np.sqrt(len(basis))
    if known.kind != "continuous" and basis.shape[1] > 1 and is_separated(known, covariates):
        raise NotDefinedError("the covariates tell it by themselves (separation)")
    residuals = _residuals(known, covariates)
    residuals = residuals - basis @ (basis.T @ residuals)
    if np.linalg.norm(residuals) <= 1e-8 * np.linalg.norm(known.values - known.values.mean()):
        raise NotDefinedError("the covariates leave nothing of it")
    return np.asarray(residuals)


def _residuals(known: Response, covariates: Matrix) -> Matrix:
    if known.kind == "continuous":
        return known.values
    if known.kind == "binary":
        return np.asarray(known.values - fit_logistic(known, covariates).predict())
    if known.kind == "ordinal":
        return _of_ordered(known, covariates)
    linear = covariates @ np.asarray(fit_cox(known, covariates, ties="breslow").params)
    return _martingale(known, np.exp(linear - linear.max()))


def _martingale(known: Response, hazard: Matrix) -> Matrix:
    """Events less those that were expected while a subject was at risk, by Breslow's baseline."""
    assert known.happened is not None
    times, place = np.unique(known.values, return_inverse=True)
    events, at_risk = (
        np.bincount(place, weights=weights, minlength=len(times)) for weights in (known.happened.astype(float), hazard)
    )
    baseline = np.cumsum(events / np.cumsum(at_risk[::-1])[::-1])
    return np.asarray(known.happened - hazard * baseline[place])


def _of_ordered(known: Response, covariates: Matrix) -> Matrix:
    """Derivative of every subject's log-likelihood by its linear predictor: F(upper) + F(lower) - 1 of the logistic."""
    found = fit_ordinal(known, covariates)
    thresholds = np.asarray(found.model.transform_threshold_params(found.params))  # from -inf to inf
    linear = covariates @ np.asarray(found.params)[: covariates.shape[1]]
    codes = known.values.astype(np.int64)
    lower, upper = (1 / (1 + np.exp(linear - thresholds[codes + side])) for side in (0, 1))
    return np.asarray(lower + upper - 1)
