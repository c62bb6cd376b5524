"""Leading singular triplets of a residualised view, exact: one eigendecomposition, or block Krylov to a residual."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.linalg.blas import dsyrk

from fusion.residual_view import ResidualView
from fusion.views import Matrix

EXACT_LIMIT = 6000  # smaller side up to which a dense symmetric eigendecomposition is the quicker way
TOLERANCE = 1e-6  # of residual / largest singular value
KRYLOV_DEPTH = 4
MAX_RESTARTS = 100


@dataclass(frozen=True, slots=True)
class Triplets:
    """Leading singular triplets.

    Attributes
    ----------
    singular_values : float64 array of shape (k,), descending
    right : float64 array of shape (n_columns, k)
        Right singular vectors; the first entry of largest magnitude (to 1e-6) of each is positive.
    residual : float
        max over triplets of ``||X' u - s v|| / s_1``; ``X v = s u`` holds to rounding.
    """

    singular_values: Matrix
    right: Matrix
    residual: float


def leading_triplets(view: ResidualView, k: int, random_state: int | None) -> Triplets:
    """Return up to `k` leading singular triplets.

    Parameters
    ----------
    view : ResidualView of shape (n, width)
    k : int
        At most min(n - 1 - rank of confounds, width).
    random_state : int or None
        Of the random start block; unused where the eigendecomposition is direct.

    Returns
    -------
    Triplets
        Fewer than `k` where the rank is smaller: ``s_i^2 <= eps * max(n, width) * s_1^2`` is rounding.

    Raises
    ------
    numpy.linalg.LinAlgError
        The iteration did not reach a relative residual of 1e-6.

    Notes
    -----
    Up to a smaller side of 6,000: eigenvectors of ``X X'`` or ``X' X``, built from blocks of columns. Beyond: block
    Krylov spaces of depth 4, restarted from their Ritz vectors (Golub & Underwood 1977). Both end in one
    Rayleigh-Ritz step on X itself, which restores the digits that squaring costs.
    """
    if min(view.shape) <= EXACT_LIMIT:
        return _rayleigh_ritz(view, _eigenvectors(view, k), k)
    start = np.random.default_rng(random_state).standard_normal(
        (min(view.shape), min(k + max(16, k // 4), *view.shape))
    )
    block: Matrix = np.linalg.qr(start).Q
    for _ in range(MAX_RESTARTS):
        block = _krylov_restart(view, block)
        triplets = _rayleigh_ritz(view, block, k)
        if triplets.residual <= TOLERANCE:
            return triplets
    raise np.linalg.LinAlgError(
        f"PCA needs a relative residual of {TOLERANCE:g} and reached {triplets.residual:.1e} for {k} components of "
        f"{view.shape[0]} x {view.shape[1]} after {MAX_RESTARTS} restarts: ask for fewer components."
    )


def _eigenvectors(view: ResidualView, k: int) -> Matrix:
    """Leading eigenvectors of the smaller of X X' and X' X."""
    n, width = view.shape
    size = min(n, width)
    gram = np.zeros((size, size), order="F")
    for columns, block in view.column_blocks():
        if n <= width:
            gram = dsyrk(1.0, block.T, beta=1.0, c=gram, trans=1, lower=1, overwrite_c=1)
        else:
            gram[:, columns] = view.multiply_transposed(block)
    vectors = scipy.linalg.eigh(gram, lower=True, subset_by_index=[size - k, size - 1], overwrite_a=True)[1]
    descending: Matrix = vectors[:, ::-1]
    return descending


def _rayleigh_ritz(view: ResidualView, subspace: Matrix, k: int) -> Triplets:
    """Singular triplets of X within the row space that `subspace` (of the smaller side) spans."""
    rows = view.multiply_transposed(subspace) if _is_left(view) else subspace
    basis = np.linalg.qr(rows).Q
    left, values, mixing = np.linalg.svd(view.multiply(basis), full_matrices=False)
    rank = int((values**2 > np.finfo(float).eps * max(view.shape) * values[0] ** 2).sum())
    k = min(k, rank)
    left, values, right = left[:, :k], values[:k], basis @ mixing[:k].T
    gap = view.multiply_transposed(left) - right * values
    return Triplets(values, right * _signs(right), float(np.linalg.norm(gap, axis=0).max() / values[0]))


def _signs(vectors: Matrix) -> Matrix:
    """Signs that make the first of the largest entries positive; entries equal to rounding count as equally large."""
    sizes = np.abs(vectors)
    first = (sizes >= (1 - 1e-6) * sizes.max(axis=0)).argmax(axis=0)
    signs: Matrix = np.sign(vectors[first, np.arange(vectors.shape[1])])
    return signs


def _krylov_restart(view: ResidualView, block: Matrix) -> Matrix:
    """Leading Ritz vectors of the Krylov space of `block`, as many as it has columns."""
    basis, images = block, []
    for depth in range(KRYLOV_DEPTH):
        images.append(_square(view, basis[:, -block.shape[1] :]))
        if depth + 1 < KRYLOV_DEPTH:
            fresh = images[-1]
            for _ in range(2):  # once is not enough for orthogonality to working precision
                fresh = np.linalg.qr(fresh - basis @ (basis.T @ fresh)).Q
            basis = np.hstack([basis, fresh])
    projected = basis.T @ np.hstack(images)
    vectors = scipy.linalg.eigh((projected + projected.T) / 2)[1][:, ::-1]
    restart: Matrix = basis @ vectors[:, : block.shape[1]]
    return restart


def _is_left(view: ResidualView) -> bool:
    return view.shape[0] <= view.shape[1]


def _square(view: ResidualView, matrix: Matrix) -> Matrix:
    if _is_left(view):
        return view.multiply(view.multiply_transposed(matrix))
    return view.multiply_transposed(view.multiply(matrix))
