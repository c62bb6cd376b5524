"""Leading eigenpairs of a symmetric operator: block Lanczos with full reorthogonalisation and thick restarts."""

# ruff: noqa: F722

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float64

from fusion.arrays import Matrix, Real
from fusion.parallel import inner, mix_columns, subtract_product

BLOCK = 32
CHECK = 4  # blocks between two looks at the residuals
MAX_RESTARTS = 100
BREAKDOWN = 1e-10  # of the largest eigenvalue: what is left of a block is rounding, and its directions are chance


@dataclass(frozen=True, slots=True)
class Eigenpairs:
    """Ritz pairs of a positive semi-definite operator ``S``.

    Attributes
    ----------
    values : float64 array of shape (k,), descending
    vectors : float64 array of shape (size, k)
        Orthonormal.
    residual : float
        max over pairs of ``||S w - t w|| / t``, as the recurrence has it.
    """

    values: Float64[np.ndarray, " k"]
    vectors: Float64[np.ndarray, "size k"]
    residual: float


def leading_eigenpairs(
    square: Callable[[Matrix], Matrix],
    size: int,
    k: int,
    *,
    rng: np.random.Generator,
    tolerance: Real,
) -> Eigenpairs:
    """Return Ritz pairs of the `k` leading eigenvalues; the caller decides whether their residual will do.

    Parameters
    ----------
    square : callable
        ``S @ block`` for a block of shape (size, n_columns).
    size, k : int
        `size` must exceed `k` by more than a few blocks.
    rng : numpy Generator
        Of the random start block.
    tolerance : float
        Stop once ``||S w - t w|| <= tolerance * t`` for all pairs (rounding, ``1e-13`` of the largest, counts as 0).

    Notes
    -----
    Golub & Underwood (1977), Mathematical Software III, 361-377; thick restart: Wu & Simon (2000),
    doi:10.1137/S0895479898334605. The basis holds 3.5 k vectors; every block is orthogonalised against all of it.
    """
    space = _Space(square, size, capacity=min(size, k + max(5 * k // 2, 4 * BLOCK)), rng=rng)
    restarts = 0
    while True:
        space.grow()
        if not space.full and (space.blocks % CHECK or space.filled < 3 * k // 2):
            continue
        values, mixing = space.ritz(k)
        gaps = np.linalg.norm(space.left_over @ mixing[space.last], axis=0)
        gaps[gaps <= 1e-13 * values[0]] = 0
        residual = float((gaps / np.maximum(values, np.finfo(float).tiny)).max())
        if residual <= tolerance or (space.full and restarts == MAX_RESTARTS - 1):
            return Eigenpairs(values, space.rotated(mixing), residual)
        if space.full:
            restarts += 1
            space.restart(*space.ritz(k + (space.filled - k) // 3))


class _Space:
    """An orthonormal basis with the operator projected on it.

    Attributes
    ----------
    filled, blocks : int
        Basis vectors, and blocks added so far.
    last : slice
        The block added last.
    left_over : float64 array of shape (block, block)
        What the image of that block has outside the basis, in terms of the block to be added next.
    """

    def __init__(
        self, square: Callable[[Matrix], Matrix], size: int, *, capacity: int, rng: np.random.Generator
    ) -> None:
        self._square, self._basis, self._rng = square, np.empty((size, capacity)), rng
        self._projected = np.zeros((capacity, capacity))
        self._next: Matrix = np.linalg.qr(rng.standard_normal((size, BLOCK))).Q
        self.filled, self.blocks, self.last, self._restarted = 0, 0, slice(0, 0), True

    @property
    def full(self) -> bool:
        """Whether no further block fits."""
        return self.filled + int(self._next.shape[1]) > int(self._basis.shape[1])

    def grow(self) -> None:
        """Append a block, project the operator on it and prepare the next one."""
        image = self._append(self._next)
        self._next, self.left_over = np.linalg.qr(image)
        if np.abs(np.diag(self.left_over)).min() <= BREAKDOWN * self._projected.max():
            self._replace_next()

    def _append(self, fresh: Matrix) -> Matrix:
        """Append a block and return what its image has outside the basis."""
        start, stop = self.filled, self.filled + fresh.shape[1]
        self._basis[:, start:stop] = fresh
        image = np.ascontiguousarray(self._square(fresh))
        near = 0 if self._restarted else self.last.start  # beyond the last two blocks the image is rounding, at first
        for first in (near, 0):
            basis = self._basis[:, first:stop]
            overlap = inner(basis, image)
            subtract_product(image, basis, overlap)
            self._projected[first:stop, start:stop] += overlap
        self._projected[start:stop, :start] = self._projected[:start, start:stop].T
        self.last, self.filled, self._restarted = slice(start, stop), stop, False
        self.blocks += 1
        return image

    def _replace_next(self) -> None:
        """Make the next block orthogonal to the basis where its own directions were rounding."""
        basis = self._basis[:, : self.filled]
        for _ in range(2):
            block = self._next + np.finfo(float).eps * self._rng.standard_normal(self._next.shape)
            subtract_product(block, basis, inner(basis, block))
            self._next = np.linalg.qr(block).Q

    def ritz(self, count: int) -> tuple[Matrix, Matrix]:
        """Return the `count` leading Ritz values, descending, and their vectors in the basis."""
        projected, last = self._projected[: self.filled, : self.filled], self.filled - 1
        values, vectors = scipy.linalg.eigh((projected + projected.T) / 2, subset_by_index=[last + 1 - count, last])
        return values[::-1], vectors[:, ::-1]

    def restart(self, values: Matrix, mixing: Matrix) -> None:
        """Go on from Ritz vectors as the basis."""
        mix_columns(self._basis[:, : self.filled], np.ascontiguousarray(mixing))
        keep = len(values)
        self._projected[:] = 0
        np.fill_diagonal(self._projected[:keep, :keep], values)
        self.filled, self._restarted = keep, True

    def rotated(self, mixing: Matrix) -> Matrix:
        """Return ``basis @ mixing``; the basis is used up."""
        return mix_columns(self._basis[:, : self.filled], np.ascontiguousarray(mixing))
