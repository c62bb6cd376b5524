"""Studies drawn as the covariances of their folds, and what the held-out tests compute of them.

Held-out correlation and trace of normal views depend on the rows of a fold through their sums of products alone, a
Wishart matrix: (p + q)^2 numbers a fold, however many subjects it has. So nothing is approximated but that every fold
gives up its share of intercept and confounds.
"""

# ruff: noqa: F722

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.special import gammaincinv

from fusion.arrays import Floats, Real
from fusion.parallel import map_tiles, tiled

AT_ONCE = 2**20
"""Numbers of the matrices that are worked on at a time."""
PORTIONS = 16
"""Of these that are there at a time, to be shared among threads."""
HELD = 2**24
"""Numbers of the drawn factors that are kept for the next link, 128 MiB; more of them are drawn anew."""
SQUARINGS = 10
"""Of a matrix until its columns are its leading eigenvector: what is 1 % smaller is gone, and what is nearer to the
largest than that is turned into it by noise in any study."""


class StudySize(NamedTuple):
    """Effective rows of all folds together, dimensions of x and of y, folds."""

    n: int
    p: int
    q: int
    n_folds: int


def draw_statistics(size: StudySize, rho: Real, n_draws: int, *, seed: int = 0) -> Float64[np.ndarray, "n_draws 2"]:
    """Held-out first correlation and trace of studies with one link, [n_draws, 2].

    Study i has the same noise whatever the link and, as a smooth function of it, whatever the number of rows.

    Parameters
    ----------
    size : StudySize
    rho : float
        Population correlation of the first columns of either view, in [0, 1).
    n_draws, seed : int

    References
    ----------
    Bartlett (1934), doi:10.1017/S0370164600016205.

    Examples
    --------
    >>> found = draw_statistics(StudySize(200, 4, 3, 5), 0.6, 50)
    >>> found.shape, bool(0.5 < found[:, 0].mean() < 0.65)
    ((50, 2), True)
    """
    with tiled():
        is_small = n_draws * size.n_folds * (size.p + size.q) ** 2 <= HELD
        noise = iter(_held_noise(size, n_draws, seed) if is_small else _noise(size, n_draws, seed))
        found: list[Floats] = []
        while portions := list(islice(noise, PORTIONS)):
            found += map_tiles(lambda factors: _statistics(_link(size, float(rho), factors), size.p), portions)
    return np.concatenate(found)


@lru_cache(maxsize=1)
def _held_noise(size: StudySize, n_draws: int, seed: int) -> list[Floats]:
    """A search for a link asks for the same studies again and again."""
    return list(_noise(size, n_draws, seed))


def _noise(size: StudySize, n_draws: int, seed: int) -> Iterator[Floats]:
    """Factors of the sums of products of every fold's rows without a link, by Bartlett's decomposition.

    Yields portions of float64, shape [n_studies, n_folds, n_columns, rank].
    """
    rng, n_columns, n_rows = np.random.default_rng(seed), size.p + size.q, size.n / size.n_folds
    rank = min(n_columns, math.ceil(n_rows))  # a fold may have fewer rows than columns
    portion, diagonal = max(1, AT_ONCE // (size.n_folds * n_columns**2)), np.arange(rank)
    for start in range(0, n_draws, portion):
        shape = min(portion, n_draws - start), size.n_folds, n_columns
        factors = np.tril(rng.standard_normal((*shape, n_columns)), -1)[..., :rank]
        # by the inverse distribution function, so that a draw changes little where the rows change little
        uniform = rng.random(shape)[..., :rank]
        factors[..., diagonal, diagonal] = np.sqrt(2 * gammaincinv((n_rows - diagonal) / 2, uniform))
        yield factors


def _link(
    size: StudySize, rho: float, factors: Float64[np.ndarray, "n_studies n_folds n_columns rank"]
) -> Float64[np.ndarray, "n_studies n_folds n_columns n_columns"]:
    """Sums of products of every fold's rows, the first columns of either view linked."""
    factors = factors.copy()
    factors[..., size.p, :] = rho * factors[..., 0, :] + math.sqrt(1 - rho**2) * factors[..., size.p, :]
    return np.asarray(factors @ factors.swapaxes(-1, -2))


def _statistics(
    tested: Float64[np.ndarray, "n_studies n_folds n_columns n_columns"], p: int
) -> Float64[np.ndarray, "n_studies 2"]:
    """First correlation and trace, averaged over folds of equal size."""
    if 2 * p > tested.shape[-1]:  # the eigenvector is found on the side with fewer columns
        turned = np.roll(np.arange(tested.shape[-1]), -p)
        return _statistics(tested[..., turned[:, np.newaxis], turned], len(turned) - p)
    trained = tested.sum(axis=1, keepdims=True) - tested
    crossed = tested[..., :p, p:]
    of_x = np.linalg.solve(trained[..., :p, :p], trained[..., :p, p:])
    both = np.concatenate([trained[..., p:, :p], crossed.swapaxes(-1, -2)], axis=-1)
    of_y, of_test = np.split(np.linalg.solve(trained[..., p:, p:], both), 2, axis=-1)
    a = _leading(of_x @ of_y)
    b = of_y @ a
    scale = _form(a, tested[..., :p, :p], a) * _form(b, tested[..., p:, p:], b)
    first = _form(a, crossed, b) / np.sqrt(scale)
    trace = (of_x * of_test.swapaxes(-1, -2)).sum(axis=(-1, -2))
    return np.column_stack([first.mean(axis=1), (tested.shape[1] - 1) * trace.mean(axis=1)])


def _leading(
    matrices: Float64[np.ndarray, "n_studies n_folds p p"],
) -> Float64[np.ndarray, "n_studies n_folds p 1"]:
    """Leading eigenvectors of matrices with eigenvalues from 0 to 1."""
    for _ in range(SQUARINGS):
        matrices = matrices / np.trace(matrices, axis1=-2, axis2=-1)[..., np.newaxis, np.newaxis]
        matrices = matrices @ matrices
    column = np.diagonal(matrices, axis1=-2, axis2=-1).argmax(axis=-1)[..., np.newaxis, np.newaxis]
    return np.asarray(np.take_along_axis(matrices, column, axis=-1))


def _form(
    left: Float64[np.ndarray, "n_studies n_folds k 1"],
    matrix: Float64[np.ndarray, "n_studies n_folds k m"],
    right: Float64[np.ndarray, "n_studies n_folds m 1"],
) -> Float64[np.ndarray, "n_studies n_folds"]:
    return np.asarray((left * (matrix @ right)).sum(axis=(-1, -2)))


def draw_in_the_limit(size: StudySize, rho: Real, n_draws: int, *, seed: int = 0) -> Float64[np.ndarray, "n_draws 2"]:
    """The same as dimensions grow: weights turn by their limiting angles, and both statistics are normal.

    In standard deviations without a link. Parameters are those of `draw_statistics`.

    References
    ----------
    Benaych-Georges & Nadakuditi (2012), doi:10.1016/j.jmva.2012.04.019.
    """
    n, p, q, n_folds = size
    n_train = n - n / n_folds
    link = float(rho) ** 2 / (1 - float(rho) ** 2) * n_train / q
    aspect, agreement = p / q, 0.0
    if link**2 > aspect:
        of_x = 1 - aspect * (1 + link) / (link * (link + aspect))
        of_y = 1 - (aspect + link) / (link * (link + 1))
        agreement = max(of_x, 0.0) * max(of_y, 0.0)
    kept = math.sqrt((1 - p / n_train) * (1 - q / n_train))
    of_first = math.sqrt(n / 2) * rho * kept * math.sqrt(agreement)
    scatter = math.sqrt(1 - agreement / 2) * (1 - rho**2)
    of_trace = rho**2 * (n / n_folds) * math.sqrt(n_folds * (n_folds - 1) / (2 * p * q))
    noise = np.random.default_rng(seed).standard_normal((n_draws, 2))
    return np.asarray(noise * [scatter, 1.0] + [of_first, of_trace])
