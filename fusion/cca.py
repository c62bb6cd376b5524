"""Exact canonical correlation analysis by QR and SVD, with an explicit rank."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.linalg
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from fusion.errors import InputError
from fusion.matrices import Matrix, as_matrix, check_same_subjects

RANK_TOLERANCE = 1e-10
"""Singular values of the unit-norm columns below this share of the largest one count as zero."""

VANISHED = 1e-12
"""A column whose norm falls below this share of its former one is constant, or explained by the confounds."""


@dataclass(frozen=True)
class Basis:
    """Orthonormal basis of a column space, and the weights that lead to it.

    Attributes
    ----------
    columns : float64 array, shape [n_rows, rank]
        Orthonormal; ``matrix @ weights`` equals it.
    weights : float64 array, shape [n_features, rank]
    n_vanished : int
        Columns without variance, left out.
    """

    columns: Matrix
    weights: Matrix
    n_vanished: int

    @property
    def rank(self) -> int:
        """Dimension of the column space."""
        return int(self.columns.shape[1])


def make_basis(matrix: Matrix, former_norms: Matrix | None = None, tolerance: float = RANK_TOLERANCE) -> Basis:
    """Orthonormalise columns, truncating the rank at a stated tolerance.

    Columns are brought to unit norm first (CCA does not depend on their units), so one tolerance serves all of them.

    Parameters
    ----------
    matrix : float64 array, shape [n_rows, n_features]
        Already centred, or residualised.
    former_norms : float64 array, shape [n_features], optional
        Norms before centring or residualising: what "vanished" is measured against.
    tolerance : float
        Relative to the largest singular value.
    """
    norms = np.linalg.norm(matrix, axis=0)
    reference = norms if former_norms is None else former_norms
    kept = np.flatnonzero(norms > VANISHED * reference)
    if kept.size == 0:
        return Basis(matrix[:, :0], np.zeros((matrix.shape[1], 0)), matrix.shape[1])
    q, r = np.linalg.qr(matrix[:, kept] / norms[kept])
    left, singular, right = np.linalg.svd(r, full_matrices=False)
    rank = int((singular > tolerance * singular[0]).sum())
    weights = np.zeros((matrix.shape[1], rank))
    weights[kept] = right[:rank].T / singular[:rank] / norms[kept, np.newaxis]
    return Basis(q @ left[:, :rank], weights, matrix.shape[1] - kept.size)


def canonical_rotations(product: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Full rotations and correlations of two orthonormal bases from their product (Björck & Golub 1973).

    Parameters
    ----------
    product : float64 array, shape [rank_x, rank_y]
        ``basis_x.T @ basis_y``.

    Returns
    -------
    tuple of float64 arrays
        Rotation of x [rank_x, rank_x], correlations [min(rank_x, rank_y)], rotation of y [rank_y, rank_y].
    """
    left, correlations, right = scipy.linalg.svd(product, full_matrices=True)
    return left, np.clip(correlations, 0.0, 1.0), right.T


class CanonicalCorrelation(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Exact canonical correlation analysis of two views.

    QR and SVD of the whitened product; never iterative, so strongly correlated columns change nothing. Views without
    full column rank are truncated at `RANK_TOLERANCE` and get the weights of least norm.

    Parameters
    ----------
    n_components : int, optional
        All min(rank_x, rank_y) by default.

    Attributes
    ----------
    x_weights_, y_weights_ : float64 array, shape [n_features, n_components]
        Scores have unit variance (ddof 1) in the training rows; the largest x loading of a component is positive.
    x_loadings_, y_loadings_ : float64 array, shape [n_features, n_components]
        Structure loadings: correlation of each feature with the scores of its own view; 0 for a constant feature.
    canonical_correlations_ : float64 array, shape [n_components]
    x_rank_, y_rank_ : int

    References
    ----------
    Björck & Golub (1973), doi:10.1090/S0025-5718-1973-0348991-3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((37, 3))
    >>> y = np.column_stack([x[:, 0], rng.standard_normal(37)])
    >>> CanonicalCorrelation().fit(x, y).canonical_correlations_.round(3)[0]
    np.float64(1.0)
    """

    def __init__(self, n_components: int | None = None) -> None:
        self.n_components = n_components

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on the rows of two views, shapes [n_subjects, n_x] and [n_subjects, n_y]."""
        check_same_subjects(x=X, y=y)
        x, y = as_matrix(X, "x"), as_matrix(y, "y")
        self.x_mean_, self.y_mean_ = x.mean(axis=0), y.mean(axis=0)
        basis_x, basis_y = _centred_basis(x, "x"), _centred_basis(y, "y")
        self.x_rank_, self.y_rank_ = basis_x.rank, basis_y.rank
        left, correlations, right = canonical_rotations(basis_x.columns.T @ basis_y.columns)
        k = self._check_components(len(correlations))
        scale = np.sqrt(len(x) - 1)
        self.x_weights_, self.y_weights_ = basis_x.weights @ left[:, :k] * scale, basis_y.weights @ right[:, :k] * scale
        self.canonical_correlations_ = correlations[:k]
        self.n_features_in_ = x.shape[1]
        self.x_loadings_ = structure_loadings(x, self._project(x, "x"))
        signs = np.sign(self.x_loadings_[np.abs(self.x_loadings_).argmax(axis=0), np.arange(k)])
        self.x_weights_, self.y_weights_ = self.x_weights_ * signs, self.y_weights_ * signs
        self.x_loadings_ = self.x_loadings_ * signs
        self.y_loadings_ = structure_loadings(y, self._project(y, "y"))
        return self

    def transform(self, X: Any, y: Any = None) -> Matrix | tuple[Matrix, Matrix]:
        """Scores of x, or of both views, for any rows: [n_subjects, n_components] each."""
        check_is_fitted(self)
        x_scores = self._project(as_matrix(X, "x"), "x")
        return x_scores if y is None else (x_scores, self._project(as_matrix(y, "y"), "y"))

    def score(self, X: Any, y: Any) -> float:
        """Correlation of the first pair of scores in these rows."""
        x_scores, y_scores = self.transform(X, y)
        return float(np.corrcoef(x_scores[:, 0], y_scores[:, 0])[0, 1])

    def _project(self, matrix: Matrix, side: str) -> Matrix:
        mean, weights = getattr(self, f"{side}_mean_"), getattr(self, f"{side}_weights_")
        if matrix.shape[1] != len(mean):
            raise InputError(f"{side} must have the {len(mean)} features it was fitted on; got {matrix.shape[1]}.")
        scores: Matrix = (matrix - mean) @ weights
        return scores

    def _check_components(self, available: int) -> int:
        wanted = available if self.n_components is None else self.n_components
        if not 1 <= wanted <= available:
            raise InputError(f"n_components must lie in 1..{available} (the smaller rank); got {wanted}.")
        return wanted


def _centred_basis(matrix: Matrix, name: str) -> Basis:
    basis = make_basis(matrix - matrix.mean(axis=0), np.linalg.norm(matrix, axis=0))
    if basis.rank == 0:
        raise InputError(f"{name} must vary between subjects; all {matrix.shape[1]} columns are constant.")
    return basis


def structure_loadings(matrix: Matrix, scores: Matrix) -> Matrix:
    """Correlation of every column with every score, [n_features, n_components]; 0 where a column is constant."""
    centred, scores = matrix - matrix.mean(axis=0), scores - scores.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    varies = norms > VANISHED * np.linalg.norm(matrix, axis=0)
    loadings = np.zeros((matrix.shape[1], scores.shape[1]))
    loadings[varies] = centred[:, varies].T @ scores / norms[varies, np.newaxis] / np.linalg.norm(scores, axis=0)
    return loadings
