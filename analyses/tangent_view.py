"""Tangent-space connectivity as a view whose columns every fold learns from its training rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.brain.connectivity import tangent_vectors
from fusion.rows import row_index
from fusion.table_view import TableView

if TYPE_CHECKING:
    from fusion.moments import Moments
    from fusion.views import Matrix, Rows, View


class TangentView:
    """Covariances of subjects; as a view, their deviations from the mean of all its rows.

    The view itself is for whole-cohort use. A fold calls `fitted_on` and gets deviations, of all rows, from the mean of
    its training rows.

    Parameters
    ----------
    covariances : float array, shape (n_subjects, n_rois * (n_rois + 1) / 2)
        As `encoders.brain.connectivity.connectivity_vectors` makes them.
    subject_ids : sequence of str, length n_subjects
    edges : sequence of str, length n_rois * (n_rois + 1) / 2
    """

    def __init__(self, covariances: np.ndarray, subject_ids: Sequence[str], edges: Sequence[str]) -> None:
        self._covariances = np.asarray(covariances, dtype=np.float64)
        self._edges = tuple(edges)
        self.subject_ids = tuple(subject_ids)
        self._make: Callable[[], TableView] = lambda: self.fitted_on(np.arange(len(self.subject_ids)))

    def fitted_on(self, rows: np.ndarray) -> TableView:
        """Deviations of all subjects from the geometric mean covariance of these rows."""
        reference = row_index(rows, len(self.subject_ids))
        return TableView(tangent_vectors(self._covariances, reference), self.subject_ids, self._edges)

    @cached_property
    def _table(self) -> TableView:
        return self._make()

    def take(self, rows: Rows) -> View:
        """These rows, their deviations still from the mean of this view; folds of them learn their own."""
        if rows is None:
            return self
        index = row_index(rows, len(self.subject_ids))
        taken = TangentView(self._covariances[index], [self.subject_ids[i] for i in index], self._edges)
        taken._make = lambda: self._table.take(index)
        return taken

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_subjects, n_edges)``."""
        return len(self.subject_ids), len(self._edges)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Always float64."""
        return np.dtype(np.float64)

    @property
    def column_groups(self) -> tuple[str, ...]:
        """The edge of every column."""
        return self._edges

    def multiply(self, matrix: Matrix) -> Matrix:
        """Return ``X @ matrix``."""
        return self._table.multiply(matrix)

    def multiply_transposed(self, matrix: Matrix) -> Matrix:
        """Return ``X.T @ matrix``."""
        return self._table.multiply_transposed(matrix)

    def column_moments(self, rows: Rows = None) -> tuple[Matrix, Matrix]:
        """Return mean and variance (divisor n) of every column."""
        return self._table.column_moments(rows)

    def residual_moments(self, basis: Matrix) -> Moments:
        """Return the moments of every column against an orthonormal basis of [1, confounds]."""
        return self._table.residual_moments(basis)

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, X[:, columns])`` in float64."""
        return self._table.column_blocks()
