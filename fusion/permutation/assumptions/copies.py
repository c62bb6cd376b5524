"""Subjects who are in a table twice: rows that are more alike than those of independent subjects."""

# ruff: noqa: F722

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64
from numpy.typing import NDArray
from scipy.special import betainccinv, ndtri
from scipy.stats import rankdata

from fusion.arrays import Matrix, Positions
from fusion.parallel import map_tiles

CHANCE = 1e-3
"""Probability of a pair among independent normal subjects, over all pairs and numbers of components."""

SCALES = (16, 64)
"""Leading components by which rows are compared: many show a noisy copy, few one whose small components are noise."""

TILE = 512
"""Rows compared with as many others at once: their cosines are looked at while they are still in the cache."""

LEAST_VARIANCE = 1e-10
"""Share of the largest component's variance below which a component is rounding."""


@dataclass(frozen=True)
class AlikeRows:
    """Pairs of rows that are more alike than those of independent subjects.

    Attributes
    ----------
    n_pairs : int
    first : (i, j), or None
        i < j, the first of them in order; None where there is none.
    """

    n_pairs: int
    first: tuple[int, int] | None


def alike_rows(x: Matrix | None, y: Matrix, clusters: NDArray[np.int64] | None = None) -> AlikeRows:
    """Pairs alike in y, and pairs alike in both views, beyond what independent subjects are.

    Rows are compared by their cosine in the leading components of a view, each brought to normal scores, so that
    neither a heavy tail nor a site of its own scale counts; of k independent normal numbers each, (1 + cosine) / 2
    follows Beta((k - 1) / 2, (k - 1) / 2). Alike in x alone says nothing against a test: few genes make equal rows of
    unrelated subjects, and equal rows with brains of their own are independent all the same. So pairs alike in x are
    asked once more in y, corrected for their number only.

    All pairs are looked at, in tiles, and those that count are never held: rows of few genes are equal in a tenth of
    all pairs. It takes 2 ns for each pair and view: 20 s for 100,000 subjects and two views, nine minutes for 500,000.

    Parameters
    ----------
    x, y : float64 arrays, shape [n_subjects, P] and [n_subjects, Q]
        Of `leading_components`; None for y alone.
    clusters : int array, shape [n_subjects], optional
        Pairs within one are left out of what is found.
    """
    n = len(y)
    chance = CHANCE / max(n * (n - 1) / 2, 1)
    sides = [_Side.of(view, chance) for view in ([y] if x is None else [y, x])]
    of_y = sides[0]
    labels = np.arange(n) if clusters is None else np.asarray(clusters)
    tiles = [
        (slice(i, min(i + TILE, n)), slice(j, min(j + TILE, n))) for i in range(0, n, TILE) for j in range(i, n, TILE)
    ]
    found = [one for one in map_tiles(lambda tile: _look(sides, labels, *tile), tiles) if one is not None]
    limit = _cosine_limit(of_y.whole.shape[1], CHANCE / max(sum(one.n_in_x for one in found), 1))
    pairs = [np.concatenate([one.in_y, one.in_x[one.cosines > limit]]) for one in found]
    n_pairs = sum(map(len, pairs))
    if n_pairs == 0:
        return AlikeRows(0, None)
    first = min(int(one.min()) for one in pairs if len(one))
    return AlikeRows(n_pairs, divmod(first, n))


def leading_components(view: Matrix, nuisance: Matrix) -> Float64[np.ndarray, "n_subjects k"]:
    """Leading principal components of what a nuisance leaves of a view, orthonormal, 64 at most.

    By the smaller Gram matrix, so that no copy of the view is made.

    Parameters
    ----------
    view : float64 array, shape [n_subjects, n_columns]
    nuisance : float64 array, shape [n_subjects, rank]
        Orthonormal columns.
    """
    explained = nuisance.T @ view
    if view.shape[1] > len(view):
        rest = view - nuisance @ explained
        values, axes = np.linalg.eigh(rest @ rest.T)
        components = axes
    else:
        values, axes = np.linalg.eigh(view.T @ view - explained.T @ explained)
        components = view @ axes[:, -SCALES[-1] :] - nuisance @ (explained @ axes[:, -SCALES[-1] :])
    components, values = components[:, -SCALES[-1] :][:, ::-1], values[-SCALES[-1] :][::-1]
    kept = values > LEAST_VARIANCE * values.max(initial=0.0)
    lengths = np.sqrt((components[:, kept] ** 2).sum(axis=0))
    return np.asarray(components[:, kept] / lengths)


def _normal_scores(components: Matrix) -> Matrix:
    return np.asarray(ndtri((rankdata(components, axis=0) - 0.5) / len(components)))


@dataclass(frozen=True)
class _Side:
    """Rows of one view at unit length, in the leading components of each scale, and the cosine that none exceeds.

    With all components as `whole`; up to two make no scale of their own.
    """

    units: Sequence[NDArray[np.float32]]
    limits: Sequence[float]
    whole: NDArray[np.float32]

    @classmethod
    def of(cls, components: Matrix, chance: float) -> "_Side":
        rows = _normal_scores(components)
        widths = sorted({min(k, rows.shape[1]) for k in SCALES if rows.shape[1] > 2})
        units = [_unit(rows[:, :width]).astype(np.float32) for width in widths]
        whole = units[-1] if units else _unit(rows).astype(np.float32)
        return cls(units, [_cosine_limit(width, chance / len(widths)) for width in widths], whole)

    def alike(self, rows: slice, others: slice) -> tuple[Positions, Positions]:
        """Places in two tiles of rows of the pairs above a limit."""
        above = np.zeros((rows.stop - rows.start, others.stop - others.start), dtype=np.bool_)
        for unit, limit in zip(self.units, self.limits, strict=True):
            cosines = unit[rows] @ unit[others].T
            if cosines.max() > limit:
                above |= cosines > limit
        if rows == others:
            above = np.triu(above, 1)
        row, other = np.nonzero(above)
        return row, other


@dataclass(frozen=True)
class _Found:
    """Pairs of one tile, as numbers i n + j: alike in y; and of `n_in_x` alike in x, those that may be alike in y."""

    in_y: Positions
    n_in_x: int
    in_x: Positions
    cosines: Float32[np.ndarray, " k"]


def _look(sides: Sequence[_Side], clusters: NDArray[np.int64], rows: slice, others: slice) -> _Found | None:
    """What is alike in a tile; None where nothing is, as almost everywhere."""
    places = [side.alike(rows, others) for side in sides]
    if not any(len(i) for i, _ in places):
        return None
    of_y, n = sides[0], len(clusters)
    in_y, in_x = ((rows.start + i) * n + others.start + j for i, j in (places[0], places[-1]))
    n_in_x = 0 if len(sides) == 1 else len(in_x)
    in_x = np.setdiff1d(in_x, in_y, assume_unique=True)
    cosines = np.einsum("ij,ij->i", of_y.whole[in_x // n], of_y.whole[in_x % n])
    may_be = cosines > _cosine_limit(of_y.whole.shape[1], CHANCE)  # of one pair: with more of them the limit is higher
    in_x, cosines = in_x[may_be], cosines[may_be]
    apart_y, apart_x = (clusters[pair // n] != clusters[pair % n] for pair in (in_y, in_x))
    return _Found(in_y[apart_y], n_in_x, in_x[apart_x], cosines[apart_x])


def _unit(rows: Matrix) -> Float64[np.ndarray, "n_subjects k"]:
    lengths: NDArray[np.float64] = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0))


def _cosine_limit(k: int, chance: float) -> float:
    """Cosine that independent normal rows of length k exceed with this probability."""
    half = (k - 1) / 2
    return 2.0 * float(betainccinv(half, half, chance)) - 1 if k > 1 and chance < 1 else math.inf
