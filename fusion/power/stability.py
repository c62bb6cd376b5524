"""How many subjects make weights, scores and loadings what they are in the population, not only a link that is found.

Studies are drawn as sample covariances of whitened views with one link, by Bartlett's decomposition: (p + q)^2 numbers
a study, however many subjects it has.
"""

# ruff: noqa: F722

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from fusion import lapack
from fusion.arrays import Matrix, Real
from fusion.errors import InputError
from fusion.parallel import one_blas_thread

ERROR = 0.1
SHARE = 0.8
MOST_SUBJECTS = 10**8
WIDEST = 4096
"""Dimensions of both sides together of which a study is drawn, 128 MiB each."""

CLOSE = 0.02
"""Relative error of a number of subjects at which the search for it ends."""

DRAWN = ((64, 400), (256, 60), (math.inf, 20))
"""Dimensions of both sides together up to which so many studies are drawn: the more dimensions, the less their errors
scatter."""


class StabilityErrors(NamedTuple):
    """Errors of the first component in drawn studies, each [n_draws].

    Attributes
    ----------
    strength : float64 array
        Of the in-sample correlation, relative to the population's.
    weights : float64 array
        1 - |cosine| with the population's weights, of the worse side; in whitened coordinates it is 1 - |correlation|
        of estimated with true scores in the population as well.
    loadings : float64 array
        1 - |cosine| of the loadings, of the worse side.
    """

    strength: Float64[np.ndarray, " n_draws"]
    weights: Float64[np.ndarray, " n_draws"]
    loadings: Float64[np.ndarray, " n_draws"]

    @property
    def largest(self) -> Float64[np.ndarray, " n_draws"]:
        """The largest of the three in every study, [n_draws]."""
        return np.asarray(np.max(np.stack(self), axis=0))


@lru_cache(maxsize=256)
def stability_errors(
    n: int, p: int, q: int, rho: Real, *, n_draws: int = 200, random_state: int = 0
) -> StabilityErrors:
    """Draw studies of one size and say how far their first component is from the population's.

    Parameters
    ----------
    n, p, q : int
        Effective rows, dimensions of x and of y; n > p + q.
    rho : float
        Population correlation, in (0, 1).
    n_draws, random_state : int

    References
    ----------
    Helmer et al. (2024), doi:10.1038/s42003-024-05869-4, for the errors; Bartlett (1934),
    doi:10.1017/S0370164600016205.

    Examples
    --------
    >>> float(stability_errors(5000, 10, 10, 0.3).weights.mean()) < 0.1
    True
    """
    if not 0 < rho < 1 or n <= p + q or min(p, q) < 1:
        raise InputError(
            f"stability_errors needs a correlation inside 0 and 1 and more rows than dimensions; got rho {rho}, n {n} "
            f"and {p} + {q} dimensions: correct them."
        )
    if p + q > WIDEST:
        raise InputError(f"Studies are drawn of at most {WIDEST:,} dimensions; got {p:,} + {q:,}: take fewer.")
    rng = np.random.default_rng(random_state)
    with one_blas_thread():
        draws = np.array([_errors(_sample_factor(rng, n, p, q, float(rho)), p, float(rho)) for _ in range(n_draws)])
    return StabilityErrors(*draws.T)


def subjects_for_stability(
    rho: Real, p: int, q: int, *, error: Real = ERROR, share: Real | None = SHARE, n_draws: int | None = None
) -> int:
    """Effective rows from which strength, weights, scores and loadings are within `error` in a share of studies.

    Parameters
    ----------
    rho : float
        Population correlation, in (0, 1).
    p, q : int
    error : float
        10 % by default.
    share : float or None
        Of studies in which all errors are that small; None asks it of the means of the errors, as Helmer et al. do,
        which half of the studies may then miss.
    n_draws : int, optional
        Studies drawn a size; fewer of many dimensions by default.

    Returns
    -------
    int
        To about 2 %.

    Examples
    --------
    >>> 20 < subjects_for_stability(0.5, 5, 5) / 10 < 60  # subjects a feature
    True
    """
    draws = n_draws or next(drawn for widest, drawn in DRAWN if p + q <= widest)

    def suffices(n: int) -> bool:
        found = stability_errors(n, p, q, float(rho), n_draws=draws)
        if share is None:
            return max(float(errors.mean()) for errors in found) <= float(error)
        return bool((found.largest <= float(error)).mean() >= float(share))

    low = p + q + 1
    high = 2 * max(low, round((p + q) / float(rho) ** 2))
    while not suffices(high):
        low, high = high, 2 * high
        if high > MOST_SUBJECTS:
            raise InputError(
                f"Stable weights need at most {MOST_SUBJECTS:,} subjects to be planned for; a correlation of {rho:g} "
                "needs more: expect a larger one, or take fewer dimensions."
            )
    while high - low > max(1, CLOSE * high):
        middle = round(math.sqrt(low * high))
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _sample_factor(rng: np.random.Generator, n: int, p: int, q: int, rho: float) -> Matrix:
    """Lower factor F of a sample covariance FF' of n rows of two whitened views, first columns correlated by rho."""
    size = p + q
    bartlett = np.tril(rng.standard_normal((size, size)), -1)
    bartlett[np.diag_indices(size)] = np.sqrt(rng.chisquare(n - np.arange(size)))
    factor = bartlett / math.sqrt(n)
    factor[p] = rho * factor[0] + math.sqrt(1 - rho**2) * factor[p]
    return factor


def _errors(factor: Matrix, p: int, rho: float) -> tuple[float, float, float]:
    """Errors of strength, weights and loadings from the factor of one sample covariance."""
    of_x, of_y = factor[:p, :p], factor[p:]
    product, gram_y = of_x @ of_y[:, :p].T, of_y @ of_y.T
    factor_y = lapack.cholesky(gram_y)
    whitened = lapack.solve_lower(factor_y, lapack.solve_lower(of_x, product).T).T
    left = lapack.eigenpairs(whitened @ whitened.T, p - 1, p - 1)[1][:, 0]  # the first alone: a fraction of an SVD
    right = whitened.T @ left
    correlation = float(np.linalg.norm(right))
    strength, right = abs(correlation - rho) / rho, right / correlation
    weights = [lapack.solve_lower(side, part, transposed=True) for side, part in ((of_x, left), (factor_y, right))]
    loadings = [of_x @ left, factor_y @ right]
    deviations = [np.linalg.norm(of_x, axis=1), np.sqrt(np.diag(gram_y))]
    of_loadings = (loading / spread for loading, spread in zip(loadings, deviations, strict=True))
    return strength, max(map(_from_first, weights)), max(map(_from_first, of_loadings))


def _from_first(vector: Matrix) -> float:
    """1 - |cosine| with the first axis."""
    return 1 - abs(float(vector[0])) / float(np.linalg.norm(vector))
