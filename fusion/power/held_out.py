"""How likely the held-out tests are to find one link of a given size, corrected as they are when they are run.

Studies are drawn as the covariances of their folds (`fusion.power.drawn_studies`), with and without the link; first
correlation and trace, each less its mean and in its standard deviation without a link, are held against what the
largest of all tests exceeds in 5 % of studies without one. Beyond `WIDEST` dimensions their limits stand for them.
"""

# ruff: noqa: F722

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.optimize import brentq

from fusion.arrays import Real
from fusion.errors import InputError
from fusion.power.detectability import required_n, rho_c
from fusion.power.drawn_studies import StudySize, draw_in_the_limit, draw_statistics

DRAWN = ((32, 2000, 1000), (64, 1000, 400), (128, 500, 200))
"""Dimensions of both sides together up to which so many studies are drawn without and with a link: the more dimensions,
the longer a draw takes, and the more steeply power rises with the link."""
WIDEST = DRAWN[-1][0]
IN_THE_LIMIT = 4000
_STRIDE = 4
"""Correlations of the grid between those that bracket a search."""

LARGEST = 0.98
"""Correlation up to which a link is searched."""
STEP = 1.04
"""Ratio of the correlations at which studies are drawn; between two of them, what is exceeded is nearly a line."""
CLOSE = 0.01
"""Relative error of a number of subjects at which its search ends."""
ALPHA = 0.05


class Null(NamedTuple):
    """Studies without a link: mean and standard deviation of either statistic, [2], and the larger of the two, [n]."""

    mean: Float64[np.ndarray, "2"]
    spread: Float64[np.ndarray, "2"]
    largest: Float64[np.ndarray, " n_draws"]

    def critical(self, n_alignments: int) -> float:
        """What the largest of independent alignments of this size exceeds in 5 % of studies."""
        return float(np.quantile(self.largest, (1 - ALPHA) ** (1 / n_alignments)))


def critical_value(null: Float64[np.ndarray, "n_draws n_tests"]) -> float:
    """What the largest of a family of tests must exceed at 5 %, each test in its own standard deviations.

    Parameters
    ----------
    null : float64 array, shape [n_permutations, n_tests]
        Row b of the same permutation in every test.
    """
    spread = null.std(axis=0)
    scaled = (null - null.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return float(np.quantile(scaled.max(axis=1), 1 - ALPHA))


def held_out_power(
    n: int, p: int, q: int, rho: Real, *, n_folds: int = 5, n_alignments: int = 1, critical: Real | None = None
) -> float:
    """Power of the larger of first correlation and trace, corrected by max-T, against one link.

    Parameters
    ----------
    n, p, q : int
        Effective rows of all folds together, dimensions of x and of y.
    rho : float
        Population correlation, in [0, 1).
    n_folds : int
    n_alignments : int
        Arms and views that are corrected together, taken as independent where `critical` is not given, which is
        conservative.
    critical : float, optional
        `critical_value` of the run.

    Raises
    ------
    InputError
        If rho is not in [0, 1).

    References
    ----------
    Benaych-Georges & Nadakuditi (2012), doi:10.1016/j.jmva.2012.04.019, for the angles of weights under noise;
    Westfall & Young (1993), ISBN 978-0-471-55761-6.

    Examples
    --------
    >>> held_out_power(1000, 10, 10, 0.35) > 0.95
    True
    """
    if not 0 <= rho < 1:
        raise InputError(f"held_out_power needs a correlation in [0, 1); got {rho}.")
    if not _is_possible(n, p, q, n_folds):
        return ALPHA
    size = StudySize(n, p, q, n_folds)
    return float((_largest(size, float(rho)) > _level(size, n_alignments, critical)).mean())


def detectable_held_out_rho(
    n: int,
    p: int,
    q: int,
    *,
    n_folds: int = 5,
    n_alignments: int = 1,
    critical: Real | None = None,
    power: Real = 0.8,
) -> float | None:
    """Smallest population correlation that is found with this power; None if there is none.

    Parameters are those of `held_out_power`.

    Examples
    --------
    >>> 0.15 < detectable_held_out_rho(1000, 10, 10) < 0.25
    True
    """
    if not _is_possible(n, p, q, n_folds):
        return None
    size, missed = StudySize(n, p, q, n_folds), 1 - float(power)
    level = _level(size, n_alignments, critical)

    def beyond(place: int) -> float:
        return float(np.quantile(_largest(size, _on_grid(place)), missed)) - level

    above = max(0, round(math.log(LARGEST / (1.5 * rho_c(n, p, q)), STEP)))
    while beyond(above) < 0:
        if above == 0:
            return None
        above = max(0, above - _STRIDE)
    below = above + _STRIDE
    while beyond(below) >= 0:
        above, below = below, below + _STRIDE
    while below - above > 1:
        middle = (above + below) // 2
        above, below = (middle, below) if beyond(middle) >= 0 else (above, middle)
    low, high = beyond(below), beyond(above)
    return _on_grid(below) + (_on_grid(above) - _on_grid(below)) * low / (low - high)


def _on_grid(place: int) -> float:
    """Correlations at which studies are drawn, the largest first: the same for every level, so that studies of one
    size are drawn once for all alignments."""
    return float(LARGEST / STEP**place)


def subjects_for_held_out_power(
    rho: Real, p: int, q: int, *, n_folds: int = 5, n_alignments: int = 1, power: Real = 0.8
) -> int:
    """Effective rows from which the held-out tests find one link of this size with this power, to about 1 %.

    Parameters are those of `held_out_power`.

    Raises
    ------
    InputError
        If rho is not inside (0, 1).

    Examples
    --------
    >>> 40 < subjects_for_held_out_power(0.6, 4, 3) < 120
    True
    """

    def beyond(n: float) -> float:
        size = StudySize(round(n), p, q, n_folds)
        if not _is_possible(*size):
            return -1.0
        return float(np.quantile(_largest(size, float(rho)), 1 - float(power))) - _level(size, n_alignments, None)

    high = 2.0 * required_n(rho, p, q)
    while beyond(high) < 0:
        high *= 1.5
    low = high / 1.5
    while beyond(low) >= 0:
        low, high = low / 1.5, low
    return math.ceil(float(brentq(beyond, low, high, xtol=CLOSE * low, rtol=CLOSE)))


@lru_cache(maxsize=64)
def _null(size: StudySize) -> Null:
    found = _draw(size, 0.0, _drawn(size)[0])
    mean, spread = found.mean(axis=0), found.std(axis=0)
    return Null(mean, spread, ((found - mean) / spread).max(axis=1))


@lru_cache(maxsize=512)
def _largest(size: StudySize, rho: float) -> Float64[np.ndarray, " n_draws"]:
    """The larger of first correlation and trace in studies with a link, in standard deviations without one."""
    null = _null(size)
    return np.asarray(((_draw(size, rho, _drawn(size)[1]) - null.mean) / null.spread).max(axis=1))


def _draw(size: StudySize, rho: float, n_draws: int) -> Float64[np.ndarray, "n_draws 2"]:
    drawn = draw_in_the_limit if size.p + size.q > WIDEST else draw_statistics
    return drawn(size, rho, n_draws)


def _drawn(size: StudySize) -> tuple[int, int]:
    """How many studies are drawn without a link, and with one."""
    counts = (drawn for widest, *drawn in DRAWN if size.p + size.q <= widest)
    without, linked = next(counts, (IN_THE_LIMIT, IN_THE_LIMIT))
    return without, linked


def _level(size: StudySize, n_alignments: int, critical: Real | None) -> float:
    return _null(size).critical(n_alignments) if critical is None else float(critical)


def _is_possible(n: int, p: int, q: int, n_folds: int) -> bool:
    return p + q < n - n / n_folds and n >= 2 * n_folds
