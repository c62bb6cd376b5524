"""What can be found at all: null of the first correlation, detectability threshold, required subjects, red flags.

Everywhere ``n`` is the number of effective rows: subjects less intercept and confounds.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from fusion import lapack
from fusion.arrays import Real
from fusion.errors import InputError

RATIO_LIMIT = 10
SHRINKAGE_LIMIT = 0.5
TRACY_WIDOM_1 = (-1.2065335745820, 0.97931605346955)
"""Mean and 95 % point of the Tracy-Widom law of order 1 (Bornemann 2010, arXiv:0804.2543)."""


class NullR1(NamedTuple):
    """First in-sample canonical correlation of two unrelated Gaussian views."""

    mean: float
    q95: float


def rho_c(n: int, p: int, q: int) -> float:
    """Smallest population correlation that can be told from noise, (pq / ((n - p)(n - q)))^(1/4).

    Parameters
    ----------
    n, p, q : int
        Effective rows, dimensions of x and of y.

    Returns
    -------
    float
        1 where p + q >= n: nothing can be told from noise.

    References
    ----------
    Bao, Hu, Pan & Zhou (2019), doi:10.1214/18-AOS1704.

    Examples
    --------
    >>> round(rho_c(5000, 512, 512), 3), round(rho_c(5000, 50, 50), 3)
    (0.338, 0.101)
    """
    _check(p, q)
    return 1.0 if p + q >= n else float((p * q / ((n - p) * (n - q))) ** 0.25)


def wachter_edge(n: int, p: int, q: int) -> float:
    """Upper edge of the null canonical correlations as all sizes grow.

    Finite samples stay a little below it.

    References
    ----------
    Wachter (1980), doi:10.1214/aos/1176345134.

    Examples
    --------
    >>> round(wachter_edge(5000, 512, 512), 3)
    0.606
    """
    _check(p, q)
    if p + q >= n:
        return 1.0
    x, y = p / n, q / n
    return math.sqrt(x * (1 - y)) + math.sqrt(y * (1 - x))


@lru_cache(maxsize=256)
def null_r1(n: int, p: int, q: int, *, n_draws: int = 1000, random_state: int = 0) -> NullR1:
    """Mean and 95 % point of the first in-sample correlation when the views are unrelated.

    Squared null correlations follow the Jacobi ensemble, whose bidiagonal model needs 2 min(p, q) beta variables per
    draw instead of n (p + q) normal ones.

    Parameters
    ----------
    n, p, q : int
        Effective rows, dimensions of x and of y.
    n_draws, random_state : int

    References
    ----------
    Edelman & Sutton (2008), doi:10.1007/s10208-006-0215-9.

    Examples
    --------
    >>> null_r1(100, 60, 40)
    NullR1(mean=1.0, q95=1.0)
    """
    _check(p, q)
    if p + q >= n:
        return NullR1(1.0, 1.0)
    rng = np.random.default_rng(random_state)
    draws = np.array([draw_r1(rng, n, min(p, q), max(p, q)) for _ in range(n_draws)])
    return NullR1(float(draws.mean()), float(np.quantile(draws, 0.95)))


def approximate_null_r1(n: int, p: int, q: int) -> NullR1:
    """Closed form beside `null_r1`: the logit of r1 squared is nearly Tracy-Widom of order 1.

    The mean is that of the logit, carried over; good to a few thousandths from 5 dimensions on.

    References
    ----------
    Johnstone (2008), doi:10.1214/08-AOS605.

    Examples
    --------
    >>> [round(value, 3) for value in approximate_null_r1(4999, 512, 512)]
    [0.603, 0.609]
    """
    _check(p, q)
    if p + q >= n:
        return NullR1(1.0, 1.0)
    gamma, phi = (2 * math.asin(math.sqrt((side - 0.5) / (n - 1))) for side in (min(p, q), max(p, q)))
    centre = 2 * math.log(math.tan((phi + gamma) / 2))
    spread = (16 / (n - 1) ** 2 / (math.sin(phi + gamma) ** 2 * math.sin(phi) * math.sin(gamma))) ** (1 / 3)
    mean, q95 = (math.sqrt(1 / (1 + math.exp(-centre - spread * point))) for point in TRACY_WIDOM_1)
    return NullR1(mean, q95)


def draw_r1(rng: np.random.Generator, n: int, few: int, many: int, *, first: Real | None = None) -> float:
    """Draw the largest correlation: a singular value of the bidiagonal model, a = many - few, b = n - few - many.

    `first`, the squared multiple correlation of the first column with the larger view, is drawn if not given.
    """
    a, b = many - few, n - few - many
    k = np.arange(few, 0, -1)
    c2 = rng.beta((a + k) / 2, (b + k) / 2)
    c2[0] = c2[0] if first is None else first
    inner = np.arange(few - 1, 0, -1)
    d2 = rng.beta(inner / 2, (a + b + 1 + inner) / 2)
    diagonal = np.sqrt(c2 * np.concatenate([[1.0], 1 - d2]))
    upper = -np.sqrt((1 - c2[:-1]) * d2)
    squares = diagonal**2 + np.concatenate([upper**2, [0.0]])
    return math.sqrt(min(1.0, lapack.largest_of_tridiagonal(squares, upper * diagonal[1:])))


def required_n(rho: Real, p: int, q: int) -> int:
    """Effective rows from which `rho_c` is no larger than a population correlation.

    Raises
    ------
    InputError
        If rho is not inside (0, 1).

    Examples
    --------
    >>> required_n(0.338, 512, 512)
    4994
    """
    _check(p, q)
    if not 0 < rho < 1:
        raise InputError(f"required_n needs a correlation between 0 and 1; got {rho}.")
    n = (p + q + math.sqrt((p - q) ** 2 + 4 * p * q / rho**4)) / 2
    return math.ceil(round(n, 6))


def flags(
    n: int,
    p: int,
    q: int,
    *,
    r1: Real | None = None,
    held_out: Real | None = None,
    null: NullR1 | None = None,
) -> list[str]:
    """Sentences a reader must see beside a result; none if all is well.

    Parameters
    ----------
    n, p, q : int
        Effective rows, dimensions of x and of y.
    r1, held_out : float, optional
        First correlation in sample and held out.
    null : NullR1, optional
        Simulated if r1 is given and this is not.
    """
    if p + q >= n:
        return [f"Ranks {p} + {q} reach the {n} effective rows: in-sample correlations are 1 by construction."]
    sentences = []
    if n / (p + q) < RATIO_LIMIT:
        sentences.append(f"Only {n / (p + q):.1f} effective subjects per dimension (fewer than {RATIO_LIMIT}).")
    if r1 is not None and r1 < (limit := (null or null_r1(n, p, q)).q95):
        sentences.append(f"The in-sample correlation {r1:.3f} lies below the 95 % point of pure noise, {limit:.3f}.")
    if r1 is not None and held_out is not None and held_out < SHRINKAGE_LIMIT * r1:
        sentences.append(
            f"Held out, the correlation is {held_out:.3f} against {r1:.3f} in sample "
            f"(ratio {held_out / r1:.2f}, below {SHRINKAGE_LIMIT})."
        )
    return sentences


def _check(p: int, q: int) -> None:
    if min(p, q) < 1:
        raise InputError(f"Both views need at least one dimension; got {p} and {q}.")
