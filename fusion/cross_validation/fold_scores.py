"""Scores of every fold's own fit, nothing permuted: held out, and of all subjects."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fusion.arrays import Matrix
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
        x_weights, y_weights, _ = leading_pairs(training_product(fold), n_components)
        loadings = fold.y_loadings @ y_weights
        if not of_all:
            first = loadings
        signs = matching_signs(loadings.T @ first)
        of_all.append((fold.x @ (x_weights * signs), fold.y @ (y_weights * signs)))
    return FoldScores(of_all)
