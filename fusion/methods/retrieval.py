"""Retrieval: how often a subject's partner in the other view is among the nearest, both ways."""

# ruff: noqa: F722

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Matrix

SMALLEST_NORM = 1e-12


def partner_ranks(
    x: Float64[np.ndarray, "n_pairs n_rows K"], y: Float64[np.ndarray, "n_pairs n_rows K"]
) -> Float64[np.ndarray, "2 n_pairs n_rows"]:
    """Place of every row's partner among all rows of the other view by cosine, from 0; rows tied share their mean.

    Parameters
    ----------
    x, y : float64 arrays, shape [n_pairs, n_rows, K]

    Returns
    -------
    float64 array, shape [2, n_pairs, n_rows]
        From x to y, and from y to x.
    """
    likeness = _unit(x) @ np.swapaxes(_unit(y), 1, 2)
    own = np.diagonal(likeness, axis1=1, axis2=2)
    places = []
    for axis in (2, 1):
        partner = np.expand_dims(own, axis)
        nearer, tied = (likeness > partner).sum(axis=axis), (likeness == partner).sum(axis=axis)
        places.append(nearer + (tied - 1) / 2)
    return np.stack(places)


def recall(
    ranks: Float64[np.ndarray, "*shape n_rows"], sizes: Int64[np.ndarray, " n_sizes"]
) -> Float64[np.ndarray, "*shape n_sizes"]:
    """Share of rows whose partner is among the k nearest, for every k; chance is k / n_rows."""
    return np.asarray((ranks[..., np.newaxis] < sizes).mean(axis=-2))


def curve_sizes(n_rows: int, asked: int, n_points: int = 24) -> Int64[np.ndarray, " n_sizes"]:
    """Numbers of neighbours at which recall is drawn, `asked` among them: at most half of the rows."""
    most = max(n_rows // 2, asked)
    return np.unique(np.append(np.geomspace(1, most, n_points).round().astype(np.int64), asked))


def _unit(scores: Matrix) -> Matrix:
    centred = scores - scores.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=2, keepdims=True), SMALLEST_NORM))
