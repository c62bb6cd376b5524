"""Least squares on [1, confounds], fitted on training rows and applied to any."""

# ruff: noqa: F722

import numpy as np
from jaxtyping import Float64
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fusion.arrays import ArrayLike, Matrix, ViewLike, stores_parameters
from fusion.confounds.basis import ConfoundBasis, check_confounds
from fusion.confounds.normal_scores import NormalScores
from fusion.errors import InputError
from fusion.subject_rows import check_same_subjects

ROUNDING = 1e-10
"""Residuals whose norm is below this share of their column's are rounding."""


class Residualizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Remove an intercept and confounds from every column by least squares on the training rows.

    Parameters
    ----------
    normal_scores : bool
        Replace the residuals by normal scores (`fusion.NormalScores`): after the confounds are removed, never before.

    Attributes
    ----------
    basis_ : ConfoundBasis
        Of the training confounds.
    coefficients_ : float64 array of shape (1 + rank, n_features)
        In that basis.
    normal_scores_ : NormalScores or None
        Fitted on the training residuals.

    Examples
    --------
    >>> import numpy as np
    >>> age = np.array([[20.0], [30.0], [40.0], [50.0]])
    >>> residualizer = Residualizer().fit(2 * age[:3] + 1, confounds=age[:3])
    >>> residualizer.transform(2 * age[3:] + 2, confounds=age[3:]).round(9)
    array([[1.]])
    """

    @stores_parameters
    def __init__(self, normal_scores: bool = False) -> None:
        self.normal_scores = normal_scores

    def fit(self, X: ViewLike, y: object = None, *, confounds: ArrayLike | None = None) -> "Residualizer":
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
        check_same_subjects(X=X, confounds=confounds)
        self.has_confounds_ = confounds is not None
        self.basis_ = ConfoundBasis.of(Z)
        if self.has_confounds_ and self.basis_.degrees_of_freedom < 1:
            raise InputError(
                f"Residuals need more rows than 1 + confounds; got {len(values)} rows for {self.basis_.rank} "
                "independent confounds: use fewer confounds or more subjects."
            )
        self.coefficients_ = self.basis_(Z).T @ values
        self.normal_scores_ = self._fit_scores(values, Z) if self.normal_scores else None
        return self

    def transform(self, X: ViewLike, confounds: ArrayLike | None = None) -> Float64[np.ndarray, "n_rows n_features"]:
        """Return ``X - [1, Z] @ coefficients`` with the training coefficients, or their normal scores.

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
        check_same_subjects(X=X, confounds=confounds)
        residuals = self._residuals(values, Z)
        return residuals if self.normal_scores_ is None else self.normal_scores_.transform(residuals)

    def fit_transform(
        self, X: ViewLike, y: object = None, *, confounds: ArrayLike | None = None
    ) -> Float64[np.ndarray, "n_rows n_features"]:
        """Fit on the rows and return their residuals."""
        return self.fit(X, y, confounds=confounds).transform(X, confounds)

    def _residuals(self, values: Matrix, Z: Matrix) -> Matrix:
        residuals: Matrix = values - self.basis_(Z) @ self.coefficients_
        return residuals

    def _fit_scores(self, values: Matrix, Z: Matrix) -> NormalScores:
        residuals = self._residuals(values, Z)
        # Ranks of rounding are noise: where the confounds explain a column, its residuals are equal.
        rounding = np.linalg.norm(residuals, axis=0) <= ROUNDING * np.linalg.norm(values, axis=0)
        return NormalScores().fit(np.where(rounding, 0.0, residuals))
