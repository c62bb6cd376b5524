"""What one permutation costs: one matrix product, then Wilks from one Cholesky or Roy from one eigenvalue."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk, ssyrk

from fusion import lapack
from fusion.arrays import Floats, Matrix
from fusion.parallel import stack_size
from fusion.permutation.exchangeability import Permutation
from fusion.permutation.permutations import PermutationSet, restrict, take_permutations

Statistic = Literal["wilks", "roy"]

ROWS_AT_ONCE = 1024
"""Rows gathered before they are multiplied: still in the cache then, and no permuted copy of a view ever exists."""

INVERSE_LIMIT = 100
"""Largest 1-norm of the inverse of what Wilks is the determinant of (identity less products of correlations) at which
float32 keeps the digits that screening needs; it grows as correlations come near 1."""


@runtime_checkable
class PermutableVariates(Protocol):
    """Both views in the rows that are permuted, on whatever device."""

    @property
    def kept(self) -> NDArray[np.bool_] | None:
        """The rows of the permutation set that these rows stand for."""

    def statistics(self, permutation: Permutation, *names: Statistic) -> Matrix:
        """Each statistic of every step after permuting the rows of the first view, shape [n_names * n_steps]."""

    def in_float32(self) -> "PermutableVariates":
        """The same in half the memory and half the time."""


@dataclass(frozen=True)
class TrailingVariates:
    """Variates of both views, ordered so that the block of step k is the leading columns.

    Attributes
    ----------
    first : float array, shape [n_rows, rank_x]
        Orthonormal columns: complement, then the K-th, ..., the first tested variate.
    second : float array, shape [n_rows, rank_y]
        The same of the other view, seen in the rows of the first.
    n_steps : int
        Steps wanted; step k leaves out the last k columns of both.
    kept : bool array, shape [n_all_rows], optional
        The rows of the permutation set that these rows stand for.
    """

    first: Floats
    second: Floats
    n_steps: int
    kept: NDArray[np.bool_] | None = None

    def statistics(self, permutation: Permutation, *names: Statistic) -> Matrix:
        """Each statistic of every step after permuting the rows of `first`, shape [n_names * n_steps]."""
        product = permuted_product(self.first, permutation, self.second)
        return np.concatenate([(wilks if name == "wilks" else roy)(product, self.n_steps) for name in names])

    @property
    def at_once(self) -> int:
        """Permutations worth taking as a stack."""
        return stack_size(self.first.size)

    def stack(self, permutations: Permutation, *names: Statistic) -> Matrix:
        """`statistics` of several permutations, [n_permutations, n_names * n_steps], whose products are one call."""
        products = self.first.take(permutations, axis=0).mT @ self.second
        parts = [(wilks_of_each if name == "wilks" else roy_of_each)(products, self.n_steps) for name in names]
        return np.concatenate(parts, axis=1)

    def in_float32(self) -> "TrailingVariates":
        """The same in half the memory and half the time."""
        return replace(self, first=self.first.astype(np.float32), second=self.second.astype(np.float32))


@dataclass(frozen=True)
class PermutedStatistics:
    """Callable of a permutation's index, picklable: [n_statistics * n_steps], from one product."""

    trailing: PermutableVariates
    permutations: PermutationSet | Permutation
    names: tuple[Statistic, ...]

    def __call__(self, index: int) -> Matrix:
        if self.at_once > 1:
            return np.asarray(self.stack([index])[0])
        return self.trailing.statistics(self._kept_rows(self.permutations[index]), *self.names)

    @property
    def at_once(self) -> int:
        """Permutations that are taken together: one, where the product is most of the work, and on a device."""
        return self.trailing.at_once if isinstance(self.trailing, TrailingVariates) else 1

    def stack(self, indices: Sequence[int]) -> Matrix:
        """``self(index)`` of several indices at once, [n_indices, n_statistics * n_steps], to the last bit."""
        if not isinstance(self.trailing, TrailingVariates):
            return np.stack([self(index) for index in indices])
        return self.trailing.stack(self._kept_rows(take_permutations(self.permutations, indices)), *self.names)

    def _kept_rows(self, permutation: Permutation) -> Permutation:
        if self.trailing.kept is None:
            return permutation
        order = self.permutations.order if isinstance(self.permutations, PermutationSet) else None
        return restrict(permutation, self.trailing.kept, order)


def permuted_product(first: Floats, permutation: Permutation, second: Floats) -> Floats:
    """``first[permutation].T @ second``, shape [rank_x, rank_y], at the speed of the product alone.

    Parameters
    ----------
    first, second : float array, shapes [n_all, rank_x] and [n_rows, rank_y]
    permutation : int array, shape [n_rows]
    """
    return permuted_products(first, permutation, second)[0]


def permuted_products(first: Floats, permutation: Permutation, *others: Floats) -> list[Floats]:
    """``first[permutation].T @ other`` of several others, for one pass over the rows.

    Where the others have fewer columns together they are gathered instead, in the order of `first`: a tile of it that
    is read where it lies takes half the time.

    Parameters
    ----------
    first : float array, shape [n_all, rank]
    permutation : int array, shape [n_rows]
        Of rows of `first`, each once at most.
    *others : float arrays, shape [n_rows, k]
    """
    ends = np.cumsum([other.shape[1] for other in others])
    if len(permutation) < len(first) or ends[-1] >= first.shape[1]:
        return np.split(_gathered_product([first], permutation, others), ends[:-1], axis=1)
    place = np.empty_like(permutation)
    place[permutation] = np.arange(len(permutation))
    return [part.T for part in np.split(_gathered_product(others, place, [first]), ends[:-1])]


def _gathered_product(gathered: Sequence[Floats], source: Permutation, others: Sequence[Floats]) -> Floats:
    """``gathered[source].T @ others``, either side's columns side by side, some rows at a time."""
    widths = [sum(part.shape[1] for part in side) for side in (gathered, others)]
    product = np.zeros(widths, np.result_type(*gathered, *others))
    for start in range(0, len(source), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        columns = _beside([part.take(source[rows], axis=0) for part in gathered])
        product += columns.T @ _beside([other[rows] for other in others])
    return product


def _beside(parts: Sequence[Floats]) -> Floats:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def wilks(product: Floats, n_steps: int) -> Matrix:
    """-log Wilks' lambda, -sum log(1 - r_i^2), of the first steps.

    With the columns ordered complement first and the pairs interleaved, the block of every step is a leading
    principal minor of [[I, M], [M', I]]: one Cholesky gives all steps. The first T steps need less: the Cholesky of
    I - A'A, where A is the block of step T, and that of a Schur complement of size 2 (T - 1).

    Parameters
    ----------
    product : float array, shape [rank_x, rank_y]
        M, ordered as in `TrailingVariates`.
    n_steps : int

    Returns
    -------
    float64 array, shape [n_steps]
        Infinite where a correlation is 1; in float32, where digits were lost (see `INVERSE_LIMIT`).

    Examples
    --------
    >>> import numpy as np
    >>> wilks(np.diag([0.5, 0.8]), 2).round(4).tolist()
    [1.3093, 0.2877]
    """
    n_steps = min(n_steps, *product.shape)
    if n_steps == 1 or 4 * n_steps <= min(product.shape):
        return _by_schur_complement(product, n_steps - 1)
    joint = interleave(product, np.eye(sum(product.shape), dtype=product.dtype))
    return pick_steps(_half_log_determinants(joint)[0], n_steps)


def wilks_of_each(products: Floats, n_steps: int) -> Matrix:
    """`wilks` of every product of a stack, [n_products, n_steps], each with the bits that it has alone."""
    if min(n_steps, *products.shape[1:]) > 1:
        return np.stack([wilks(product, n_steps) for product in products])
    wide = products if products.shape[1] >= products.shape[2] else products.mT
    grams = np.eye(wide.shape[2], dtype=wide.dtype) - wide.mT @ wide
    return -2 * cumulate_pivots(np.stack([_pivots(gram)[0] for gram in grams]))[:, -1:]


def _by_schur_complement(product: Floats, n_pairs: int) -> Matrix:
    """Wilks with all pairs, without the first, ..., without the first `n_pairs`."""
    wide = product if product.shape[0] >= product.shape[1] else product.T
    p, q = wide.shape[0] - n_pairs, wide.shape[1] - n_pairs
    block, of_second, of_first, corner = wide[:p, :q], wide[:p, q:], wide[p:, :q], wide[p:, q:]
    syrk = ssyrk if wide.dtype == np.float32 else dsyrk
    identity = np.eye(q, dtype=wide.dtype, order="F")
    gram = syrk(-1.0, block.T, beta=1.0, c=identity, overwrite_c=1, lower=1)  # I - A'A, of which only half is needed
    halves, factor = _half_log_determinants(gram.T)
    last = halves[-1]
    if n_pairs == 0 or np.isinf(last):
        return np.full(n_pairs + 1, -2 * last)
    cross = np.hstack([of_first.T, -(block.T @ of_second)])
    cross = lapack.solve_lower(factor, cross)
    of_pairs = np.eye(n_pairs, dtype=wide.dtype)
    schur = np.block([[of_pairs, corner], [corner.T, of_pairs - of_second.T @ of_second]]) - cross.T @ cross
    order = np.arange(2 * n_pairs).reshape(2, n_pairs).T.ravel()
    later = pick_steps(last + _half_log_determinants(schur[np.ix_(order, order)])[0], n_pairs)
    return np.append(later, -2 * last)


def interleave(product: Any, identity: Any) -> Any:
    """[[I, M], [M', I]] written into the identity: both complements, then x, y, x, y, ...; of any array library."""
    rank_x, rank_y = product.shape
    n_pairs = min(rank_x, rank_y)
    pairs = rank_x + rank_y - 2 * n_pairs + 2 * np.arange(n_pairs)
    rows = np.concatenate([np.arange(rank_x - n_pairs), pairs])
    columns = np.concatenate([rank_x - n_pairs + np.arange(rank_y - n_pairs), pairs + 1])
    identity[rows[:, np.newaxis], columns] = product
    identity[columns[:, np.newaxis], rows] = product.T
    return identity


def pick_steps(halves: Matrix, n_steps: int) -> Matrix:
    """Statistics of the first steps from half the log determinants of the leading minors of interleaved pairs."""
    return np.asarray(-2 * halves[len(halves) - 1 - 2 * np.arange(n_steps)])


def _half_log_determinants(symmetric: Floats) -> tuple[Matrix, Floats]:
    """Half the log determinant of every leading principal minor, and the factor, in the memory of the matrix."""
    diagonal, factor = _pivots(symmetric)
    return cumulate_pivots(diagonal), factor


def _pivots(symmetric: Floats) -> tuple[Floats, Floats]:
    """Diagonal of the Cholesky factor, 0 from where there is none, and the factor."""
    potrf, pocon = (lapack.routine(name, symmetric.dtype) for name in ("potrf", "pocon"))
    # clean=0 leaves the other triangle as it was: zeroing it costs four times the factorisation
    factor, info = potrf(symmetric.T, lower=1, overwrite_a=1, clean=0)
    diagonal = factor.diagonal().copy()
    if info > 0:
        diagonal[info - 1 :] = 0.0
    elif factor.dtype == np.float32 and INVERSE_LIMIT * pocon(factor, 1.0, uplo="L")[0] < 1:
        diagonal[:] = 0.0
    return diagonal, factor


def cumulate_pivots(diagonal: Floats) -> Matrix:
    """Cumulative sum of the logarithms of pivots, [..., n], in float64; -inf from the first 0 on."""
    with np.errstate(divide="ignore"):
        halves: Matrix = np.cumsum(np.log(diagonal.astype(np.float64)), axis=-1)
    return halves


def roy(product: Floats, n_steps: int) -> Matrix:
    """Largest canonical correlation of the block of each of the first steps, shape [n_steps].

    The root of the largest eigenvalue of the smaller Gram matrix: as exact for the largest singular value as an SVD,
    and six times as fast.

    Examples
    --------
    >>> import numpy as np
    >>> roy(np.diag([0.5, 0.8]), 2).round(12).tolist()
    [0.8, 0.5]
    """
    rank_x, rank_y = product.shape
    return np.array([_largest_correlation(product[: rank_x - k, : rank_y - k]) for k in range(n_steps)])


def roy_of_each(products: Floats, n_steps: int) -> Matrix:
    """`roy` of every product of a stack, [n_products, n_steps]."""
    return np.stack([roy(product, n_steps) for product in products])


def _largest_correlation(block: Floats) -> float:
    last = min(block.shape) - 1
    gram = block.T @ block if block.shape[0] > last + 1 else block @ block.T
    return float(np.sqrt(min(max(lapack.largest_eigenvalue(gram), 0.0), 1.0)))
