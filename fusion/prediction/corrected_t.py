"""The corrected resampled t-test: differences of repeated folds, which share most of their training subjects."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.stats import t as student

from fusion.errors import InputError


@dataclass(frozen=True, slots=True)
class ResampledT:
    """Mean difference over folds, its 95 % interval and two-sided p.

    Interval and p are NaN where all folds give one difference that is not 0: nothing says how far others would lie."""

    difference: float
    interval: tuple[float, float]
    p: float


def corrected_resampled_t(differences: Float64[np.ndarray, " n_folds"], test_share: float) -> ResampledT:
    """Test the mean of differences over repeated folds.

    Parameters
    ----------
    differences : float64 array, shape [n_folds]
        Of every fold of every repetition.
    test_share : float
        Test subjects per training subject: the variance of the mean is that of the differences times
        (1 / n_folds + test_share) instead of 1 / n_folds.

    Raises
    ------
    InputError
        Fewer than two folds.

    References
    ----------
    Nadeau & Bengio (2003), doi:10.1023/A:1024068626366.

    Examples
    --------
    >>> import numpy as np
    >>> round(corrected_resampled_t(np.array([0.1, 0.3, 0.2, 0.2]), test_share=0.25).p, 3)
    0.041
    """
    n_folds = len(differences)
    if n_folds < 2:
        raise InputError(f"The corrected resampled t-test needs at least two folds; got {n_folds}.")
    mean = float(differences.mean())
    error = float(np.sqrt((1 / n_folds + test_share) * differences.var(ddof=1)))
    if error == 0:
        return ResampledT(mean, (np.nan, np.nan), np.nan) if mean else ResampledT(0.0, (0.0, 0.0), 1.0)
    reach = float(student.ppf(0.975, n_folds - 1)) * error
    p = float(2 * student.sf(abs(mean) / error, n_folds - 1))
    return ResampledT(mean, (mean - reach, mean + reach), p)
