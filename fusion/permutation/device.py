"""The kernel on arrays of another library: torch or cupy, on a GPU or not. The caller brings the library."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.arrays import Matrix
from fusion.permutation.exchangeability import Permutation
from fusion.permutation.statistics import (
    INVERSE_LIMIT,
    Statistic,
    TrailingVariates,
    cumulate_pivots,
    interleave,
    pick_steps,
    wilks,
)


@dataclass(frozen=True)
class DeviceVariates:
    """`fusion.permutation.statistics.TrailingVariates` whose arrays live on a device.

    Only permutations go in and statistics come out.

    Attributes
    ----------
    namespace : module
        An array library with numpy's names: ``asarray``, ``eye``, ``linalg.cholesky``, ``linalg.eigvalsh``.
    device : object
        As the library names it, such as "cuda".
    first, second : array of that library, shapes [n_rows, rank_x] and [n_rows, rank_y]
    n_steps : int
    kept : bool array, shape [n_all_rows], optional
    """

    namespace: Any
    device: Any
    first: Any
    second: Any
    n_steps: int
    kept: NDArray[np.bool_] | None = None

    def statistics(self, permutation: Permutation, *names: Statistic) -> Matrix:
        """Each statistic of every step after permuting the rows of `first`, shape [n_names * n_steps]."""
        rows = self.namespace.asarray(permutation, device=self.device)
        product = self.first[rows].T @ self.second
        return np.concatenate([(self._wilks if name == "wilks" else self._roy)(product) for name in names])

    def in_float32(self) -> "DeviceVariates":
        """The same in half the memory and, on most devices, a fraction of the time."""
        single = self.namespace.float32
        first, second = (self.namespace.asarray(side, dtype=single) for side in (self.first, self.second))
        return replace(self, first=first, second=second)

    def _wilks(self, product: Any) -> Matrix:
        xp = self.namespace
        joint = interleave(product, xp.eye(sum(product.shape), dtype=product.dtype, device=self.device))
        coarse = product.dtype == xp.float32
        try:
            factor = xp.linalg.cholesky(joint)
        except (np.linalg.LinAlgError, RuntimeError):  # torch's LinAlgError is a RuntimeError
            return _on_host(product, self.n_steps, coarse=coarse)
        diagonal = np.array([float(pivot) for pivot in factor.diagonal().tolist()])
        if coarse and float(abs(xp.linalg.inv(joint)).sum(0).max()) > INVERSE_LIMIT:
            diagonal[:] = 0.0
        return pick_steps(cumulate_pivots(diagonal), self.n_steps)

    def _roy(self, product: Any) -> Matrix:
        rank_x, rank_y = product.shape
        largest = [self._largest(product[: rank_x - k, : rank_y - k]) for k in range(self.n_steps)]
        return np.asarray(np.sqrt(np.clip(largest, 0.0, 1.0)))

    def _largest(self, block: Any) -> float:
        gram = block.T @ block if block.shape[0] > block.shape[1] else block @ block.T
        return float(self.namespace.linalg.eigvalsh(gram)[-1])


def _on_host(product: Any, n_steps: int, *, coarse: bool) -> Matrix:
    """Wilks where some correlation is 1: infinite from there on, which Cholesky in other libraries refuses."""
    if coarse:
        return np.full(n_steps, np.inf)
    return wilks(np.array(product.tolist()), n_steps)


def place(trailing: TrailingVariates, namespace: Any, device: Any = None) -> DeviceVariates:
    """Copy both views to a device, once.

    Parameters
    ----------
    trailing : TrailingVariates
    namespace : module
        `torch` or `cupy`, imported by the caller.
    device : object, optional
        The library's default if None.
    """
    first, second = (namespace.asarray(side, device=device) for side in (trailing.first, trailing.second))
    return DeviceVariates(namespace, device, first, second, trailing.n_steps, trailing.kept)
