"""Held-out scores of several folds as one column: each fold's model has its own unit, and its own zero."""

# ruff: noqa: F722

from typing import Literal

import numpy as np
from jaxtyping import Int64

from fusion.arrays import Matrix, Scores
from fusion.cross_validation.fold_scores import align_folds as align_folds

Side = Literal["genes", "brain", "average", "product"]


def combine_scores(side: Side, x: Scores, y: Scores, assignments: Int64[np.ndarray, " n_subjects"]) -> Scores:
    """One score a subject and component: of genes, of the brain, the average of both, or their product.

    The average is what both sides say of a subject; the product is the subject's own part in their correlation, large
    where both deviate in one direction.

    Parameters
    ----------
    side : {"genes", "brain", "average", "product"}
    x, y : float64 array, shape [n_subjects, K]
        Held-out scores of genes and brain.
    assignments : int array, shape [n_subjects]
        Folds.
    """
    genes, brain = align_folds(x, assignments), align_folds(y, assignments)
    if side in ("genes", "brain"):
        return genes if side == "genes" else brain
    both: Matrix = (genes + brain) / 2 if side == "average" else genes * brain
    return align_folds(both, assignments)
