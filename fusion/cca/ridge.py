"""Canonical ridge: CCA whose covariances are shrunk towards the identity; exact, for views of any width."""

from typing import Any

import numpy as np

from fusion.arrays import Matrix, Real, stores_parameters
from fusion.cca.base import TwoViewAligner, Weights, check_varies
from fusion.cca.exact import RANK_TOLERANCE, Basis, centred_basis
from fusion.errors import InputError

Penalty = Real | tuple[Real, Real]


class RidgeCCA(TwoViewAligner):
    """Ridge-regularised canonical correlation analysis of two views.

    Maximises ``a' Sxy b`` subject to ``a' ((1 - c_x) Sxx + c_x I) a = 1`` and the same for b, S being covariances with
    divisor n - 1. ``c = 0`` is exact CCA, ``c = 1`` partial least squares (the singular vectors of Sxy). One SVD per
    view and one of the whitened product: the answer is exact for n_features > n_subjects as well.

    Parameters
    ----------
    n_components : int, optional
        All min(rank_x, rank_y) by default.
    penalty : float or pair of float
        c, or (c_x, c_y), each in [0, 1]. With c > 0 the answer depends on the units of the columns: bring them to a
        common scale first.

    Attributes
    ----------
    x_weights_, y_weights_ : float64 array, shape [n_features, n_components]
        Normalised as the constraint says; scores have unit variance only for c = 0.
    x_loadings_, y_loadings_ : float64 array, shape [n_features, n_components]
        Structure loadings.
    canonical_correlations_ : float64 array, shape [n_components]
        Correlations of the paired scores in the training rows; not sorted by necessity.
    objective_ : float64 array, shape [n_components]
        ``a' Sxy b``, decreasing.
    x_rank_, y_rank_ : int

    References
    ----------
    Vinod (1976), doi:10.1016/0304-4076(76)90010-5; Leurgans, Moyeed & Silverman (1993), Journal of the Royal
    Statistical Society B 55: 725-740.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> shared = rng.standard_normal((37, 1))
    >>> x, y = shared + rng.standard_normal((37, 400)), shared + rng.standard_normal((37, 11))
    >>> RidgeCCA(n_components=2, penalty=0.5).fit(x, y).x_weights_.shape
    (400, 2)
    """

    @stores_parameters
    def __init__(self, n_components: int | None = None, *, penalty: Penalty = 0.1) -> None:
        self.n_components = n_components
        self.penalty = penalty

    def _solve(self, x: Matrix, y: Matrix) -> Weights:
        c_x, c_y = _penalties(self.penalty)
        basis_x, basis_y = ridge_basis(x, c_x, "x"), ridge_basis(y, c_y, "y")
        self.x_rank_, self.y_rank_ = basis_x.rank, basis_y.rank
        left, values, right = np.linalg.svd(basis_x.columns.T @ basis_y.columns, full_matrices=False)
        k = self._check_components(len(values))
        scale = np.sqrt(len(x) - 1)
        return basis_x.weights @ left[:, :k] * scale, basis_y.weights @ right[:k].T * scale, values[:k]


def ridge_basis(matrix: Matrix, penalty: Real, name: str) -> Basis:
    """Columns whitened by the shrunk covariance: ``centred @ weights``, with ``columns' columns <= I``.

    Parameters
    ----------
    matrix : float64 array, shape [n_rows, n_features]
        Not centred yet.
    penalty : float
        c in [0, 1]; at 0 exactly the basis of exact CCA, which does not depend on the units of the columns.
    name : str
        What a message calls the view.
    """
    if penalty == 0:
        return centred_basis(matrix, name)
    check_varies(matrix, name)
    left, singular, right = np.linalg.svd(matrix - matrix.mean(axis=0), full_matrices=False)
    kept = singular > RANK_TOLERANCE * singular[0]
    left, singular, right = left[:, kept], singular[kept], right[kept]
    # sqrt((n - 1) ((1 - c) s^2 / (n - 1) + c)), so that c = 0 whitens to orthonormal columns.
    divisor = np.sqrt((1 - penalty) * singular**2 + penalty * (len(matrix) - 1))
    return Basis(left * (singular / divisor), right.T / divisor, 0)


def _penalties(penalty: Any) -> tuple[float, float]:
    pair = penalty if isinstance(penalty, tuple | list) else (penalty, penalty)
    if len(pair) != 2 or not all(isinstance(c, int | float | np.number) and 0 <= c <= 1 for c in pair):
        raise InputError(f"penalty must be a number in [0, 1] or a pair of them, for x and for y; got {penalty!r}.")
    return float(pair[0]), float(pair[1])
