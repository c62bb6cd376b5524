"""Rows are subjects, columns are features: the one shape in which genes and brains meet, dense or factored.

Everything downstream (residualisation, PCA, loadings) uses only the operations of :class:`View`, so a panel of
genes stays factored, ``X_g = 1 offset_g' + A_g E_g``, and a table stays on disk.
"""

# ruff: noqa: F722

from collections.abc import Iterator
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float64

from fusion.arrays import Matrix, Rows, ViewLike, unmasked
from fusion.errors import InputError
from fusion.views.factored_view import FactoredView as FactoredView
from fusion.views.moments import Moments
from fusion.views.table_view import TableView as TableView


@runtime_checkable
class View(Protocol):
    """What every view offers; ``X`` stands for its matrix of shape (n_subjects, n_columns)."""

    @property
    def subject_ids(self) -> tuple[str, ...]:
        """Unique id of every row."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_subjects, n_columns)``."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision in which the values of ``X`` are known."""

    @property
    def column_groups(self) -> tuple[str, ...]:
        """Per column the gene (factored view) or the feature name (table view)."""

    def take(self, rows: Rows) -> "View":
        """Return the view of these rows, in this order."""

    def multiply(self, matrix: Float64[np.ndarray, "n_columns k"]) -> Float64[np.ndarray, "n_subjects k"]:
        """Return ``X @ matrix`` in float64."""

    def multiply_transposed(self, matrix: Float64[np.ndarray, "n_subjects k"]) -> Float64[np.ndarray, "n_columns k"]:
        """Return ``X.T @ matrix`` in float64."""

    def column_moments(
        self, rows: Rows = None
    ) -> tuple[Float64[np.ndarray, " n_columns"], Float64[np.ndarray, " n_columns"]]:
        """Return mean and variance (divisor n) of every column."""

    def residual_moments(self, basis: Float64[np.ndarray, "n_subjects rank"]) -> Moments:
        """Return the moments of every column against an orthonormal basis of [1, confounds] on these rows."""

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, X[:, columns])`` in float64, left to right, one block of bounded size at a time."""


def as_view(table: ViewLike) -> View:
    """Return a view of anything table-like.

    Parameters
    ----------
    table : View, DataFrame of shape (n_subjects, n_features), or array of that shape
        A frame's index holds the subject ids; an array's subjects are called by their row number, ``"0"`` onwards.

    Returns
    -------
    View
        The argument itself if it is a view.

    Raises
    ------
    InputError
        A column that is not numeric, an index of floats, or whatever :class:`TableView` refuses.
    """
    if hasattr(table, "multiply_transposed"):
        return cast(View, table)
    if not isinstance(table, pd.DataFrame):
        array = np.asarray(unmasked(table))
        return TableView(array, [str(i) for i in range(len(array) if array.ndim else 0)])
    for name, dtype in table.dtypes.items():
        if getattr(dtype, "kind", "O") not in "fiub":
            raise InputError(f"Column {name!r} is {dtype}, not numeric: a view needs numbers; drop or encode it first.")
    if table.index.dtype.kind == "f":
        raise InputError(f"Subject ids are floats, such as {table.index[0]}: read the id column as text.")
    values = table.to_numpy(dtype=np.result_type(*table.dtypes.map(_float_type)), na_value=np.nan)
    return TableView(values, [str(i) for i in table.index], [str(c) for c in table.columns])


def _float_type(dtype: Any) -> np.dtype[Any]:
    return np.dtype(np.float32 if getattr(dtype, "name", "").lower() == "float32" else np.float64)
