"""Fixed tiles of work on the threads at hand, one BLAS thread each: the same bits for any number of threads."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import numpy as np

from fusion.parallel import blas_threads, one_blas_thread
from fusion.rows import Matrix

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

    def subtract(rows: slice) -> None:
        target[rows] -= left[rows] @ right

    map_tiles(subtract, row_tiles(len(target)))


def product(left: Matrix, right: Matrix) -> Matrix:
    """``left @ right``."""
    result = np.empty((len(left), right.shape[1]))

    def fill(rows: slice) -> None:
        np.matmul(left[rows], right, out=result[rows])

    map_tiles(fill, row_tiles(len(left)))
    return result


def fill_transposed_product(out: Matrix, left: Matrix, right: Matrix) -> None:
    """``out[:] = left.T @ right``, each tile of columns of `left` by itself."""

    def fill(columns: slice) -> None:
        np.matmul(left[:, columns].T, right, out=out[columns])

    width = left.shape[1]
    map_tiles(fill, [slice(a, min(a + COLUMN_TILE, width)) for a in range(0, width, COLUMN_TILE)])


def mix_columns(matrix: Matrix, mixing: Matrix) -> Matrix:
    """``matrix @ mixing`` written over `matrix`, whose leading columns are returned: no second copy in memory."""

    def mix(rows: slice) -> None:
        matrix[rows, : mixing.shape[1]] = matrix[rows] @ mixing

    map_tiles(mix, row_tiles(len(matrix)))
    return matrix[:, : mixing.shape[1]]
