"""One view without its nuisance, as orthonormal columns, holding a single copy of it on the way."""

# ruff: noqa: F722

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix
from fusion.cca.exact import Basis, make_basis

COLUMNS_AT_ONCE = 64
"""Columns that are projected together, at most: temporary arrays stay this narrow."""

VALUES_AT_ONCE = 2**22
"""Values of each temporary array from which fewer columns are projected together: four or five of them live at once."""


def column_parts(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Columns that are projected together, one part after another."""
    width = max(1, min(COLUMNS_AT_ONCE, VALUES_AT_ONCE // max(1, n_rows)))
    return (slice(start, min(start + width, n_columns)) for start in range(0, n_columns, width))


@dataclass(frozen=True)
class WhitenedView:
    """One view, its nuisance, and what remains.

    Attributes
    ----------
    nuisance : float64 array, shape [n_subjects, R + 1]
        Orthonormal basis of intercept and confounds.
    basis : Basis
        Of the residual, in the rows it was asked for.
    kurtosis : float64 array, shape [n_features]
        Of the residual in subjects: 3 for a normal, 0 for a column that does not vary.
    residual : float64 array or None
        Kept only where asked for.
    """

    nuisance: Float64[np.ndarray, "n_subjects rank"]
    basis: Basis
    kurtosis: Float64[np.ndarray, " n_features"]
    residual: Float64[np.ndarray, "n_rows n_features"] | None

    @property
    def rank(self) -> int:
        """Rank that is left of the view."""
        return int(self.basis.weights.shape[1])

    def without_columns(self) -> "WhitenedView":
        """The same without its largest array, once it has been seen in other rows."""
        return replace(self, basis=replace(self.basis, columns=np.empty((0, self.rank))))


def whiten(
    matrix: Matrix, nuisance: Matrix, project: Callable[[Matrix], Matrix], n_rows: int, *, keep_residual: bool = False
) -> WhitenedView:
    """Centre, project and orthonormalise a view.

    Parameters
    ----------
    matrix : float64 array, shape [n_subjects, n_features]
        Left as it is.
    nuisance : float64 array, shape [n_subjects, R + 1]
    project : callable
        From centred columns [n_subjects, k] to the rows wanted, [n_rows, k], without nuisance.
    n_rows : int
    keep_residual : bool
    """
    residual = np.empty((n_rows, matrix.shape[1]), order="F")
    kurtosis = np.empty(matrix.shape[1])
    for columns in column_parts(*matrix.shape):
        centred = matrix[:, columns] - matrix[:, columns].mean(axis=0)
        residual[:, columns] = project(centred)
        kurtosis[columns] = _kurtosis(centred - nuisance @ (nuisance.T @ centred))
    norms = np.sqrt(np.einsum("ij,ij->j", matrix, matrix))
    basis = make_basis(residual, norms, overwrite=not keep_residual)
    return WhitenedView(nuisance, basis, kurtosis, residual if keep_residual else None)


def project_columns(project: Callable[[Matrix], Matrix], matrix: Matrix, n_rows: int) -> Matrix:
    """Projected columns as rows in memory order, [n_rows, n_columns], a few columns at a time."""
    rows = np.empty((n_rows, matrix.shape[1]))
    for columns in column_parts(*matrix.shape):
        rows[:, columns] = project(matrix[:, columns])
    return rows


def rotate_columns(matrix: Matrix, rotation: Matrix, *, rows_at_once: int = 2048) -> Matrix:
    """``matrix @ rotation`` with rows in memory order, which are gathered; in the memory of the matrix if it has them.

    Parameters
    ----------
    matrix : float64 array, shape [n_rows, n_columns]
    rotation : float64 array, shape [n_columns, n_columns]
    """
    rotated = matrix if matrix.flags.c_contiguous else np.empty(matrix.shape)
    for start in range(0, len(matrix), rows_at_once):
        rows = slice(start, start + rows_at_once)
        rotated[rows] = matrix[rows] @ rotation
    return rotated


def _kurtosis(residual: Matrix) -> Matrix:
    """Fourth standardised moment of every column, [n_columns]; 0 where nothing varies."""
    squares = residual**2
    variance = squares.mean(axis=0)
    fourth = np.einsum("ij,ij->j", squares, squares) / len(squares)
    kurtosis: Matrix = np.divide(fourth, variance**2, out=np.zeros_like(variance), where=variance > 0)
    return kurtosis
