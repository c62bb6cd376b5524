"""DeLong's test of two areas under the ROC curve of the same subjects: of one split alone."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.stats import norm, rankdata

from fusion.errors import InputError

_Z = float(norm.ppf(0.975))


@dataclass(frozen=True, slots=True)
class DeLongTest:
    """Difference of two AUROC (first minus second), its standard error, 95 % interval and two-sided p.

    Interval and p are NaN where predictions differ and none of them varies: there is no standard error then."""

    difference: float
    standard_error: float
    interval: tuple[float, float]
    p: float


def delong_test(
    is_case: Bool[np.ndarray, " n_subjects"],
    first: Float64[np.ndarray, " n_subjects"],
    second: Float64[np.ndarray, " n_subjects"],
) -> DeLongTest:
    """Compare two predictors of independent subjects, both fitted on other ones.

    Predictions pooled over the folds of a cross-validation are not such: every subject trained the models of the
    others.

    Parameters
    ----------
    is_case : bool array, shape [n_subjects]
    first, second : float64 array, shape [n_subjects]
        Larger for cases.

    Raises
    ------
    InputError
        Fewer than two cases or two controls.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), doi:10.2307/2531595; by ranks: Sun & Xu (2014),
    doi:10.1109/LSP.2014.2337313.

    Examples
    --------
    >>> import numpy as np
    >>> cases = np.array([False, False, False, True, True])
    >>> found = delong_test(cases, np.array([1.0, 2, 3, 4, 5]), np.array([1.0, 2, 5, 4, 3]))
    >>> round(found.difference, 3), round(found.p, 3)
    (0.333, 0.317)
    """
    n_cases, n_controls = int(is_case.sum()), int((~is_case).sum())
    if min(n_cases, n_controls) < 2:
        raise InputError(f"DeLong's test needs two cases and two controls; got {n_cases} and {n_controls}.")
    of_cases, of_controls = np.empty((2, n_cases)), np.empty((2, n_controls))
    for row, predicted in enumerate((first, second)):
        ranks = rankdata(predicted)
        of_cases[row] = (ranks[is_case] - rankdata(predicted[is_case])) / n_controls
        of_controls[row] = 1 - (ranks[~is_case] - rankdata(predicted[~is_case])) / n_cases
    difference = float(of_cases[0].mean() - of_cases[1].mean())
    variance = _variance_of_mean(of_cases[0] - of_cases[1]) + _variance_of_mean(of_controls[0] - of_controls[1])
    error = float(np.sqrt(variance))
    if error == 0 and difference != 0:  # right of everybody against the same of everybody: nothing varies
        return DeLongTest(difference, 0.0, (np.nan, np.nan), np.nan)
    if error == 0:
        return DeLongTest(0.0, 0.0, (0.0, 0.0), 1.0)
    p = float(2 * norm.sf(abs(difference) / error))
    return DeLongTest(difference, error, (difference - _Z * error, difference + _Z * error), p)


def _variance_of_mean(values: Float64[np.ndarray, " n"]) -> float:
    return float(values.var(ddof=1) / len(values))
