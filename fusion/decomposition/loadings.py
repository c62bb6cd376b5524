"""What a score is made of: correlations of residualised columns with scores, by feature and by gene."""

# ruff: noqa: F722

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float64

from fusion.arrays import ArrayLike, Matrix, Rows, ViewLike, row_index
from fusion.confounds.basis import check_confounds
from fusion.decomposition.residual_view import ResidualView
from fusion.errors import InputError
from fusion.subject_rows import check_same_subjects
from fusion.views.view import as_view


def structure_correlations(
    view: ViewLike, scores: ArrayLike, *, confounds: ArrayLike | None = None, rows: Rows = None
) -> Float64[np.ndarray, "n_columns n_scores"]:
    """Return the correlation of every residualised column with every score.

    Parameters
    ----------
    view : View or table of shape (n_subjects, n_columns)
    scores : float array of shape (n_rows, n_scores)
        One row per selected subject.
    confounds : float array of shape (n_subjects, n_confounds), optional
        Removed, with the intercept, from the columns on the selected rows.
    rows : index, optional
        Selected subjects; default all.

    Returns
    -------
    float64 array of shape (n_columns, n_scores)
        NaN for columns that are constant once confounds are removed.

    Raises
    ------
    InputError
        Scores that do not match the rows, or a constant score.
    """
    given, view = view, as_view(view)
    index = row_index(rows, view.shape[0])
    values = np.asarray(scores, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if len(values) != len(index):
        raise InputError(f"Loadings need one row of scores per subject; got {len(values)} for {len(index)} subjects.")
    chosen = view if rows is None else view.take(index)
    Z = check_confounds(confounds, view.shape[0])[index]
    check_same_subjects(view=given, confounds=confounds)
    check_same_subjects(view=given if rows is None else chosen, scores=scores)
    residual = ResidualView(chosen, Z)
    centred = values - values.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    if not norms.all():
        raise InputError(f"Loadings need scores that vary; score {int(norms.argmin())} is constant.")
    correlations: Matrix = residual.multiply_transposed(centred / norms) / np.sqrt(residual.basis.degrees_of_freedom)
    correlations[residual.constant] = np.nan
    return correlations


def group_loadings(
    view: ViewLike,
    scores: ArrayLike,
    *,
    confounds: ArrayLike | None = None,
    rows: Rows = None,
    component: int = 0,
) -> pd.DataFrame:
    """Return one unsigned loading per gene: the root mean square of its columns' structure correlations.

    The columns of an embedding have no meaning of their own, so a gene is judged by all of them together. Parameters
    are those of :func:`structure_correlations`; `component` picks the column of `scores`.

    Returns
    -------
    DataFrame
        ``gene_id, loading, max`` (largest absolute correlation), ``n_columns`` (that vary) and ``rank`` (1 = largest
        loading), in the order of `rank`. A gene without varying columns has loading 0.
    """
    correlations = structure_correlations(view, scores, confounds=confounds, rows=rows)[:, component]
    return tabulate_groups(as_view(view).column_groups, correlations)


def feature_loadings(
    view: ViewLike,
    scores: ArrayLike,
    *,
    confounds: ArrayLike | None = None,
    rows: Rows = None,
    component: int = 0,
) -> pd.DataFrame:
    """Return the signed structure correlation of every feature of a table.

    Parameters are those of :func:`structure_correlations`; `component` picks the column of `scores`.

    Returns
    -------
    DataFrame
        ``feature, loading, rank`` (1 = largest magnitude), in the order of `rank`; constant features have loading 0.
    """
    correlations = structure_correlations(view, scores, confounds=confounds, rows=rows)[:, component]
    return tabulate_features(as_view(view).column_groups, correlations)


def tabulate_groups(groups: Sequence[str], correlations: Matrix) -> pd.DataFrame:
    """Table of :func:`group_loadings` from the structure correlations of one score, shape (n_columns,)."""
    squares = pd.DataFrame({"gene_id": groups, "square": correlations**2})
    by_gene = squares.groupby("gene_id", sort=False)["square"].agg(["mean", "max", "count"]).fillna(0.0)
    table = pd.DataFrame(
        {
            "gene_id": by_gene.index,
            "loading": np.sqrt(by_gene["mean"].to_numpy()),
            "max": np.sqrt(by_gene["max"].to_numpy()),
            "n_columns": by_gene["count"].to_numpy(),
        }
    )
    return _ranked(table, table["loading"].to_numpy())


def tabulate_features(features: Sequence[str], correlations: Matrix) -> pd.DataFrame:
    """Table of :func:`feature_loadings` from the structure correlations of one score, shape (n_columns,)."""
    table = pd.DataFrame({"feature": features, "loading": np.nan_to_num(correlations)})
    return _ranked(table, table["loading"].abs().to_numpy())


def _ranked(table: pd.DataFrame, size: Matrix) -> pd.DataFrame:
    order = np.argsort(-size, kind="stable")
    return table.iloc[order].assign(rank=np.arange(1, len(table) + 1)).reset_index(drop=True)
