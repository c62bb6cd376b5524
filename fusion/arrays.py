"""Tables of subjects as arrays: finite floats, rows that are the same subjects, columns that are the same features."""

# ruff: noqa: F722

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float, Float64
from numpy.typing import NDArray

from fusion.errors import InputError

Matrix: TypeAlias = NDArray[np.float64]
Positions: TypeAlias = NDArray[np.intp]
"""Numbers of rows."""
Floats: TypeAlias = Float[np.ndarray, "..."]
"""float32 or float64: what computes in the precision it is given."""
Scores: TypeAlias = Float64[np.ndarray, "n_subjects K"]
"""Scores of subjects on K components."""
Real: TypeAlias = float | int | np.floating[Any] | np.integer[Any]
"""A number of any type that numpy and Python have."""


Constructor = TypeVar("Constructor", bound=Callable[..., None])


def stores_parameters(constructor: Constructor) -> Constructor:
    """Mark a scikit-learn constructor: it stores whatever it is given, and `fit` checks it."""
    constructor.__no_type_check__ = True  # type: ignore[attr-defined]
    return constructor


@runtime_checkable
class SupportsArray(Protocol):
    """What makes an array of itself: an array, a series, a frame."""

    def __array__(self) -> NDArray[Any]:
        """Return the values."""


@runtime_checkable
class Table(Protocol):
    """Rows that know how many they are: an array, a frame, a fusion view."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(n_subjects, n_features)``."""


ArrayLike: TypeAlias = SupportsArray | Sequence[Any]
"""Numbers that `numpy.asarray` takes."""
LabelsLike: TypeAlias = SupportsArray | Sequence[Any]
"""A label per subject, of any type that can be compared: families, sites, strata."""
ViewLike: TypeAlias = Table | SupportsArray | Sequence[Any]
"""A view, or what `fusion.as_view` and `as_matrix` make one of."""
Rows: TypeAlias = NDArray[np.int64] | NDArray[np.bool_] | Sequence[int] | slice | None
"""Rows chosen in any way: by number, mask or slice; None chooses all."""


def unmasked(values: Any) -> Any:
    """Return values with a gap wherever a masked array hides one: numpy drops a mask and takes what lies under it."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if values.dtype.kind in "fiub":
        return np.ma.filled(values.astype(np.result_type(values.dtype, np.float32)), np.nan)
    return np.ma.filled(values.astype(object), None)


def as_matrix(view: ViewLike, name: str) -> Matrix:
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
    values: Any = view
    if hasattr(view, "column_groups"):
        columns, values = view.column_groups, dense(view)
    elif hasattr(view, "to_numpy"):
        columns, values = list(getattr(view, "columns", [name])), view.to_numpy()
    matrix = _as_float(values, name)
    check_finite(matrix, name, columns)
    return matrix


def _as_float(values: ViewLike, name: str) -> Matrix:
    try:
        matrix = np.asarray(unmasked(values), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must hold numbers only ({error}); encode categories with ConfoundDesign.") from None
    if matrix.ndim == 1:
        matrix = matrix[:, np.newaxis]
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise InputError(f"{name} must be a table of subjects x features with >= 1 feature; got shape {matrix.shape}.")
    return matrix


def dense(view: Any) -> Matrix:
    """Return all columns of a view side by side, [n_subjects, n_columns]."""
    matrix = np.empty(view.shape)
    for columns, block in view.column_blocks():
        matrix[:, columns] = block
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


BLOCK_BYTES = 2**26  # a dense block of columns in float64; small enough that several live at once


def row_index(rows: Rows, n_subjects: int) -> NDArray[np.int64]:
    """Return row numbers for an index, a mask, a slice or None (all rows)."""
    every = np.arange(n_subjects)
    return every if rows is None else every[rows if isinstance(rows, slice) else np.asarray(rows)]


def unique_ids(ids: Sequence[Hashable], n: int, what: str = "subject_ids") -> tuple[str, ...]:
    """Return `n` unique texts as a tuple, or raise an `InputError` that names the offender."""
    if len(ids) != n:
        raise InputError(f"A view needs one entry of {what} per item; got {len(ids)} for {n}.")
    wrong = next((i for i in ids if not isinstance(i, str)), None)
    if wrong is not None:
        raise InputError(
            f"A view needs text in {what}; got {wrong!r} of type {type(wrong).__name__}: convert with str."
        )
    if len(set(ids)) < n:
        name, count = Counter(ids).most_common(1)[0]
        raise InputError(f"A view needs unique {what}; {name!r} occurs {count} times: keep one row of each.")
    return tuple(str(i) for i in ids)


def label_array(labels: LabelsLike) -> NDArray[Any]:
    """Return labels as an array in which a gap stays a gap: of a list, numpy makes the text 'nan' of one beside text.

    Examples
    --------
    >>> from fusion.arrays import label_array
    >>> label_array(["a", float("nan")]).tolist()
    ['a', nan]
    """
    values = np.asarray(unmasked(labels))
    is_text = values.dtype.kind in "US" and not hasattr(labels, "dtype")
    return np.asarray(labels, dtype=object) if is_text else values


def label_codes(labels: LabelsLike) -> NDArray[np.int64]:
    """Return 0, 1, ... for every label, in the order of the distinct ones."""
    values = label_array(labels)
    if values.dtype.kind == "O":  # numbers and text side by side have no order of their own
        return np.asarray(pd.factorize(values, sort=True)[0], dtype=np.int64)
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def cluster_codes(labels: LabelsLike | None, n_subjects: int, name: str = "groups") -> NDArray[np.int64]:
    """Return the number of every subject's cluster (family, site); without labels each subject stands alone.

    Parameters
    ----------
    labels : array of labels, shape [n_subjects], or None
    n_subjects : int
    name : str
        What the message calls them.

    Raises
    ------
    InputError
        Another number of labels, or a subject without one.
    """
    if labels is None:
        return np.arange(n_subjects)
    values = label_array(labels)
    if values.shape != (n_subjects,):
        raise InputError(f"{name} needs one label per subject: got shape {values.shape} for {n_subjects}.")
    missing = int(pd.isna(values).sum())
    if missing:
        raise InputError(f"{name} needs a label for every subject; {missing} have none.")
    return label_codes(values)


def column_slices(start: int, stop: int, n_rows: int) -> Iterator[slice]:
    """Yield slices from `start` to `stop`, each `BLOCK_BYTES` of `n_rows` float64 rows at most."""
    width = max(1, BLOCK_BYTES // (8 * max(1, n_rows)))
    for first in range(start, stop, width):
        yield slice(first, min(first + width, stop))


Names = tuple[str, ...] | None


def column_names(table: ViewLike) -> Names:
    """Return the names of the columns of a frame or view; None for an array, whose columns have none."""
    names = getattr(table, "column_groups", None)
    names = getattr(table, "columns", None) if names is None else names
    return None if names is None else tuple(str(name) for name in names)


def check_columns(table: ViewLike, fitted: Names, name: str) -> None:
    """Raise an `InputError` that names the first column in which a table differs from the one fitted."""
    given = column_names(table)
    if given is None or fitted is None or given == fitted or len(given) != len(fitted):
        return  # another number of columns has its own sentence, where the columns are used
    j = next(i for i, pair in enumerate(zip(given, fitted, strict=True)) if pair[0] != pair[1])
    raise InputError(
        f"{name} must have the columns of the fit in the same order; column {j} is {given[j]!r}, not {fitted[j]!r}: "
        "select and order the columns by name first."
    )


def feature_names(estimator: Any) -> list[str] | None:
    """Return the names of the columns that scikit-learn noted at fit, if there were any."""
    return [str(name) for name in estimator.feature_names_in_] if hasattr(estimator, "feature_names_in_") else None


def restore_feature_names(estimator: Any, names: Sequence[str] | None) -> None:
    """Give a loaded estimator the names of its columns."""
    if names is not None:
        estimator.feature_names_in_ = np.asarray(names, dtype=object)
