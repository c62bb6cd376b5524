"""Correlation of held-out scores inside a stratum, and how far it may scatter, for many sets of labels at once."""

# ruff: noqa: F722

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from fusion.arrays import Matrix, label_codes

LARGEST = 1 - 1e-9
"""Correlations are kept below 1, where Fisher's z ends."""
SMALLEST_VARIANCE = 1e-12


class Coupling(NamedTuple):
    """Of every set of labels.

    Attributes
    ----------
    rho : float64 array, shape [n_draws]
        0 where scores do not vary.
    variance : float64 array, shape [n_draws]
        Of its Fisher z, by the subjects' influence (an infinitesimal jackknife), clusters counted as one.
    """

    rho: Float64[np.ndarray, " n_draws"]
    variance: Float64[np.ndarray, " n_draws"]


def indicators(codes: Int64[np.ndarray, " n_subjects"]) -> Float64[np.ndarray, "n_subjects n_levels"]:
    """A column of zeros and ones for every level."""
    found: Matrix = np.equal.outer(codes, np.unique(codes)).astype(np.float64)
    return found


def couple(
    x: Float64[np.ndarray, "#n_draws n_subjects"],
    y: Float64[np.ndarray, "#n_draws n_subjects"],
    member: Bool[np.ndarray, "n_draws n_subjects"],
    folds: Float64[np.ndarray, "n_subjects n_folds"],
    clusters: Int64[np.ndarray, " n_subjects"],
) -> Coupling:
    """Correlation inside a stratum, every fold's members centred by themselves.

    Parameters
    ----------
    x, y : float64 array, shape [n_draws or 1, n_subjects]
        Scores, folds in one unit.
    member : bool array, shape [n_draws, n_subjects]
        Who is in the stratum.
    folds : float64 array, shape [n_subjects, n_folds]
        Indicators.
    clusters : int array, shape [n_subjects]

    References
    ----------
    Efron (1982), ISBN 978-0-89871-179-0, chapter 6; Fisher (1921), Metron 1, 3-32.
    """
    weights = member.astype(np.float64)
    counts = weights @ folds
    size = weights.sum(axis=1)
    a, b = (_centred(side, weights, counts, folds) for side in (x, y))
    of_a, of_b = (a * a).sum(axis=1), (b * b).sum(axis=1)
    varies = (of_a > SMALLEST_VARIANCE * size) & (of_b > SMALLEST_VARIANCE * size)
    rho = np.where(varies, (a * b).sum(axis=1) / np.sqrt(np.where(varies, of_a * of_b, 1.0)), 0.0)
    a, b = (side * np.sqrt(size / np.where(varies, of, 1.0))[:, np.newaxis] for side, of in ((a, of_a), (b, of_b)))
    influence = a * b - rho[:, np.newaxis] / 2 * (a * a + b * b)
    free = np.maximum(size - (counts > 0).sum(axis=1), 1.0)
    of_rho = (_by_cluster(influence, clusters) ** 2).sum(axis=1) / (size * free)
    slope = 1 - np.minimum(np.abs(rho), LARGEST) ** 2
    return Coupling(rho, of_rho / slope**2)


def fisher(rho: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    """Fisher's z, finite for every correlation."""
    return np.asarray(np.arctanh(np.clip(rho, -LARGEST, LARGEST)))


def _centred(side: Matrix, weights: Matrix, counts: Matrix, folds: Matrix) -> Matrix:
    means = ((weights * side) @ folds) / np.maximum(counts, 1.0)
    return np.asarray(weights * (side - means @ folds.T))


def _by_cluster(influence: Matrix, clusters: Int64[np.ndarray, " n_subjects"]) -> Matrix:
    codes = label_codes(clusters)
    if len(np.unique(codes)) == len(codes):
        return influence
    order = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(codes[order])) + 1])
    return np.asarray(np.add.reduceat(influence[:, order], starts, axis=1))
