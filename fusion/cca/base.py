"""What every aligner of two views shares: checks of both sides, scores, loadings, signs."""

# ruff: noqa: F722

from abc import abstractmethod
from typing import Any, Literal, TypeVar

import numpy as np
from jaxtyping import Float64
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from fusion.arrays import (
    Matrix,
    Scores,
    ViewLike,
    as_matrix,
    check_columns,
    check_finite,
    column_names,
)
from fusion.errors import InputError
from fusion.subject_rows import check_same_subjects

VANISHED = 1e-12
"""A column whose norm falls below this share of its former one is constant, or explained by the confounds."""

Weights = tuple[Float64[np.ndarray, "n_x K"], Float64[np.ndarray, "n_y K"], Float64[np.ndarray, " K"]]
"""Weights of x [n_x, k] and y [n_y, k], and the value of what they maximise [k]."""


Aligner = TypeVar("Aligner", bound="TwoViewAligner")


class TwoViewAligner(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the aligners: ``fit(x, y)`` finds weights, ``transform`` projects any rows.

    A subclass finds the weights of the training rows in `_solve`; what they maximise is its own.

    Attributes
    ----------
    x_weights_, y_weights_ : float64 array, shape [n_features, n_components]
        Of columns less their training mean, divided by ``x_scale_``, ``y_scale_``; the largest x loading of every
        component is positive.
    x_loadings_, y_loadings_ : float64 array, shape [n_features, n_components]
        Structure loadings: correlation of each feature with the scores of its own view; 0 for a constant feature.
    canonical_correlations_ : float64 array, shape [n_components]
        Correlations of the paired scores in the training rows.
    objective_ : float64 array, shape [n_components]
        Value of what the estimator maximises.
    x_mean_, y_mean_, x_scale_, y_scale_ : float64 array, shape [n_features]
    """

    n_components: int | None

    def fit(self: Aligner, X: ViewLike, y: ViewLike | None) -> Aligner:
        """Fit on the rows of two views, shapes [n_subjects, n_x] and [n_subjects, n_y].

        Raises
        ------
        InputError
            Different subjects, values that are not finite numbers, a view without variance, too many components.
        """
        if y is None:
            raise InputError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        x = self._check_x(X, reset=True)
        y_values = _check_y(y)
        check_same_subjects(x=X if hasattr(X, "shape") else x, y=y if hasattr(y, "shape") else y_values)
        self.x_mean_, self.y_mean_ = x.mean(axis=0), y_values.mean(axis=0)
        self.x_scale_, self.y_scale_ = self._scales(x), self._scales(y_values)
        self.x_weights_, self.y_weights_, self.objective_ = self._solve(x, y_values)
        self.y_columns_ = column_names(y)
        self._n_features_out = self.x_weights_.shape[1]
        self._describe(x, y_values)
        return self

    def transform(self, X: ViewLike, y: ViewLike | None = None) -> Scores | tuple[Scores, Scores]:
        """Scores of x, or of both views, for any rows: [n_subjects, n_components] each."""
        check_same_subjects(x=X, y=y)
        return self.x_scores(X) if y is None else (self.x_scores(X), self.y_scores(y))

    def x_scores(self, X: ViewLike) -> Scores:
        """Scores of any rows of the first view, [n_subjects, n_components]."""
        check_is_fitted(self)
        return self._project(self._check_x(X, reset=False), "x")

    def y_scores(self, y: ViewLike) -> Scores:
        """Scores of any rows of the second view, [n_subjects, n_components]."""
        check_is_fitted(self)
        matrix = _check_y(y)
        check_columns(y, self.y_columns_, "y")
        if matrix.shape[1] != len(self.y_mean_):
            raise InputError(f"y must have the {len(self.y_mean_)} features it was fitted on; got {matrix.shape[1]}.")
        return self._project(matrix, "y")

    def score(self, X: ViewLike, y: ViewLike) -> float:
        """Correlation of the first pair of scores in these rows."""
        check_same_subjects(x=X, y=y)
        return float(paired_correlations(self.x_scores(X)[:, :1], self.y_scores(y)[:, :1])[0])

    @abstractmethod
    def _solve(self, x: Float64[np.ndarray, "n_subjects n_x"], y: Float64[np.ndarray, "n_subjects n_y"]) -> Weights:
        """Find the weights of the training rows, neither centred nor scaled yet."""

    def _scales(self, matrix: Matrix) -> Matrix:
        """Divisor of every column."""
        return np.ones(matrix.shape[1])

    def _standardised(self, matrix: Matrix, side: Literal["x", "y"]) -> Matrix:
        standardised: Matrix = (matrix - getattr(self, f"{side}_mean_")) / getattr(self, f"{side}_scale_")
        return standardised

    def _project(self, matrix: Matrix, side: Literal["x", "y"]) -> Matrix:
        scores: Matrix = self._standardised(matrix, side) @ getattr(self, f"{side}_weights_")
        return scores

    def _describe(self, x: Matrix, y: Matrix) -> None:
        self.x_loadings_ = structure_loadings(x, self._project(x, "x"))
        largest = self.x_loadings_[np.abs(self.x_loadings_).argmax(axis=0), np.arange(self._n_features_out)]
        signs = np.where(largest < 0, -1.0, 1.0)
        self.x_weights_, self.y_weights_ = self.x_weights_ * signs, self.y_weights_ * signs
        self.x_loadings_ = self.x_loadings_ * signs
        y_scores = self._project(y, "y")
        self.y_loadings_ = structure_loadings(y, y_scores)
        self.canonical_correlations_ = np.clip(paired_correlations(self._project(x, "x"), y_scores), -1, 1)

    def _check_x(self, X: ViewLike, *, reset: bool) -> Matrix:
        """Return x as finite float64; scikit-learn's own sentences where it has one, ours where ours say more."""
        if hasattr(X, "column_groups"):
            return self._check_view(as_matrix(X, "x"), reset)
        if getattr(X, "ndim", 2) == 1:
            raise InputError(
                f"x must be subjects x features; got shape {np.shape(X)}. Reshape your data: x.reshape(-1, 1)."
            )
        minimum = 2 if reset else 1
        try:
            x: Matrix = validate_data(
                self, X, reset=reset, dtype=np.float64, ensure_all_finite=False, ensure_min_samples=minimum
            )
        except ValueError as error:
            raise InputError(f"x must hold numbers only, subjects x features: {error}") from None
        check_finite(x, "x", _columns(X))
        return x

    def _check_view(self, x: Matrix, reset: bool) -> Matrix:
        if reset:
            self.n_features_in_ = x.shape[1]
        elif x.shape[1] != self.n_features_in_:
            raise InputError(f"x must have the {self.n_features_in_} features of the fit; got {x.shape[1]}.")
        return x

    def _check_components(self, available: int) -> int:
        wanted = available if self.n_components is None else self.n_components
        if not 1 <= wanted <= available:
            raise InputError(f"n_components must lie in 1..{available} (the smaller rank); got {wanted}.")
        return wanted

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _check_y(y: ViewLike) -> Matrix:
    if hasattr(y, "column_groups"):
        return as_matrix(y, "y")
    try:
        values: Matrix = check_array(
            y, dtype=np.float64, ensure_all_finite=False, ensure_2d=False, input_name="y", estimator="y"
        )
    except ValueError as error:
        raise InputError(f"y must hold numbers only, subjects x features: {error}") from None
    values = values[:, np.newaxis] if values.ndim == 1 else values
    check_finite(values, "y", _columns(y))
    return values


def _columns(table: Any) -> list[Any] | None:
    return list(table.columns) if hasattr(table, "columns") else None


def check_varies(matrix: Matrix, name: str) -> None:
    """Raise an `InputError` if no column varies between subjects."""
    centred = np.linalg.norm(matrix - matrix.mean(axis=0), axis=0)
    if not (centred > VANISHED * np.linalg.norm(matrix, axis=0)).any():
        raise InputError(f"{name} must vary between subjects; all {matrix.shape[1]} columns are constant.")


def structure_loadings(
    matrix: Float64[np.ndarray, "n_subjects n_features"], scores: Scores
) -> Float64[np.ndarray, "n_features K"]:
    """Correlation of every column with every score, [n_features, n_components]; 0 where a column is constant."""
    centred, scores = matrix - matrix.mean(axis=0), scores - scores.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    varies = norms > VANISHED * np.linalg.norm(matrix, axis=0)
    loadings = np.zeros((matrix.shape[1], scores.shape[1]))
    loadings[varies] = centred[:, varies].T @ scores / norms[varies, np.newaxis] / np.linalg.norm(scores, axis=0)
    return loadings


def paired_correlations(
    a: Float64[np.ndarray, "*stack n_rows K"], b: Float64[np.ndarray, "*stack n_rows K"]
) -> Float64[np.ndarray, "*stack K"]:
    """Correlation of the columns of two score matrices pair by pair, [..., n_columns]; 0 where one does not vary."""
    before = [_column_products(values, values) for values in (a, b)]
    a, b = (values - values.mean(axis=-2, keepdims=True) for values in (a, b))
    of_a, of_b, of_both = _column_products(a, a), _column_products(b, b), _column_products(a, b)
    is_defined = (of_a > VANISHED**2 * before[0]) & (of_b > VANISHED**2 * before[1])
    norms = np.sqrt(np.where(is_defined, of_a * of_b, 1.0))
    return np.where(is_defined, of_both / norms, 0.0)


def _column_products(a: Matrix, b: Matrix) -> Matrix:
    return np.asarray(np.einsum("...ij,...ij->...j", a, b))
