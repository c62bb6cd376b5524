"""Numbers that tables write where there is no value."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    import pandas

Column = Float[np.ndarray, " n_rows"]
Columns = Float[np.ndarray, "n_rows n_columns"]
#: As found in exports of ADNI, ABIDE, ABCD, UK Biobank, FreeSurfer and SPSS.
CODES = (-9.0, -99.0, -999.0, -9999.0, -77.0, -777.0, -88.0, -888.0, 99.0, 999.0, 9999.0, 99999.0)
_AT_ONCE = 512


def codes_among_numbers(values: Column) -> tuple[float, ...]:
    """Numbers that tables write for a missing value, where they are unlike the other numbers of their column.

    A negative code is suspected where no other number is negative; any code, where it lies further off than all
    others from one another.

    Parameters
    ----------
    values : float array, shape (n_rows,)
        NaN where missing.

    Examples
    --------
    >>> import numpy as np
    >>> from encoders.tables.codes import codes_among_numbers
    >>> codes_among_numbers(np.array([31.0, 64.5, -9.0, 72.0, -77.0]))
    (-9.0, -77.0)
    >>> codes_among_numbers(np.array([-12.0, -9.0, 3.0]))
    ()
    """
    found: list[float] = []
    values = values[np.isfinite(values)]
    while (code := _find_code(values)) is not None:
        found.append(code)
        values = values[values != code]
    return tuple(found)


def _find_code(values: Column) -> float | None:
    for code in CODES:
        if not (values == code).any():
            continue
        same_sign = [other for other in CODES if (other < 0) == (code < 0)]
        others = values[(values != code) & ~(np.isin(values, same_sign) & (np.abs(values) > abs(code)))]
        others = others[~np.isin(others, CODES[:8])] if code < 0 else others
        if others.size < 2:
            continue
        if (code < 0 and others.min() >= 0) or np.abs(others - code).min() > np.ptp(others):
            return code
    return None


def codes_among_words(cells: Iterable[object]) -> tuple[float, ...]:
    """Negative codes among the words of a column, where each would be one more level.

    Examples
    --------
    >>> from encoders.tables.codes import codes_among_words
    >>> codes_among_words(["F", "M", "-9"])
    (-9.0,)
    >>> codes_among_words(["-1", "F"])
    ()
    """
    levels = set(map(str, cells))
    return tuple(code for code in CODES if code < 0 and f"{code:g}" in levels)


def suspected_codes(names: Sequence[str], values: Columns) -> dict[str, tuple[float, ...]]:
    """The columns that seem to hold codes, and these.

    Parameters
    ----------
    names : sequence of str, length n_columns
    values : float array, shape (n_rows, n_columns)

    Examples
    --------
    >>> import numpy as np
    >>> from encoders.tables.codes import suspected_codes
    >>> suspected_codes(["age", "roi"], np.array([[31.0, 2.1], [-9.0, 2.4], [50.0, 999.0], [61.0, 2.2]]))
    {'age': (-9.0,), 'roi': (999.0,)}
    """
    found = {}
    for first in range(0, len(names), _AT_ONCE):
        block = values[:, first : first + _AT_ONCE]
        for place in np.flatnonzero(np.isin(block, CODES).any(axis=0)):
            if codes := codes_among_numbers(np.asarray(block[:, place], dtype=np.float64)):
                found[names[first + int(place)]] = codes
    return found


def codes_of_table(frame: "pandas.DataFrame") -> dict[str, tuple[float, ...]]:
    """The columns of a table, of numbers or of words, that seem to hold codes, and these.

    Examples
    --------
    >>> import pandas as pd
    >>> from encoders.tables.codes import codes_of_table
    >>> codes_of_table(pd.DataFrame({"age": [31.0, -9.0, 50.0], "sex": ["F", "M", "-9"], "site": ["a", "b", "b"]}))
    {'age': (-9.0,), 'sex': (-9.0,)}
    """
    numbers = frame.select_dtypes("number")
    found = suspected_codes(list(map(str, numbers.columns)), numbers.to_numpy(dtype=np.float64, na_value=np.nan))
    words = {str(name): frame[name].dropna().unique() for name in frame.columns.difference(numbers.columns)}
    return found | {name: codes for name, cells in words.items() if (codes := codes_among_words(cells))}


def name_codes(found: Mapping[str, Sequence[float]], most: int) -> str:
    """Columns with their codes, for a sentence.

    Parameters
    ----------
    found : mapping from column to its codes
    most : int
        Columns that are named; the others are counted.

    Examples
    --------
    >>> from encoders.tables.codes import name_codes
    >>> name_codes({"age": (-9.0, -77.0), "roi": (999.0,), "site": (99.0,)}, 2)
    'age (-9, -77), roi (999) and 1 more'
    """
    shown = ", ".join(
        f"{column} ({', '.join(f'{code:g}' for code in codes)})" for column, codes in list(found.items())[:most]
    )
    return shown + (f" and {len(found) - most} more" if len(found) > most else "")
