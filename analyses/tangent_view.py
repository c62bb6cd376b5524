"""Tangent-space connectivity as a view whose columns every fold learns from its training rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from encoders.brain.connectivity.connectivity import tangent_vectors
from fusion.arrays import row_index
from fusion.confounds.learned_view import LearnedView
from fusion.views.table_view import TableView

if TYPE_CHECKING:
    from fusion.views.view import Rows


class TangentView(LearnedView):
    """Covariances of subjects; as a view, their deviations from the mean of all its rows.

    A fold gets deviations, of all rows, from the mean of its training rows.

    Parameters
    ----------
    covariances : float array, shape (n_subjects, n_rois * (n_rois + 1) / 2)
        As `encoders.brain.connectivity.connectivity.connectivity_vectors` makes them.
    subject_ids : sequence of str, length n_subjects
    edges : sequence of str, length n_rois * (n_rois + 1) / 2
    """

    def __init__(self, covariances: np.ndarray, subject_ids: Sequence[str], edges: Sequence[str]) -> None:
        super().__init__(subject_ids, edges)
        self._covariances = np.asarray(covariances, dtype=np.float64)

    def fitted_on(self, rows: Rows) -> TableView:
        """Deviations of all subjects from the geometric mean covariance of these rows."""
        reference = row_index(rows, len(self.subject_ids))
        return TableView(tangent_vectors(self._covariances, reference), self.subject_ids, self.column_groups)

    def _restrict(self, index: np.ndarray) -> TangentView:
        return TangentView(self._covariances[index], [self.subject_ids[i] for i in index], self.column_groups)
