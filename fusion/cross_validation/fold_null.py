"""Statistics of every fold and permutation: of small folds side by side, of large ones fold after fold.

Large products are taken in float32 (`fusion.permutation.screening`), of one fold at a time, so that never more than one
lies in memory; a permutation whose statistic lies near the observed one, or whose components are nearly tied, is
computed again in float64, so that p-values are those of float64.
"""

# ruff: noqa: F722

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from fusion.arrays import Matrix
from fusion.cross_validation.fold_embedding import FoldEmbedding
from fusion.cross_validation.resampling import fold_average
from fusion.parallel import Progress, map_permutations, one_blas_thread
from fusion.permutation.screening import is_decided

SCREENING_SIZE = 2**26
"""Multiplications of a fold's product from which float32 pays."""


class FoldStatistics(ABC):
    """Statistics of one fold after permutation ``index``, 0 the identity; picklable.

    In float32, NaN for what only float64 can tell.
    """

    def __call__(self, index: int) -> Matrix:
        return np.asarray(self.stack([index])[0])

    def stack(self, indices: Sequence[int]) -> Matrix:
        """``self(index)`` of several indices at once, to the last bit: [n_indices, n_statistics]."""
        return self.statistics(self.drawn(indices))

    @property
    @abstractmethod
    def at_once(self) -> int:
        """Permutations worth taking together."""

    @abstractmethod
    def drawn(self, indices: Sequence[int]) -> Sequence[Any]:
        """What changes places in permutations of these indices: the same in every fold."""

    @abstractmethod
    def statistics(self, drawn: Sequence[Any]) -> Matrix:
        """Statistics of what `drawn` gave, [n_indices, n_statistics]."""

    @abstractmethod
    def in_float32(self) -> "FoldStatistics":
        """The same in half the memory and half the time."""


@dataclass(frozen=True)
class SideBySide:
    """Every fold's statistics of permutation ``index``, [n_folds, n_statistics]; picklable."""

    folds: Sequence[FoldStatistics]

    def __call__(self, index: int) -> NDArray[Any]:
        return np.asarray(self.stack([index])[0])

    @property
    def at_once(self) -> int:
        """Permutations that are taken together."""
        return min(fold.at_once for fold in self.folds)

    def stack(self, indices: Sequence[int]) -> NDArray[Any]:
        """``self(index)`` of several indices at once, to the last bit."""
        drawn = self.folds[0].drawn(indices)
        return np.stack([fold.statistics(drawn) for fold in self.folds], axis=1)


@dataclass(frozen=True)
class Some:
    """Statistics of some permutations of a fold alone, ``indices`` of them; picklable."""

    fold: FoldStatistics
    indices: NDArray[np.intp]

    def __call__(self, index: int) -> NDArray[Any]:
        return self.fold(int(self.indices[index]))


def statistics_by_fold(
    folds: Sequence[FoldEmbedding],
    make: Callable[[FoldEmbedding], FoldStatistics],
    n_draws: int,
    *,
    n_test: Int64[np.ndarray, " n_folds"],
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Float64[np.ndarray, "n_draws n_folds n_statistics"]:
    """Statistics of permutations 0 (the identity) to ``n_draws - 1`` in every fold.

    Parameters
    ----------
    folds : sequence of FoldEmbedding
        Whitened; asked for one at a time where they are large.
    make : callable
        From a fold to its statistics in float64.
    n_draws : int
    n_test : int array, shape [n_folds]
        Weights of the average over folds, which decides what is computed again.
    n_jobs : int
    progress : callable, optional
        Called with the permutations done, fold after fold where they are taken so, and their total.
    """
    if _multiplications(folds[0]) < SCREENING_SIZE:
        with one_blas_thread():
            run = SideBySide([make(fold) for fold in folds])
        return map_permutations(run, n_draws, n_jobs=n_jobs, progress=progress)
    parts = [
        _screened(make, folds, number, n_draws, n_jobs, _share(progress, number, len(folds)))
        for number in range(len(folds))
    ]
    found = np.stack(parts, axis=1)
    averages = fold_average(found, n_test)
    decided = [index == 0 or is_decided(average, averages[0]) for index, average in enumerate(averages)]
    undecided = np.flatnonzero(~np.array(decided))
    if len(undecided):
        for number in range(len(folds)):
            with one_blas_thread():
                exact = Some(make(folds[number]), undecided)
            found[undecided, number] = map_permutations(exact, len(undecided), n_jobs=n_jobs)
    return found


def _multiplications(fold: FoldEmbedding) -> int:
    """Of the product of a fold's training rows."""
    x_width, y_width = fold.widths
    return len(fold.train) * x_width * y_width


def _screened(
    make: Callable[[FoldEmbedding], FoldStatistics],
    folds: Sequence[FoldEmbedding],
    number: int,
    n_draws: int,
    n_jobs: int,
    progress: Progress | None,
) -> NDArray[Any]:
    """Of one fold in float32, the identity in float64, [n_draws, n_statistics]."""
    with one_blas_thread():
        exact = make(folds[number])
        observed, coarse = exact(0), exact.in_float32()
    del exact
    found = map_permutations(coarse, n_draws, n_jobs=n_jobs, progress=progress)
    found[0] = observed
    return found


def _share(progress: Progress | None, number: int, n_folds: int) -> Progress | None:
    """Progress of one fold as that of all."""
    if progress is None:
        return None
    return lambda done, total: progress((number * total + done) // n_folds, total)
