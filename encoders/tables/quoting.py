"""Cells and names as messages show them, and ids that went through a spreadsheet."""

import re
from collections.abc import Sequence

#: The mark of an id that passed through a spreadsheet or a join with missing values.
FLOAT_ID = re.compile(r"[+-]?\d+\.\d*(e[+-]?\d+)?|\d+e\+\d+", re.IGNORECASE)
#: What parquet calls the index of a pandas table that has no name.
INDEX_COLUMN = "__index_level_0__"
_SHOWN = 3


def quote_some(values: Sequence[object]) -> str:
    """The first few, quoted, and how many there are.

    Examples
    --------
    >>> from encoders.tables.quoting import quote_some
    >>> quote_some(["a", 2, "c", "d", "e"])
    "'a', '2', 'c' and 2 more"
    """
    shown = ", ".join(repr(str(value)) for value in values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown} and {len(values) - _SHOWN} more"
