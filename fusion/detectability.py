"""What an alignment of this size shows by chance, and what it could have found: known before any data exist.

N stands for effective subjects (rows less intercept and confounds), P and Q for the dimensions of the two views.
"""

import numpy as np
import scipy.linalg

from fusion.errors import InputError
from fusion.matrices import Matrix


def rho_c(n: int, p: int, q: int) -> float:
    """Smallest population correlation that in-sample CCA can tell from noise, (PQ / ((N-P)(N-Q)))^(1/4).

    References
    ----------
    Bao, Hu, Pan & Zhou (2019), Annals of Statistics, doi:10.1214/18-AOS1704.

    Examples
    --------
    >>> round(rho_c(5000, 512, 512), 3)
    0.338
    """
    _check_width(n, p, q)
    return float((p * q / ((n - p) * (n - q))) ** 0.25)


def wachter_edge(n: int, p: int, q: int) -> float:
    """Largest canonical correlation of pure noise in the limit of large N, P and Q.

    References
    ----------
    Wachter (1980), Annals of Statistics, doi:10.1214/aos/1176345134.

    Examples
    --------
    >>> round(wachter_edge(5000, 512, 512), 3)
    0.606
    """
    _check_width(n, p, q)
    a, b = p / n, q / n
    return float(np.sqrt(a * (1 - b)) + np.sqrt(b * (1 - a)))


def null_r1(n: int, p: int, q: int, *, n_draws: int = 200, random_state: int = 0) -> Matrix:
    """Draws of the largest canonical correlation of two independent Gaussian views, ascending, shape [n_draws].

    The squared correlations are the eigenvalues of A (A + B)^-1 with A ~ Wishart_p(q) and B ~ Wishart_p(N - q) for
    P <= Q (Anderson 2003, section 13.2), drawn by their Cholesky factors (Bartlett 1933): no N x P matrix is made.
    """
    _check_width(n, p, q)
    small, large = sorted((p, q))
    rng = np.random.default_rng(random_state)
    draws = np.empty(n_draws)
    for draw in range(n_draws):
        a, b = (_wishart_factor(small, freedom, rng) for freedom in (large, n - large))
        # largest root of det(A - t B) = 0 is that of (B^-1/2)' A B^-1/2; r^2 = t / (1 + t)
        ratio = scipy.linalg.solve_triangular(b, a, lower=True)
        top = scipy.linalg.eigvalsh(ratio @ ratio.T, subset_by_index=[small - 1, small - 1])[0]
        draws[draw] = np.sqrt(top / (1 + top))
    return np.sort(draws)


def required_n(rho: float, p: int, q: int) -> int:
    """Effective subjects at which ``rho_c`` falls to ``rho``: (N-P)(N-Q) = PQ / rho^4.

    Examples
    --------
    >>> required_n(0.338, 512, 512)
    4994
    """
    if not 0 < rho < 1:
        raise InputError(f"required_n needs a correlation between 0 and 1; got {rho}.")
    half, product = (p + q) / 2, p * q
    return int(np.ceil(half + np.sqrt(half**2 - product + product / rho**4)))


def _wishart_factor(size: int, freedom: int, rng: np.random.Generator) -> Matrix:
    """Lower Cholesky factor of a Wishart matrix with unit scale."""
    factor = np.tril(rng.standard_normal((size, size)), -1)
    factor[np.diag_indices(size)] = np.sqrt(rng.chisquare(freedom - np.arange(size)))
    return factor


def _check_width(n: int, p: int, q: int) -> None:
    if min(p, q) < 1 or p + q >= n:
        raise InputError(
            f"{p} and {q} dimensions need more than {p + q} effective subjects; got {n}: in-sample correlations are 1 "
            "by construction. Lower the dimensions."
        )
