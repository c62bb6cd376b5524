"""Normal scores: the rank-based inverse normal transform, for residuals only, learned from training rows."""

# ruff: noqa: F722

from typing import Any

import numpy as np
import scipy.stats
from jaxtyping import Float64
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fusion.arrays import ArrayLike, Matrix, Real, ViewLike, stores_parameters
from fusion.confounds.basis import ConfoundBasis, check_confounds
from fusion.errors import InputError
from fusion.subject_rows import check_same_subjects

UNREMOVED = 1e-6
"""Correlation of a column with the confounds, or share of its mean, above which they were not removed."""


class NormalScores(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replace every column by the normal quantiles of its ranks, the ranks being those of the training rows.

    Training values become ``Phi^-1((rank - c) / (n + 1 - 2 c))``, ties the mean of their ranks. Any other row is
    interpolated between the training values on either side of it, and held at the outermost scores beyond them.

    Transforming a variable before its confounds are removed spoils the linear model that removes them, and nothing
    later can mend it; so give the confounds to `fit`, which refuses columns that still carry them, or let
    ``Residualizer(normal_scores=True)`` do both in the right order.

    Parameters
    ----------
    offset : float
        c in [0, 1/2]: Blom's 3/8 by default; 0 is van der Waerden's.

    Attributes
    ----------
    values_, scores_ : list of float64 arrays, one per feature
        Distinct training values in ascending order, and their scores.

    Notes
    -----
    Ranks of residuals can correlate with the confounds again: keep the confounds in the test or alignment that follows
    (Sofer et al. 2019, doi:10.1002/gepi.22188), as `permutation_test_cca` and `LateFusion` do.

    References
    ----------
    Beasley, Erickson & Allison (2009), doi:10.1007/s10519-009-9281-0.

    Examples
    --------
    >>> NormalScores().fit_transform([[-9.0], [0.0], [4.0], [5.0]]).round(2).ravel()
    array([-1.05, -0.3 ,  0.3 ,  1.05])
    """

    @stores_parameters
    def __init__(self, offset: Real = 0.375) -> None:
        self.offset = offset

    def fit(self, X: ViewLike, y: object = None, *, confounds: ArrayLike | None = None) -> "NormalScores":
        """Learn the training values of every column and their scores.

        Parameters
        ----------
        X : float array of shape (n_train, n_features)
            Residuals.
        y : ignored
        confounds : float array of shape (n_train, n_confounds), optional
            What was removed from `X`; checked, not used.

        Raises
        ------
        InputError
            Columns that still carry the confounds or their mean; an offset outside [0, 1/2].
        """
        if not 0 <= self.offset <= 0.5:
            raise InputError(f"NormalScores needs an offset in [0, 0.5]; got {self.offset}.")
        values: Matrix = validate_data(self, X, dtype=np.float64)
        if confounds is not None:
            check_removed(values, check_confounds(confounds, len(values)))
            check_same_subjects(X=X, confounds=confounds)
        learned = [self._learn(column) for column in values.T]
        self.values_, self.scores_ = [one for one, _ in learned], [other for _, other in learned]
        return self

    def transform(self, X: ViewLike) -> Float64[np.ndarray, "n_rows n_features"]:
        """Return the scores of these rows, float64 of shape (n_rows, n_features)."""
        check_is_fitted(self)
        values: Matrix = validate_data(self, X, dtype=np.float64, reset=False)
        columns = zip(values.T, self.values_, self.scores_, strict=True)
        return np.column_stack([np.interp(column, known, scores) for column, known, scores in columns])

    def _learn(self, column: Matrix) -> tuple[Matrix, Matrix]:
        ranks = scipy.stats.rankdata(column)  # ties get the mean of their ranks
        known, first = np.unique(column, return_index=True)
        return known, scipy.stats.norm.ppf((ranks[first] - self.offset) / (len(column) + 1 - 2 * self.offset))


def check_removed(values: Matrix, confounds: Matrix) -> None:
    """Raise an `InputError` that names the first column which the confounds or the intercept still explain."""
    basis: Any = ConfoundBasis.of(confounds)(confounds)
    size = np.linalg.norm(values, axis=0)
    carried = np.linalg.norm(basis.T @ values, axis=0) > UNREMOVED * np.where(size > 0, size, 1)
    if carried.any():
        raise InputError(
            f"NormalScores follows the removal of confounds; column {int(carried.argmax())} still carries them: use "
            "Residualizer(normal_scores=True), or give the residuals."
        )
