"""p-values of permutation distributions that count the identity, and their Monte-Carlo error."""

# ruff: noqa: F722

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Matrix, Real


def permutation_p(null: Float64[np.ndarray, "n_draws n_tests"]) -> Float64[np.ndarray, " n_tests"]:
    """p-values from null distributions whose first row is the observed one, which is counted.

    Parameters
    ----------
    null : float64 array, shape [n_permutations + 1, n_tests]
        A column that begins with NaN was not tested and gets NaN; NaN in a draw counts as reaching the observed value.

    Returns
    -------
    float64 array, shape [n_tests]

    Examples
    --------
    >>> import numpy as np
    >>> permutation_p(np.array([[3.0], [1.0], [2.0], [4.0]])).tolist()
    [0.5]
    """
    observed = null[0]
    limit = observed - 1e-12 * np.abs(np.where(np.isfinite(observed), observed, 0.0))
    exceeding = (~(null < limit)).sum(axis=0)  # NaN is no evidence
    return np.where(np.isnan(observed), np.nan, exceeding / len(null))


class TestedCorrelation:
    """Results with a null distribution of one correlation.

    Attributes
    ----------
    null : float64 array, shape [n_permutations + 1]
        Of every permutation, the identity first.
    """

    null: Float64[np.ndarray, " n_draws"]

    @property
    def rho(self) -> float:
        """The observed correlation."""
        return float(self.null[0])

    @property
    def p(self) -> float:
        """One-sided permutation p, identity counted."""
        return float(permutation_p(self.null[:, np.newaxis])[0])


class TestedComponents:
    """Results with a null distribution of every component: their p, by itself and in the order of components.

    Attributes
    ----------
    null : float64 array, shape [n_permutations + 1, K]
        Statistics of every permutation, the identity first.
    """

    null: Float64[np.ndarray, "n_draws K"]

    @property
    def n_permutations(self) -> int:
        """Permutations besides the identity."""
        return len(self.null) - 1

    @property
    def p(self) -> Float64[np.ndarray, " K"]:
        """One-sided permutation p of every component, identity counted, shape [K]."""
        return permutation_p(self.null)

    @property
    def p_fwer(self) -> Float64[np.ndarray, " K"]:
        """p corrected over components, tested in their order: the running maximum, shape [K]."""
        return np.maximum.accumulate(self.p)


def standardised(null: Float64[np.ndarray, "n_draws n_tests"]) -> Float64[np.ndarray, "n_draws n_tests"]:
    """Statistics of unlike kinds on one scale: each less its mean over all permutations, in their standard deviations.

    The observed one is counted among them, so that every permutation is treated alike.

    Parameters
    ----------
    null : float64 array, shape [n_permutations + 1, n_tests]
    """
    spread = null.std(axis=0)
    return np.asarray((null - null.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def step_down_max_t(null: Float64[np.ndarray, "n_draws n_tests"]) -> Float64[np.ndarray, " n_tests"]:
    """p-values corrected over a family of tests on one scale, [n_tests].

    Parameters
    ----------
    null : float64 array, shape [n_permutations + 1, n_tests]
        Row 0 observed; row b of the same permutation in every test.

    References
    ----------
    Westfall & Young (1993), ISBN 978-0-471-55761-6, algorithm 4.1.
    """
    order, maxima = remaining_maxima(null)
    adjusted = np.empty(null.shape[1])
    adjusted[order] = np.maximum.accumulate((maxima >= null[:1, order]).mean(axis=0))
    return adjusted


def remaining_maxima(
    null: Float64[np.ndarray, "n_draws n_tests"],
) -> tuple[Int64[np.ndarray, " n_tests"], Float64[np.ndarray, "n_draws n_tests"]]:
    """Tests by their observed values, the largest first, and the largest of each and all after it."""
    order = np.argsort(-null[0], kind="stable")
    return order, np.maximum.accumulate(null[:, order][:, ::-1], axis=1)[:, ::-1]


def monte_carlo_interval(
    p: Float64[np.ndarray, " *tests"], n_draws: int, level: Real = 0.95
) -> Float64[np.ndarray, "*tests 2"]:
    """Clopper-Pearson interval of the p-value that infinitely many permutations would give, [..., 2].

    Parameters
    ----------
    p : float64 array
        Identity counted.
    n_draws : int
        Permutations besides the identity.
    level : float

    References
    ----------
    Clopper & Pearson (1934), doi:10.1093/biomet/26.4.404.
    """
    from scipy.special import betaincinv

    exceeding: Matrix = np.rint(np.asarray(p) * (n_draws + 1)) - 1
    tail = (1 - level) / 2
    low = np.where(exceeding > 0, betaincinv(np.maximum(exceeding, 1), n_draws - exceeding + 1, tail), 0.0)
    high = np.where(exceeding < n_draws, betaincinv(exceeding + 1, np.maximum(n_draws - exceeding, 1), 1 - tail), 1.0)
    interval = np.stack([low, high], axis=-1)
    return np.asarray(np.where(np.isnan(p)[..., np.newaxis], np.nan, interval))
