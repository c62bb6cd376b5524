"""Training and test subjects of every fold, and the inner folds in which a model makes its choices."""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from fusion.cross_validation.folds import Folds, folds_of
from fusion.errors import InputError
from fusion.prediction.outcome import InnerFolds, NotDefinedError, Outcome


@dataclass(frozen=True, eq=False)
class Split:
    """One outer fold.

    Attributes
    ----------
    train, test : int array
        Rows of the cohort whose outcome is known.
    inner : sequence of (train, test)
        Inner folds, as positions in `train`.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    inner: InnerFolds


def make_splits(
    folds: Folds,
    outcome: Outcome,
    known: Bool[np.ndarray, " n_subjects"],
    *,
    inner_splits: int = 3,
    random_state: int = 0,
) -> list[Split]:
    """Outer folds among the subjects whose outcome is known, with inner folds that keep together what these do.

    Parameters
    ----------
    folds : Folds
        Of the whole cohort.
    outcome : Outcome
        Of the whole cohort; inner folds balance its classes.
    known : bool array, shape [n_subjects]
        Whose outcome is known.
    inner_splits, random_state : int

    Raises
    ------
    NotDefinedError
        A training set lacks a class, or is too small for inner folds.
    """
    splits = []
    for train, test in folds:
        kept, held = train[known[train]], test[known[test]]
        if len(held) == 0:
            continue  # a fold in which no outcome is known tests nobody
        splits.append(Split(kept, held, _inner(folds, outcome, kept, inner_splits, random_state)))
    if not splits:
        raise NotDefinedError("no fold holds a subject whose outcome is known")
    return splits


def _inner(folds: Folds, outcome: Outcome, train: NDArray[np.intp], n_splits: int, seed: int) -> InnerFolds:
    relations, part = folds.relations.take(train), outcome.take(train)
    if part.classes:
        relations = replace(relations, strata=part.codes)
    try:
        inner: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]] = list(folds_of(relations, n_splits, seed))
    except InputError:
        raise NotDefinedError(f"the training subjects of a fold are too few for {n_splits} inner folds") from None
    for rows in (np.arange(len(train)), *(kept for kept, _ in inner)):
        check_varies(part.take(rows))
    return inner


def check_varies(part: Outcome) -> None:
    """Raise a `NotDefinedError` if training subjects lack a class, or all have one number."""
    if not part.classes:
        if np.ptp(part.values) == 0:
            raise NotDefinedError("the outcome does not vary among the training subjects of a fold")
        return
    counts = np.bincount(part.codes, minlength=len(part.classes))
    if (counts == 0).any():
        lacking = part.classes[int(counts.argmin())]
        raise NotDefinedError(f"class '{lacking}' is missing among the training subjects of a fold or an inner fold")
