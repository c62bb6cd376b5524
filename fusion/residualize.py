"""Least squares on [1, confounds], fitted on training rows and applied to any."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.linalg
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fusion.errors import InputError
from fusion.views import Matrix

RANK_TOLERANCE = 1e-8  # of the largest pivot, columns scaled to unit norm


@dataclass(frozen=True, slots=True)
class ConfoundBasis:
    """An orthonormal basis of [1, Z] on the training rows, and its continuation to new rows.

    Attributes
    ----------
    mean : float64 array of shape (n_confounds,)
        Training mean of every confound.
    continuation : float64 array of shape (n_confounds, rank)
        ``basis(Z) = [1/sqrt(n_train), (Z - mean) @ continuation]``; rows of collinear confounds are zero.
    n_train : int
        Training rows.
    """

    mean: Matrix
    continuation: Matrix
    n_train: int

    @classmethod
    def of(cls, confounds: Matrix) -> Self:
        """Make the basis of training confounds, float64 of shape (n_train, n_confounds), without intercept."""
        mean = confounds.mean(axis=0)
        centred = confounds - mean
        kept = independent_columns(centred, confounds)
        continuation = np.zeros((confounds.shape[1], len(kept)))
        triangle = np.linalg.qr(centred[:, kept]).R
        continuation[kept] = scipy.linalg.solve_triangular(triangle, np.eye(len(kept)))
        # A second step restores the orthogonality that nearly collinear confounds cost the first.
        again = np.linalg.qr(centred @ continuation).R
        continuation = scipy.linalg.solve_triangular(again.T, continuation.T, lower=True).T
        return cls(mean, continuation, len(confounds))

    @property
    def rank(self) -> int:
        """Independent confounds among the training rows."""
        return int(self.continuation.shape[1])

    @property
    def degrees_of_freedom(self) -> int:
        """``n_train - 1 - rank``: what is left for the residuals."""
        return self.n_train - 1 - self.rank

    def __call__(self, confounds: Matrix) -> Matrix:
        """Return the basis at these rows, shape (n_rows, 1 + rank); orthonormal at the training rows."""
        constant = np.full((len(confounds), 1), 1 / np.sqrt(self.n_train))
        return np.hstack([constant, (confounds - self.mean) @ self.continuation])


class Residualizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Remove an intercept and confounds from every column by least squares on the training rows.

    Attributes
    ----------
    basis_ : ConfoundBasis
        Of the training confounds.
    coefficients_ : float64 array of shape (1 + rank, n_features)
        In that basis.

    Examples
    --------
    >>> import numpy as np
    >>> age = np.array([[20.0], [30.0], [40.0], [50.0]])
    >>> residualizer = Residualizer().fit(2 * age[:3] + 1, confounds=age[:3])
    >>> residualizer.transform(2 * age[3:] + 2, confounds=age[3:]).round(9)
    array([[1.]])
    """

    def fit(self, X: npt.ArrayLike, y: object = None, *, confounds: npt.ArrayLike | None = None) -> Self:
        """Estimate the coefficients.

        Parameters
        ----------
        X : float array of shape (n_train, n_features)
        y : ignored
            Present for pipelines; a two-dimensional `y` is taken for misplaced confounds and refused.
        confounds : float array of shape (n_train, n_confounds), optional
            Without intercept. Without confounds only the mean is removed.

        Raises
        ------
        InputError
            Confounds by position, with missing values, of another length, or as many as there are rows.
        """
        if np.asarray(y).ndim > 1:
            raise InputError("Residualizer.fit takes confounds by keyword, got a matrix as y: write confounds=Z.")
        values: Matrix = validate_data(self, X, dtype=np.float64)
        Z = check_confounds(confounds, len(values))
        self.has_confounds_ = confounds is not None
        self.basis_ = ConfoundBasis.of(Z)
        if self.has_confounds_ and self.basis_.degrees_of_freedom < 1:
            raise InputError(
                f"Residuals need more rows than 1 + confounds; got {len(values)} rows for {self.basis_.rank} "
                "independent confounds: use fewer confounds or more subjects."
            )
        self.coefficients_ = self.basis_(Z).T @ values
        return self

    def transform(self, X: npt.ArrayLike, confounds: npt.ArrayLike | None = None) -> Matrix:
        """Return ``X - [1, Z] @ coefficients`` with the training coefficients.

        Parameters
        ----------
        X : float array of shape (n_rows, n_features)
        confounds : float array of shape (n_rows, n_confounds)
            Required exactly if they were given at fit.

        Raises
        ------
        InputError
            Confounds given at fit and missing here, or the reverse.
        """
        check_is_fitted(self)
        values: Matrix = validate_data(self, X, dtype=np.float64, reset=False)
        if (confounds is not None) != self.has_confounds_:
            fitted, came = ("with", "without") if self.has_confounds_ else ("without", "with")
            raise InputError(
                f"Residualizer was fitted {fitted} confounds and applied {came}: pass the same kind of rows."
            )
        Z = check_confounds(confounds, len(values), n_columns=len(self.basis_.mean))
        residuals: Matrix = values - self.basis_(Z) @ self.coefficients_
        return residuals

    def fit_transform(self, X: Any, y: object = None, *, confounds: npt.ArrayLike | None = None) -> Matrix:
        """Fit on the rows and return their residuals."""
        return self.fit(X, y, confounds=confounds).transform(X, confounds)


def check_confounds(confounds: npt.ArrayLike | None, n_rows: int, *, n_columns: int | None = None) -> Matrix:
    """Return confounds as a finite float64 matrix of `n_rows` rows; None becomes zero columns.

    Raises
    ------
    InputError
        Another number of rows or columns, or values that are not finite.
    """
    Z = np.empty((n_rows, 0)) if confounds is None else np.asarray(confounds, dtype=np.float64)
    Z = Z[:, None] if Z.ndim == 1 else Z
    if Z.ndim != 2 or len(Z) != n_rows:
        raise InputError(f"Confounds need one row per subject; got shape {Z.shape} for {n_rows} subjects.")
    if n_columns is not None and Z.shape[1] != n_columns:
        raise InputError(f"Confounds need the {n_columns} columns of the fit; got {Z.shape[1]}.")
    bad = ~np.isfinite(Z)
    if bad.any():
        j = int(np.flatnonzero(bad.any(axis=0))[0])
        raise InputError(
            f"Confound column {j} has {int(bad[:, j].sum())} missing or infinite values: exclude or impute."
        )
    return Z


def independent_columns(centred: Matrix, raw: Matrix) -> npt.NDArray[np.int64]:
    """Return, in order, the columns that span `centred`: pivoted QR, tolerance `RANK_TOLERANCE` on unit columns.

    Parameters
    ----------
    centred : float64 array of shape (n_rows, n_columns)
        Columns minus their mean.
    raw : float64 array of shape (n_rows, n_columns)
        The same before centring: a column that is constant up to the rounding of its own size is not kept.
    """
    norms = np.linalg.norm(centred, axis=0)
    varying = np.flatnonzero(norms > 1e-10 * np.linalg.norm(raw, axis=0))
    if not len(varying) or len(raw) < 2:
        return np.empty(0, dtype=np.int64)
    triangle, pivots = scipy.linalg.qr(centred[:, varying] / norms[varying], mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    return np.sort(varying[pivots[: int((diagonal > RANK_TOLERANCE * diagonal[0]).sum())]])
