"""Sparse CCA by penalised matrix decomposition, with an L1 bound that holds for the weights that are returned."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from fusion.arrays import Matrix, Real, stores_parameters
from fusion.cca.base import VANISHED, TwoViewAligner, Weights, check_varies
from fusion.cca.ridge import ridge_basis
from fusion.errors import InputError

EQUAL_MAGNITUDE = 1e-12
"""Absolute values this close to the largest, relative to it, are taken as equal to it."""

BLOCK_ENTRIES = 2**23
"""Entries of X'Y that are held at once while its largest one is sought."""


class SparseCCA(TwoViewAligner):
    """Sparse canonical correlation analysis of two standardised views (penalised matrix decomposition).

    Maximises ``u' X'Y v / (n - 1)`` subject to ``||u||_2 = ||v||_2 = 1``, ``||u||_1 <= c_x`` and ``||v||_1 <= c_y``
    by turns; the covariance among the columns of one view is taken as the identity, as Witten and colleagues do. Turns
    end in a local maximum, so there are two deterministic starts, the singular vector of X'Y that they use and the most
    strongly correlated pair of features, and the better end is kept. Later components maximise what the earlier ones
    leave of X'Y, ``X'Y - sum_k d_k u_k v_k'``; X'Y itself is held only where it is smaller than the views.

    Parameters
    ----------
    n_components : int
        At most the smaller rank.
    x_l1, y_l1 : float in (0, 1]
        Bounds as shares of ``sqrt(n_features)``, where 1 imposes no sparsity. A unit vector has an L1 norm of at
        least 1, so smaller bounds become 1: a single feature. The bounds in force are ``x_l1_bound_, y_l1_bound_``.
    max_iter : int
        Turns per component.
    tol : float
        Stop once a turn changes both weight vectors by less (L2).

    Attributes
    ----------
    x_weights_, y_weights_ : float64 array, shape [n_features, n_components]
        Of standardised columns (`x_scale_`): unit L2 norm and an L1 norm within the bound, most of them zero.
    x_loadings_, y_loadings_ : float64 array, shape [n_features, n_components]
        Structure loadings.
    canonical_correlations_ : float64 array, shape [n_components]
        Correlations of the paired scores in the training rows; not sorted by necessity.
    objective_ : float64 array, shape [n_components]
        d_k, the covariance that component k adds.
    objective_path_ : list of float64 array
        Objective after every turn of a component; it never decreases.
    x_l1_bound_, y_l1_bound_ : float
    n_iter_ : int
        Turns of the slowest component.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        A component took all of `max_iter` turns.

    References
    ----------
    Witten, Tibshirani & Hastie (2009), doi:10.1093/biostatistics/kxp008.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.standard_normal((37, 60)), rng.standard_normal((37, 11))
    >>> fitted = SparseCCA(x_l1=0.3, y_l1=0.5).fit(x, y)
    >>> bool(np.abs(fitted.x_weights_).sum() <= 0.3 * np.sqrt(60) + 1e-12), int((fitted.x_weights_ == 0).sum()) > 40
    (True, True)
    """

    @stores_parameters
    def __init__(
        self, n_components: int = 1, *, x_l1: Real = 0.3, y_l1: Real = 0.3, max_iter: int = 500, tol: Real = 1e-7
    ) -> None:
        self.n_components = n_components
        self.x_l1 = x_l1
        self.y_l1 = y_l1
        self.max_iter = max_iter
        self.tol = tol

    def _scales(self, matrix: Matrix) -> Matrix:
        spread = matrix.std(axis=0, ddof=1)
        constant = spread <= VANISHED * np.sqrt(np.square(matrix).mean(axis=0))
        return np.where(constant, np.inf, spread)  # a constant column is zero once standardised, in any rows

    def _solve(self, x: Matrix, y: Matrix) -> Weights:
        check_varies(x, "x")
        check_varies(y, "y")
        x, y = self._standardised(x, "x"), self._standardised(y, "y")
        self.x_l1_bound_, self.y_l1_bound_ = _bound(self.x_l1, x, "x_l1"), _bound(self.y_l1, y, "y_l1")
        starts = _leading_right_vectors(x, y)
        k = self._check_components(starts.shape[1])
        product = DeflatedProduct(x, y)
        self.objective_path_: list[Matrix] = []
        for component in range(k):
            self._add_component(product, starts[:, component], component)
        self.n_iter_ = max(len(path) for path in self.objective_path_)
        u, v, d = product.components
        return u, v, d / (len(x) - 1)

    def _add_component(self, product: "DeflatedProduct", start: Matrix, component: int) -> None:
        ends = [self._alternate(product, one) for one in (start, product.strongest_column())]
        u, v, path = max(ends, key=lambda end: float(end[2][-1]))
        product.deflate(u, v)
        self.objective_path_.append(path)
        if len(path) == self.max_iter:
            turns = f"SparseCCA stopped component {component} after max_iter={self.max_iter} turns"
            warnings.warn(f"{turns}: raise max_iter.", ConvergenceWarning, stacklevel=4)

    def _alternate(self, product: "DeflatedProduct", v: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """Return both weight vectors and the objective after every turn."""
        u, path = np.zeros(product.x.shape[1]), []
        for _ in range(self.max_iter):
            before = u, v
            u = project_l1(product.times(v), self.x_l1_bound_)
            a = product.transposed_times(u)
            v = project_l1(a, self.y_l1_bound_)
            path.append(float(a @ v) / (len(product.x) - 1))
            if max(np.linalg.norm(u - before[0]), np.linalg.norm(v - before[1])) < self.tol:
                break
        return u, v, np.asarray(path)


class DeflatedProduct:
    """``X'Y - sum_k d_k u_k v_k'`` as an operator; X'Y is formed only where it is smaller than the views."""

    def __init__(self, x: Matrix, y: Matrix) -> None:
        self.x, self.y = x, y
        small = x.shape[1] * y.shape[1] <= x.size + y.size
        self._product = x.T @ y if small else None
        self.components: Weights = np.zeros((x.shape[1], 0)), np.zeros((y.shape[1], 0)), np.zeros(0)

    def times(self, v: Matrix) -> Matrix:
        """Product with a vector of y's features."""
        us, vs, ds = self.components
        product = self.x.T @ (self.y @ v) if self._product is None else self._product @ v
        left: Matrix = product - us @ (ds * (vs.T @ v))
        return left

    def transposed_times(self, u: Matrix) -> Matrix:
        """Transposed product with a vector of x's features."""
        us, vs, ds = self.components
        product = self.y.T @ (self.x @ u) if self._product is None else self._product.T @ u
        left: Matrix = product - vs @ (ds * (us.T @ u))
        return left

    def strongest_column(self) -> Matrix:
        """Unit vector of the feature of y in the entry of the largest absolute value."""
        us, vs, ds = self.components
        largest = np.empty(self.y.shape[1])
        width = max(1, BLOCK_ENTRIES // self.x.shape[1])
        for first in range(0, len(largest), width):
            columns = slice(first, first + width)
            block = self.x.T @ self.y[:, columns] if self._product is None else self._product[:, columns]
            largest[columns] = np.abs(block - (us * ds) @ vs[columns].T).max(axis=0)
        return np.asarray(np.arange(len(largest)) == largest.argmax(), dtype=np.float64)

    def deflate(self, u: Matrix, v: Matrix) -> None:
        """Take the component of these unit vectors off what is left."""
        us, vs, ds = self.components
        d = float(u @ self.times(v))
        self.components = np.column_stack([us, u]), np.column_stack([vs, v]), np.append(ds, d)


def project_l1(direction: Matrix, bound: Real) -> Matrix:
    """Unit vector of the largest product with `direction` among those whose L1 norm is at most `bound`.

    Soft-thresholding followed by normalisation, with the threshold in closed form: with the k largest absolute values
    left, of centred sum of squares B, the sum s after thresholding solves s^2 = c^2 (B + s^2 / k).

    Parameters
    ----------
    direction : float64 array, shape [n_features]
    bound : float
        c in [1, sqrt(n_features)].

    Raises
    ------
    InputError
        A direction of zeros: nothing is left to maximise.
    """
    size = np.abs(direction)
    largest = float(size.max())
    if not largest > 0:
        raise InputError("SparseCCA has no covariance left between the views: use fewer components.")
    gaps = 1 - size / largest
    gaps[gaps < EQUAL_MAGNITUDE] = 0.0
    size = 1 - gaps
    # From sqrt(n_features) on no vector exceeds the bound, except by rounding.
    if bound**2 < len(size) and size.sum() > bound * np.linalg.norm(size):
        size = _share_tied(gaps == 0, bound) if (gaps == 0).sum() > bound**2 else _threshold(gaps, bound)
    unit: Matrix = np.sign(direction) * size / np.linalg.norm(size)
    return unit


def _threshold(gaps: Matrix, bound: Real) -> Matrix:
    """Soft-threshold values by their gaps to the largest one, in which nothing cancels."""
    ordered = np.sort(gaps)
    k = np.arange(1, len(gaps) + 1)
    mean = np.cumsum(ordered) / k
    steps = np.append(0, ordered[1:] - mean[:-1])
    spread = np.cumsum(steps**2 * (k - 1) / k)
    possible = k > bound**2
    total = bound * np.sqrt(spread / np.where(possible, 1 - bound**2 / k, 1))
    depth = np.where(possible, mean + total / k, -1)
    # The right k has its own k gaps above the threshold and the next one not: the first that leaves no more than k.
    level = depth[int((possible & (depth <= np.append(ordered[1:], np.inf))).argmax())]
    left: Matrix = np.maximum(level - gaps, 0)
    return left


def _share_tied(largest: NDArray[np.bool_], bound: Real) -> Matrix:
    """Unit vector of L1 norm `bound` on the first ceil(bound^2) of more equal largest values than the bound carries.

    No threshold reaches such a bound (all equal values leave together); every vector of that norm on them is optimal.
    """
    first = np.flatnonzero(largest)[: int(np.ceil(bound**2))]
    m = len(first) - 1
    rest = 0.0 if m == 0 else (bound * m - np.sqrt(max(m * (m + 1 - bound**2), 0))) / (m * (m + 1))
    shared: Matrix = np.zeros(len(largest))
    shared[first] = rest
    shared[first[0]] = bound - m * rest
    return shared


def _leading_right_vectors(x: Matrix, y: Matrix) -> Matrix:
    """Right singular vectors of X'Y, [n_y, min(rank_x, rank_y)], by the SVDs of the views."""
    basis_x, basis_y = ridge_basis(x, 1.0, "x"), ridge_basis(y, 1.0, "y")
    right = np.linalg.svd(basis_x.columns.T @ basis_y.columns, full_matrices=False)[2]
    directions = basis_y.weights @ right.T
    return np.asarray(directions / np.linalg.norm(directions, axis=0))


def _bound(share: Any, matrix: Matrix, name: str) -> float:
    if not (isinstance(share, int | float | np.number) and 0 < share <= 1):
        raise InputError(f"{name} must be a share of sqrt(n_features) in (0, 1]; got {share!r}.")
    return max(1.0, float(share * np.sqrt(matrix.shape[1])))
