"""The held-out measure of a fold, one block left out or replaced, CCA fitted anew in the training rows each time."""

# ruff: noqa: F722

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from fusion.arrays import Matrix
from fusion.attribution.measure import Measure
from fusion.attribution.parts import FoldParts, Part
from fusion.cca.exact import leading_pairs, make_basis
from fusion.cross_validation.fold_embedding import FoldEmbedding

Stacked: TypeAlias = NDArray[np.float64]
"""Matrices of all draws, [n_draws, n_rows, n_columns]."""
RELATIVE_JITTER = 1e-12
"""Added to the diagonal of a Gram matrix, relative to it: a block put in another's place may leave an axis empty."""


def held_out(fold: FoldEmbedding, scores: Matrix, measure: Measure) -> float | None:
    """The measure of one fold by these scores of x, [n_subjects, P]; None if they do not vary in training rows."""
    norms = np.linalg.norm(fold.x[fold.train], axis=0)
    basis = make_basis(scores[fold.train], norms)
    if basis.rank == 0:
        return None
    x, y, _ = leading_pairs(basis.columns.T @ fold.y[fold.train], 1)
    return float(_measured(fold, scores[fold.test] @ (basis.weights @ x), y, measure)[0])


def without(one: FoldParts, block: int, measure: Measure) -> float | None:
    """The measure of one fold without a block: every subject gets the mean of the training rows for it."""
    return held_out(one.fold, one.fold.x - one.parts[block].scores, measure)


def _measured(fold: FoldEmbedding, x_scores: Matrix, y_weights: Matrix, measure: Measure) -> Float64[np.ndarray, " k"]:
    """Turned so that the scores rise with the outcome in the training rows."""
    y_scores = fold.y[fold.test] @ y_weights
    if measure.outcome is not None:
        rises = measure.outcome.values[fold.train] @ fold.y[fold.train]
        turned = np.where(rises @ y_weights < 0, -1.0, 1.0)
        x_scores, y_scores = x_scores * turned, y_scores * turned
    return measure(x_scores, y_scores, fold.test)


@dataclass(frozen=True)
class Replacement:
    """The measure of one fold after other columns took the place of a block's.

    Attributes
    ----------
    fold : FoldEmbedding
        y whitened by the training rows.
    rest : float64 array, shape [n_subjects, P]
        Scores without the block.
    part : Part
        The block.
    measure : Measure
    """

    fold: FoldEmbedding
    rest: Float64[np.ndarray, "n_subjects P"]
    part: Part
    measure: Measure

    @classmethod
    def of(cls, one: FoldParts, block: int, measure: Measure) -> "Replacement":
        """Take a block out once for all that may come in its place."""
        return cls(one.fold, one.fold.x - one.parts[block].scores, one.parts[block], measure)

    def __call__(self, columns: Float64[np.ndarray, "n_subjects n_draws k"]) -> Float64[np.ndarray, " n_draws"]:
        """Measures, [n_draws], of other columns; see `Part`."""
        fold, weights = self.fold, self.part.weights
        grams, products = self._moments(columns[fold.train])
        x_weights, y_weights = _leading_weights(grams, products)
        of_test = np.einsum("ndk,kd->nd", columns[fold.test], weights @ x_weights)
        return _measured(fold, self.rest[fold.test] @ x_weights + of_test, y_weights, self.measure)

    def _moments(self, columns: Float64[np.ndarray, "n_train n_draws k"]) -> tuple[Stacked, Stacked]:
        """X'X and X'Y of the training rows in every draw, [n_draws, P, P] and [n_draws, P, Q]."""
        rest, y, weights = self.rest[self.fold.train], self.fold.y[self.fold.train], self.part.weights
        p = rest.shape[1]
        crossed = np.hstack([rest, y]).T @ columns.reshape(len(rest), -1)
        crossed = crossed.reshape(-1, *columns.shape[1:]).transpose(1, 0, 2)
        stacked = np.ascontiguousarray(columns.transpose(1, 2, 0))
        beside = crossed[:, :p] @ weights
        own = weights.T @ (stacked @ stacked.transpose(0, 2, 1)) @ weights
        grams = rest.T @ rest + beside + beside.transpose(0, 2, 1) + own
        grams[:, np.arange(p), np.arange(p)] *= 1 + RELATIVE_JITTER
        return grams, rest.T @ y + (crossed[:, p:] @ weights).transpose(0, 2, 1)


def _leading_weights(grams: Stacked, products: Stacked) -> tuple[Matrix, Matrix]:
    """First canonical weights in every draw, [P, n_draws] and [Q, n_draws]; Y'Y is the identity."""
    factors = np.linalg.cholesky(grams)
    whitened = np.linalg.solve(factors, products)
    turned = whitened.transpose(0, 2, 1)
    if whitened.shape[2] <= whitened.shape[1]:
        y = np.linalg.eigh(turned @ whitened)[1][..., -1:]
        x = whitened @ y
    else:
        x = np.linalg.eigh(whitened @ turned)[1][..., -1:]
        y = turned @ x
        y /= np.maximum(np.linalg.norm(y, axis=1, keepdims=True), np.finfo(float).tiny)
    return np.linalg.solve(factors.transpose(0, 2, 1), x)[..., 0].T, y[..., 0].T
