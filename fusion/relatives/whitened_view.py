"""A view whose rows are combinations of another's: relatives made uncorrelated, the columns as they were."""

# ruff: noqa: F722

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Float64

from fusion.arrays import Matrix, Rows, row_index
from fusion.views.moments import Moments
from fusion.views.view import View


class WhitenedView:
    """``W @ X`` for a sparse W whose row i stands for subject i.

    A panel of genes stays factored underneath, a table on disk: only products are mapped.

    Parameters
    ----------
    view : View, shape [n_subjects, n_columns]
    whitener : sparse array, shape [n_subjects, n_subjects]
    """

    def __init__(self, view: View, whitener: scipy.sparse.csr_array) -> None:
        self.view, self._map = view, whitener
        self.subject_ids, self.column_groups = view.subject_ids, view.column_groups

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_subjects, n_columns)``."""
        return len(self.subject_ids), self.view.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the view."""
        return self.view.dtype

    def take(self, rows: Rows) -> "WhitenedView":
        """These rows as they are in the whole."""
        index = row_index(rows, len(self.subject_ids))
        taken = object.__new__(WhitenedView)
        taken.view, taken._map = self.view, self._map[index]
        taken.subject_ids = tuple(self.subject_ids[i] for i in index)
        taken.column_groups = self.column_groups
        return taken

    def multiply(self, matrix: Float64[np.ndarray, "n_columns k"]) -> Float64[np.ndarray, "n_subjects k"]:
        """Return ``W X @ matrix``."""
        return np.asarray(self._map @ self.view.multiply(matrix))

    def multiply_transposed(self, matrix: Float64[np.ndarray, "n_subjects k"]) -> Float64[np.ndarray, "n_columns k"]:
        """Return ``X.T W.T @ matrix``."""
        return self.view.multiply_transposed(np.ascontiguousarray(self._map.T @ matrix))

    def column_moments(
        self, rows: Rows = None
    ) -> tuple[Float64[np.ndarray, " n_columns"], Float64[np.ndarray, " n_columns"]]:
        """Return mean and variance (divisor n) of every column."""
        view = self.take(rows)
        parts = [(block.mean(axis=0), block.var(axis=0)) for _, block in view.column_blocks()]
        return np.concatenate([mean for mean, _ in parts]), np.concatenate([variance for _, variance in parts])

    def residual_moments(self, basis: Float64[np.ndarray, "n_subjects rank"]) -> Moments:
        """Return the moments of every column against an orthonormal basis of [1, confounds]."""
        return Moments.of_blocks(self.column_blocks(), basis)

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, W X[:, columns])`` in float64."""
        for columns, block in self.view.column_blocks():
            yield columns, np.ascontiguousarray(self._map @ block)
