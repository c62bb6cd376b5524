"""Leading singular triplets of a residualised view: one eigendecomposition, or block Lanczos to a stated residual."""

# ruff: noqa: F722

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float64

from fusion.arrays import Matrix
from fusion.decomposition.lanczos import MAX_RESTARTS, leading_eigenpairs
from fusion.decomposition.residual_view import Operator
from fusion.parallel import inner, map_tiles, mix_columns, product, row_tiles

EIGH_LIMIT = 3000  # smaller side up to which a dense symmetric eigendecomposition is the quicker way
EXACT_LIMIT = 12_000  # ... up to which a table that is read from disk is replaced by its Gram matrix
TOLERANCE = 1e-6  # of residual / singular value
STEP = 64  # columns per product of an operator that is not streamed


@dataclass(frozen=True, slots=True)
class Triplets:
    """Leading singular triplets.

    Attributes
    ----------
    singular_values : float64 array of shape (k,), descending
    right : float64 array of shape (n_columns, k)
        Right singular vectors.
    residual : float
        max over triplets of the larger of ``||X' u - s v|| / s`` and ``||X v - s u|| / s``, measured: the other one
        holds to rounding. No singular value is further than this share of itself from an exact one.
    """

    singular_values: Float64[np.ndarray, " k"]
    right: Float64[np.ndarray, "n_columns k"]
    residual: float


def leading_triplets(operator: Operator, k: int, random_state: int | None) -> Triplets:
    """Return up to `k` leading singular triplets.

    Parameters
    ----------
    operator : Operator of shape (n, width)
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
    Eigenvectors of the smaller of ``B B'`` and ``B' B``: by LAPACK up to a side of 3,000 or where a third of them is
    wanted, else by block Lanczos (:mod:`fusion.decomposition.lanczos`), on the Gram matrix of a table up to 12,000 and
    on products with the operator beyond. All end in one Rayleigh-Ritz step on B itself, which restores the digits that
    squaring costs.
    """
    size = min(operator.shape)
    direct = size <= min(EIGH_LIMIT, EXACT_LIMIT) or 3 * k >= size
    if direct:
        vectors = _eigenvectors(_gram(operator), k)
    else:
        square = _gram_product(operator) if operator.streamed and size <= EXACT_LIMIT else _square(operator)
        rng = np.random.default_rng(random_state)
        vectors = leading_eigenpairs(square, size, k, rng=rng, tolerance=TOLERANCE).vectors
        del square  # and a Gram matrix with it
    triplets = _rayleigh_ritz(operator, vectors)
    if not direct and triplets.residual > 2 * TOLERANCE:
        raise np.linalg.LinAlgError(
            f"PCA needs a relative residual of {TOLERANCE:g} and reached {triplets.residual:.1e} for {k} components of "
            f"{operator.shape[0]} x {operator.shape[1]} after {MAX_RESTARTS} restarts: ask for fewer components."
        )
    return triplets


def _gram(operator: Operator) -> Matrix:
    """The smaller of B B' and B' B; of the former only the lower tiles are set."""
    n, width = operator.shape
    gram = np.zeros((min(n, width),) * 2)
    for columns, block in operator.column_blocks():
        if n > width:
            gram[:, columns] = operator.multiply_transposed(block)
        else:
            _add_lower_tiles(gram, block)
    return gram


def _add_lower_tiles(gram: Matrix, block: Matrix) -> None:
    tiles = row_tiles(len(block))
    pairs = [(a, b) for i, a in enumerate(tiles) for b in tiles[: i + 1]]
    map_tiles(lambda pair: np.add(gram[pair], block[pair[0]] @ block[pair[1]].T, out=gram[pair]), pairs)


def _eigenvectors(gram: Matrix, k: int) -> Matrix:
    size = len(gram)
    vectors = scipy.linalg.eigh(gram, lower=True, subset_by_index=[size - k, size - 1], overwrite_a=True)[1]
    return np.ascontiguousarray(vectors[:, ::-1])


def _gram_product(operator: Operator) -> Callable[[Matrix], Matrix]:
    gram = _gram(operator)
    for rows in row_tiles(len(gram)):
        gram[: rows.start, rows] = gram[rows, : rows.start].T
    return lambda block: product(gram, block)


def _square(operator: Operator) -> Callable[[Matrix], Matrix]:
    if _is_left(operator):
        return lambda block: operator.multiply(operator.multiply_transposed(block))
    return lambda block: operator.multiply_transposed(operator.multiply(block))


def _rayleigh_ritz(operator: Operator, subspace: Matrix) -> Triplets:
    """Singular triplets of B within `subspace` (of the smaller side, orthonormal), which is overwritten."""
    left = _is_left(operator)
    there, back = operator.multiply_transposed, operator.multiply
    if not left:
        there, back = back, there
    image = np.empty_like(subspace)
    step = subspace.shape[1] if operator.streamed else STEP
    halves: list[Matrix] = []
    for first in range(0, subspace.shape[1], step):
        half = there(np.ascontiguousarray(subspace[:, first : first + step]))
        image[:, first : first + step] = back(half)
        if left:
            halves.append(half)
    values, mixing = _graded_svd(inner(subspace, image), max(operator.shape))
    gap = mix_columns(image, mixing) - (vectors := mix_columns(subspace, mixing)) * values**2
    residual = float((np.linalg.norm(gap, axis=0) / values**2).max())
    if left:
        vectors = mix_columns(halves[0] if len(halves) == 1 else np.hstack(halves), mixing / values)
    return Triplets(values, vectors, residual)


def _graded_svd(gram: Matrix, longest: int) -> tuple[Matrix, Matrix]:
    """Singular values and right vectors of a matrix from its Gram matrix, accurate where that is nearly diagonal.

    Dividing by the diagonal first keeps the relative precision of small values; directions whose square is rounding
    beside the largest are left out.
    """
    gram = (gram + gram.T) / 2
    squares = np.diag(gram)
    kept = np.flatnonzero(squares > np.finfo(float).eps * longest * squares.max())
    scales = np.sqrt(squares[kept])
    triangle = scipy.linalg.cholesky(gram[np.ix_(kept, kept)] / np.outer(scales, scales)) * scales
    _, values, rows = np.linalg.svd(triangle)
    rank = int((values**2 > np.finfo(float).eps * longest * values[0] ** 2).sum())
    mixing = np.zeros((len(gram), rank))
    mixing[kept] = rows[:rank].T
    return values[:rank], mixing


def _is_left(operator: Operator) -> bool:
    return operator.shape[0] <= operator.shape[1]
