"""Folds that never split a group, balance strata, and can be named by a hash."""

# ruff: noqa: F722

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from fusion.arrays import LabelsLike, Positions, ViewLike
from fusion.errors import InputError
from fusion.permutation.relations import Relations
from fusion.subject_rows import RowIds, row_ids

SMALLEST_FOLD = 4
"""Fewer test rows than this make a held-out correlation meaningless."""


@dataclass(frozen=True, eq=False, init=False)
class Folds:
    """Which fold every subject is tested in.

    Attributes
    ----------
    assignments : int array, shape [n_subjects]
        0 .. n_splits - 1.
    relations : Relations
        Who belongs together among these subjects, as far as the folds were told.
    """

    assignments: Int64[np.ndarray, " n_subjects"]
    relations: Relations

    def __init__(self, assignments: LabelsLike, relations: Relations | None = None) -> None:
        given = np.asarray(assignments)
        if given.ndim != 1 or given.size == 0 or given.dtype.kind not in "iu" or given.min() < 0:
            raise InputError("Folds need one fold number (0, 1, ...) per subject.")
        sizes = np.bincount(given)
        if len(sizes) < 2 or sizes.min() < SMALLEST_FOLD:
            raise InputError(
                f"Folds need at least 2 folds of at least {SMALLEST_FOLD} subjects; got sizes {sizes.tolist()}."
            )
        object.__setattr__(self, "assignments", given.astype(np.int64))
        object.__setattr__(self, "relations", relations or Relations(len(given), row_ids=row_ids(assignments)))

    @property
    def row_ids(self) -> RowIds | None:
        """Ids of the subjects, if the folds were made of something that carries them."""
        return self.relations.row_ids

    @property
    def n_splits(self) -> int:
        """Number of folds."""
        return int(self.assignments.max()) + 1

    @property
    def sha256(self) -> str:
        """Hash of the assignments (little-endian int32, in row order)."""
        return hashlib.sha256(self.assignments.astype("<i4").tobytes()).hexdigest()

    def __iter__(self) -> Iterator[tuple[Positions, Positions]]:
        """Yield training and test rows of every fold."""
        for fold in range(self.n_splits):
            tested = self.assignments == fold
            yield np.flatnonzero(~tested), np.flatnonzero(tested)

    def __len__(self) -> int:
        return self.n_splits


def make_folds(
    n_subjects: int | ViewLike,
    n_splits: int = 5,
    *,
    groups: LabelsLike | None = None,
    stratify: LabelsLike | None = None,
    random_state: int | None = None,
) -> Folds:
    """Assign subjects to folds.

    Units (groups, or single subjects) are shuffled, and the largest first go to the fold that has least of what they
    bring.

    Parameters
    ----------
    n_subjects : int, or view, frame, array
        Their number, or a table of them, which labels with ids are held against.
    n_splits : int
    groups : array of labels, shape [n_subjects], optional
        Families, sites: never split.
    stratify : array of labels, shape [n_subjects], optional
        Balanced over folds as far as groups allow.
    random_state : int, optional

    Raises
    ------
    InputError
        If there are too few subjects or groups (the message names the legal numbers of folds), or labels are those of
        other subjects.

    Examples
    --------
    >>> import numpy as np
    >>> folds = make_folds(37, 5, random_state=0)
    >>> np.bincount(folds.assignments).tolist()
    [8, 8, 7, 7, 7]
    """
    relations = Relations.of(n_subjects, groups=groups, stratify=stratify)
    return folds_of(relations, n_splits, random_state)


def folds_of(relations: Relations, n_splits: int, random_state: int | None) -> Folds:
    """Folds that keep together what belongs together and balance strata; see `make_folds`."""
    units = relations.clusters
    strata = np.zeros(relations.n_subjects, dtype=np.int64) if relations.strata is None else relations.strata
    if n_splits < 2:
        raise InputError(f"n_splits must be at least 2; got {n_splits}.")
    assignments = _assign(units, strata, n_splits, random_state)
    if _smallest(assignments, n_splits) < SMALLEST_FOLD:
        raise InputError(_explain(units, strata, n_splits, random_state))
    return Folds(assignments, relations)


def _assign(
    units: NDArray[np.int64], strata: NDArray[np.int64], n_splits: int, random_state: int | None
) -> NDArray[np.int64]:
    members = np.zeros((int(units.max()) + 1, int(strata.max()) + 1))
    np.add.at(members, (units, strata), 1)
    shares = members / members.sum(axis=0)
    order = np.random.default_rng(random_state).permutation(len(members))
    order = order[np.argsort(-members[order].sum(axis=1), kind="stable")]
    load, size = np.zeros((n_splits, members.shape[1])), np.zeros(n_splits)
    fold_of = np.empty(len(members), dtype=np.int64)
    for unit in order:
        crowding = load @ members[unit]
        fold = np.lexsort((size, crowding.round(12)))[0]
        fold_of[unit] = fold
        load[fold] += shares[unit]
        size[fold] += members[unit].sum()
    return fold_of[units]


def _smallest(assignments: NDArray[np.int64], n_splits: int) -> int:
    return int(np.bincount(assignments, minlength=n_splits).min())


def _explain(units: NDArray[np.int64], strata: NDArray[np.int64], n_splits: int, random_state: int | None) -> str:
    n_units = int(units.max()) + 1
    legal = [
        k
        for k in range(2, min(n_splits - 1, n_units, len(units) // SMALLEST_FOLD) + 1)
        if _smallest(_assign(units, strata, k, random_state), k) >= SMALLEST_FOLD
    ]
    remedy = f"legal n_splits: {legal[0]}..{legal[-1]}" if legal else "no number of folds is legal: use coarser groups"
    return (
        f"{n_splits} folds need as many groups and at least {SMALLEST_FOLD} subjects in each fold; got {n_units} "
        f"groups of {len(units)} subjects: {remedy}."
    )
