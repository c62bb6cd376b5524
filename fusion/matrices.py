"""A view or a table of confounds as one finite float matrix whose rows are known to be the same subjects."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.errors import InputError

Matrix = NDArray[np.float64]


def as_matrix(view: Any, name: str) -> Matrix:
    """Return a view as a dense matrix.

    Parameters
    ----------
    view : array, pandas.DataFrame or fusion view, shape [n_subjects, n_features]
        A one-dimensional array is one feature.
    name : str
        What the message calls it.

    Returns
    -------
    float64 array, shape [n_subjects, n_features]

    Raises
    ------
    InputError
        If values are not numbers, not finite, or there are no columns.
    """
    columns: Sequence[Any] | None = None
    if hasattr(view, "column_groups"):
        columns, values = view.column_groups, view.multiply(np.eye(view.shape[1]))
    elif hasattr(view, "to_numpy"):
        columns, values = list(getattr(view, "columns", [name])), view.to_numpy()
    else:
        values = view
    matrix = _as_float(values, name)
    check_finite(matrix, name, columns)
    return matrix


def _as_float(values: Any, name: str) -> Matrix:
    try:
        matrix = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must hold numbers only ({error}); encode categories with ConfoundDesign.") from None
    if matrix.ndim == 1:
        matrix = matrix[:, np.newaxis]
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise InputError(f"{name} must be a table of subjects x features with >= 1 feature; got shape {matrix.shape}.")
    return matrix


def check_finite(matrix: Matrix, name: str, columns: Sequence[Any] | None = None) -> None:
    """Raise an `InputError` that names the first column with missing or infinite values."""
    bad = ~np.isfinite(matrix)
    if bad.any():
        column = int(bad.any(axis=0).argmax())
        label = column if columns is None else columns[column]
        raise InputError(
            f"{name} must be finite; column {label!r} has {int(bad[:, column].sum())} missing or infinite values of "
            f"{len(matrix)}: impute or drop those subjects first."
        )


def check_same_subjects(**tables: Any) -> None:
    """Raise an `InputError` if tables differ in their number of rows or, where rows carry ids, in the ids' order."""
    given = {name: table for name, table in tables.items() if table is not None}
    (reference, first), *others = given.items()
    for name, table in others:
        if len(_rows(table)) != len(_rows(first)):
            raise InputError(
                f"{name} must have the rows of {reference}: got {len(_rows(table))} for {len(_rows(first))}; "
                "align the tables by subject id first."
            )
        left, right = _ids(first), _ids(table)
        if left is not None and right is not None and left != right:
            row = next(i for i, pair in enumerate(zip(left, right, strict=True)) if pair[0] != pair[1])
            raise InputError(
                f"{name} must list the subjects of {reference} in the same order; row {row} is {right[row]!r}, "
                f"not {left[row]!r}: align the tables by subject id first."
            )


def _rows(table: Any) -> Any:
    return range(table.shape[0]) if hasattr(table, "shape") else table


def _ids(table: Any) -> list[Hashable] | None:
    if hasattr(table, "subject_ids"):
        return list(table.subject_ids)
    index = getattr(table, "index", None)
    if index is None or callable(index) or type(index).__name__ == "RangeIndex":
        return None
    return list(index)
