"""Names of the columns of a view: frozen at fit, so that a table in another order is refused, not misread."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fusion.errors import InputError

Names = tuple[str, ...] | None


def column_names(table: Any) -> Names:
    """Return the names of the columns of a frame or view; None for an array, whose columns have none."""
    names = getattr(table, "column_groups", None)
    names = getattr(table, "columns", None) if names is None else names
    return None if names is None else tuple(str(name) for name in names)


def check_columns(table: Any, fitted: Names, name: str) -> None:
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
