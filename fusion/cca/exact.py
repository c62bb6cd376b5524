"""Exact canonical correlation analysis by QR and SVD, with an explicit rank."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float64
from numpy.typing import NDArray

from fusion import lapack
from fusion.arrays import Floats, Matrix, Positions, Real, stores_parameters
from fusion.cca.base import VANISHED, TwoViewAligner, Weights, check_varies
from fusion.parallel import ROW_TILE, mix_columns

RANK_TOLERANCE = 1e-10
"""Singular values of the unit-norm columns below this share of the largest one count as zero."""


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

    columns: Float64[np.ndarray, "n_rows rank"]
    weights: Float64[np.ndarray, "n_features rank"]
    n_vanished: int

    @property
    def rank(self) -> int:
        """Dimension of the column space."""
        return int(self.columns.shape[1])


def make_basis(
    matrix: Float64[np.ndarray, "n_rows n_features"],
    former_norms: Float64[np.ndarray, " n_features"] | None = None,
    tolerance: Real = RANK_TOLERANCE,
    *,
    overwrite: bool = False,
) -> Basis:
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
    overwrite : bool
        Work in the memory of the matrix (which should be in column order) if all its columns vary.
    """
    norms, kept = _varying(matrix, former_norms)
    if kept.size == 0:
        return Basis(matrix[:, :0], np.zeros((matrix.shape[1], 0)), matrix.shape[1])
    varying = matrix if kept.size == matrix.shape[1] else matrix[:, kept]
    scaled = varying if overwrite else np.empty(varying.shape, order="F")
    np.divide(varying, norms[kept], out=scaled)
    q, r = scipy.linalg.qr(scaled, mode="economic", overwrite_a=True, check_finite=False)
    left, weights = _from_triangle(r, norms, kept, tolerance)
    columns = mix_columns(q, left) if len(q) > ROW_TILE else q @ left
    return Basis(columns, weights, matrix.shape[1] - kept.size)


def basis_weights(
    matrix: Float64[np.ndarray, "n_subjects n_features"], rows: Positions, tolerance: Real = RANK_TOLERANCE
) -> Float64[np.ndarray, "n_features rank"]:
    """Weights of `make_basis` of some rows, for half its time and a third of its memory: no basis is made.

    Parameters
    ----------
    matrix : float64 array, shape [n_subjects, n_features]
        Centred, or residualised, in these rows.
    rows : int array, shape [n_rows]
    tolerance : float
        Relative to the largest singular value.
    """
    chosen = np.empty((len(rows), matrix.shape[1]), order="F")
    for column in range(matrix.shape[1]):
        chosen[:, column] = matrix[rows, column]
    norms, kept = _varying(chosen, None)
    if kept.size == 0:
        return np.zeros((matrix.shape[1], 0))
    scaled = chosen if kept.size == matrix.shape[1] else np.asfortranarray(chosen[:, kept])
    scaled /= norms[kept]
    (r,) = scipy.linalg.qr(scaled, mode="r", overwrite_a=True, check_finite=False)
    return _from_triangle(r[: scaled.shape[1]], norms, kept, tolerance)[1]


def _varying(matrix: Matrix, former_norms: Matrix | None) -> tuple[Matrix, Positions]:
    """Norms of all columns, and which of them vary."""
    norms = np.sqrt(np.einsum("ij,ij->j", matrix, matrix))
    reference = norms if former_norms is None else former_norms
    return norms, np.flatnonzero(norms > VANISHED * reference)


def _from_triangle(r: Matrix, norms: Matrix, kept: Positions, tolerance: Real) -> tuple[Matrix, Matrix]:
    """From R of the columns at unit norm: the rotation of Q, [n_kept, rank], and the weights, [n_features, rank]."""
    left, singular, right = np.linalg.svd(r, full_matrices=False)
    rank = int((singular > tolerance * singular[0]).sum())
    weights = np.zeros((len(norms), rank))
    weights[kept] = right[:rank].T / singular[:rank] / norms[kept, np.newaxis]
    return left[:, :rank], weights


def canonical_rotations(
    product: Float64[np.ndarray, "rank_x rank_y"],
) -> tuple[Float64[np.ndarray, "rank_x rank_x"], Float64[np.ndarray, " K"], Float64[np.ndarray, "rank_y rank_y"]]:
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


class CanonicalCorrelation(TwoViewAligner):
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
    canonical_correlations_, objective_ : float64 array, shape [n_components]
        In the training rows.
    x_rank_, y_rank_ : int

    References
    ----------
    Björck & Golub (1973), doi:10.1090/S0025-5718-1973-0348991-3.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((37, 3))
    >>> y = np.column_stack([x[:, 0], rng.standard_normal(37)])
    >>> CanonicalCorrelation().fit(x, y).canonical_correlations_.round(3)[0]
    np.float64(1.0)
    """

    @stores_parameters
    def __init__(self, n_components: int | None = None) -> None:
        self.n_components = n_components

    def _solve(self, x: Matrix, y: Matrix) -> Weights:
        basis_x, basis_y = centred_basis(x, "x"), centred_basis(y, "y")
        self.x_rank_, self.y_rank_ = basis_x.rank, basis_y.rank
        left, correlations, right = canonical_rotations(basis_x.columns.T @ basis_y.columns)
        k = self._check_components(len(correlations))
        scale = np.sqrt(len(x) - 1)
        return basis_x.weights @ left[:, :k] * scale, basis_y.weights @ right[:, :k] * scale, correlations[:k]

    def _describe(self, x: Matrix, y: Matrix) -> None:
        super()._describe(x, y)
        self.canonical_correlations_ = self.objective_  # of the SVD itself, not of scores computed from it


def centred_basis(matrix: Matrix, name: str) -> Basis:
    """Orthonormal basis of the centred columns; an `InputError` that says `name` if there is none."""
    check_varies(matrix, name)
    return make_basis(matrix - matrix.mean(axis=0), np.linalg.norm(matrix, axis=0))


EIGENGAP = 1e-3
"""Relative gap of squared singular values under which float32 may turn components into one another."""


def leading_pairs(product: Floats, n_components: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Leading singular vectors of a whitened product, or of each of a stack of shape [..., rank_x, rank_y].

    They have shapes [..., rank_x, n_components] and [..., rank_y, n_components].

    Exact: from the eigenvectors of the smaller Gram matrix by LAPACK, which costs a fraction of a full decomposition
    and, unlike randomised methods, never underestimates. The sign of each pair is such that training scores correlate
    positively. The last value says whether components are nearly tied.
    """
    if product.shape[-2] > product.shape[-1]:
        right, left, is_tied = leading_pairs(product.mT, n_components)
        return left, right, is_tied
    size = product.shape[-2]
    gram = (product @ product.mT).astype(np.float64, copy=False)
    values, vectors = lapack.eigenpairs(gram, max(0, size - n_components - 1), size - 1)
    left = vectors[..., ::-1][..., :n_components]
    right = _unit_columns(product.mT @ left)
    return left, right, np.asarray((np.diff(values) < EIGENGAP * values[..., -1:]).any(axis=-1))


def singular_pair(product: Matrix, number: int, *, neighbours: int = 0) -> tuple[Matrix, Matrix, NDArray[np.bool_]]:
    """Singular vectors of one singular value, counted from the largest as 0: [..., rank_x, 1] and [..., rank_y, 1].

    The last value says whether it is nearly tied with one of so many neighbours before and after it, [...]; they have
    to be found for that.
    """
    if product.shape[-2] > product.shape[-1]:
        right, left, is_tied = singular_pair(product.mT, number, neighbours=neighbours)
        return left, right, is_tied
    last = product.shape[-2] - 1
    wanted = last - number
    first, last = max(wanted - neighbours, 0), min(wanted + neighbours, last)
    values, vectors = lapack.eigenpairs(product @ product.mT, first, last)
    left = vectors[..., wanted - first : wanted - first + 1]
    is_close = np.diff(values) < EIGENGAP * values[..., -1:]
    return left, _unit_columns(product.mT @ left), np.asarray(is_close.any(axis=-1))


def _unit_columns(matrix: Floats) -> Floats:
    lengths = np.linalg.norm(matrix, axis=-2, keepdims=True)
    return np.asarray(matrix / np.maximum(lengths, np.finfo(float).tiny))
