"""The held-out Pillai trace: what all dimensions together find again in the test rows of a fold.

The whitened cross-product of the training rows, entry by entry times that of the test rows, estimates the sum of the
squared canonical correlations without the bias of fitting and testing in one sample: noise has mean zero. It sees many
weak links that no single component can show.

With confounds, permuted Theil residuals are residualised by the training rows before they meet the test rows of y; that
is linear in the residuals, so its adjoint goes to y once instead of to x in every permutation.
"""

from dataclasses import dataclass, replace

import numpy as np

from fusion.arrays import Matrix
from fusion.cross_validation.fold_embedding import FoldEmbedding
from fusion.cross_validation.fold_product import FoldProduct, Moments, WhitenedMoments
from fusion.permutation.projections import Theil


@dataclass(frozen=True)
class HeldOutTrace:
    """Pillai's trace of one fold, trained on its training rows and read in its test rows.

    Attributes
    ----------
    weights : float64 array, shape [2 rank, rank_y]
        Of the nuisance that the permuted rows meet; no rows without confounds.
    still : float64 array, shape [rank_x, rank_y]
        Product of what no permutation moves.
    unit : float
        From products to squared correlations.
    """

    weights: Matrix
    still: Matrix
    unit: float

    @classmethod
    def of(cls, fold: FoldEmbedding, product: FoldProduct, theil: Theil | None) -> "HeldOutTrace":
        """Prepare a whitened fold.

        Parameters
        ----------
        fold : FoldEmbedding
        product : FoldProduct
            Of the same fold, whose permuted test rows are multiplied with `centred_test_rows`.
        theil : Theil or None
            None without confounds.
        """
        y = centred_test_rows(fold)
        unit = fold.n_effective / (len(fold.test) - 1)
        nothing_moves = np.zeros(fold.widths)
        if theil is None or fold.nuisance is None:
            return cls(np.zeros((0, y.shape[1])), nothing_moves, unit)
        of_nuisance = fold.nuisance[fold.test].T @ y
        adjoint = np.zeros((len(fold.y), y.shape[1]))
        adjoint[fold.test] = y
        adjoint[fold.train] = -fold.nuisance[fold.train] @ of_nuisance
        made = cls(np.vstack([theil.adjoint_weights(adjoint), -of_nuisance]), nothing_moves, unit)
        moving = made.cross_product(product.moments(np.arange(len(theil.kept))))
        return replace(made, still=np.asarray(fold.x[fold.test].T @ y - moving))

    def cross_product(self, moments: Moments) -> Matrix:
        """Product of the permuted test rows of x with those of y, [..., rank_x, rank_y]."""
        return np.asarray(moments.tested + moments.of_thin @ self.weights + self.still)

    def __call__(self, moments: Moments, whitened: WhitenedMoments) -> Matrix:
        """Trace under a permutation, or under each of a stack, [...].

        Parameters
        ----------
        moments : Moments
        whitened : WhitenedMoments
            Of the same permutations: the training rows' Gram matrix whitens both products.
        """
        tested = whitened.whiten(self.cross_product(moments).astype(whitened.product.dtype, copy=False))
        return np.asarray(self.unit * np.einsum("...ij,...ij->...", whitened.product, tested, dtype=np.float64))


def centred_test_rows(fold: FoldEmbedding) -> Matrix:
    """Test rows of y less their mean, [n_test, rank_y]."""
    return np.asarray(fold.y[fold.test] - fold.y[fold.test].mean(axis=0))
