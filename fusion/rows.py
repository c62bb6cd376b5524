"""Rows and columns of a view: ids that are unique, row numbers, and blocks of columns of bounded size."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from fusion.errors import InputError

Matrix: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.int64] | npt.NDArray[np.bool_] | Sequence[int] | slice | None

BLOCK_BYTES = 2**26  # a dense block of columns in float64; small enough that several live at once


def row_index(rows: Rows, n_subjects: int) -> npt.NDArray[np.int64]:
    """Return row numbers for an index, a mask, a slice or None (all rows)."""
    every = np.arange(n_subjects)
    return every if rows is None else every[rows if isinstance(rows, slice) else np.asarray(rows)]


def unique_ids(ids: Sequence[str], n: int, what: str = "subject_ids") -> tuple[str, ...]:
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


def column_slices(start: int, stop: int, n_rows: int) -> Iterator[slice]:
    """Yield slices from `start` to `stop`, each `BLOCK_BYTES` of `n_rows` float64 rows at most."""
    width = max(1, BLOCK_BYTES // (8 * max(1, n_rows)))
    for first in range(start, stop, width):
        yield slice(first, min(first + width, stop))
