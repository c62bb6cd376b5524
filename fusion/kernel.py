"""What one permutation costs: one matrix product, then Wilks from one Cholesky or Roy from singular values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from fusion.exchangeability import Permutation, PermutationSet, restrict
from fusion.matrices import Matrix

Statistic = Literal["wilks", "roy"]


@dataclass(frozen=True)
class Trailing:
    """Variates of both views, ordered so that the block of step k is the leading columns.

    Attributes
    ----------
    first : float64 array, shape [n_rows, rank_x]
        Orthonormal columns: complement, then the K-th, ..., the first tested variate.
    second : float64 array, shape [n_rows, rank_y]
        The same of the other view, seen in the rows of the first.
    n_steps : int
        Steps wanted; step k leaves out the last k columns of both.
    kept : bool array, shape [n_all_rows], optional
        The rows of the permutation set that these rows stand for.
    """

    first: Matrix
    second: Matrix
    n_steps: int
    kept: NDArray[np.bool_] | None = None

    def statistics(self, permutation: Permutation, statistic: Statistic) -> Matrix:
        """Statistic of every step after permuting the rows of `first`, shape [n_steps]."""
        product = self.first[permutation].T @ self.second
        return wilks(product, self.n_steps) if statistic == "wilks" else roy(product, self.n_steps)


@dataclass(frozen=True)
class PermutedStatistics:
    """Callable of a permutation's index, picklable."""

    trailing: Trailing
    permutations: PermutationSet | Permutation
    statistic: Statistic

    def __call__(self, index: int) -> Matrix:
        permutation = self.permutations[index]
        if self.trailing.kept is not None:
            order = self.permutations.order if isinstance(self.permutations, PermutationSet) else None
            permutation = restrict(permutation, self.trailing.kept, order)
        return self.trailing.statistics(permutation, self.statistic)


def wilks(product: Matrix, n_steps: int) -> Matrix:
    """-log Wilks' lambda, -sum log(1 - r_i^2), of the first steps.

    With the columns ordered complement first and the pairs interleaved, the block of every step is a leading
    principal minor of [[I, M], [M', I]]: one Cholesky gives all steps.

    Parameters
    ----------
    product : float64 array, shape [rank_x, rank_y]
        M, ordered as in `Trailing`.
    n_steps : int

    Returns
    -------
    float64 array, shape [n_steps]
        Infinite where a correlation is 1.

    Examples
    --------
    >>> wilks(np.diag([0.5, 0.8]), 2).round(4).tolist()
    [1.3093, 0.2877]
    """
    if n_steps == 1:
        small = product if product.shape[0] <= product.shape[1] else product.T
        return np.array([_half_log_determinants(np.eye(len(small)) - small @ small.T)[-1] * -2])
    n_pairs = min(product.shape)
    rows, columns = _interleaved(*product.shape)
    joint = np.eye(sum(product.shape))
    joint[np.ix_(rows, columns)] = product
    joint[np.ix_(columns, rows)] = product.T
    ends = len(joint) - 1 - 2 * np.arange(min(n_steps, n_pairs))
    return np.asarray(_half_log_determinants(joint)[ends] * -2)


def _interleaved(rank_x: int, rank_y: int) -> tuple[Permutation, Permutation]:
    """Positions of x's and y's columns: both complements, then x, y, x, y, ..."""
    n_pairs = min(rank_x, rank_y)
    pairs = rank_x + rank_y - 2 * n_pairs + 2 * np.arange(n_pairs)
    complement_x, complement_y = np.arange(rank_x - n_pairs), rank_x - n_pairs + np.arange(rank_y - n_pairs)
    return np.concatenate([complement_x, pairs]), np.concatenate([complement_y, pairs + 1])


def _half_log_determinants(matrix: Matrix) -> Matrix:
    """Half the log determinant of every leading principal minor; -inf from the first singular one on."""
    factor, info = scipy.linalg.lapack.dpotrf(matrix, lower=1, overwrite_a=1)
    diagonal = np.diag(factor).copy()
    if info > 0:
        diagonal[info - 1 :] = 0.0
    with np.errstate(divide="ignore"):
        halves: Matrix = np.cumsum(np.log(diagonal))
    return halves


def roy(product: Matrix, n_steps: int) -> Matrix:
    """Largest canonical correlation of the block of each of the first steps, shape [n_steps].

    Examples
    --------
    >>> roy(np.diag([0.5, 0.8]), 2).tolist()
    [0.8, 0.5]
    """
    rank_x, rank_y = product.shape
    blocks: Sequence[Matrix] = [product[: rank_x - k, : rank_y - k] for k in range(n_steps)]
    return np.minimum([scipy.linalg.svdvals(block)[0] for block in blocks], 1.0)
