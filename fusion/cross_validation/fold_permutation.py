"""Held-out correlations of a fold under permutation of one view, valid in the presence of confounds.

Without confounds, rows of a view are exchangeable under the null, and a permutation inside folds leaves every fold's
fit of each view as it is. With confounds, residuals are not: those of test rows share the error of the training rows'
coefficients, and those of training rows live in fewer dimensions; shuffling them is liberal (11 % at 5 % with 20
confounds and 60 subjects). Then Theil's residuals of the whole cohort are permuted, brought back to subjects, and
residualised again by every training fold, so that permuted data go the way of the observed ones.
"""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from fusion.arrays import Floats, Matrix
from fusion.cca.base import paired_correlations
from fusion.cca.exact import leading_pairs
from fusion.cross_validation.fold_embedding import FoldEmbedding
from fusion.cross_validation.fold_null import FoldStatistics
from fusion.cross_validation.fold_product import FoldProduct, Moments, WhitenedMoments, fixed_complement
from fusion.cross_validation.folds import Folds
from fusion.cross_validation.held_out_trace import HeldOutTrace, centred_test_rows
from fusion.permutation.exchangeability import Blocks, Permutation
from fusion.permutation.permutations import PermutationSet, make_permutations, take_permutations
from fusion.permutation.projections import Theil, keep_rows, nuisance_basis


@dataclass(frozen=True)
class Exchange:
    """What changes places, inside folds and blocks: the same in every fold.

    Attributes
    ----------
    permutations : PermutationSet
        Of subjects, or of the rows of `theil`.
    theil : Theil or None
        None without confounds.
    complement : float64 array, shape [n_subjects, n_fixed]
        Of `fusion.cross_validation.fold_product.fixed_complement`.
    """

    permutations: PermutationSet
    theil: Theil | None
    complement: Matrix

    @classmethod
    def of(
        cls,
        confounds: Matrix | None,
        folds: Folds,
        *,
        blocks: Blocks | None,
        n_permutations: int,
        random_state: int | None,
    ) -> "Exchange":
        """Choose what is permuted.

        Parameters
        ----------
        confounds : float64 array, shape [n_subjects, n_confounds], optional
            Of the whole cohort; used for the null distribution only.
        folds : Folds
        blocks : Blocks, optional
        n_permutations, random_state : int
        """
        assignments: NDArray[np.int64] = folds.assignments
        theil, complement = None, np.zeros((len(assignments), 0))
        if confounds is not None:
            nuisance = nuisance_basis(len(assignments), confounds)
            theil = Theil(nuisance, keep_rows(nuisance, None if blocks is None else blocks.units))
            complement = fixed_complement(theil)
            assignments = assignments[theil.kept]
            blocks = None if blocks is None else blocks.take(theil.kept)
        permutations = make_permutations(
            len(assignments), n_permutations, blocks=blocks, within=assignments, random_state=random_state
        )
        return cls(permutations.drawn(), theil, complement)

    def product(self, fold: FoldEmbedding, tested: Matrix | None = None) -> FoldProduct:
        """What gives a whitened fold's products.

        Parameters
        ----------
        fold : FoldEmbedding
        tested : float64 array, shape [n_test, k], optional
            What permuted test rows are multiplied with.
        """
        columns = np.zeros((len(fold.test), 0)) if tested is None else tested
        if self.theil is None or fold.nuisance is None:
            return FoldProduct.without_confounds(fold, columns)
        return FoldProduct.of_residuals(fold, fold.nuisance, self.theil, self.complement, columns)


@dataclass(frozen=True)
class FoldTest(FoldStatistics):
    """Held-out correlations of one fold after permutation ``index``, [n_components]; picklable.

    With `trace`, the held-out Pillai trace stands in a last column. In float32, all are NaN where components are so
    nearly tied that they might be taken for one another.

    Attributes
    ----------
    product : FoldProduct
    y : float64 array, shape [n_test, rank_y]
        Test rows, whitened.
    permutations : PermutationSet
    n_components : int
    trace : HeldOutTrace or None
    """

    product: FoldProduct
    y: Matrix
    permutations: PermutationSet
    n_components: int
    trace: HeldOutTrace | None

    @classmethod
    def of(cls, fold: FoldEmbedding, exchange: Exchange, n_components: int, *, with_trace: bool = False) -> "FoldTest":
        """Prepare a whitened fold.

        Parameters
        ----------
        fold : FoldEmbedding
        exchange : Exchange
        n_components : int
        with_trace : bool
            Compute the held-out Pillai trace as well.
        """
        product = exchange.product(fold, centred_test_rows(fold) if with_trace else None)
        trace = HeldOutTrace.of(fold, product, exchange.theil) if with_trace else None
        return cls(product, fold.y[fold.test], exchange.permutations, n_components, trace)

    @property
    def at_once(self) -> int:
        """Permutations worth taking together."""
        return self.product.at_once

    def drawn(self, indices: Sequence[int]) -> Sequence[Permutation]:
        """Permutations, [n_indices, n_rows]."""
        return (take_permutations(self.permutations, indices),)

    def in_float32(self) -> "FoldTest":
        """The same in half the memory and half the time."""
        return replace(self, product=self.product.in_float32())

    def statistics(self, drawn: Sequence[Permutation]) -> Float64[np.ndarray, "n_indices n_statistics"]:
        """Correlations and trace of every permutation."""
        (permutation,) = drawn
        moments = self.product.moments(permutation)
        whitened = self.product.whitened(moments)
        weights = self.weights(whitened)
        x_scores = self.product.test_scores(permutation, weights.x, moments.of_thin)
        return self.read(x_scores, weights, moments, whitened)

    def weights(self, whitened: WhitenedMoments) -> "Weights":
        """Of the leading components of permuted training rows."""
        left, right, is_tied = leading_pairs(whitened.product, self.n_components)
        return Weights(whitened.weights(left), np.ascontiguousarray(right[..., ::-1, :]), is_tied)

    def read(
        self, x_scores: Floats, weights: "Weights", moments: Moments, whitened: WhitenedMoments
    ) -> Float64[np.ndarray, "n_indices n_statistics"]:
        """`statistics` from the scores of the permuted test rows of x, [n_indices, n_test, n_components]."""
        found = paired_correlations(x_scores, self.y @ weights.y)
        if self.trace is not None:
            found = np.concatenate([found, self.trace(moments, whitened)[..., np.newaxis]], axis=-1)
        if self.product.rows.dtype == np.float64:
            return np.asarray(found)
        return np.where(weights.is_tied[..., np.newaxis], np.nan, found)


@dataclass(frozen=True)
class Weights:
    """Leading canonical weights of a fold, [..., rank_x, n_components] and [..., rank_y, n_components]."""

    x: Floats
    y: Floats
    is_tied: NDArray[np.bool_]
