"""Products of a panel's sparse designs with dense matrices, blocked so that the dense parts stay in cache.

One gene's windows times 64 columns are a few hundred kilobytes, so the windows of a gene are visited for a tile of
subjects at a time. Every output entry is summed in one fixed order whatever the number of threads.
"""

from collections.abc import Sequence
from typing import Any, no_type_check

import numba
import numpy as np
import numpy.typing as npt

from fusion.arrays import Matrix
from fusion.parallel import map_tiles, tiled

COLUMNS = 64  # of a dense operand at a time
ROWS = 1024  # subjects at a time


@no_type_check  # compiled by numba
@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def _add_product(indptr: Any, indices: Any, data: Any, small: Any, out: Any, first: int) -> None:
    """``out += design[first : first + len(out)] @ small``."""
    for i in range(out.shape[0]):
        target = out[i]
        for entry in range(indptr[first + i], indptr[first + i + 1]):
            weight, source = np.float64(data[entry]), small[indices[entry]]
            for c in range(target.shape[0]):
                target[c] += weight * source[c]


@no_type_check  # compiled by numba
@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def _add_transposed(indptr: Any, indices: Any, data: Any, tall: Any, out: Any, first: int) -> None:
    """``out += design[first : first + len(tall)].T @ tall``."""
    for i in range(tall.shape[0]):
        source = tall[i]
        for entry in range(indptr[first + i], indptr[first + i + 1]):
            weight, target = np.float64(data[entry]), out[indices[entry]]
            for c in range(source.shape[0]):
                target[c] += weight * source[c]


@no_type_check  # compiled by numba
@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def _add_gram(indptr: Any, indices: Any, data: Any, out: Any) -> None:
    """``out += design.T @ design``."""
    for i in range(len(indptr) - 1):
        for entry in range(indptr[i], indptr[i + 1]):
            weight, row = np.float64(data[entry]), indices[entry]
            for other in range(indptr[i], indptr[i + 1]):
                out[row, indices[other]] += weight * data[other]


def multiply_designs(designs: Sequence[Any], factors: Sequence[Matrix], n_rows: int) -> Matrix:
    """Return ``sum over g of designs[g] @ factors[g]``.

    Parameters
    ----------
    designs : sequence of csr_array, each of shape (n_rows, n_windows_g)
    factors : sequence of float64 arrays, each of shape (n_windows_g, n_columns)
    n_rows : int
    """
    result = np.zeros((n_rows, factors[0].shape[1] if factors else 0))
    for columns in _steps(result.shape[1], COLUMNS):
        smalls = [np.ascontiguousarray(factor[:, columns]) for factor in factors]

        def add(rows: slice, columns: slice = columns, smalls: list[Matrix] = smalls) -> None:
            out = np.zeros((rows.stop - rows.start, columns.stop - columns.start))
            for design, small in zip(designs, smalls, strict=True):
                _add_product(design.indptr, design.indices, design.data, small, out, rows.start)
            result[rows, columns] = out

        map_tiles(add, _steps(n_rows, ROWS))
    return result


def multiply_designs_transposed(designs: Sequence[Any], matrix: Matrix) -> list[Matrix]:
    """Return ``designs[g].T @ matrix`` for every gene.

    Parameters
    ----------
    designs : sequence of csr_array, each of shape (n_rows, n_windows_g)
    matrix : float64 array of shape (n_rows, n_columns)
    """
    results = [np.zeros((design.shape[1], matrix.shape[1])) for design in designs]
    for columns in _steps(matrix.shape[1], COLUMNS):
        tall = np.ascontiguousarray(matrix[:, columns])

        def add(genes: range, columns: slice = columns, tall: Matrix = tall) -> None:
            outs = [np.zeros((len(results[g]), tall.shape[1])) for g in genes]
            for rows in _steps(len(tall), ROWS):
                for g, out in zip(genes, outs, strict=True):
                    design = designs[g]
                    _add_transposed(design.indptr, design.indices, design.data, tall[rows], out, rows.start)
            for g, out in zip(genes, outs, strict=True):
                results[g][:, columns] = out

        with tiled() as count:  # who sums a gene does not matter: its own order of rows is fixed
            map_tiles(add, [range(first, len(designs), count) for first in range(count)])
    return results


def design_gram(design: Any) -> npt.NDArray[np.float64]:
    """Return ``design.T @ design`` as a dense array, (n_windows, n_windows)."""
    gram = np.zeros((design.shape[1], design.shape[1]))
    _add_gram(design.indptr, design.indices, design.data, gram)
    return gram


def _steps(stop: int, step: int) -> list[slice]:
    return [slice(first, min(first + step, stop)) for first in range(0, stop, step)]
