"""How likely the held-out tests are to find one link of a given size, corrected as they are when they are run.

The tests see whitened cross-products of folds, [p, q] matrices of which every entry scatters by 1 / sqrt(rows) about
the population's: rho in one entry, 0 elsewhere. So studies are drawn as such matrices, one a fold, instead of subjects.
A fold's weights are the leading singular vectors of the mean of the others, in which the link counts as
rho / sqrt(1 - rho^2), as in the law of sample canonical correlations; whitening by n training rows leaves
sqrt((1 - p/n)(1 - q/n)) of the correlation of the weights' scores.
"""

# ruff: noqa: F722

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Real
from fusion.errors import InputError
from fusion.power.detectability import required_n, rho_c

GRID = (0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0, 4.5)
"""Correlations at which power is drawn, in units of the detectability threshold."""

MOST_DRAWN = 48
"""Dimensions of the smaller side up to which matrices are drawn; beyond it their limits stand for them."""

LARGEST = 0.98
MOST_STEPS, CLOSE = 12, 0.005
"""Of the search for a number of subjects, and the relative error of the correlation at which it ends."""

ALPHA = 0.05


class HeldOutDraws(NamedTuple):
    """Studies drawn with links of several sizes.

    Attributes
    ----------
    rho : float64 array, shape [n_rho]
        Ascending, 0 first.
    largest : float64 array, shape [n_rho, n_draws]
        The larger of first correlation and trace, each less its mean without a link and in its standard deviations.
    """

    rho: Float64[np.ndarray, " n_rho"]
    largest: Float64[np.ndarray, "n_rho n_draws"]

    def power(self, critical: Real) -> Float64[np.ndarray, " n_rho"]:
        """Share of studies whose larger statistic exceeds the critical value, [n_rho]; it never falls with rho."""
        return np.maximum.accumulate((self.largest > critical).mean(axis=1))


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
    draws = draw_held_out(n, p, q, n_folds)
    level = _independent(draws, n_alignments) if critical is None else critical
    return float(np.interp(rho, draws.rho, draws.power(level)))


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
    draws = draw_held_out(n, p, q, n_folds)
    found = draws.power(_independent(draws, n_alignments) if critical is None else critical)
    above = np.flatnonzero(found >= power)
    if not len(above):
        return None
    k = int(above[0])
    if k == 0:
        return float(draws.rho[0])
    low, high = found[k - 1], found[k]
    return float(draws.rho[k - 1] + (power - low) / (high - low) * (draws.rho[k] - draws.rho[k - 1]))


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
    n = max(required_n(rho, p, q), 4 * (p + q))
    for _ in range(MOST_STEPS):
        found: float | None = detectable_held_out_rho(n, p, q, n_folds=n_folds, n_alignments=n_alignments, power=power)
        if found is None:  # too few rows for their dimensions
            n *= 2
            continue
        if abs(found / float(rho) - 1) < CLOSE:
            break
        n = max(math.ceil(n * (found / float(rho)) ** 2), p + q + 2)
    return n


@lru_cache(maxsize=64)
def draw_held_out(n: int, p: int, q: int, n_folds: int, seed: int = 0) -> HeldOutDraws:
    """Studies of one size, with links from none to what is certain to be found; fewer of them the more dimensions."""
    unit = rho_c(n, p, q)
    rhos = np.array([0.0, *(unit * step for step in GRID if unit * step < LARGEST), LARGEST])
    rng, few = np.random.default_rng(seed), min(p, q)
    if few > MOST_DRAWN:
        return _draw_in_the_limit(rng, rhos, (n, p, q), n_folds)
    n_draws = 600 if few <= MOST_DRAWN // 2 else 300
    found = np.stack([_draw(rng, rhos, (n, p, q), n_folds) for _ in range(n_draws)], axis=1)
    null = found[0]
    return HeldOutDraws(rhos, ((found - null.mean(axis=0)) / null.std(axis=0)).max(axis=2))


def _draw_in_the_limit(
    rng: np.random.Generator, rhos: Float64[np.ndarray, " n_rho"], size: tuple[int, int, int], n_folds: int
) -> HeldOutDraws:
    """The same where dimensions are many: weights turn by their limiting angles, sums of many entries are normal."""
    n, p, q = size
    n_train = n - n / n_folds
    link = rhos**2 / (1 - rhos**2) * n_train / q
    aspect = p / q
    with np.errstate(divide="ignore", invalid="ignore"):
        of_x = 1 - aspect * (1 + link) / (link * (link + aspect))
        of_y = 1 - (aspect + link) / (link * (link + 1))
    agreement = np.where(link**2 > aspect, np.clip(of_x, 0, 1) * np.clip(of_y, 0, 1), 0.0)
    kept = math.sqrt((1 - p / n_train) * (1 - q / n_train))
    of_first = np.sqrt(n / 2) * rhos * kept * np.sqrt(agreement), np.sqrt(1 - agreement / 2) * (1 - rhos**2)
    of_trace = rhos**2 * (n / n_folds) * math.sqrt(n_folds * (n_folds - 1) / (2 * p * q))
    noise = rng.standard_normal((2, 4000))
    first = of_first[0][:, np.newaxis] + of_first[1][:, np.newaxis] * noise[0]
    return HeldOutDraws(rhos, np.maximum(first, of_trace[:, np.newaxis] + noise[1]))


def _draw(
    rng: np.random.Generator, rhos: Float64[np.ndarray, " n_rho"], size: tuple[int, int, int], n_folds: int
) -> Float64[np.ndarray, "n_rho 2"]:
    """First correlation and trace of one study, the same noise under every link."""
    n, p, q = size
    n_train = n - n / n_folds
    noise = rng.standard_normal((n_folds, p, q)) * math.sqrt(n_folds / n)
    trained = (noise.sum(axis=0) - noise) / (n_folds - 1)
    kept = math.sqrt(max(0.0, (1 - p / n_train) * (1 - q / n_train)))
    found = np.empty((len(rhos), 2))
    for k, rho in enumerate(rhos):
        a, b = _leading(trained, rho / math.sqrt(1 - rho**2))
        of_noise = np.einsum("fi,fij,fj->f", a, noise, b) * math.sqrt(1 - rho**2)
        crossed = (trained * noise).sum(axis=(1, 2)) + rho * (trained + noise)[:, 0, 0] + rho**2
        found[k] = (rho * kept * a[:, 0] * b[:, 0] + of_noise).mean(), crossed.mean()
    return found


def _leading(
    trained: Float64[np.ndarray, "n_folds p q"], link: Real
) -> tuple[Float64[np.ndarray, "n_folds p"], Float64[np.ndarray, "n_folds q"]]:
    """Leading singular vectors of every fold's matrix with the link in its first entry."""
    linked = trained.copy()
    linked[:, 0, 0] += link
    if linked.shape[1] > linked.shape[2]:
        b, a = _leading(trained.swapaxes(1, 2), link)
        return a, b
    a = np.linalg.eigh(linked @ linked.swapaxes(1, 2))[1][:, :, -1]
    b = np.einsum("fi,fij->fj", a, linked)
    return a, b / np.linalg.norm(b, axis=1, keepdims=True)


def _independent(draws: HeldOutDraws, n_alignments: int) -> float:
    """Critical value over independent alignments of this size, by the upper tail of one."""
    return float(np.quantile(draws.largest[0], (1 - ALPHA) ** (1 / n_alignments)))


def _is_possible(n: int, p: int, q: int, n_folds: int) -> bool:
    return p + q < n - n / n_folds and n >= 2 * n_folds
