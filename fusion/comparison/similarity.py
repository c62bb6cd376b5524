"""How alike two representations of the same subjects are: linear CKA and principal angles."""

# ruff: noqa: F722

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix, ViewLike, as_matrix
from fusion.cca.exact import make_basis
from fusion.errors import InputError
from fusion.parallel import one_blas_thread
from fusion.subject_rows import check_same_subjects


def linear_cka(x: ViewLike, y: ViewLike) -> float:
    """Linear centred kernel alignment.

    ||X'Y||_F^2 / (||X'X||_F ||Y'Y||_F) of centred columns: 1 where one is a rotation and scaling of the other, and
    unchanged by either. Independent noise gives more than 0, the more the more columns there are: compare values at
    equal numbers of columns and subjects only.

    Parameters
    ----------
    x, y : fusion view, DataFrame or array, shapes [n_subjects, n_x] and [n_subjects, n_y]
        Rows of the same subjects in the same order.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        Different subjects, or a representation without variance.

    References
    ----------
    Kornblith et al. (2019), ICML, arXiv:1905.00414.
    """
    a, b = _centred(x, y)
    with one_blas_thread():
        numerator = float(np.sum((a.T @ b) ** 2))
        return numerator / float(np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b))


def principal_angles(x: ViewLike, y: ViewLike) -> Float64[np.ndarray, " n_angles"]:
    """Angles between the spaces that the centred columns span, in degrees, the smallest first.

    The cosines are the canonical correlations. 0 means a direction that both spaces hold.

    Parameters
    ----------
    x, y : fusion view, DataFrame or array, shapes [n_subjects, n_x] and [n_subjects, n_y]

    Returns
    -------
    float64 array, shape [min(rank_x, rank_y)]
        In [0, 90].

    References
    ----------
    Bjoerck & Golub (1973), doi:10.1090/S0025-5718-1973-0348991-3; Knyazev & Argentati (2002),
    doi:10.1137/S1064827500377332, whose sines keep small angles accurate.
    """
    from scipy.linalg import subspace_angles

    with one_blas_thread():  # threads that wait for one another take longer than matrices of this width
        a, b = (make_basis(values).columns for values in _centred(x, y))
        return np.degrees(np.asarray(subspace_angles(a, b), dtype=np.float64))[::-1]


def _centred(x: ViewLike, y: ViewLike) -> tuple[Matrix, Matrix]:
    check_same_subjects(x=x, y=y)
    return _varying(as_matrix(x, "x"), "x"), _varying(as_matrix(y, "y"), "y")


def _varying(values: Matrix, name: str) -> Matrix:
    if (np.ptp(values, axis=0) == 0).all():
        raise InputError(f"Similarity needs columns that vary; every column of {name} is constant.")
    return np.asarray(values - values.mean(axis=0))
