"""Distances between vectors of genes."""

# ruff: noqa: F722

from typing import Literal

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix

Metric = Literal["cosine", "euclidean"]
ROUNDING = 9
"""Decimals of a distance that count: equal vectors are tied, whatever the order of their sums was."""


def pairwise_distances(
    first: Float64[np.ndarray, "n d"], second: Float64[np.ndarray, "m d"], metric: Metric = "cosine"
) -> Float64[np.ndarray, "n m"]:
    """Distances of all rows of two tables; the cosine distance to a vector of zeros is 1.

    Examples
    --------
    >>> import numpy as np
    >>> pairwise_distances(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]])).tolist()
    [[0.0, 1.0, 1.0]]
    """
    if metric == "cosine":
        distances = 1 - _unit(first) @ _unit(second).T
    else:
        squares = (first**2).sum(axis=1)[:, np.newaxis] + (second**2).sum(axis=1) - 2 * first @ second.T
        distances = np.sqrt(np.maximum(squares, 0.0))
    return np.abs(distances.round(ROUNDING))


def _unit(vectors: Matrix) -> Matrix:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Matrix = vectors / np.where(lengths > 0, lengths, 1.0)
    return unit
