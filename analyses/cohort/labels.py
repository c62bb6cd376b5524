"""Columns of participants as labels: one for every subject, or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyses.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def read_labels(covariates: pd.DataFrame, column: str, *, key: str) -> np.ndarray:
    """One label per subject, as text.

    Parameters
    ----------
    covariates : DataFrame [n_subjects, n_columns]
    column : str
    key : str
        What of the configuration names the column.

    Raises
    ------
    InputError
        A subject without a label: it is not for us to say where such a subject belongs.
    """
    values = covariates[column]
    missing = values.isna()
    if missing.any():
        raise InputError(
            f"{key} needs a label for every subject; '{column}' is empty for {int(missing.sum())} of {len(values)}, "
            f"first {values.index[missing][0]}: fill the column, or leave these subjects out."
        )
    return np.asarray(values.astype(str).to_numpy(), dtype=object)
