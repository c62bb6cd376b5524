"""Canonical scores of many pairs of views at once: the last step of every method."""

# ruff: noqa: F722

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix, Positions, Real
from fusion.methods.method import LearningRows, Permuted, ScoreStack

SMALLEST_PIVOT = 1e-8
"""Share of the mean variance that is added to every column, so that one that does not vary divides by no zero."""


def canonical_scores(
    x: Float64[np.ndarray, "n_pairs n_subjects P"],
    y: Float64[np.ndarray, "#n_pairs n_subjects Q"],
    train: Positions,
    penalty: Real = 0.0,
) -> tuple[Float64[np.ndarray, "n_pairs n_subjects K"], Float64[np.ndarray, "n_pairs n_subjects K"]]:
    """Canonical scores of all rows, weights fitted to the training rows of each pair.

    Parameters
    ----------
    x, y : float64 arrays, shapes [n_pairs, n_subjects, P] and [n_pairs or 1, n_subjects, Q]
    train : int array
    penalty : float
        Of canonical ridge, in [0, 1), towards the mean variance of the columns.

    Returns
    -------
    pair of float64 array, shape [n_pairs, n_subjects, min(P, Q)]
        Scores times the square roots of the correlations in the training rows.
    """
    whitened_x, whitened_y = _whitened(x, train, penalty), _whitened(y, train, penalty)
    product = np.swapaxes(whitened_x[:, train], 1, 2) @ whitened_y[:, train] / (len(train) - 1)
    left, correlations, right = np.linalg.svd(product, full_matrices=False)
    weight = np.sqrt(correlations)[:, np.newaxis]
    return whitened_x @ (left * weight), whitened_y @ (np.swapaxes(right, 1, 2) * weight)


def _whitened(views: Matrix, train: Positions, penalty: Real) -> Matrix:
    centred = views - views[:, train].mean(axis=1, keepdims=True)
    rows = centred[:, train]
    covariance = np.swapaxes(rows, 1, 2) @ rows / (len(train) - 1)
    width = covariance.shape[1]
    level = np.trace(covariance, axis1=1, axis2=2)[:, np.newaxis, np.newaxis] / width
    level = np.where(level > 0, level, 1.0)
    shrunk = (1 - penalty) * covariance + (penalty + SMALLEST_PIVOT**2) * level * np.eye(width)
    factor = np.linalg.cholesky(shrunk)
    return np.asarray(np.swapaxes(np.linalg.solve(factor, np.swapaxes(centred, 1, 2)), 1, 2))


class LinearMethod:
    """Exact CCA: what the others are held against."""

    def __call__(
        self, x: Permuted, y: Float64[np.ndarray, "n_subjects Q"], rows: LearningRows
    ) -> tuple[ScoreStack, ScoreStack]:
        """See `fusion.methods.method.Method`."""
        return canonical_scores(x, y[np.newaxis], rows.train)
