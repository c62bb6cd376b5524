"""Curves of a prediction, of groups of subjects alone: calibration and net benefit."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Mean prediction and mean outcome of ``n`` subjects with neighbouring predictions."""

    predicted: float
    observed: float
    n: int


def calibration_bins(
    observed: Float64[np.ndarray, " n_subjects"],
    predicted: Float64[np.ndarray, " n_subjects"],
    *,
    n_bins: int = 10,
    smallest: int = 10,
) -> list[CalibrationBin]:
    """Mean outcome against mean prediction, in bins of equal numbers of subjects.

    Parameters
    ----------
    observed, predicted : float64 array, shape [n_subjects]
        Of cases 0 or 1, and their probability; or numbers.
    n_bins : int
    smallest : int
        Subjects in every bin: fewer bins where they are few.
    """
    order = np.argsort(predicted, kind="stable")
    parts = np.array_split(order, max(1, min(n_bins, len(order) // smallest)))
    return [CalibrationBin(float(predicted[rows].mean()), float(observed[rows].mean()), len(rows)) for rows in parts]


def net_benefit(
    is_case: Bool[np.ndarray, " n_subjects"],
    probability: Float64[np.ndarray, " n_subjects"],
    thresholds: Float64[np.ndarray, " n_thresholds"],
) -> Float64[np.ndarray, " n_thresholds"]:
    """Net benefit of treating whoever reaches a threshold: true positives less false ones at the threshold's odds.

    Parameters
    ----------
    is_case : bool array, shape [n_subjects]
    probability : float64 array, shape [n_subjects]
    thresholds : float64 array, shape [n_thresholds]
        Above 0 and below 1.

    References
    ----------
    Vickers & Elkin (2006), doi:10.1177/0272989X06295361.

    Examples
    --------
    >>> import numpy as np
    >>> cases = np.array([True, False, True, False])
    >>> net_benefit(cases, np.array([0.9, 0.8, 0.7, 0.1]), np.array([0.5])).tolist()
    [0.25]
    """
    treated = probability[:, np.newaxis] >= thresholds
    true, false = (treated & is_case[:, np.newaxis]).mean(axis=0), (treated & ~is_case[:, np.newaxis]).mean(axis=0)
    return np.asarray(true - false * thresholds / (1 - thresholds))
