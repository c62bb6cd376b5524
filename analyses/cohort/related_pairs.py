"""Pairs of subjects and how they are related: what pedigrees and kinship tables are read as."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.errors import InputError
from encoders.tables import FLOAT_ID, quote_some

if TYPE_CHECKING:
    import pandas as pd
    import scipy.sparse


@dataclass(frozen=True)
class RelatedPairs:
    """Related pairs among the subjects of a cohort.

    Attributes
    ----------
    codes : sparse integer array [n_subjects, n_subjects]
        How two are related, symmetric: equal codes are equal relations, 0 are strangers.
    kinship : sparse float array [n_subjects, n_subjects]
        Coefficients of the pairs, symmetric, nothing on the diagonal.
    """

    codes: scipy.sparse.csr_array
    kinship: scipy.sparse.csr_array

    @classmethod
    def of(cls, pairs: pd.DataFrame, subjects: Sequence[str], *, source: str) -> RelatedPairs:
        """Pairs ``first``, ``second`` with a ``code`` and, by it, a ``kinship``, each in one or more rows.

        Raises
        ------
        InputError
            A pair with two codes, or of a subject with itself.
        """
        import scipy.sparse

        row_of = {subject: row for row, subject in enumerate(subjects)}
        rows = np.array([[row_of[one] for one in pairs[side]] for side in ("first", "second")], dtype=np.int64)
        low, high = rows.reshape(2, -1).min(axis=0), rows.reshape(2, -1).max(axis=0)
        triplets = np.column_stack([low, high, pairs["code"].to_numpy(dtype=np.int64)])
        distinct, first_row = np.unique(triplets, axis=0, return_index=True)
        _check(distinct, subjects, source)
        n = len(subjects)
        of_pairs = distinct[:, 2], pairs["kinship"].to_numpy(dtype=np.float64)[first_row]
        halves = [scipy.sparse.csr_array((one, (distinct[:, 0], distinct[:, 1])), shape=(n, n)) for one in of_pairs]
        return cls(*(scipy.sparse.csr_array(half + half.T) for half in halves))

    @property
    def families(self) -> np.ndarray:
        """Number of every subject's family, [n_subjects]: who is connected by related pairs."""
        from scipy.sparse.csgraph import connected_components

        return np.asarray(connected_components(self.codes, directed=False)[1])


def trimmed_ids(cells: Iterable[object], path: Path) -> list[str]:
    """Ids of a column as text, without white space around them.

    Raises
    ------
    InputError
        Floating-point numbers, which are the ids of nobody elsewhere.
    """
    ids = [str(cell).strip() for cell in cells]
    floats = [one for one in ids if FLOAT_ID.fullmatch(one.replace(",", "."))]
    if floats:
        raise InputError(
            f"Ids of relatives must be text, not floating-point numbers; got {quote_some(floats)} in {path}: restore "
            "the original ids (a spreadsheet or a join with gaps made numbers of them)."
        )
    return ids


def check_spelling(listed: Iterable[str], known: Collection[str], source: str) -> None:
    """Raise InputError where an id is nobody's as it is written, and somebody's but for leading zeros or case."""
    meant = {_without_zeros(one): one for one in known}
    for one in listed:
        if one not in known and (other := meant.get(_without_zeros(one))) is not None:
            raise InputError(
                f"{source} must write ids in one way; {one!r} is nobody, and {other!r} differs from it by leading "
                "zeros or case alone: correct the ids."
            )


def _without_zeros(one: str) -> str:
    return one.casefold().lstrip("0")


def _check(distinct: np.ndarray, subjects: Sequence[str], source: str) -> None:
    alone = np.flatnonzero(distinct[:, 0] == distinct[:, 1])
    if len(alone):
        raise InputError(f"{source} must pair two subjects; it pairs {subjects[distinct[alone[0], 0]]!r} with itself.")
    pairs = distinct[:, :2]
    twice = np.flatnonzero((pairs[1:] == pairs[:-1]).all(axis=1))
    if len(twice):
        first, second = (subjects[i] for i in pairs[twice[0]])
        raise InputError(f"{source} must give a pair one relation; {first!r} and {second!r} have two: keep one.")
