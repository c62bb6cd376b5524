"""Scores of every fold's own fit, nothing permuted: held out, and of all subjects."""

# ruff: noqa: F722

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from fusion.arrays import Matrix, Scores
from fusion.cca.base import VANISHED
from fusion.cca.exact import leading_pairs
from fusion.cca.matching import matching_signs
from fusion.cross_validation.fold_embedding import FoldEmbedding, training_product
from fusion.cross_validation.folds import Folds


@dataclass(frozen=True)
class FoldScores:
    """Scores by the weights of every fold, the signs of their components those of the first.

    Attributes
    ----------
    of_all : list of pairs of float64 arrays, shape [n_subjects, n_components]
        Of x and y, by each fold; training rows have unit length.
    """

    of_all: list[tuple[Matrix, Matrix]]

    def held_out(self, folds: Folds) -> tuple[Matrix, Matrix]:
        """Every subject's scores from the fold that it was held out of, in standard deviations of training rows."""
        held_out = tuple(np.empty_like(scores) for scores in self.of_all[0])
        for (train, test), scores in zip(folds, self.of_all, strict=True):
            for into, one in zip(held_out, scores, strict=True):
                into[test] = one[test] * np.sqrt(len(train) - 1)
        return held_out[0], held_out[1]


def observed_scores(folds: Iterable[FoldEmbedding], n_components: int) -> FoldScores:
    """Fit every whitened fold and score all subjects, in test and training rows.

    Parameters
    ----------
    folds : iterable of FoldEmbedding
    n_components : int
    """
    of_all: list[tuple[Matrix, Matrix]] = []
    first = np.empty((0, 0))
    for fold in folds:
        x_weights, y_weights, _ = leading_pairs(training_product(fold.x, fold.y, fold.train), n_components)
        loadings = fold.y_loadings @ y_weights
        if not of_all:
            first = loadings
        signs = matching_signs(loadings.T @ first)
        of_all.append((fold.x @ (x_weights * signs), fold.y @ (y_weights * signs)))
    return FoldScores(of_all)


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
    >>> from fusion.association import align_folds
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
