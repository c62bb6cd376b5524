"""Subjects who are in a table twice: rows that are more alike than those of independent subjects."""

# ruff: noqa: F722

import math

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray
from scipy.special import betainccinv, ndtri
from scipy.stats import rankdata

from fusion.arrays import Matrix

CHANCE = 1e-3
"""Probability of a pair among independent normal subjects, over all pairs and numbers of components."""

SCALES = (16, 64)
"""Leading components by which rows are compared: many show a noisy copy, few one whose small components are noise."""

ROWS_AT_ONCE = 256
LEAST_VARIANCE = 1e-10
"""Share of the largest component's variance below which a component is rounding."""


def alike_rows(x: Matrix | None, y: Matrix) -> list[tuple[int, int]]:
    """Pairs alike in y, and pairs alike in both views, beyond what independent subjects are.

    Rows are compared by their cosine in the leading components of a view, each brought to normal scores, so that
    neither a heavy tail nor a site of its own scale counts; of k independent normal numbers each, (1 + cosine) / 2
    follows Beta((k - 1) / 2, (k - 1) / 2). Alike in x alone says nothing against a test: few genes make equal rows of
    unrelated subjects, and equal rows with brains of their own are independent all the same. So pairs alike in x are
    asked once more in y, corrected for their number only.

    Parameters
    ----------
    x, y : float64 arrays, shape [n_subjects, P] and [n_subjects, Q]
        Of `leading_components`; None for y alone.

    Returns
    -------
    list of (i, j)
        i < j, in order.
    """
    rows_y, n_pairs = _normal_scores(y), len(y) * (len(y) - 1) / 2
    in_y = set(_pairs_above(rows_y, CHANCE / n_pairs))
    in_x = [] if x is None else _pairs_above(_normal_scores(x), CHANCE / n_pairs)
    limit = _cosine_limit(rows_y.shape[1], CHANCE / max(len(in_x), 1))
    unit = _unit(rows_y)
    in_both = {(i, j) for i, j in in_x if unit[i] @ unit[j] > limit}
    return sorted(in_y | in_both)


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


def _pairs_above(rows: Matrix, chance: float) -> list[tuple[int, int]]:
    widths = sorted({min(k, rows.shape[1]) for k in SCALES if rows.shape[1] > 2})
    found: set[tuple[int, int]] = set()
    for width in widths:
        unit, limit = _unit(rows[:, :width]).astype(np.float32), _cosine_limit(width, chance / len(widths))
        for start in range(0, len(unit), ROWS_AT_ONCE):
            i, j = np.nonzero(unit[start : start + ROWS_AT_ONCE] @ unit[start:].T > limit)
            found |= {(start + int(a), start + int(b)) for a, b in zip(i, j, strict=True) if a < b}
    return sorted(found)


def _unit(rows: Matrix) -> Float64[np.ndarray, "n_subjects k"]:
    lengths: NDArray[np.float64] = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0))


def _cosine_limit(k: int, chance: float) -> float:
    """Cosine that independent normal rows of length k exceed with this probability."""
    half = (k - 1) / 2
    return 2.0 * float(betainccinv(half, half, chance)) - 1 if k > 1 and chance < 1 else math.inf
