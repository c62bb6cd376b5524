"""Models of statsmodels, called in one way: quiet, converged or refused, and with clusters where there are any."""

# ruff: noqa: F722

import warnings
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Matrix
from fusion.association.response import Response
from fusion.errors import NotDefinedError

Clusters = Int64[np.ndarray, " n_subjects"] | None
NOT_CONVERGED = "its model does not converge"


def _robust(clusters: Clusters) -> dict[str, Any]:
    return {} if clusters is None else {"cov_type": "cluster", "cov_kwds": {"groups": clusters}}


def _with_intercept(design: Matrix) -> Matrix:
    return np.column_stack([design, np.ones(len(design))])


def fit_linear(known: Response, design: Float64[np.ndarray, "n_subjects R"], clusters: Clusters = None) -> Any:
    """Least squares; columns of the design first, the intercept last."""
    import statsmodels.api as sm

    return sm.OLS(known.values, _with_intercept(design)).fit(**_robust(clusters))


def fit_logistic(known: Response, design: Float64[np.ndarray, "n_subjects R"], clusters: Clusters = None) -> Any:
    """Logistic regression; the intercept last."""
    import statsmodels.api as sm

    return _fitted(sm.Logit(known.values, _with_intercept(design)), method="newton", maxiter=100, **_robust(clusters))


def fit_ordinal(known: Response, design: Float64[np.ndarray, "n_subjects R"], clusters: Clusters = None) -> Any:
    """Proportional odds; thresholds last."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    model = OrderedModel(known.values.astype(np.int64), design, distr="logit")
    return _fitted(model, method="bfgs", maxiter=500, **_robust(clusters))


def fit_cox(
    known: Response, design: Float64[np.ndarray, "n_subjects R"], clusters: Clusters = None, *, ties: str = "efron"
) -> Any:
    """Proportional hazards. Whoever was lost before the first event was never at risk in it, and is left out."""
    from statsmodels.duration.hazard_regression import PHReg

    assert known.happened is not None
    waited = known.values >= known.values[known.happened].min()
    events = known.happened[waited].astype(np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = PHReg(known.values[waited], design[waited], status=events, ties=ties)
        found = model.fit(groups=None if clusters is None else clusters[waited], disp=0)
    if not np.isfinite(np.asarray(found.params)).all():
        raise NotDefinedError(NOT_CONVERGED)
    return found


def _fitted(model: Any, **settings: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say of convergence is looked at below
        try:
            found = model.fit(disp=0, **settings)
        except (np.linalg.LinAlgError, ValueError, FloatingPointError):
            raise NotDefinedError(NOT_CONVERGED) from None
    if not (found.mle_retvals["converged"] and np.isfinite(np.asarray(found.params)).all()):
        raise NotDefinedError(NOT_CONVERGED)
    return found
