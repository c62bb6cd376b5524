"""Held-out correlations of score pairs, and their bootstrap over subjects or groups within test folds."""

# ruff: noqa: F722

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from fusion.arrays import Matrix, Real, Scores, label_codes
from fusion.cca.base import VANISHED, paired_correlations

BOOTSTRAP_KEY = 2**32 - 1
"""Spawn key of bootstrap streams, out of reach of permutation indices."""

COUNTS_AT_ONCE = 2**25
"""Draws times clusters of a fold whose counts lie in memory together."""


def fold_average(
    by_fold: Float64[np.ndarray, "*draws n_folds K"], n_test: Int64[np.ndarray, " n_folds"]
) -> Float64[np.ndarray, "*draws K"]:
    """Mean over folds (the second-last axis), weighted by their numbers of test subjects."""
    return np.asarray(np.tensordot(n_test / n_test.sum(), by_fold, axes=(0, by_fold.ndim - 2)))


def bootstrap_correlations(
    x_scores: Scores,
    y_scores: Scores,
    assignments: Int64[np.ndarray, " n_subjects"],
    clusters: Int64[np.ndarray, " n_subjects"],
    *,
    widening: Real | Float64[np.ndarray, " K"] = 1.0,
    n_draws: int = 2000,
    seed: int = 0,
) -> Float64[np.ndarray, "n_draws K"]:
    """Fold-averaged correlations in bootstrap samples of the held-out subjects, the folds' projections fixed.

    The same seed, folds and clusters draw the same subjects, so that differences between arms are paired. Draws are
    moved away from the observed value by `widening`, since a subject's part in training other folds is not drawn again.

    Parameters
    ----------
    x_scores, y_scores : float64 array, shape [n_subjects, n_components]
        Each subject's scores from the fold in which it was held out.
    assignments : int array, shape [n_subjects]
    clusters : int array, shape [n_subjects]
        Who is drawn as one: `fusion.permutation.relations.Relations.drawn_together`.
    widening : float or float64 array, shape [n_components]
        `fold_widening`; 1 draws the test rows alone.
    n_draws, seed : int

    Returns
    -------
    float64 array, shape [n_draws, n_components]
        In [-1, 1].
    """
    n_test = np.bincount(assignments)
    total, observed = np.zeros((n_draws, x_scores.shape[1])), np.zeros(x_scores.shape[1])
    for fold, size in enumerate(n_test):
        rows = np.flatnonzero(assignments == fold)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(BOOTSTRAP_KEY, fold)))
        members = label_codes(clusters[rows])
        n_clusters = int(members.max()) + 1
        share = size / n_test.sum()
        for start in range(0, n_draws, at_once := max(1, COUNTS_AT_ONCE // n_clusters)):
            draws = slice(start, min(start + at_once, n_draws))
            counts = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=draws.stop - draws.start)
            total[draws] += share * _weighted_correlations(x_scores[rows], y_scores[rows], counts[:, members])
        observed += share * paired_correlations(x_scores[rows], y_scores[rows])
    return np.asarray(np.clip(observed + widening * (total - observed), -1.0, 1.0))


def fold_widening(
    scores: Sequence[tuple[Scores, Scores]],
) -> Float64[np.ndarray, " K"]:
    """How much wider a fold average scatters than its test rows alone would make it, [n_components].

    Fold A is tested on rows that helped to train fold B, and B on rows that helped to train A. To first order in the
    noise, their errors correlate by s / (K - 1), where s is the share of noise in the squared length of the weights;
    the variance of the average of K folds is then 1 + s times that of independent folds: twice as large where there is
    nothing but noise, and no larger where the weights are certain. Two folds share all but one of their K - 1 parts of
    training, so their weights agree by c = 1 - s / (K - 1), which the correlation of their scores shows.

    Parameters
    ----------
    scores : sequence of (x, y)
        Scores of every subject by every fold's weights, each [n_subjects, n_components].
    """
    n_folds, n_components = len(scores), scores[0][0].shape[1]
    pairs = np.triu_indices(n_folds, 1)
    widening = np.ones(n_components)
    for k in range(n_components):
        x, y = (np.corrcoef([pair[side][:, k] for pair in scores])[pairs] for side in (0, 1))
        noise_share = (n_folds - 1) * (1 - float(np.abs(x * y).mean()))
        widening[k] = np.sqrt(1 + np.clip(noise_share, 0.0, 1.0))
    return widening


def _weighted_correlations(a: Matrix, b: Matrix, counts: NDArray[np.int64]) -> Matrix:
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    weights = counts / counts.sum(axis=1, keepdims=True)
    mean_a, mean_b = weights @ a, weights @ b
    covariance = weights @ (a * b) - mean_a * mean_b
    of_a, of_b = weights @ (a * a), weights @ (b * b)
    variances = (of_a - mean_a**2) * (of_b - mean_b**2)
    is_defined = variances > VANISHED * of_a * of_b  # a draw may hold one subject again and again
    deviations = np.sqrt(np.where(is_defined, variances, 1.0))
    return np.where(is_defined, covariance / deviations, 0.0)


def percentile_interval(draws: Float64[np.ndarray, "n_draws ..."], level: Real = 0.95) -> Float64[np.ndarray, "... 2"]:
    """Central interval of bootstrap draws [n_draws, ...], shape [..., 2]; undefined draws are left out."""
    tail = 50 * (1 - level)
    return np.moveaxis(np.nanpercentile(draws, [tail, 100 - tail], axis=0), 0, -1)
