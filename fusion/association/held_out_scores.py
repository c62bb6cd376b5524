"""Held-out scores of several folds as one column: each fold's model has its own unit, and its own zero."""

# ruff: noqa: F722

from typing import Literal

import numpy as np
from jaxtyping import Int64

from fusion.arrays import Matrix, Scores
from fusion.cca.base import VANISHED

Side = Literal["genes", "brain", "average", "product"]


def align_folds(scores: Scores, assignments: Int64[np.ndarray, " n_subjects"]) -> Scores:
    """Scores in standard deviations from the mean of their fold's test subjects; 0 where these do not vary.

    Signs are those that `fusion.cross_validated_cca` matched already, by the loadings of y.

    Parameters
    ----------
    scores : float64 array, shape [n_subjects, K]
        From the fold in which a subject was held out.
    assignments : int array, shape [n_subjects]

    Examples
    --------
    >>> import numpy as np
    >>> align_folds(np.array([[1.0], [3.0], [10.0], [30.0]]), np.array([0, 0, 1, 1])).ravel().tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    found = np.zeros_like(scores)
    for fold in np.unique(assignments):
        rows = np.flatnonzero(assignments == fold)
        centred = scores[rows] - scores[rows].mean(axis=0)
        spread = centred.std(axis=0)
        varies = spread > VANISHED * np.abs(scores[rows]).max(axis=0)
        found[rows] = np.where(varies, centred / np.where(varies, spread, 1.0), 0.0)
    return found


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
