"""A fold's whitened product of permuted training rows, for the cost of one matrix product.

With confounds, permuted Theil residuals Q P Q'x are residualised again by the training rows. Nothing of that needs the
permuted rows themselves. Up to the nuisance, Q v is v at the kept rows and -N_d F N'v at the rows left out, so the
product with y takes v and few columns more; and since no exchange crosses a fold, v'v of the training rows is the same
for every permutation, so that their Gram matrix changes by terms of the nuisance's rank. Where more rows are left out
than the nuisance has columns (whole families), x has a part outside Q that stays in place: U U'x.
"""

from dataclasses import dataclass, replace
from typing import Any

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
from fusion.permutation.whitening import column_parts


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
    spread : float64 array, shape [rank, rank of the cohort's]
        From the training rows' nuisance to the cohort's: N_train = N_t spread.
    left_out : float64 array, shape [n_left_out, rank of the cohort's]
        -N_d F of the training rows without a Theil residual.
    left_out_partners : float64 array, shape [n_left_out, rank_y + rank + n_fixed]
    complement : float64 array, shape [n_subjects, n_fixed]
        U without the fold's nuisance, zero at its test rows.
    """

    gram: Matrix
    product: Matrix
    fixed: Matrix
    spread: Matrix
    left_out: Matrix
    left_out_partners: Matrix
    complement: Matrix


@dataclass(frozen=True)
class Moments:
    """Products of the permuted rows, of one permutation or a stack.

    Attributes
    ----------
    product : float64 array, shape [..., rank_x, rank_y]
        X'Y of the training rows.
    gram : float64 array, shape [..., rank_x, rank_x], or None
        X'X of the training rows; None where it is the identity.
    beside : float64 array, shape [..., rank_x, k]
        X' of the training rows with what was asked for.
    tested : float64 array, shape [..., rank_x, rank_tested]
        Of the permuted test rows with `FoldProduct.tested`.
    of_thin : float64 array, shape [..., rank_x, rank of the cohort's + rank]
        Of all permuted rows with the cohort's nuisance, and of the training rows with the fold's; no columns without
        confounds.
    """

    product: Matrix
    gram: Matrix | None
    beside: Matrix
    tested: Matrix
    of_thin: Matrix


@dataclass(frozen=True)
class WhitenedMoments:
    """Products of the permuted rows with X'X made the identity, of one permutation or a stack.

    Axes are counted from the last: what leaves out the first ones is then a leading block, also of the factor.

    Attributes
    ----------
    product : float array, shape [..., rank_x, rank_y]
        X'Y of the training rows, whitened from the left; Y'Y is the identity.
    factor : float64 array, shape [..., rank_x, rank_x], or None
        Lower Cholesky factor of X'X; None where that is the identity.
    """

    product: Floats
    factor: Matrix | None

    @classmethod
    def of(cls, moments: Moments, dtype: np.dtype[Any]) -> "WhitenedMoments":
        """Whiten in a precision; the factor is found in float64."""
        factor = None if moments.gram is None else lapack.cholesky(moments.gram[..., ::-1, ::-1])
        made = cls(moments.product, factor)
        return replace(made, product=made.whiten(moments.product.astype(dtype, copy=False)))

    def whiten(self, product: Floats) -> Floats:
        """A product of the permuted rows with other columns, [..., rank_x, k], in its precision, axes from the last."""
        turned = np.ascontiguousarray(product[..., ::-1, ::-1])  # else a stack has other bits than its members
        return turned if self.factor is None else lapack.solve_lower(self._factor(product.dtype), turned)

    def weights(self, left: Floats) -> Floats:
        """Weights of the axes, counted from the first again, that vectors of the whitened product stand for."""
        if self.factor is not None:
            left = lapack.solve_lower(self._factor(left.dtype), left, transposed=True)
        return np.ascontiguousarray(left[..., ::-1, :])

    def _factor(self, dtype: np.dtype[Any]) -> Floats:
        assert self.factor is not None
        return self.factor.astype(dtype, copy=False)


@dataclass(frozen=True)
class FoldProduct:
    """X'Y and X'X over the training rows of a fold whose x is permuted.

    Permutations come one by one, [n_rows], or as a stack, [..., n_rows]: of small folds, what surrounds the products
    takes longer than they do, and a stack takes it once. Every member has the bits that it has alone.

    Attributes
    ----------
    rows : float array, shape [n_rows, rank_x]
        What is permuted, x or its Theil residuals: training rows first, so that neither part has to be gathered.
    place : int array, shape [n_rows]
        Where in `rows` each row stands that a permutation counts.
    train, test : int arrays
        The fold's training and test rows as a permutation counts them.
    partners : float array, shape [n_train, rank_y + rank + n_fixed]
        At `train`: y, the training rows' orthonormal nuisance, and U.
    tested : float array, shape [n_test, rank_tested + rank of the cohort's]
        At `test`: columns that permuted test rows are multiplied with, and the cohort's nuisance.
    rank_y : int
    test_x : float array, shape [n_test of all, rank_x]
        x of the fold's test rows; empty without confounds, where `rows` has it.
    test_change : MovedResiduals or None
        Of the test rows; None without confounds.
    still : float64 array, shape [rank_x, rank of the cohort's + rank]
        `Moments.of_thin` where nothing is permuted.
    terms : ResidualTerms or None
        None without confounds, when X'X is the identity.
    n_subjects : int
        Of the cohort.
    kept, left_out : int arrays
        Training subjects at `train`, and those without a row of their own.
    """

    rows: Floats
    place: Positions
    train: Positions
    test: Positions
    partners: Floats
    tested: Floats
    rank_y: int
    test_x: Floats
    test_change: MovedResiduals | None
    still: Matrix
    terms: ResidualTerms | None
    n_subjects: int
    kept: Positions
    left_out: Positions

    @classmethod
    def without_confounds(cls, fold: FoldEmbedding, tested: Matrix) -> "FoldProduct":
        """Without confounds: rows of x change places as they are.

        Parameters
        ----------
        fold : FoldEmbedding
            Whitened.
        tested : float64 array, shape [n_test, rank_tested]
        """
        n_subjects, rank_x = fold.x.shape
        order = np.concatenate([fold.train, fold.test])
        return cls(
            rows=fold.x[order],
            place=_places(order),
            train=fold.train,
            test=fold.test,
            partners=fold.y[fold.train],
            tested=tested,
            rank_y=fold.widths[1],
            test_x=np.empty((0, rank_x)),
            test_change=None,
            still=np.empty((rank_x, 0)),
            terms=None,
            n_subjects=n_subjects,
            kept=fold.train,
            left_out=fold.train[:0],
        )

    @classmethod
    def of_residuals(
        cls, fold: FoldEmbedding, nuisance: Matrix, theil: Theil, complement: Matrix, tested: Matrix
    ) -> "FoldProduct":
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
        tested : float64 array, shape [n_test, rank_tested]
        """
        position = np.full(len(fold.x), -1)
        position[theil.kept] = np.arange(len(theil.kept))
        kept, dropped = (fold.train[(position[fold.train] >= 0) == wanted] for wanted in (True, False))
        is_measured = position[fold.test] >= 0
        measured = fold.test[is_measured]
        order = position[np.concatenate([kept, measured])]
        rows = np.empty((len(order), fold.x.shape[1]))
        for columns in column_parts(*fold.x.shape):  # no second copy of all of x on the way
            rows[:, columns] = theil.apply(fold.x[:, columns])[order]
        trained_rows = rows[: len(kept)]
        partners = [fold.y, nuisance, own_complement := fold.residualise(complement)]
        trained = own_complement.copy()
        trained[fold.test] = 0.0
        fixed, of_train = complement.T @ fold.x, own_complement[fold.train]
        terms = ResidualTerms(
            gram=trained_rows.T @ trained_rows + fixed.T @ (of_train.T @ of_train) @ fixed,
            product=fixed.T @ (of_train.T @ fold.y[fold.train]),
            fixed=fixed,
            spread=nuisance[fold.train].T @ theil.nuisance[fold.train],
            left_out=-theil.nuisance[dropped] @ theil.factor,
            left_out_partners=np.hstack([partner[dropped] for partner in partners]),
            complement=trained,
        )
        made = cls(
            rows=rows,
            place=_places(order),
            train=position[kept],
            test=position[measured],
            partners=np.hstack([partner[kept] for partner in partners]),
            tested=np.hstack([tested[is_measured], theil.nuisance[measured]]),
            rank_y=fold.widths[1],
            test_x=fold.x[fold.test],
            test_change=MovedResiduals.of(nuisance, fold.train, theil, fold.test).without_rows(),
            still=np.empty((rows.shape[1], 0)),
            terms=terms,
            n_subjects=len(fold.x),
            kept=kept,
            left_out=dropped,
        )
        return replace(made, still=made.moments(np.arange(len(order))).of_thin)

    @property
    def at_once(self) -> int:
        """Permutations worth taking as a stack."""
        return stack_size(self.rows.shape[1] * len(self.train))

    def in_float32(self) -> "FoldProduct":
        """The same with everything that has the length of the rows in float32."""
        names = ("rows", "partners", "tested", "test_x")
        return replace(self, **{name: getattr(self, name).astype(np.float32) for name in names})

    def whitened(self, moments: Moments) -> WhitenedMoments:
        """Products with X'X made the identity, in the precision of the rows."""
        return WhitenedMoments.of(moments, self.rows.dtype)

    def test_scores(self, permutation: Permutation, weights: Floats, of_thin: Matrix) -> Matrix:
        """Scores of the fold's test rows of the permuted x, [..., n_test, k].

        Parameters
        ----------
        permutation : int array, shape [..., n_rows]
        weights : float array, shape [..., rank_x, k]
        of_thin : float64 array, shape [..., rank_x, rank of the cohort's + rank]
            Of the permutation's `Moments`.
        """
        own = weights.astype(self.rows.dtype, copy=False)
        rows = (self._test_rows @ own).astype(np.float64, copy=False)
        moved = np.take_along_axis(rows, self._test_source(permutation)[..., np.newaxis], axis=-2)
        if self.test_change is None:
            return np.ascontiguousarray(moved)
        changed = self.test_change.spread((of_thin - self.still).mT @ weights, moved - rows)
        return np.asarray(self.test_x @ own + changed)

    def moments(self, permutation: Permutation, beside: Matrix | None = None) -> Moments:
        """Products of the permuted rows.

        Parameters
        ----------
        permutation : int array, shape [..., n_rows]
        beside : float64 array, shape [..., n_subjects, k], optional
            Columns without the fold's nuisance that x is multiplied with as well.
        """
        columns = np.zeros((self.n_subjects, 0)) if beside is None else beside
        kept = columns[..., self.kept, :].astype(self.rows.dtype, copy=False)
        trained = self.rows[: len(self.train)], self.place[permutation[..., self.train]]
        moved, of_beside = self._products(*trained, self.partners, kept)
        (of_test,) = self._products(self._test_rows, self._test_source(permutation), self.tested)
        terms = self.terms
        if terms is None:
            return Moments(moved, None, of_beside, of_test, of_test[..., :0])
        rank, rank_of_cohort = terms.spread.shape
        nuisance = slice(self.rank_y, self.rank_y + rank)
        tested, of_test = np.split(of_test, [of_test.shape[-1] - rank_of_cohort], axis=-1)
        of_cohort = moved[..., nuisance] @ terms.spread + of_test
        of_thin = np.concatenate([of_cohort, moved[..., nuisance]], axis=-1)
        filled = of_cohort @ terms.left_out.T
        moved += filled @ terms.left_out_partners
        removed = moved[..., nuisance]
        changes = np.concatenate([filled, removed], axis=-1), np.concatenate([filled, -removed], axis=-1)
        gram = terms.gram + changes[0] @ changes[1].mT
        if terms.fixed.size:
            fixed = moved[..., nuisance.stop :] @ terms.fixed
            gram += fixed + fixed.mT
        product = moved[..., : self.rank_y] + terms.product
        of_beside += filled @ columns[..., self.left_out, :] + terms.fixed.T @ (terms.complement.T @ columns)
        return Moments(product, gram, of_beside, tested, of_thin)

    @property
    def _test_rows(self) -> Floats:
        return self.rows[len(self.train) :]

    def _test_source(self, permutation: Permutation) -> Permutation:
        return np.asarray(self.place[permutation[..., self.test]] - len(self.train))

    def _products(self, rows: Floats, permuted: Permutation, *partners: Floats) -> list[Matrix]:
        """``rows[permuted].T @ partner`` of each partner, of one permutation or of a stack.

        Where a stack is not worth it, rows are gathered some at a time: a permuted copy of a whole view would leave
        the cache, and take its memory once more in every worker.
        """
        if not any(partner.shape[-1] for partner in partners):
            nothing = np.zeros((*permuted.shape[:-1], rows.shape[1], 0))
            return [nothing for _ in partners]
        if self.at_once > 1:
            gathered = rows.take(permuted, axis=0).mT
            return [np.asarray(gathered @ partner, dtype=np.float64) for partner in partners]
        stack = permuted.shape[:-1]
        spread = [np.broadcast_to(partner, (*stack, *partner.shape[-2:])) for partner in partners]
        each = [permuted_products(rows, permuted[at], *(partner[at] for partner in spread)) for at in np.ndindex(stack)]
        stacked = [np.stack(found).reshape(*stack, *found[0].shape) for found in zip(*each, strict=True)]
        return [np.asarray(found, dtype=np.float64) for found in stacked]


def _places(order: Positions) -> Positions:
    """Where each of 0..n - 1 stands in an order of them."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place


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
