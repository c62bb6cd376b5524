"""What a table of predictions says beside discrimination: precision, calibration, errors."""

# ruff: noqa: F722

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from fusion.arrays import Matrix
from fusion.prediction.held_out import HeldOutPrediction
from fusion.prediction.outcome import Outcome

BINS = 10
"""Bins of equal width of the expected calibration error."""


def prediction_metrics(outcome: Outcome, prediction: HeldOutPrediction) -> dict[str, float]:
    """Metrics of the subjects held out, all folds together.

    Returns
    -------
    dict of str to float
        Classes: ``AUPRC`` (one class against the rest, averaged, for several), ``Brier`` (its sum over classes, for
        several), ``ECE`` (of the case, or of the most probable class), ``balanced accuracy`` (of the class that is most
        probable beside its share among training subjects). Numbers: ``R2`` (against the mean of the training
        subjects) and ``MAE``, in the outcome's units.
    """
    rows = np.flatnonzero(prediction.tested)
    observed, predicted, expected = outcome.take(rows), prediction.predicted[rows], prediction.expected[rows]
    if outcome.kind == "continuous":
        errors, baseline = observed.values - predicted[:, 0], observed.values - expected[:, 0]
        return {
            "R2": float(1 - (errors**2).sum() / (baseline**2).sum()),
            "MAE": float(np.abs(errors).mean()),
        }
    columns = observed.columns
    if outcome.kind == "binary":
        ece = expected_calibration_error(columns[:, 0] > 0, predicted[:, 0])
        probable = (predicted[:, 0] >= expected[:, 0]).astype(np.int64)
    else:
        chosen = predicted.argmax(axis=1)
        ece = expected_calibration_error(chosen == observed.codes, predicted.max(axis=1))
        probable = (predicted / expected).argmax(axis=1)
    present = columns.sum(axis=0) > 0
    precision = [average_precision_score(columns[:, k], predicted[:, k]) for k in np.flatnonzero(present)]
    return {
        "AUPRC": float(np.mean(precision)),
        "Brier": float(((predicted - columns) ** 2).sum(axis=1).mean()),
        "ECE": ece,
        "balanced accuracy": _balanced_accuracy(observed.codes, probable),
    }


def _balanced_accuracy(observed: NDArray[np.int64], said: NDArray[np.int64]) -> float:
    return float(np.mean([(said[observed == level] == level).mean() for level in np.unique(observed)]))


def expected_calibration_error(
    happened: Bool[np.ndarray, " n_subjects"], probability: Float64[np.ndarray, " n_subjects"], n_bins: int = BINS
) -> float:
    """Mean distance of predicted probability from observed share over bins of equal width, by their numbers.

    Parameters
    ----------
    happened : bool array, shape [n_subjects]
    probability : float64 array, shape [n_subjects]
    n_bins : int
        A probability on a border belongs to the bin above, 1 to the last.

    References
    ----------
    Naeini, Cooper & Hauskrecht (2015), doi:10.1609/aaai.v29i1.9602.

    Examples
    --------
    >>> import numpy as np
    >>> round(expected_calibration_error(np.array([True, False, True]), np.array([0.9, 0.92, 0.2])), 6)
    0.54
    """
    bins = np.minimum((probability * n_bins).astype(np.int64), n_bins - 1)
    gaps: Matrix = np.zeros((n_bins, 1))
    np.add.at(gaps[:, 0], bins, probability - happened)
    return float(np.abs(gaps).sum() / len(probability))
