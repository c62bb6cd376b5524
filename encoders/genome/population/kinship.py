"""Who is related to whom: KING-robust kinship from genotypes, and families from kinship."""

# ruff: noqa: F722

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int8, Int64

from encoders.errors import InputError

if TYPE_CHECKING:
    import pandas

THIRD_DEGREE = 0.0442
"""2 ** -4.5: halfway, in powers of two, between third and fourth degree."""
_SUBJECTS_AT_ONCE = 2_048
_MOST_SUBJECTS = 30_000


class KingCounts:
    """Joint genotype counts of all pairs, added up over records.

    Parameters
    ----------
    n_subjects : int

    Raises
    ------
    InputError
        If the pairs would not fit into memory.

    References
    ----------
    Manichaikul et al. (2010), doi:10.1093/bioinformatics/btq559, equation 11.
    """

    def __init__(self, n_subjects: int) -> None:
        if n_subjects > _MOST_SUBJECTS:
            raise InputError(
                f"Kinship of all pairs is counted for at most {_MOST_SUBJECTS:,} subjects at once; got {n_subjects:,}: "
                "use the kinship table that comes with the cohort and give its families as a column."
            )
        shape = (n_subjects, n_subjects)
        self.n_records = 0
        self.both_heterozygous, self.opposite_homozygous, self.heterozygous = (
            np.zeros(shape, dtype=np.int32) for _ in range(3)
        )
        self.known = np.zeros(shape, dtype=np.int32)

    def add(self, dosages: Int8[np.ndarray, "n_records n_subjects"]) -> None:
        """Further records; 0, 1, 2 or -1 for missing. Counts of 0 and 1 are exact in single precision."""
        self.n_records += len(dosages)
        one, low, high, known = ((test).astype(np.float32) for test in _indicators(dosages))
        n = dosages.shape[1]
        for first in range(0, n, _SUBJECTS_AT_ONCE):
            rows = slice(first, min(first + _SUBJECTS_AT_ONCE, n))
            self.both_heterozygous[rows] += (one[:, rows].T @ one).astype(np.int32)
            self.opposite_homozygous[rows] += (low[:, rows].T @ high + high[:, rows].T @ low).astype(np.int32)
            self.heterozygous[rows] += (one[:, rows].T @ known).astype(np.int32)
            self.known[rows] += (known[:, rows].T @ known).astype(np.int32)

    def kinship(self) -> Float64[np.ndarray, "n_subjects n_subjects"]:
        """KING-robust kinship of every pair; 0.5 with oneself, NaN where one of two has no heterozygous record."""
        fewer = np.minimum(self.heterozygous, self.heterozygous.T).astype(np.float64)
        both = self.heterozygous.astype(np.float64) + self.heterozygous.T
        numerator = self.both_heterozygous - 2.0 * self.opposite_homozygous
        fewer[fewer == 0] = np.nan
        return numerator / (2 * fewer) + 0.5 - both / (4 * fewer)

    def call_rates(self) -> Float64[np.ndarray, " n_subjects"]:
        """Share of the records in which each subject's genotype is known."""
        return np.diag(self.known) / self.n_records


def _indicators(dosages: Int8[np.ndarray, "n_records n_subjects"]) -> tuple[np.ndarray, ...]:
    return dosages == 1, dosages == 0, dosages == 2, dosages >= 0


def count_pairs(chunks: Iterable[Int8[np.ndarray, "_n_records n_subjects"]], n_subjects: int) -> KingCounts:
    """Joint counts over all chunks of records.

    Raises
    ------
    InputError
        If there are no records.
    """
    counts = KingCounts(n_subjects)
    for chunk in chunks:
        counts.add(chunk)
    if not counts.n_records:
        raise InputError(
            "Kinship needs biallelic autosomal records; none is left after the filters: lower the allele frequency or "
            "give genome-wide variants."
        )
    return counts


def pairs_frame(counts: KingCounts, subjects: Sequence[str], cutoff: float = THIRD_DEGREE) -> pandas.DataFrame:
    """Pairs with kinship of at least ``cutoff``: subject_1, subject_2, n_records, n_opposite_homozygous, kinship."""
    import pandas as pd

    kinship = counts.kinship()
    first, second = np.nonzero(np.triu(np.nan_to_num(kinship, nan=-1.0) >= cutoff, k=1))
    names = np.array(subjects, dtype=object)
    return pd.DataFrame(
        {
            "subject_1": names[first],
            "subject_2": names[second],
            "n_records": counts.known[first, second],
            "n_opposite_homozygous": counts.opposite_homozygous[first, second],
            "kinship": kinship[first, second],
        }
    )


def make_families(pairs: pandas.DataFrame, subjects: Sequence[str]) -> pandas.DataFrame:
    """Families: connected subjects share a number, and who has no relatives has an own one.

    Parameters
    ----------
    pairs : DataFrame
        Columns ``subject_1`` and ``subject_2``: pairs that belong together, by :func:`pairs_frame` or a given list.
    subjects : sequence of str

    Returns
    -------
    DataFrame [n_subjects]
        subject_id, family (from 1, in order of first appearance), n_in_family.

    Raises
    ------
    InputError
        If the list has other columns.
    """
    import pandas as pd
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not {"subject_1", "subject_2"} <= set(pairs.columns):
        raise InputError(
            f"A list of relatives has columns subject_1 and subject_2; it has {', '.join(map(str, pairs.columns))}: "
            "rename them."
        )
    row_of = {subject: row for row, subject in enumerate(subjects)}
    both = pairs[["subject_1", "subject_2"]].astype(str)
    inside = both[both["subject_1"].isin(row_of) & both["subject_2"].isin(row_of)]
    rows = [[row_of[subject] for subject in inside[column]] for column in ("subject_1", "subject_2")]
    n = len(subjects)
    graph = coo_array((np.ones(len(inside)), (rows[0], rows[1])), shape=(n, n))
    family: Int64[np.ndarray, " n_subjects"] = connected_components(graph, directed=False)[1].astype(np.int64)
    _, number = np.unique(family, return_inverse=True)
    sizes = np.bincount(number)
    return pd.DataFrame({"subject_id": list(subjects), "family": number + 1, "n_in_family": sizes[number]})


def select_unrelated(frame: pandas.DataFrame, family_column: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keep the first subject of each family, in the order of the table.

    Returns
    -------
    kept, dropped : tuple of str

    Raises
    ------
    InputError
        If the column is missing or a family is not given: it is not for us to say that such a subject has none.
    """
    if family_column not in frame.columns:
        raise InputError(
            f"Relatives are found by the column {family_column!r}; the participants have "
            f"{', '.join(map(str, frame.columns))}: name the family column."
        )
    families = frame[family_column]
    if families.isna().any():
        raise InputError(
            f"Every subject needs a family to drop relatives; {family_column!r} is empty for {families.isna().sum()} "
            f"of {len(families)}, first {families.index[families.isna()][0]}: give who has no relatives an own family."
        )
    repeated = families.duplicated(keep="first").to_numpy()
    return tuple(frame.index[~repeated]), tuple(frame.index[repeated])
