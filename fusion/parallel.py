"""Work over permutation indices, in fixed portions, with one BLAS thread per worker: same bits for any n_jobs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy.linalg  # noqa: F401 (its BLAS must be loaded before the libraries are listed)
from joblib import Parallel, delayed
from threadpoolctl import ThreadpoolController

from fusion.matrices import Matrix

PORTION = 32
"""Permutations per task: fixed, so that results cannot depend on the number of workers."""

Progress = Callable[[int, int], None]
"""Called with the number of permutations done and the total."""


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


def blas_threads() -> int:
    """Threads that BLAS has now, the fewest of its libraries."""
    return min((int(library.num_threads) for library in _blas().lib_controllers), default=1)


def one_blas_thread() -> AbstractContextManager[Any]:
    """Context in which BLAS has one thread. Its libraries are looked up once: that takes longer than a small test."""
    limits: AbstractContextManager[Any] = _blas().limit(limits=1)
    return limits


def map_permutations(
    function: Callable[[int], Matrix],
    n_permutations: int,
    *,
    n_jobs: int = 1,
    progress: Progress | None = None,
    portion: int = PORTION,
) -> Matrix:
    """Stack ``function(index)`` for every index, [n_permutations, ...].

    Parameters
    ----------
    function : callable
        Of the permutation's index; must be picklable if n_jobs != 1.
    n_permutations : int
    n_jobs : int
        joblib's; its active backend is respected.
    progress : callable, optional
    portion : int
        Permutations per task; fewer where there are few and each takes long.
    """
    shared = _Shared(function)
    portions = [range(start, min(start + portion, n_permutations)) for start in range(0, n_permutations, portion)]
    workers = Parallel(n_jobs=n_jobs, return_as="generator")
    parts, done = [], 0
    for part in workers(delayed(_portion)(shared, indices) for indices in portions):
        parts.append(part)
        done += len(part)
        if progress is not None:
            progress(done, n_permutations)
    return np.concatenate(parts)


@dataclass(frozen=True)
class _Shared:
    """A callable with its arrays, which all tasks share.

    loky memory-maps the arrays by itself. dask sends an argument once, instead of with every task, only if it says
    that it is large, and does not look at the arrays inside.
    """

    function: Callable[[int], Matrix]

    def __sizeof__(self) -> int:
        return 2**20


def _portion(shared: _Shared, indices: range) -> Matrix:
    with one_blas_thread():
        return np.stack([shared.function(index) for index in indices])
