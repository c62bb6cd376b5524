"""A fold's whitened product of permuted training rows, for the cost of one matrix product.

With confounds, permuted Theil residuals Q P Q'x are residualised again by the training rows. Nothing of that needs the
permuted rows themselves. Up to the nuisance, Q v is v at the kept rows and -N_d F N'v at the rows left out, so the
product with y takes v and few columns more; and since no exchange crosses a fold, v'v of the training rows is the same
for every permutation, so that their Gram matrix changes by terms of the nuisance's rank. Where more rows are left out
than the nuisance has columns (whole families), x has a part outside Q that stays in place: U U'x.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from fusion import lapack
from fusion.arrays import Floats, Matrix, Positions
from fusion.cross_validation.fold_embedding import FoldEmbedding
from fusion.cross_validation.moved_columns import MovedResiduals
from fusion.parallel import stack_size
from fusion.permutation.exchangeability import Permutation
from fusion.permutation.projections import Theil
from fusion.permutation.statistics import permuted_products


@dataclass(frozen=True)
class ResidualTerms:
    """What Theil residuals add to a fold's product, in arrays as thin as the nuisance.

    Attributes
    ----------
    gram : float64 array, shape [rank_x, rank_x]
        X'X but for the terms that change.
    product : float64 array, shape [rank_x, rank_y]
        X'Y of the part that stays in place.
    fixed : float64 array, shape [n_fixed, rank_x]
        U'x.
    test_nuisance : float array, shape [n_test, rank]
        Of the cohort, at the test rows.
    spread : float64 array, shape [rank, rank]
        From the training rows' nuisance to the cohort's: N_train = N_t spread.
    left_out : float64 array, shape [n_left_out, rank]
        -N_d F of the training rows without a Theil residual.
    left_out_partners : float64 array, shape [n_left_out, rank_y + rank + n_fixed]
    complement : float64 array, shape [n_subjects, n_fixed]
        U without the fold's nuisance, zero at its test rows.
    """

    gram: Matrix
    product: Matrix
    fixed: Matrix
    test_nuisance: Floats
    spread: Matrix
    left_out: Matrix
    left_out_partners: Matrix
    complement: Matrix


@dataclass(frozen=True)
class Moments:
    """Products over the training rows, of one permutation or a stack.

    X'Y [..., rank_x, rank_y], X'X or None where it is the identity, and X' with what was asked for beside.
    """

    product: Matrix
    gram: Matrix | None
    beside: Matrix


@dataclass(frozen=True)
class FoldProduct:
    """X'Y and the Cholesky factor of X'X over the training rows of a fold whose x is permuted.

    Permutations come one by one, [n_rows], or as a stack, [..., n_rows]: of small folds, what surrounds the products
    takes longer than they do, and a stack takes it once. Every member has the bits that it has alone.

    Attributes
    ----------
    rows : float array, shape [n_rows, rank_x]
        What is permuted: x, or its Theil residuals.
    train, test : int arrays
        Positions of the fold's training and test rows among `rows`.
    partners : float array, shape [n_train, rank_y + rank + n_fixed]
        At `train`: y, the training rows' orthonormal nuisance, and U.
    rank_y : int
    test_x : float64 array, shape [n_test, rank_x]
        x of the fold's test rows.
    test_change : MovedResiduals or None
        Of the test rows; None without confounds.
    terms : ResidualTerms or None
        None without confounds, when X'X is the identity.
    n_subjects : int
        Of the cohort.
    kept, left_out : int arrays
        Training subjects at `train`, and those without a row of their own.
    """

    rows: Floats
    train: Positions
    test: Positions
    partners: Floats
    rank_y: int
    test_x: Matrix
    test_change: MovedResiduals | None
    terms: ResidualTerms | None
    n_subjects: int
    kept: Positions
    left_out: Positions

    @classmethod
    def without_confounds(cls, fold: FoldEmbedding) -> "FoldProduct":
        """Without confounds: rows of x change places as they are."""
        sizes = fold.widths[1], fold.x[fold.test], None, None, len(fold.x)
        return cls(
            np.ascontiguousarray(fold.x), fold.train, fold.test, fold.y[fold.train], *sizes, fold.train, fold.train[:0]
        )

    @classmethod
    def of_residuals(cls, fold: FoldEmbedding, nuisance: Matrix, theil: Theil, complement: Matrix) -> "FoldProduct":
        """With confounds: Theil's residuals change places.

        Parameters
        ----------
        fold : FoldEmbedding
            Whitened.
        nuisance : float64 array, shape [n_subjects, rank]
            Of the fold.
        theil : Theil
        complement : float64 array, shape [n_subjects, n_fixed]
            U: orthonormal, outside both the cohort's nuisance and the space of the residuals.
        """
        position = np.full(len(fold.x), -1)
        position[theil.kept] = np.arange(len(theil.kept))
        kept, dropped = (fold.train[(position[fold.train] >= 0) == wanted] for wanted in (True, False))
        tested = fold.test[position[fold.test] >= 0]
        rows, train = np.ascontiguousarray(theil.apply(fold.x)), position[kept]
        own_complement = fold.residualise(complement)
        trained = own_complement.copy()
        trained[fold.test] = 0.0
        partners = np.hstack([fold.y, nuisance, own_complement])
        fixed, of_train = complement.T @ fold.x, own_complement[fold.train]
        terms = ResidualTerms(
            gram=rows[train].T @ rows[train] + fixed.T @ (of_train.T @ of_train) @ fixed,
            product=fixed.T @ (of_train.T @ fold.y[fold.train]),
            fixed=fixed,
            test_nuisance=theil.nuisance[tested],
            spread=nuisance[fold.train].T @ theil.nuisance[fold.train],
            left_out=-theil.nuisance[dropped] @ theil.factor,
            left_out_partners=partners[dropped],
            complement=trained,
        )
        change = MovedResiduals.of(nuisance, fold.train, theil, fold.test)
        sizes = fold.widths[1], fold.x[fold.test], change, terms, len(fold.x)
        return cls(rows, train, position[tested], partners[kept], *sizes, kept, dropped)

    @property
    def at_once(self) -> int:
        """Permutations worth taking as a stack."""
        return stack_size(self.rows.shape[1] * len(self.train))

    def in_float32(self) -> "FoldProduct":
        """The same with everything that has the length of the rows in float32."""
        terms = self.terms
        if terms is not None:
            terms = replace(terms, test_nuisance=terms.test_nuisance.astype(np.float32))
        return replace(self, rows=self.rows.astype(np.float32), partners=self.partners.astype(np.float32), terms=terms)

    def __call__(self, permutation: Permutation) -> tuple[Floats, Floats | None]:
        """X'Y [..., rank_x, rank_y], and the lower Cholesky factor of X'X or None where that is the identity."""
        moments = self.moments(permutation)
        if moments.gram is None:
            return moments.product, None
        factor = lapack.cholesky(moments.gram)
        precision = self.rows.dtype  # of what follows: a triangular solve and a Gram matrix of this size
        return moments.product.astype(precision, copy=False), factor.astype(precision, copy=False)

    def test_scores(self, permutation: Permutation, weights: Matrix) -> Matrix:
        """Scores of the fold's test rows of the permuted x, [..., n_test, k]; weights of shape [..., rank_x, k]."""
        if self.test_change is None:
            place = np.empty(self.n_subjects, dtype=np.int64)
            place[self.test] = np.arange(len(self.test))
            return np.asarray(self.test_x.take(place[permutation[..., self.test]], axis=0) @ weights)
        rows = (self.rows @ weights.astype(self.rows.dtype, copy=False)).astype(np.float64, copy=False)
        moved = np.take_along_axis(rows, permutation[..., np.newaxis], axis=-2)
        return np.asarray(self.test_x @ weights + self.test_change(moved - rows))

    def moments(self, permutation: Permutation, beside: Matrix | None = None) -> "Moments":
        """Products of the permuted training rows.

        Parameters
        ----------
        permutation : int array, shape [..., n_rows]
        beside : float64 array, shape [..., n_subjects, k], optional
            Columns without the fold's nuisance that x is multiplied with as well.
        """
        columns = np.zeros((self.n_subjects, 0)) if beside is None else beside
        kept = columns[..., self.kept, :]
        products = self._products(permutation[..., self.train], self.partners, kept)
        moved, of_beside = (product.astype(np.float64, copy=False) for product in products)
        terms = self.terms
        if terms is None:
            return Moments(moved, None, of_beside)
        nuisance = slice(self.rank_y, self.rank_y + terms.spread.shape[0])
        (of_test,) = self._products(permutation[..., self.test], terms.test_nuisance)
        filled = (moved[..., nuisance] @ terms.spread + of_test) @ terms.left_out.T
        moved += filled @ terms.left_out_partners
        removed, fixed = moved[..., nuisance], moved[..., nuisance.stop :] @ terms.fixed
        gram = terms.gram + filled @ filled.mT - removed @ removed.mT + fixed + fixed.mT
        product = moved[..., : self.rank_y] + terms.product
        of_beside += filled @ columns[..., self.left_out, :] + terms.fixed.T @ (terms.complement.T @ columns)
        return Moments(product, gram, of_beside)

    def _products(self, permuted: Permutation, *partners: Floats) -> list[Floats]:
        """Permuted rows times each of the partners; where they are no stack, no permuted copy of them is made."""
        return products_of_stack(self.rows, permuted, *partners, at_once=self.at_once)


def products_of_stack(rows: Floats, permuted: Permutation, *partners: Floats, at_once: int) -> list[Floats]:
    """``rows[permuted].T @ partner`` of each partner, of one permutation or of a stack.

    Parameters
    ----------
    rows : float array, shape [n_rows, rank]
    permuted : int array, shape [..., n_taken]
    *partners : float arrays, shape [n_taken, k] or [..., n_taken, k]
    at_once : int
        Permutations worth taking together. Where that is one, rows are gathered some at a time: a permuted copy of a
        whole view would leave the cache, and take its memory once more in every worker.
    """
    if at_once > 1:
        gathered = rows.take(permuted, axis=0).mT
        return [gathered @ partner for partner in partners]
    stack = permuted.shape[:-1]
    spread = [np.broadcast_to(partner, (*stack, *partner.shape[-2:])) for partner in partners]
    each = [permuted_products(rows, permuted[at], *(partner[at] for partner in spread)) for at in np.ndindex(stack)]
    return [np.stack(found).reshape(*stack, *found[0].shape) for found in zip(*each, strict=True)]


def fixed_complement(theil: Theil) -> Matrix:
    """Orthonormal basis of what neither the nuisance nor Theil's residuals span, [n_subjects, n_fixed]."""
    n_subjects, rank = theil.nuisance.shape
    left_out = np.setdiff1d(np.arange(n_subjects), theil.kept)
    if len(left_out) == rank:
        return np.zeros((n_subjects, 0))
    units = np.zeros((n_subjects, len(left_out)))
    units[left_out, np.arange(len(left_out))] = 1.0
    outside = units - theil.nuisance @ (theil.nuisance.T @ units) - theil.restore(theil.apply(units))
    left, _, _ = scipy.linalg.svd(outside, full_matrices=False)
    return np.asarray(left[:, : len(left_out) - rank])
