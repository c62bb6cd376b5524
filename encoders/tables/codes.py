"""Numbers that tables write where there is no value."""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

Column = Float[np.ndarray, " n_rows"]
Columns = Float[np.ndarray, "n_rows n_columns"]
#: As found in exports of ADNI, ABIDE, ABCD, UK Biobank, FreeSurfer and SPSS.
CODES = (-9.0, -99.0, -999.0, -9999.0, -77.0, -777.0, -88.0, -888.0, 99.0, 999.0, 9999.0, 99999.0)
_AT_ONCE = 512


def suspected_code(values: Column) -> float | None:
    """A number that tables write for a missing value, where it is unlike the other numbers of its column.

    A negative code is suspected where no other number is negative; any code, where it lies further off than all
    others from one another.

    Parameters
    ----------
    values : float array, shape (n_rows,)
        NaN where missing.

    Examples
    --------
    >>> import numpy as np
    >>> from encoders.tables.codes import suspected_code
    >>> suspected_code(np.array([31.0, 64.5, -9.0, 72.0]))
    -9.0
    >>> suspected_code(np.array([-12.0, -9.0, 3.0])) is None
    True
    """
    finite = values[np.isfinite(values)]
    for code in CODES:
        if not (finite == code).any():
            continue
        same_sign = [other for other in CODES if (other < 0) == (code < 0)]
        others = finite[(finite != code) & ~(np.isin(finite, same_sign) & (np.abs(finite) > abs(code)))]
        others = others[~np.isin(others, CODES[:8])] if code < 0 else others
        if others.size < 2:
            continue
        if (code < 0 and others.min() >= 0) or np.abs(others - code).min() > np.ptp(others):
            return code
    return None


def suspected_level(cells: Iterable[object]) -> float | None:
    """A negative code among the words of a column, where it would be one more level.

    Examples
    --------
    >>> from encoders.tables.codes import suspected_level
    >>> suspected_level(["F", "M", "-9"])
    -9.0
    >>> suspected_level(["-1", "F"]) is None
    True
    """
    levels = set(map(str, cells))
    found = [code for code in CODES if code < 0 and f"{code:g}" in levels]
    return found[0] if found else None


def suspected_codes(names: Sequence[str], values: Columns) -> dict[str, float]:
    """The columns that seem to hold a code, and the code.

    Parameters
    ----------
    names : sequence of str, length n_columns
    values : float array, shape (n_rows, n_columns)

    Examples
    --------
    >>> import numpy as np
    >>> from encoders.tables.codes import suspected_codes
    >>> suspected_codes(["age", "roi"], np.array([[31.0, 2.1], [-9.0, 2.4], [50.0, 999.0], [61.0, 2.2]]))
    {'age': -9.0, 'roi': 999.0}
    """
    found = {}
    for first in range(0, len(names), _AT_ONCE):
        block = values[:, first : first + _AT_ONCE]
        for place in np.flatnonzero(np.isin(block, CODES).any(axis=0)):
            if (code := suspected_code(np.asarray(block[:, place], dtype=np.float64))) is not None:
                found[names[first + int(place)]] = code
    return found
