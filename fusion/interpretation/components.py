"""Canonical components fitted again: to bootstrap samples, and to random halves of the subjects.

Both work on embeddings (principal components whose confounds are removed), so that a refit costs one weighted moment
matrix and two small decompositions, whatever the number of genes.
"""

# ruff: noqa: F722

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from fusion.arrays import Matrix, Positions
from fusion.cca.exact import leading_pairs
from fusion.cca.matching import matching_rotation

RESAMPLING_KEY = 2**32 - 2
"""Spawn key of these streams, out of reach of permutation indices."""

SINGLE_SIZE = 2**30
"""Multiplications of a moment matrix from which it is taken in float32: six digits of a bootstrap draw are enough."""

ROWS_AT_ONCE = 1024
"""Rows whose products are summed at once: they stay in the cache."""

UNIQUE_SHARE = 0.6
"""A bootstrap sample holds about 63 % of the subjects: fewer dimensions than this share of rows can be refitted."""


@dataclass(frozen=True)
class Components:
    """Leading canonical components of two embeddings.

    Attributes
    ----------
    x_weights, y_weights : float64 arrays, shape [P, K] and [Q, K]
        Scores have unit variance.
    x_loadings, y_loadings : float64 arrays, shape [P, K] and [Q, K]
        Covariances of the embedding's axes with the scores: structure loadings in its coordinates.
    """

    x_weights: Float64[np.ndarray, "P K"]
    y_weights: Float64[np.ndarray, "Q K"]
    x_loadings: Float64[np.ndarray, "P K"]
    y_loadings: Float64[np.ndarray, "Q K"]

    def matched(self, reference: "Components") -> "Components":
        """Signs and axes of the reference, by the loadings of both sides together."""
        sides = (
            (self.x_loadings, reference.x_loadings),
            (self.y_loadings, reference.y_loadings),
        )
        cross = sum(own.T @ other / np.linalg.norm(other) ** 2 for own, other in sides)
        rotation = matching_rotation(np.asarray(cross))
        return type(self)(*(part @ rotation for part in vars(self).values()))


def fit_components(
    x: Float64[np.ndarray, "n_subjects P"],
    y: Float64[np.ndarray, "n_subjects Q"],
    n_components: int,
    counts: Int64[np.ndarray, " n_subjects"] | None = None,
    *,
    rows: tuple[Positions, Positions] | None = None,
) -> Components:
    """Exact CCA of rows that count several times, or not at all, by Cholesky factors of their moments.

    Parameters
    ----------
    x, y : float64 arrays, shape [n_subjects, P] and [n_subjects, Q]
    n_components : int
    counts : int array, shape [n_subjects], optional
        How often every row counts.
    rows : pair of int arrays, shape [n_rows], optional
        Rows of x, and those of y beside them, that count once; instead of `counts`.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the rows do not span both embeddings.
    """
    of_x, of_y, whitened = _whitened_product(x, y, *_rows_and_shares(len(x), counts, rows))
    left, right, _ = leading_pairs(whitened, n_components)
    a = scipy.linalg.solve_triangular(of_x, left, lower=True, trans="T")
    b = scipy.linalg.solve_triangular(of_y, right, lower=True, trans="T")
    return Components(a, b, of_x @ left, of_y @ right)


def canonical_correlations(
    x: Float64[np.ndarray, "n_subjects P"], y: Float64[np.ndarray, "n_subjects Q"]
) -> Float64[np.ndarray, " K"]:
    """All of them, descending, of embeddings as `fit_components` takes them."""
    return np.asarray(np.minimum(scipy.linalg.svdvals(_whitened_product(x, y, *_rows_and_shares(len(x)))[2]), 1.0))


def _rows_and_shares(
    n_subjects: int, counts: NDArray[np.int64] | None = None, rows: tuple[Positions, Positions] | None = None
) -> tuple[tuple[Positions, Positions], Matrix]:
    """Rows of x and of y that belong together, and their shares of the whole."""
    if counts is not None:
        chosen = np.flatnonzero(counts)
        return (chosen, chosen), counts[chosen] / counts.sum()
    everyone = np.arange(n_subjects)
    rows = rows or (everyone, everyone)
    return rows, np.full(len(rows[0]), 1 / len(rows[0]))


def _whitened_product(
    x: Matrix, y: Matrix, rows: tuple[Positions, Positions], share: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    """Lower Cholesky factors of both views' moments, and their whitened cross-product [P, Q]."""
    moments = _moments(x, y, rows, share)
    p = x.shape[1]
    of_x, of_y = (scipy.linalg.cholesky(m, lower=True) for m in (moments[:p, :p], moments[p:, p:]))
    half = scipy.linalg.solve_triangular(of_x, moments[:p, p:], lower=True)
    whitened = scipy.linalg.solve_triangular(of_y, half.T, lower=True).T
    return of_x, of_y, whitened


def _moments(x: Matrix, y: Matrix, rows: tuple[Positions, Positions], share: Matrix) -> Matrix:
    """Covariances of chosen rows of both views side by side, [P + Q, P + Q], each row with its share of the whole.

    Some rows at a time: no copy of a view is made, by however many refits at once.
    """
    width = x.shape[1] + y.shape[1]
    dtype: np.dtype[Any] = np.dtype(np.float32 if len(share) * width**2 > SINGLE_SIZE else np.float64)
    some = _beside(x, y, rows, slice(None, None, max(1, len(share) // ROWS_AT_ONCE)))
    # About the mean and the deviation of every column: float32 has room then, and what is not removed here is below.
    centre, scale = some.mean(axis=0), some.std(axis=0)
    scale[scale == 0] = 1.0
    mean, square = np.zeros(width), np.zeros((width, width))
    for start in range(0, len(share), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        values = _beside(x, y, rows, part)
        values -= centre
        values /= scale
        mean += share[part] @ values
        values *= np.sqrt(share[part])[:, np.newaxis]
        single = values.astype(dtype, copy=False)
        square += single.T @ single
    square -= np.outer(mean, mean)
    return square * np.outer(scale, scale)


def _beside(x: Matrix, y: Matrix, rows: tuple[Positions, Positions], part: slice) -> Matrix:
    return np.hstack([x[rows[0][part]], y[rows[1][part]]])
