"""LAPACK for matrices so small that the checks around it would take longer than the work.

A permutation of a few hundred subjects makes a dozen such calls of some ten microseconds each; `scipy.linalg` looks up
the routine, its workspace and the shape of a possible stack anew in every one. Routines and arguments are the same.
"""

from functools import cache
from typing import Any

import numpy as np
import scipy.linalg.lapack

from fusion.arrays import Floats

FEW = 4
"""Up to so many unknowns a stack of systems is solved in one call, though it takes no notice of the triangle."""


@cache
def routine(name: str, dtype: np.dtype[Any]) -> Any:
    """LAPACK's routine of that name for float32 or float64, looked up once."""
    return scipy.linalg.lapack.get_lapack_funcs((name,), dtype=dtype)[0]


def cholesky(gram: Floats) -> Floats:
    """Lower factor L of a positive definite matrix L L', or of each of a stack, shape [..., n, n].

    Raises
    ------
    numpy.linalg.LinAlgError
        Not positive definite.
    """
    if gram.ndim > 2:
        return np.asarray(np.linalg.cholesky(gram))
    factor, info = routine("potrf", gram.dtype)(gram, lower=1, clean=1)
    return _checked(factor, info)


def solve_lower(factor: Floats, right: Floats, *, transposed: bool = False) -> Floats:
    """L^-1 right, or L'^-1 right, of a lower factor, shape [n, k] or [n]; of each of a stack, [..., n, k].

    Raises
    ------
    numpy.linalg.LinAlgError
        A zero on the diagonal.
    """
    if factor.ndim > 2:
        return _solve_each(factor, right, transposed)
    trtrs = routine("trtrs", factor.dtype)
    if factor.flags.f_contiguous:
        solution, info = trtrs(factor, right, lower=1, trans=int(transposed))
    else:  # LAPACK's matrices are column by column: the transpose, of which no copy is made
        solution, info = trtrs(factor.T, right, lower=0, trans=int(not transposed))
    return _checked(solution, info)


def _solve_each(factors: Floats, right: Floats, transposed: bool) -> Floats:
    if factors.shape[-1] <= FEW:
        return np.asarray(np.linalg.solve(np.swapaxes(factors, -1, -2) if transposed else factors, right))
    solved = np.empty_like(right)
    for index in np.ndindex(factors.shape[:-2]):
        solved[index] = solve_lower(factors[index], right[index], transposed=transposed)
    return solved


def eigenpairs(gram: Floats, first: int, last: int) -> tuple[Floats, Floats]:
    """Eigenvalues first..last of a symmetric matrix, ascending and counted from 0, and their vectors.

    Parameters
    ----------
    gram : float array, shape [..., n, n]
        A stack is taken one by one: LAPACK finds a few pairs sooner than all of them.
    first, last : int

    Returns
    -------
    values : float array, shape [..., n_wanted]
    vectors : float array, shape [..., n, n_wanted]

    Raises
    ------
    numpy.linalg.LinAlgError
        No convergence.
    """
    if gram.ndim > 2:
        n_wanted = last - first + 1
        found_values = np.empty((*gram.shape[:-2], n_wanted), dtype=gram.dtype)
        found = np.empty((*gram.shape[:-1], n_wanted), dtype=gram.dtype)
        for index in np.ndindex(gram.shape[:-2]):
            found_values[index], found[index] = eigenpairs(gram[index], first, last)
        return found_values, found
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
