"""Columns of a table of covariates: their kind, their values as numbers, and what is said of those that are not."""

import difflib
import re
from typing import Any

import numpy as np
import pandas as pd

from fusion.arrays import Matrix
from fusion.cautions import caution
from fusion.confounds.terms import Confound, Kind
from fusion.errors import InputError

SITES = re.compile(
    r"(?:^|[\W_])(?:sites?|scann?er|cent(?:er|re)|batch|machine|hospital|clinic|vendor|manufacturer|coil|plate)"
    r"(?:$|[\W_\d]|ids?(?:$|[\W_\d])|no(?:$|[\W_])|nums?(?:$|[\W_])|numbers?(?:$|[\W_])|codes?(?:$|[\W_]))"
    r"|^(?:f\.|p)?54(?:$|[-._])",
    re.IGNORECASE,
)
"""Names of columns that hold no amounts: sites, scanners, batches; field 54 of UK Biobank is the assessment centre."""


def infer_confounds(frame: pd.DataFrame) -> tuple[Confound, ...]:
    """Return a confound for every column: numbers are continuous; text, booleans and categories categorical.

    Examples
    --------
    >>> import pandas as pd
    >>> [c.kind for c in infer_confounds(pd.DataFrame({"age": [61.0], "site": ["Oslo"], "smoker": [True]}))]
    ['continuous', 'categorical', 'categorical']
    """
    return tuple(Confound(str(name), kind_of(frame[name])) for name in frame.columns)


def kind_of(values: pd.Series) -> Kind:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return "continuous" if is_numeric_dtype(values) and not is_bool_dtype(values) else "categorical"


def warn_of_codes(column: str, numbers: Matrix) -> None:
    """Warn of a site, scanner or batch whose whole numbers are taken for amounts."""
    levels = np.unique(numbers)
    if SITES.search(column) and len(levels) > 2 and np.array_equal(levels, np.round(levels)):
        caution(
            f"Confound {column!r} is numbered and taken as an amount, so that only a straight line through its "
            "numbers is removed: declare it categorical.",
            stacklevel=4,
        )


def column_of(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        near = difflib.get_close_matches(name, [str(c) for c in frame.columns], n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"columns: {', '.join(map(str, frame.columns[:8]))}."
        raise InputError(f"Confound {name!r} is not a column of the table: {hint}")
    values = frame[name]
    missing = int(values.isna().sum())
    if missing:
        raise InputError(
            f"Confound {name!r} has {missing} missing values of {len(values)}: exclude those subjects or impute them."
        )
    return values


def numbers_of(values: pd.Series) -> Matrix:
    from pandas.api.types import is_numeric_dtype

    if not is_numeric_dtype(values):
        raise InputError(
            f"Confound {values.name!r} is declared continuous but holds {values.dtype}: convert it to numbers or "
            "declare it categorical."
        )
    numbers = values.to_numpy(dtype=np.float64)
    infinite = int((~np.isfinite(numbers)).sum())
    if infinite:
        raise InputError(f"Confound {values.name!r} has {infinite} infinite values: exclude those subjects or recode.")
    return numbers


def level_order(level: Any) -> tuple[bool, Any]:
    text = isinstance(level, str)
    return text, level
