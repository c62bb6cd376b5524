"""How likely Roy's and Wilks' tests are to find one link of a given size, before any data exist.

Whiten both views and let the link be between y_1 and one direction of x. Given y_1, the rest of y spans a uniformly
random subspace, as it does without a link; so in the bidiagonal model of the null correlations one variable changes
its law: the squared multiple correlation of y_1 with x. Wilks' lambda is a product of independent variables of which
the same one changes. Both powers are therefore exact up to the number of draws, at the cost of drawing the null.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from fusion.arrays import Matrix, Real
from fusion.errors import InputError
from fusion.power.detectability import draw_r1

ALPHA = 0.05
WILKS_TIMES = 10
"""Draws of Wilks' lambda per draw of Roy's root, which costs more and varies less."""


class _Size(NamedTuple):
    """Effective rows, dimensions of the smaller and of the larger view."""

    n: int
    few: int
    many: int


Draw = Callable[[_Size, Real, int, int], Matrix]
"""Draws a statistic of studies with a link: their size, the link, how many, seed."""


class Power(NamedTuple):
    """Probability of rejecting at 5 % in sample when one population correlation is not zero."""

    roy: float
    wilks: float


@lru_cache(maxsize=256)
def predicted_power(n: int, p: int, q: int, rho: Real, *, n_draws: int = 2000, random_state: int = 0) -> Power:
    """Power of both statistics against a single canonical correlation of Gaussian views.

    Parameters
    ----------
    n, p, q : int
        Effective rows, dimensions of x and of y.
    rho : float
        Population correlation, in [0, 1).
    n_draws : int
        Of Roy's root.
    random_state : int

    Raises
    ------
    InputError
        If rho is not in [0, 1).

    References
    ----------
    Edelman & Sutton (2008), doi:10.1007/s10208-006-0215-9; Bao, Hu, Pan & Zhou (2019), doi:10.1214/18-AOS1704, for the
    threshold under which the largest correlation carries nothing.

    Examples
    --------
    >>> predicted_power(100, 60, 40, 0.5)
    Power(roy=0.05, wilks=0.05)
    """
    if not 0 <= rho < 1:
        raise InputError(f"A correlation to be found lies in [0, 1); got {rho}: correct it.")
    if p + q >= n:
        return Power(ALPHA, ALPHA)
    size = _Size(n, min(p, q), max(p, q))
    return Power(
        _power(_draw_roy, size, rho, n_draws, random_state),
        _power(_draw_wilks, size, rho, WILKS_TIMES * n_draws, random_state),
    )


@lru_cache(maxsize=64)
def detectable_rho(n: int, p: int, q: int, *, power: Real = 0.8, n_draws: int = 500) -> float:
    """Smallest population correlation that Roy's test finds with the given probability; 1 if there is none.

    Examples
    --------
    >>> 0.13 < detectable_rho(5000, 50, 50) < 0.16
    True
    """

    if p + q >= n:
        return 1.0
    size = _Size(n, min(p, q), max(p, q))

    def missing(rho: float) -> float:
        return _power(_draw_roy, size, round(rho, 6), n_draws, 0) - float(power)

    return 1.0 if missing(0.999) < 0 else float(brentq(missing, 0.0, 0.999, xtol=5e-4))


def _power(draw: Draw, size: _Size, rho: Real, n_draws: int, seed: int) -> float:
    return float((draw(size, rho, n_draws, seed + 1) > _critical(draw, size, n_draws, seed)).mean())


@lru_cache(maxsize=256)
def _critical(draw: Draw, size: _Size, n_draws: int, seed: int) -> float:
    """What 5 % of studies without a link exceed; a search for a link asks again and again."""
    return float(np.quantile(draw(size, 0.0, n_draws, seed), 1 - ALPHA))


def _draw_roy(size: _Size, rho: Real, n_draws: int, seed: int) -> Matrix:
    """Largest correlations, [n_draws]."""
    n, few, many = size
    rng = np.random.default_rng(seed)
    first = _squared_multiple_correlations(rng, n, many, rho, n_draws)
    return np.array([draw_r1(rng, n, few, many, first=value) for value in first])


def _draw_wilks(size: _Size, rho: Real, n_draws: int, seed: int) -> Matrix:
    """-log Wilks' lambda, [n_draws]: one factor per column of y, given the columns before it."""
    n, few, many = size
    rng = np.random.default_rng(seed)
    statistic = -np.log1p(-_squared_multiple_correlations(rng, n, many, rho, n_draws))
    for before in range(1, few):
        statistic -= np.log1p(-rng.beta(many / 2, (n - many - before) / 2, n_draws))
    return statistic


def _squared_multiple_correlations(rng: np.random.Generator, n: int, many: int, rho: Real, n_draws: int) -> Matrix:
    """R squared of y_1 on `many` columns of x of which one correlates with it by rho."""
    shift = rho / np.sqrt(1 - rho**2) * np.sqrt(rng.chisquare(n, n_draws))
    explained = (rng.standard_normal(n_draws) + shift) ** 2
    explained = explained + (rng.chisquare(many - 1, n_draws) if many > 1 else 0.0)
    return np.asarray(explained / (explained + rng.chisquare(n - many, n_draws)))
