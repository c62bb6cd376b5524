"""The held-out measure of a fold, one block left out or replaced, CCA fitted anew in the training rows each time."""

# ruff: noqa: F722

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix
from fusion.attribution.measure import Measure
from fusion.attribution.parts import FoldParts
from fusion.cca.exact import leading_pairs, make_basis
from fusion.cross_validation.fold_embedding import FoldEmbedding


def held_out(fold: FoldEmbedding, scores: Matrix, measure: Measure) -> float | None:
    """The measure of one fold by these scores of x, [n_subjects, P]; None if they do not vary in training rows."""
    norms = np.linalg.norm(fold.x[fold.train], axis=0)
    basis = make_basis(scores[fold.train], norms)
    if basis.rank == 0:
        return None
    x, y, _ = leading_pairs(basis.columns.T @ fold.y[fold.train], 1)
    return float(measured(fold, scores[fold.test] @ (basis.weights @ x), y, measure)[0])


def without(one: FoldParts, block: int, measure: Measure) -> float | None:
    """The measure of one fold without a block: every subject gets the mean of the training rows for it."""
    return held_out(one.fold, one.fold.x - one.parts[block].scores, measure)


def measured(fold: FoldEmbedding, x_scores: Matrix, y_weights: Matrix, measure: Measure) -> Float64[np.ndarray, " k"]:
    """Turned so that the scores rise with the outcome in the training rows."""
    y_scores = fold.y[fold.test] @ y_weights
    if measure.outcome is not None:
        rises = measure.outcome.values[fold.train] @ fold.y[fold.train]
        turned = np.where(rises @ y_weights < 0, -1.0, 1.0)
        x_scores, y_scores = x_scores * turned, y_scores * turned
    return measure(x_scores, y_scores, fold.test)
