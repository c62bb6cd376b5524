"""What the components of an alignment are made of, how sure that is, and how much of each view they explain."""

# ruff: noqa: F722

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int

from fusion.arrays import ArrayLike, Real, ViewLike
from fusion.confounds.basis import check_confounds
from fusion.decomposition.loadings import structure_correlations, tabulate_features, tabulate_groups
from fusion.decomposition.residual_view import ResidualView
from fusion.errors import InputError
from fusion.interpretation.intervals import column_intervals, communality_intervals, group_intervals
from fusion.interpretation.ties import TiedSide
from fusion.subject_rows import check_same_subjects
from fusion.views.view import as_view


def loading_table(
    view: ViewLike,
    scores: Float64[np.ndarray, " n_subjects"],
    other_scores: Float64[np.ndarray, " n_subjects"],
    *,
    draws: Float64[np.ndarray, "n_subjects n_draws"],
    counts: Int[np.ndarray, "n_subjects n_draws"] | None,
    confounds: ArrayLike | None = None,
    grouped: bool,
) -> tuple[pd.DataFrame, float]:
    """Loadings of the first component on the columns of a view, and the share of their variance that it carries.

    Parameters
    ----------
    view : View or table of shape (n_subjects, n_columns)
    scores, other_scores : float64 arrays, shape [n_subjects]
        Of this side and of the other.
    draws, counts : arrays, shape [n_subjects, n_draws]
        Of this side, from `bootstrap_refits`.
    confounds : float64 array, shape [n_subjects, n_confounds], optional
    grouped : bool
        One row per gene (root mean square over its columns) instead of one per column.

    Returns
    -------
    tuple of DataFrame and float
        ``gene_id`` or ``feature``, ``loading``, ``lo``, ``hi`` (95 % bootstrap interval, NaN without draws),
        ``cross_loading`` (with the other side's score), ``rank`` (1 = largest loading), and for genes ``max`` and
        ``n_columns``; mean squared structure loading over columns.
    """
    check_same_subjects(view=view, scores=scores, other_scores=other_scores, draws=draws, counts=counts)
    check_same_subjects(view=view, confounds=confounds)
    view = as_view(view)
    found = structure_correlations(view, np.column_stack([scores, other_scores]), confounds=confounds)
    own, cross = found.T
    tabulate = tabulate_groups if grouped else tabulate_features
    table = tabulate(view.column_groups, own)
    key = table.columns[0]
    crossed = tabulate(view.column_groups, cross).set_index(key)["loading"]
    if grouped or crossed.index.is_unique:
        table["cross_loading"] = table[key].map(crossed)
    else:
        raise InputError("Features need unique names for a table of loadings; some are repeated.")
    table[["lo", "hi"]] = np.nan
    if counts is not None and draws.shape[1]:
        residual = ResidualView(view, check_confounds(confounds, view.shape[0]))
        if grouped:
            bounds = group_intervals(residual, own, draws, counts, view.column_groups).loc[table[key]].to_numpy()
        else:
            order = table[key].map({name: j for j, name in enumerate(view.column_groups)}).to_numpy()
            bounds = np.nan_to_num(column_intervals(residual, own, draws, counts))[order]
        table[["lo", "hi"]] = bounds
    return table, float(np.nanmean(own**2))


def communality_table(
    view: ViewLike,
    side: TiedSide,
    *,
    confounds: ArrayLike | None = None,
    grouped: bool,
) -> pd.DataFrame:
    """Share of the variance of every column, or gene, that lies in the space of tied components.

    Parameters
    ----------
    view : View or table of shape (n_subjects, n_columns)
    side : TiedSide
        Of this view, from the ``tied`` of `bootstrap_refits`.
    confounds : float64 array, shape [n_subjects, n_confounds], optional
    grouped : bool
        One row per gene (mean over its columns) instead of one per column.

    Returns
    -------
    DataFrame
        Index ``gene_id`` or ``feature``; ``communality`` (0 to 1: squared multiple correlation with the tied scores),
        ``communality_lo, communality_hi`` (95 % bootstrap interval). Constant columns have 0.
    """
    check_same_subjects(view=view, side=side.view, confounds=confounds)
    view = as_view(view)
    found = structure_correlations(view, side.scores, confounds=confounds)
    share, groups = np.square(found).sum(axis=1), tuple(view.column_groups)
    residual = ResidualView(view, check_confounds(confounds, view.shape[0]))
    bounds = communality_intervals(residual, share, side, groups if grouped else None)
    if grouped:
        index = pd.Index(np.unique(groups), name="gene_id")
        mean = pd.Series(share).groupby(np.asarray(groups)).mean().loc[index].to_numpy()
    else:
        index, mean = pd.Index(groups, name="feature"), share
    columns = {"communality": np.nan_to_num(mean), "communality_lo": bounds[:, 0], "communality_hi": bounds[:, 1]}
    return pd.DataFrame(columns, index=index)


def redundancy(variance_extracted: Real, correlation: Real) -> float:
    """Share of a view's variance that the other view's variate explains: mean squared loading times r squared.

    Negative correlations, as held-out ones may be, explain nothing.

    References
    ----------
    Stewart & Love (1968), doi:10.1037/h0026143.

    Examples
    --------
    >>> redundancy(0.25, 0.4)
    0.04000000000000001
    """
    return float(variance_extracted * max(correlation, 0.0) ** 2)
