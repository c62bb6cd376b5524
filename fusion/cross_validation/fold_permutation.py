"""Held-out correlations under permutation of one view, valid in the presence of confounds.

Without confounds, rows of a view are exchangeable under the null, and a permutation inside folds leaves every fold's
fit of each view as it is. With confounds, residuals are not: those of test rows share the error of the training rows'
coefficients, and those of training rows live in fewer dimensions; shuffling them is liberal (11 % at 5 % with 20
confounds and 60 subjects). Then Theil's residuals of the whole cohort are permuted, brought back to subjects, and
residualised again by every training fold, so that permuted data go the way of the observed ones.

Large products are taken in float32 (`fusion.permutation.screening`); a permutation whose statistic lies near the
observed one, or whose components are nearly tied, is computed again in float64, so that p-values are those of float64.
"""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from fusion import lapack
from fusion.arrays import Floats, Matrix
from fusion.cca.base import paired_correlations
from fusion.cca.exact import leading_pairs
from fusion.cca.matching import matching_signs
from fusion.cross_validation.fold_embedding import FoldEmbedding
from fusion.cross_validation.fold_product import FoldProduct, fixed_complement
from fusion.cross_validation.folds import Folds
from fusion.cross_validation.held_out_trace import HeldOutTrace
from fusion.cross_validation.resampling import fold_average
from fusion.permutation.exchangeability import Blocks, Permutation
from fusion.permutation.permutations import PermutationSet, make_permutations, take_permutations
from fusion.permutation.projections import Theil, keep_rows, nuisance_basis
from fusion.permutation.screening import is_decided

SCREENING_SIZE = 2**26
"""Multiplications of a fold's product from which float32 pays."""


Computed: TypeAlias = tuple[Floats, Floats | None]
"""X'Y and the Cholesky factor of X'X of one fold and permutation."""


@dataclass(frozen=True)
class FoldPermutation:
    """Held-out correlations after permutation ``index``, [n_folds, n_components]; picklable.

    With `traces`, each fold's held-out Pillai trace stands in a last column.

    Attributes
    ----------
    folds : sequence of FoldEmbedding
        Whitened.
    permutations : PermutationSet
        Of subjects, or of the rows of `theil`.
    theil : Theil or None
        None without confounds.
    products, coarse_products : sequence of FoldProduct
        In float64, and in float32 (empty where float64 is as fast).
    overlaps : sequence of float64 arrays, shape [rank_y, rank_y of the first fold]
        Loadings of every fold's y on the columns of y, times those of the first fold.
    n_components : int
    traces, coarse_traces : sequence of HeldOutTrace
        In float64, and in float32; empty where no trace is asked for.
    observed : float64 array, shape [n_statistics], or None
        Fold-averaged, what float32 is compared with; None for float64 throughout.
    """

    folds: Sequence[FoldEmbedding]
    permutations: PermutationSet
    theil: Theil | None
    products: Sequence[FoldProduct]
    coarse_products: Sequence[FoldProduct]
    overlaps: Sequence[Matrix]
    n_components: int
    traces: Sequence[HeldOutTrace] = ()
    coarse_traces: Sequence[HeldOutTrace] = ()
    observed: Matrix | None = None

    def __call__(self, index: int) -> Float64[np.ndarray, "n_folds n_statistics"]:
        if self.at_once > 1:
            return np.asarray(self.stack([index])[0])
        permutation = self.permutations[index]
        if self.observed is not None and self.coarse_products and index:
            values, is_tied = self._statistics(permutation, self.coarse_products, self.coarse_traces)
            average = fold_average(values, np.array([len(fold.test) for fold in self.folds]))
            if not is_tied.any() and is_decided(average, self.observed):
                return values
        return self._statistics(permutation, self.products, self.traces)[0]

    @property
    def at_once(self) -> int:
        """Permutations that are taken together: one, where the products are most of the work."""
        return 1 if self.coarse_products else min(product.at_once for product in self.products)

    def stack(self, indices: Sequence[int]) -> Float64[np.ndarray, "n_stacked n_folds n_statistics"]:
        """``self(index)`` of several indices at once, to the last bit."""
        return self._statistics(take_permutations(self.permutations, indices), self.products, self.traces)[0]

    def without_products(self) -> "FoldPermutation":
        """The folds and the permutations alone: products are the larger part, and done with before the next test."""
        return replace(self, products=[], coarse_products=[], traces=[], coarse_traces=[])

    def held_out_scores(self, permutation: Permutation) -> list[tuple[Matrix, Matrix]]:
        """Scores of every fold's test rows, [..., n_test, n_components], x permuted before the fit, signs matched."""
        computed = [product(permutation) for product in self.products]
        return self._scores(permutation, self.products, computed)[0]

    def _statistics(
        self, permutation: Permutation, products: Sequence[FoldProduct], traces: Sequence[HeldOutTrace]
    ) -> tuple[Matrix, NDArray[np.bool_]]:
        """[..., n_folds, n_statistics], and whether components are nearly tied in some fold, [...]."""
        computed = [product(permutation) for product in products]
        scores, is_tied = self._scores(permutation, products, computed)
        correlations = np.stack([paired_correlations(*pair) for pair in scores], axis=-2)
        if not traces:
            return correlations, is_tied
        of_traces = [trace(permutation, *pair) for trace, pair in zip(traces, computed, strict=True)]
        return np.concatenate([correlations, np.stack(of_traces, axis=-1)[..., np.newaxis]], axis=-1), is_tied

    def scores_of_all(self) -> list[tuple[Matrix, Matrix]]:
        """Scores of every subject by every fold's weights, [n_subjects, n_components] each, nothing permuted."""
        pairs, _ = self._weights([product(self.permutations[0]) for product in self.products])
        return [(fold.x @ x, fold.y @ y) for fold, (x, y) in zip(self.folds, pairs, strict=True)]

    def _weights(self, computed: Sequence[Computed]) -> tuple[list[tuple[Matrix, Matrix]], NDArray[np.bool_]]:
        """Weights of x and y in every fold, the signs of their components those of the first."""
        fitted = [fitted_weights(*pair, self.n_components) for pair in computed]
        signs = [
            matching_signs(pair.y.mT @ overlap @ fitted[0].y)[..., np.newaxis, :]
            for pair, overlap in zip(fitted, self.overlaps, strict=True)
        ]
        matched = [(pair.x * sign, pair.y * sign) for pair, sign in zip(fitted, signs, strict=True)]
        return matched, np.asarray(np.any([pair.is_tied for pair in fitted], axis=0))

    def _scores(
        self, permutation: Permutation, products: Sequence[FoldProduct], computed: Sequence[Computed]
    ) -> tuple[list[tuple[Matrix, Matrix]], NDArray[np.bool_]]:
        weights, is_tied = self._weights(computed)
        scores = [
            (product.test_scores(permutation, x), fold.y[fold.test] @ y)
            for fold, product, (x, y) in zip(self.folds, products, weights, strict=True)
        ]
        return scores, is_tied


@dataclass(frozen=True)
class Weights:
    """Leading canonical weights of a fold, [..., rank_x, n_components] and [..., rank_y, n_components]."""

    x: Floats
    y: Floats
    is_tied: NDArray[np.bool_]


def fitted_weights(product: Floats, factor: Floats | None, n_components: int) -> Weights:
    """Canonical weights from X'Y and the lower Cholesky factor of X'X; Y'Y is the identity."""
    if factor is None:
        return Weights(*leading_pairs(product, n_components))
    whitened = lapack.solve_lower(factor, product)
    x, y, is_tied = leading_pairs(whitened, n_components)
    return Weights(lapack.solve_lower(factor, x, transposed=True), y, is_tied)


def make_fold_permutation(
    embedded: Sequence[FoldEmbedding],
    confounds: Matrix | None,
    folds: Folds,
    *,
    blocks: Blocks | None,
    n_permutations: int,
    n_components: int,
    random_state: int,
    with_trace: bool = False,
) -> FoldPermutation:
    """Choose what is permuted, inside folds and blocks.

    Parameters
    ----------
    embedded : sequence of FoldEmbedding
        Whitened.
    confounds : float64 array, shape [n_subjects, n_confounds], optional
        Of the whole cohort; used for the null distribution only.
    folds : Folds
    blocks : Blocks, optional
    n_permutations, n_components, random_state : int
    with_trace : bool
        Compute the held-out Pillai trace as well.
    """
    assignments: NDArray[np.int64] = folds.assignments
    theil = None
    if confounds is not None:
        nuisance = nuisance_basis(len(assignments), confounds)
        theil = Theil(nuisance, keep_rows(nuisance, None if blocks is None else blocks.units))
        assignments = assignments[theil.kept]
        blocks = None if blocks is None else blocks.take(theil.kept)
    permutations = make_permutations(
        len(assignments), n_permutations, blocks=blocks, within=assignments, random_state=random_state
    ).drawn()
    products = make_products(embedded, theil)
    overlaps = [fold.y_loadings.T @ embedded[0].y_loadings for fold in embedded]
    without_loadings = [replace(fold, y_loadings=fold.y_loadings[:0]) for fold in embedded]
    pairs = zip(embedded, products, strict=True) if with_trace else ()
    traces = [HeldOutTrace.of(fold, product, theil) for fold, product in pairs]
    exact = FoldPermutation(without_loadings, permutations, theil, products, [], overlaps, n_components, traces)
    largest = max(len(product.train) * product.rows.shape[1] * product.rank_y for product in products)
    if largest < SCREENING_SIZE:
        return exact
    n_test = np.array([len(fold.test) for fold in embedded])
    coarse_products = [product.in_float32() for product in products]
    return replace(
        exact,
        coarse_products=coarse_products,
        coarse_traces=[trace.in_float32(product) for trace, product in zip(traces, coarse_products, strict=False)],
        observed=fold_average(exact(0), n_test),
    )


def make_products(embedded: Sequence[FoldEmbedding], theil: Theil | None) -> list[FoldProduct]:
    """What gives every fold's products under a permutation."""
    if theil is None:
        return [FoldProduct.without_confounds(fold) for fold in embedded]
    complement = fixed_complement(theil)
    return [
        FoldProduct.of_residuals(fold, fold.nuisance, theil, complement)
        for fold in embedded
        if fold.nuisance is not None
    ]
