"""Held-out correlations of score pairs, and their bootstrap over subjects or groups within test folds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.matrices import Matrix

BOOTSTRAP_KEY = 2**32 - 1
"""Spawn key of bootstrap streams, out of reach of permutation indices."""


def paired_correlations(a: Matrix, b: Matrix) -> Matrix:
    """Correlation of the columns of two score matrices pair by pair, [n_columns]."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    norms = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    return np.asarray((a * b).sum(axis=0) / norms)


def fold_average(by_fold: Matrix, n_test: NDArray[np.int64]) -> Matrix:
    """Mean over folds (the second-last axis), weighted by their numbers of test subjects."""
    return np.asarray(np.tensordot(n_test / n_test.sum(), by_fold, axes=(0, by_fold.ndim - 2)))


def bootstrap_correlations(
    x_scores: Matrix,
    y_scores: Matrix,
    assignments: NDArray[np.int64],
    *,
    groups: Any = None,
    n_draws: int = 2000,
    seed: int = 0,
) -> Matrix:
    """Fold-averaged correlations in bootstrap samples of the held-out subjects, the folds' projections fixed.

    The same seed, folds and groups draw the same subjects, so that differences between arms are paired.

    Parameters
    ----------
    x_scores, y_scores : float64 array, shape [n_subjects, n_components]
        Each subject's scores from the fold in which it was held out.
    assignments : int array, shape [n_subjects]
    groups : array of labels, shape [n_subjects], optional
        Resampled as clusters.
    n_draws, seed : int

    Returns
    -------
    float64 array, shape [n_draws, n_components]
    """
    clusters = np.arange(len(assignments)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    n_test = np.bincount(assignments)
    total = np.zeros((n_draws, x_scores.shape[1]))
    for fold, size in enumerate(n_test):
        rows = np.flatnonzero(assignments == fold)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(BOOTSTRAP_KEY, fold)))
        _, members = np.unique(clusters[rows], return_inverse=True)
        n_clusters = int(members.max()) + 1
        counts = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=n_draws)
        total += size / n_test.sum() * _weighted_correlations(x_scores[rows], y_scores[rows], counts[:, members])
    return total


def _weighted_correlations(a: Matrix, b: Matrix, counts: NDArray[np.int64]) -> Matrix:
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    weights = counts / counts.sum(axis=1, keepdims=True)
    mean_a, mean_b = weights @ a, weights @ b
    covariance = weights @ (a * b) - mean_a * mean_b
    variances = (weights @ (a * a) - mean_a**2) * (weights @ (b * b) - mean_b**2)
    return np.asarray(covariance / np.sqrt(variances))


def percentile_interval(draws: Matrix, level: float = 0.95) -> Matrix:
    """Central interval of bootstrap draws [n_draws, ...], shape [..., 2]; undefined draws are left out."""
    tail = 50 * (1 - level)
    return np.moveaxis(np.nanpercentile(draws, [tail, 100 - tail], axis=0), 0, -1)
