"""Direct calls of LAPACK against scipy's, bit by bit: the routines are the same."""

import numpy as np
import pytest
import scipy.linalg

from fusion import lapack

CASES = [(size, dtype) for size in (1, 2, 7, 33) for dtype in (np.float64, np.float32)]


def _gram(size: int, dtype: type) -> np.ndarray:
    rows = np.random.default_rng(size).standard_normal((3 * size, size)).astype(dtype)
    return np.asarray(rows.T @ rows)


@pytest.mark.parametrize(("size", "dtype"), CASES)
def test_factors_and_solutions_are_those_of_scipy(size: int, dtype: type) -> None:
    gram, right = _gram(size, dtype), _gram(size, dtype)[:, : size // 2 + 1]
    factor = lapack.cholesky(gram)
    np.testing.assert_array_equal(factor, scipy.linalg.cholesky(gram, lower=True))
    for ordered in (factor, np.ascontiguousarray(factor)):
        for trans, transposed in (("N", False), ("T", True)):
            for side in (right, right[:, 0]):
                solved = lapack.solve_lower(ordered, side, transposed=transposed)
                np.testing.assert_array_equal(solved, scipy.linalg.solve_triangular(ordered, side, trans, lower=True))
                assert solved.dtype == dtype


def test_a_leading_block_of_a_factor_is_the_factor_of_that_block() -> None:
    gram = _gram(9, np.float64)
    block, right = lapack.cholesky(gram)[:5, :5], np.arange(5.0)
    assert not block.flags.contiguous
    np.testing.assert_allclose(
        lapack.solve_lower(block, lapack.solve_lower(block, right), transposed=True),
        np.linalg.solve(gram[:5, :5], right),
    )


@pytest.mark.parametrize(("size", "dtype"), CASES)
def test_eigenpairs_are_those_of_scipy(size: int, dtype: type) -> None:
    gram, before = _gram(size, dtype), _gram(size, dtype)
    for first, last in ((0, size - 1), (size // 2, size - 1), (size // 2, size // 2)):
        values, vectors = scipy.linalg.eigh(gram, subset_by_index=[first, last])
        found = lapack.eigenpairs(gram, first, last)
        np.testing.assert_array_equal(found[0], values)
        np.testing.assert_array_equal(found[1], vectors)
    largest = scipy.linalg.eigh(gram, eigvals_only=True, subset_by_index=[size - 1, size - 1])
    assert lapack.largest_eigenvalue(gram) == largest[0]
    np.testing.assert_array_equal(gram, before)


@pytest.mark.parametrize(("size", "dtype"), CASES)
def test_the_largest_eigenvalue_of_a_tridiagonal_matrix_is_that_of_scipy(size: int, dtype: type) -> None:
    gram = _gram(size, dtype)
    diagonal, beside = np.diagonal(gram).copy(), np.diagonal(gram, 1).copy()
    largest = scipy.linalg.eigvalsh_tridiagonal(diagonal, beside, select="i", select_range=(size - 1, size - 1))
    assert lapack.largest_of_tridiagonal(diagonal, beside) == largest[0]


def test_what_has_no_factor_is_an_error() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="info 2"):
        lapack.cholesky(np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(np.linalg.LinAlgError, match="info 1"):
        lapack.solve_lower(np.zeros((1, 1)), np.ones(1))
