"""The same bits for any number of workers: portions of permutations in processes, tiles of rows in threads."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import scipy.linalg  # noqa: F401 (its BLAS must be loaded before the libraries are listed)
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from fusion.arrays import Floats, Matrix
from fusion.journal import Arrays, share_out

PORTION = 32
"""Permutations per task: fixed, so that results cannot depend on the number of workers."""

STACKED_VALUES = 2**18
"""Permuted values of a view that are taken at once: with what is made of them, they stay in the cache."""

SHARED_BYTES = 2**30
"""Arrays of a callable from which on this machine threads share its work. Processes have a copy of them in shared
memory beside the caller's own. LAPACK keeps the interpreter to itself, which only beside such products is little."""

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
    function: Callable[[int], NDArray[Any]],
    n_permutations: int,
    *,
    n_jobs: int = 1,
    progress: Progress | None = None,
    portion: int = PORTION,
) -> NDArray[Any]:
    """Stack ``function(index)`` for every index, [n_permutations, ...].

    Parameters
    ----------
    function : callable
        Of the permutation's index; must be picklable if n_jobs != 1. One that is `Stacked` is asked for several.
    n_permutations : int
    n_jobs : int
        joblib's; its active backend is respected.
    progress : callable, optional
    portion : int
        Permutations per task; fewer where there are few and each takes long.
    """
    shared = _Shared(function)
    portions = [range(start, min(start + portion, n_permutations)) for start in range(0, n_permutations, portion)]
    parts: list[NDArray[Any]] = []
    done = 0
    calls = [(_portion, (shared, indices)) for indices in portions]
    in_threads = array_bytes(function) >= SHARED_BYTES
    # One thread of BLAS for all of them from before the first until after the last: its number is the process's.
    with one_blas_thread() if in_threads else nullcontext():
        for part in share_out(
            calls, n_jobs=n_jobs, to_arrays=lambda one: {"values": one}, of_arrays=_values, in_threads=in_threads
        ):
            parts.append(part)
            done += len(part)
            if progress is not None:
                progress(done, n_permutations)
    return np.concatenate(parts)


def array_bytes(value: object) -> int:
    """Bytes of the arrays in a dataclass or a list, and in theirs; one that is there twice counts once."""
    found: dict[int, int] = {}
    _find_arrays(value, found)
    return sum(found.values())


def _find_arrays(value: object, found: dict[int, int]) -> None:
    if isinstance(value, np.ndarray):
        found[id(value)] = value.nbytes
    elif isinstance(value, list | tuple):
        for one in value:
            _find_arrays(one, found)
    elif is_dataclass(value):
        for field in fields(value):
            _find_arrays(getattr(value, field.name), found)


@dataclass(frozen=True)
class _Shared:
    """A callable with its arrays, which all tasks share.

    loky memory-maps the arrays by itself. dask sends an argument once, instead of with every task, only if it says
    that it is large, and does not look at the arrays inside.
    """

    function: Callable[[int], NDArray[Any]]

    def __sizeof__(self) -> int:
        return 2**20


def stack_size(n_values: int) -> int:
    """Permutations worth taking at once, by the values that one permutes: small products cost less than their calls."""
    return max(1, min(PORTION, STACKED_VALUES // max(1, n_values)))


@runtime_checkable
class Stacked(Protocol):
    """A callable of an index that can take several at once, for the same bits."""

    @property
    def at_once(self) -> int:
        """How many; 1 where a stack is no faster."""

    def __call__(self, index: int) -> NDArray[Any]:
        """Of one index."""

    def stack(self, indices: Sequence[int]) -> NDArray[Any]:
        """Of several, [n_indices, ...]."""


def _values(kept: Arrays) -> NDArray[Any]:
    return kept["values"]


def _portion(shared: _Shared, indices: range) -> NDArray[Any]:
    function = shared.function
    with one_blas_thread():
        if not isinstance(function, Stacked) or function.at_once == 1:
            return np.stack([function(index) for index in indices])
        parts = [indices[start : start + function.at_once] for start in range(0, len(indices), function.at_once)]
        return np.concatenate([function.stack(part) for part in parts])


ROW_TILE = 4096
COLUMN_TILE = 512

Item = TypeVar("Item")
Result = TypeVar("Result")
_workers: ContextVar[int | None] = ContextVar("workers", default=None)


@contextmanager
def tiled() -> Iterator[int]:
    """Within: BLAS has one thread, and `map_tiles` as many as BLAS had. The value is that number.

    A product of matrices that BLAS splits among its threads has other bits for another number of them; a product
    that is split into tiles of a fixed size has not.
    """
    known = _workers.get()
    if known is not None:
        yield known
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    count = max(1, min(cores, blas_threads()))
    token = _workers.set(count)
    try:
        with one_blas_thread():
            yield count
    finally:
        _workers.reset(token)


def map_tiles(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Apply `function` to every item, in threads; results in the order of items."""
    with tiled() as count:
        if count == 1 or len(items) < 2:
            return [function(item) for item in items]
        with ThreadPoolExecutor(count, initializer=_workers.set, initargs=(1,)) as threads:  # no threads in threads
            return list(threads.map(function, items))


def row_tiles(n_rows: int) -> list[slice]:
    """Slices of `ROW_TILE` rows."""
    return [slice(first, min(first + ROW_TILE, n_rows)) for first in range(0, n_rows, ROW_TILE)]


def inner(left: Matrix, right: Matrix) -> Matrix:
    """``left.T @ right``, summed over row tiles in their order."""
    parts = map_tiles(lambda rows: left[rows].T @ right[rows], row_tiles(len(left)))
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total


def subtract_product(target: Matrix, left: Matrix, right: Matrix) -> None:
    """``target -= left @ right`` in place."""
    map_tiles(lambda rows: np.subtract(target[rows], left[rows] @ right, out=target[rows]), row_tiles(len(target)))


def product(left: Matrix, right: Matrix) -> Matrix:
    """``left @ right``."""
    result = np.empty((len(left), right.shape[1]))
    map_tiles(lambda rows: np.matmul(left[rows], right, out=result[rows]), row_tiles(len(left)))
    return result


def transposed_product(left: Floats, right: Floats) -> Floats:
    """``left.T @ right``, each tile of columns of `left` by itself, in the precision of both."""
    result = np.empty((left.shape[1], right.shape[1]), np.result_type(left, right))
    fill_transposed_product(result, left, right)
    return result


def fill_transposed_product(out: Floats, left: Floats, right: Floats) -> None:
    """``out[:] = left.T @ right``, each tile of columns of `left` by itself."""
    width = left.shape[1]
    tiles = [slice(first, min(first + COLUMN_TILE, width)) for first in range(0, width, COLUMN_TILE)]
    map_tiles(lambda columns: np.matmul(left[:, columns].T, right, out=out[columns]), tiles)


def mix_columns(matrix: Matrix, mixing: Matrix) -> Matrix:
    """``matrix @ mixing`` written over `matrix`, whose leading columns are returned: no second copy in memory."""
    mixed = matrix[:, : mixing.shape[1]]
    map_tiles(lambda rows: np.copyto(mixed[rows], matrix[rows] @ mixing), row_tiles(len(matrix)))
    return mixed
