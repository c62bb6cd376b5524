"""What a method of alignment is: it learns scores of two views from training rows, for many permutations at once."""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Positions
from fusion.cross_validation.folds import Folds, folds_of
from fusion.errors import InputError
from fusion.permutation.relations import Relations

Permuted: TypeAlias = Float64[np.ndarray, "n_permutations n_subjects P"]
"""One view after every permutation of a portion."""
ScoreStack: TypeAlias = Float64[np.ndarray, "n_permutations n_subjects K"]
"""Scores of all subjects in each of them."""


@dataclass(frozen=True)
class LearningRows:
    """Rows that a method may learn from, and how it may judge its choices among them.

    Attributes
    ----------
    train : int array, shape [n_train]
    inner : sequence of (int array, int array)
        Rows to fit and rows to judge by, both of `train`; what belongs together is parted by none.
    seed : int
        Of whatever the method draws: the same in every permutation.
    """

    train: Int64[np.ndarray, " n_train"]
    inner: Sequence[tuple[Positions, Positions]]
    seed: int


@runtime_checkable
class Method(Protocol):
    """Two views to paired scores; the first pair is the first component."""

    def __call__(
        self, x: Permuted, y: Float64[np.ndarray, "n_subjects Q"], rows: LearningRows
    ) -> tuple[ScoreStack, ScoreStack]:
        """Learn from the training rows of every permutation by itself, and score all rows.

        Parameters
        ----------
        x : float64 array, shape [n_permutations, n_subjects, P]
            Unit variance in the training rows.
        y : float64 array, shape [n_subjects, Q]
            The view that no permutation moves, whitened in the training rows.
        rows : LearningRows

        Returns
        -------
        pair of float64 array, shape [n_permutations, n_subjects, K]
            Paired by column, each column weighted by what it counts for likeness: subjects find their partner by the
            cosine of the two rows.
        """
        ...


def make_learning_rows(train: Positions, relations: Relations, *, inner_splits: int, seed: int) -> LearningRows:
    """Inner folds of training rows that keep together what belongs together.

    Raises
    ------
    InputError
        Too few training rows for the inner folds.
    """
    try:
        inner: Folds = folds_of(relations.take(train), inner_splits, seed)
    except InputError as error:
        raise InputError(
            f"Methods that choose by {inner_splits} inner folds need more subjects: the training rows are "
            f"{len(train)}, and {error} Lower the number of inner folds."
        ) from None
    return LearningRows(train, [(train[fit], train[judged]) for fit, judged in inner], seed)
