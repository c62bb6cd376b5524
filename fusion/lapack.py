"""LAPACK for matrices so small that the checks around it would take longer than the work.

A permutation of a few hundred subjects makes a dozen such calls of some ten microseconds each; `scipy.linalg` looks up
the routine, its workspace and the shape of a possible stack anew in every one. Routines and arguments are the same.
"""

from functools import cache
from typing import Any

import numpy as np
import scipy.linalg.lapack

from fusion.arrays import Floats


@cache
def routine(name: str, dtype: np.dtype[Any]) -> Any:
    """LAPACK's routine of that name for float32 or float64, looked up once."""
    return scipy.linalg.lapack.get_lapack_funcs((name,), dtype=dtype)[0]


def cholesky(gram: Floats) -> Floats:
    """Lower factor L of a positive definite matrix L L', shape [n, n].

    Raises
    ------
    numpy.linalg.LinAlgError
        Not positive definite.
    """
    factor, info = routine("potrf", gram.dtype)(gram, lower=1, clean=1)
    return _checked(factor, info)


def solve_lower(factor: Floats, right: Floats, *, transposed: bool = False) -> Floats:
    """L^-1 right, or L'^-1 right, of a lower factor, shape [n, k] or [n].

    Raises
    ------
    numpy.linalg.LinAlgError
        A zero on the diagonal.
    """
    trtrs = routine("trtrs", factor.dtype)
    if factor.flags.f_contiguous:
        solution, info = trtrs(factor, right, lower=1, trans=int(transposed))
    else:  # LAPACK's matrices are column by column: the transpose, of which no copy is made
        solution, info = trtrs(factor.T, right, lower=0, trans=int(not transposed))
    return _checked(solution, info)


def eigenpairs(gram: Floats, first: int, last: int) -> tuple[Floats, Floats]:
    """Eigenvalues first..last of a symmetric matrix, ascending and counted from 0, and their vectors, [n, n_wanted].

    Raises
    ------
    numpy.linalg.LinAlgError
        No convergence.
    """
    values, vectors, info = _eigen(gram, first, last, vectors=True)
    return _checked(values, info), vectors


def largest_eigenvalue(gram: Floats) -> float:
    """Of a symmetric matrix.

    Raises
    ------
    numpy.linalg.LinAlgError
        No convergence.
    """
    last = len(gram) - 1
    values, _, info = _eigen(gram, last, last, vectors=False)
    return float(_checked(values, info)[0])


def largest_of_tridiagonal(diagonal: Floats, beside: Floats) -> float:
    """Largest eigenvalue of a symmetric tridiagonal matrix, from its diagonal [n] and the one beside it [n - 1].

    Raises
    ------
    numpy.linalg.LinAlgError
        No convergence.
    """
    last = len(diagonal)
    if last == 1:
        return float(diagonal[0])
    by_index, any_value, exact, in_order = 2, (0.0, 1.0), 0.0, "E"
    stebz = routine("stebz", diagonal.dtype)
    _, values, _, _, info = stebz(diagonal, beside, by_index, *any_value, last, last, exact, in_order)
    return float(_checked(values, info)[0])


def _eigen(gram: Floats, first: int, last: int, *, vectors: bool) -> tuple[Floats, Floats, int]:
    lwork, liwork = _workspace(len(gram), gram.dtype)
    values, found, _, _, info = routine("syevr", gram.dtype)(
        gram, compute_v=int(vectors), range="I", lower=1, il=first + 1, iu=last + 1, lwork=lwork, liwork=liwork
    )
    return values[: last - first + 1], found, info


@cache
def _workspace(size: int, dtype: np.dtype[Any]) -> tuple[int, int]:
    work, integers, info = routine("syevr_lwork", dtype)(size, lower=1)
    _checked(np.zeros(0), info)
    return int(work), int(integers)


def _checked(result: Floats, info: int) -> Floats:
    if info != 0:
        raise np.linalg.LinAlgError(f"LAPACK stopped with info {info}")
    return result
