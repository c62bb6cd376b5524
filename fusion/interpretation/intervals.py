"""Bootstrap intervals of structure loadings, column by column, views staying as they are.

Percentiles of refitted loadings are pulled towards zero (a refit to resampled subjects overfits once more), so the
interval takes the bootstrap's spread only: normal on Fisher's z of a column's loading, and normal on a gene's mean
squared loading, cut at zero. Their coverage of population loadings is measured in tests/calibration.
"""

# ruff: noqa: F722

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int
from numpy.typing import NDArray
from scipy.special import ndtri

from fusion.arrays import Matrix
from fusion.decomposition.residual_view import ResidualView
from fusion.interpretation.ties import TiedSide
from fusion.parallel import transposed_product

DRAWS_AT_ONCE = 16
LARGEST = 1 - 1e-7  # loadings of exactly 1 have no Fisher z


def loading_draws(
    residual: ResidualView, scores: Matrix, counts: NDArray[np.signedinteger[Any]]
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield columns and their loadings in every bootstrap sample, [n_columns, n_draws].

    Parameters
    ----------
    residual : ResidualView of shape (n_subjects, n_columns)
    scores : float64 array, shape [n_subjects, n_draws]
        Refitted scores of all subjects, one column per sample.
    counts : int array, shape [n_subjects, n_draws]
    """
    share32, pulled = (np.empty(scores.shape, np.float32) for _ in range(2))
    for start in range(0, scores.shape[1], DRAWS_AT_ONCE):  # no further copies of all draws of all subjects
        some = slice(start, start + DRAWS_AT_ONCE)
        share = counts[:, some] / counts[:, some].sum(axis=0)
        centred = scores[:, some] - (share * scores[:, some]).sum(axis=0)
        spread = np.sqrt((share * centred**2).sum(axis=0))
        share32[:, some], pulled[:, some] = share, share * centred / spread
    for columns, block in residual.column_blocks():
        block32 = block.astype(np.float32)
        mean, covariance = transposed_product(block32, share32), transposed_product(block32, pulled)
        variance = transposed_product(np.square(block32), share32) - np.square(mean)
        with np.errstate(invalid="ignore", divide="ignore"):
            yield columns, np.where(variance > 0, covariance / np.sqrt(variance), 0.0)


def column_intervals(
    residual: ResidualView,
    loadings: Float64[np.ndarray, " n_columns"],
    scores: Float64[np.ndarray, "n_subjects n_draws"],
    counts: Int[np.ndarray, "n_subjects n_draws"],
) -> Float64[np.ndarray, "n_columns 2"]:
    """Interval of every column's loading, [n_columns, 2]; NaN for constant columns.

    Parameters
    ----------
    residual : ResidualView of shape (n_subjects, n_columns)
    loadings : float64 array, shape [n_columns]
        Of the full fit.
    scores, counts : arrays, shape [n_subjects, n_draws]
        See `loading_draws`.
    """
    error = np.full(len(loadings), np.nan)
    for columns, draws in loading_draws(residual, scores, counts):
        error[columns] = np.arctanh(np.clip(draws.astype(np.float64), -LARGEST, LARGEST)).std(axis=1, ddof=1)
    z = np.arctanh(np.clip(loadings, -LARGEST, LARGEST))
    return np.asarray(np.tanh(z[:, np.newaxis] + np.outer(error, _quantiles())))


def group_intervals(
    residual: ResidualView,
    loadings: Float64[np.ndarray, " n_columns"],
    scores: Float64[np.ndarray, "n_subjects n_draws"],
    counts: Int[np.ndarray, "n_subjects n_draws"],
    groups: tuple[str, ...],
) -> pd.DataFrame:
    """Interval of every gene's root mean square loading, index ``gene_id``, columns ``lo, hi``.

    Parameters
    ----------
    residual, loadings, scores, counts
        See `column_intervals`.
    groups : tuple of str
        Gene of every column.
    """
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    varying = ~np.isnan(loadings)
    total = np.zeros((len(names), scores.shape[1]))
    for columns, draws in loading_draws(residual, scores, counts):
        np.add.at(total, codes[columns], np.square(draws) * varying[columns, np.newaxis])
    size = np.maximum(np.bincount(codes, varying), 1)
    square = np.bincount(codes, np.nan_to_num(loadings) ** 2) / size
    error = (total / size[:, np.newaxis]).std(axis=1, ddof=1)
    bounds = np.sqrt(np.clip(square[:, np.newaxis] + np.outer(error, _quantiles()), 0.0, 1.0))
    return pd.DataFrame(bounds, index=pd.Index(names, name="gene_id"), columns=["lo", "hi"])


def communality_intervals(
    residual: ResidualView,
    communality: Float64[np.ndarray, " n_columns"],
    side: TiedSide,
    groups: tuple[str, ...] | None,
) -> Float64[np.ndarray, "n_rows 2"]:
    """Interval of the variance share of every column, or of every group's mean share, in a space of tied components.

    Normal on the share, cut at 0 and 1. Components of a refit are uncorrelated in its sample, so a share is the sum of
    their squared loadings, whichever axes they have.

    Parameters
    ----------
    residual : ResidualView of shape (n_subjects, n_columns)
    communality : float64 array, shape [n_columns]
        Of the full fit; NaN for constant columns.
    side : TiedSide
    groups : tuple of str, optional
        Gene of every column; rows are then genes, in the order of their names.
    """
    of_groups = np.arange(len(communality)) if groups is None else np.unique(groups, return_inverse=True)[1]
    varying = ~np.isnan(communality)
    size = np.maximum(np.bincount(of_groups, varying), 1)
    drawn = np.zeros((len(size), side.counts.shape[1]))
    for scores in side.drawn_scores():
        for columns, draws in loading_draws(residual, scores, side.counts):
            np.add.at(drawn, of_groups[columns], np.square(draws) * varying[columns, np.newaxis])
    error = (drawn / size[:, np.newaxis]).std(axis=1, ddof=1)
    share = np.bincount(of_groups, np.nan_to_num(communality)) / size
    return np.asarray(np.clip(share[:, np.newaxis] + np.outer(error, _quantiles()), 0.0, 1.0))


def _quantiles() -> Matrix:
    return np.asarray(ndtri([0.025, 0.975]))
