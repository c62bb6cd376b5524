"""Tables with gaps: what is finite or NaN, who and what is measured enough to be used."""

from typing import Any

import numpy as np
import pandas as pd

from fusion.arrays import Matrix, Names, Real, ViewLike, dense
from fusion.errors import InputError
from fusion.views.view import as_view

MAX_MISSING = 0.5
"""Share of rows without a value up to which a column is used."""


def read_gapped(table: ViewLike) -> tuple[Matrix, tuple[str, ...], tuple[str, ...]]:
    """Return values with NaN where nothing was measured, subject ids and names of columns.

    Parameters
    ----------
    table : View, DataFrame or array, shape [n_subjects, n_features]

    Raises
    ------
    InputError
        What `fusion.as_view` refuses besides missing values; a subject without any value.
    """
    if hasattr(table, "multiply_transposed"):
        view = as_view(table)
        return dense(view), view.subject_ids, view.column_groups
    frame = table if isinstance(table, pd.DataFrame) else pd.DataFrame(np.asarray(table))
    missing = frame.isna().to_numpy()
    whole = as_view(
        frame.where(~missing, 0) if isinstance(table, pd.DataFrame) else frame.where(~missing, 0).to_numpy()
    )
    values = np.where(missing, np.nan, dense(whole))
    check_rows_measured(values, whole.subject_ids)
    return values, whole.subject_ids, whole.column_groups


def check_rows_measured(values: Matrix, subject_ids: tuple[str, ...]) -> None:
    """Raise an `InputError` that names the first subject of whom nothing was measured."""
    empty = np.isnan(values).all(axis=1)
    if empty.any():
        raise InputError(
            f"A subject needs a value in some feature; {subject_ids[int(empty.argmax())]!r} has none, and "
            f"{int(empty.sum())} in all: leave them out."
        )


def check_columns_measured(values: Matrix, names: Names, *, n_needed: int, max_missing: Real) -> None:
    """Raise an `InputError` that names the first column with too few values to learn from.

    Parameters
    ----------
    values : float64 array, shape [n_train, n_features]
        NaN where nothing was measured.
    names : tuple of str, length n_features, or None
    n_needed : int
        Coefficients that are fitted to a column: intercept and confounds.
    max_missing : float
        Share of rows that may lack a value.
    """
    n_train = len(values)
    counts = np.isfinite(values).sum(axis=0)
    scarce = (counts <= n_needed) | (n_train - counts > max_missing * n_train)
    if scarce.any():
        column = int(scarce.argmax())
        label: Any = column if names is None else names[column]
        raise InputError(
            f"A feature with missing values needs a value in more than {n_needed} training subjects (intercept and "
            f"confounds) and in {1 - max_missing:.0%} of them; {label!r} has {int(counts[column])} of {n_train}: "
            "exclude it, stratify the folds by what decides who has it, or raise max_missing."
        )
