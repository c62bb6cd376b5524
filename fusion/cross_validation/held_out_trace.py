"""The held-out Pillai trace: what all dimensions together find again in the test rows of a fold.

The whitened cross-product of the training rows, entry by entry times that of the test rows, estimates the sum of the
squared canonical correlations without the bias of fitting and testing in one sample: noise has mean zero. It sees many
weak links that no single component can show.

With confounds, permuted Theil residuals are residualised by the training rows before they meet the test rows of y; that
is linear in the residuals, so its adjoint goes to y once instead of to x in every permutation.
"""

from dataclasses import dataclass, replace

import numpy as np

from fusion import lapack
from fusion.arrays import Floats, Matrix, Positions
from fusion.cross_validation.fold_embedding import FoldEmbedding
from fusion.cross_validation.fold_product import FoldProduct, products_of_stack
from fusion.parallel import stack_size
from fusion.permutation.exchangeability import Permutation
from fusion.permutation.projections import Theil


@dataclass(frozen=True)
class HeldOutTrace:
    """Pillai's trace of one fold, trained on its training rows and read in its test rows.

    Attributes
    ----------
    rows : float array, shape [n_rows, rank_x]
        What is permuted, as in `FoldProduct`.
    test : int array
        Positions of the test rows among `rows`.
    y : float array, shape [n_test, rank_y]
        Centred test rows of y, at `test`.
    thin : float array, shape [n_rows, k]
        Nuisance that the permuted rows meet; no columns without confounds.
    weights : float64 array, shape [k, rank_y]
    still : float64 array, shape [rank_x, rank_y]
        Product of what no permutation moves.
    unit : float
        From products to squared correlations.
    """

    rows: Floats
    test: Positions
    y: Floats
    thin: Floats
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
            Of the same fold.
        theil : Theil or None
            None without confounds.
        """
        y = fold.y[fold.test] - fold.y[fold.test].mean(axis=0)
        unit = fold.n_effective / (len(fold.test) - 1)
        if theil is None or fold.nuisance is None:
            nothing = np.zeros((len(fold.x), 0)), np.zeros((0, y.shape[1])), np.zeros(fold.widths)
            return cls(fold.x, fold.test, y, *nothing, unit)
        adjoint = np.zeros((len(fold.y), y.shape[1]))
        adjoint[fold.test] = y
        of_nuisance = fold.nuisance[fold.test].T @ y
        adjoint[fold.train] = -fold.nuisance[fold.train] @ of_nuisance
        position = np.full(len(fold.y), -1)
        position[theil.kept] = np.arange(len(theil.kept))
        tested = fold.test[position[fold.test] >= 0]
        trained = np.isin(theil.kept, fold.train)
        thin = np.hstack([np.where(trained[:, np.newaxis], fold.nuisance[theil.kept], 0.0), theil.nuisance[theil.kept]])
        weights = np.vstack([-of_nuisance, theil.adjoint_weights(adjoint)])
        made = cls(product.rows, position[tested], adjoint[tested], thin, weights, np.zeros(fold.widths), unit)
        moving = made.cross_product(np.arange(len(theil.kept)))
        return replace(made, still=np.asarray(fold.x[fold.test].T @ y - moving))

    def in_float32(self, product: FoldProduct) -> "HeldOutTrace":
        """The same with everything that has the length of the rows in float32, the rows those of such a product."""
        y, thin = (part.astype(np.float32) for part in (self.y, self.thin))
        return replace(self, rows=product.rows, y=y, thin=thin)

    def cross_product(self, permutation: Permutation) -> Matrix:
        """Product of the permuted test rows of x with those of y, [..., rank_x, rank_y]."""
        found = self._product(permutation[..., self.test], self.y) + self.still
        if self.thin.shape[1]:
            found += self._product(permutation, self.thin) @ self.weights
        return np.asarray(found)

    def _product(self, permuted: Permutation, partner: Floats) -> Matrix:
        (found,) = products_of_stack(self.rows, permuted, partner, at_once=stack_size(self.rows.size))
        return np.asarray(found.astype(np.float64, copy=False))

    def __call__(self, permutation: Permutation, product: Floats, factor: Floats | None) -> Matrix:
        """Trace under a permutation, or under each of a stack, [...].

        Parameters
        ----------
        permutation : int array, shape [..., n_rows]
        product, factor : float arrays
            What `FoldProduct` gives for it.
        """
        tested = self.cross_product(permutation)
        if factor is not None:  # the training rows' Gram matrix whitens both
            product, tested = (lapack.solve_lower(factor, part) for part in (product, tested))
        return np.asarray(self.unit * np.einsum("...ij,...ij->...", product, tested))
