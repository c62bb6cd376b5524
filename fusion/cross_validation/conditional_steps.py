"""Held-out correlations of components after the first, under a null that keeps the components before them.

Component k is compared with what the k-th component is where the correlations k, k + 1, ... are zero and those before
are as they were found. So the leading pairs keep their rows together, the rest of x and the rest of y lose both one
another and the leading pairs (two independent permutations), and everything is fitted again: the leading pairs are then
estimated with an error of the same size (for which their correlations are shrunk by what fitting has added to them),
and what of a real link leaks into the k-th component leaks there as well.
Permuting all of x instead would destroy the leading links, and k-th components of noise scatter less than the first.
"""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from fusion import lapack
from fusion.arrays import Matrix, Positions, Real
from fusion.cca.base import paired_correlations
from fusion.cca.exact import singular_pair
from fusion.cross_validation.fold_embedding import FoldEmbedding
from fusion.cross_validation.fold_null import FoldStatistics, statistics_by_fold
from fusion.cross_validation.fold_permutation import Exchange, FoldTest
from fusion.cross_validation.fold_product import FoldProduct, Moments, WhitenedMoments
from fusion.cross_validation.moved_columns import MovedColumns
from fusion.cross_validation.resampling import fold_average
from fusion.permutation.p_values import permutation_p
from fusion.permutation.permutations import PermutationSet, take_permutations
from fusion.power.detectability import rho_c

OFF_AXIS = 1e-6
"""Correlation of training scores that are no pair, above which axes are not the canonical ones."""

LEADING_KEY = 2**32 - 3
"""Spawn key of the permutations of leading pairs, out of reach of permutation indices."""


@dataclass(frozen=True)
class ConditionalSteps(FoldStatistics):
    """Held-out correlations of components 2..K of one fold after permutation ``index``, [K - 1]; picklable.

    In float32, NaN for all of them where one is nearly tied with a neighbour.

    Attributes
    ----------
    train, test : int arrays
    y_train, y_test : float64 arrays, shape [n_train, Q] and [n_test, Q]
        Whitened and turned to the canonical axes of the training rows.
    product : FoldProduct
        Of x on the same axes.
    leading_pairs : MovedColumns
        The first K - 1 pairs, x beside y.
    permutations, of_leading : PermutationSet
        Of what follows the leading pairs of x, and of the leading pairs.
    shrinkage : float64 array, shape [K - 1]
        Population over sample correlations of the leading pairs.
    """

    train: Positions
    test: Positions
    y_train: Matrix
    y_test: Matrix
    product: FoldProduct
    leading_pairs: MovedColumns
    permutations: PermutationSet
    of_leading: PermutationSet
    shrinkage: Matrix

    @classmethod
    def of(
        cls, fold: FoldEmbedding, exchange: Exchange, n_components: int, product: FoldProduct | None = None
    ) -> "ConditionalSteps":
        """Prepare a fold, with permutations of the leading pairs that are independent of the others.

        Parameters
        ----------
        fold : FoldEmbedding
            Whitened, on its canonical axes.
        exchange : Exchange
        n_components : int
            K.
        product : FoldProduct, optional
            Of this fold, if it was made already.

        Raises
        ------
        ValueError
            The fold is on other axes.
        """
        rest, width = exchange.permutations, n_components - 1
        entropy = np.random.SeedSequence(rest.seed, spawn_key=(LEADING_KEY,)).generate_state(4)
        leading = replace(rest, seed=int.from_bytes(entropy.tobytes(), "little"), table=None)
        pairs = np.hstack([fold.x[:, :width], fold.y[:, :width]])
        return cls(
            fold.train,
            fold.test,
            fold.y[fold.train],
            fold.y[fold.test],
            product or exchange.product(fold),
            MovedColumns.of(fold, pairs, exchange.theil),
            rest,
            leading,
            _shrinkage(fold, width),
        )

    @property
    def at_once(self) -> int:
        """Permutations that are taken together."""
        return self.product.at_once

    def in_float32(self) -> "ConditionalSteps":
        """The same in half the memory and half the time."""
        return replace(self, product=self.product.in_float32())

    def drawn(self, indices: Sequence[int]) -> Sequence[NDArray[Any]]:
        """Permutations of the rest and of the leading pairs, [n_indices, n_rows] each, and which are the identity."""
        rest, leading = (take_permutations(drawn, indices) for drawn in (self.permutations, self.of_leading))
        return rest, leading, np.asarray(indices)[:, np.newaxis] == 0

    def statistics(self, drawn: Sequence[NDArray[Any]]) -> Float64[np.ndarray, "n_indices steps"]:
        """Correlations of every permutation."""
        rest, leading, is_identity = drawn
        pairs = self.leading_pairs(leading)
        moments = self.product.moments(rest, pairs)
        steps = self.steps(moments, self.product.whitened(moments), pairs, is_identity)
        x_scores = self.product.test_scores(rest, rest_weights(steps), moments.of_thin)
        return self.read(x_scores, steps, pairs)

    def steps(
        self, moments: Moments, whitened: WhitenedMoments, pairs: Matrix, is_identity: NDArray[np.bool_]
    ) -> list["StepWeights"]:
        """Weights of the components 2..K in permuted training rows.

        Parameters
        ----------
        moments : Moments
            With X' of the moved pairs beside.
        whitened : WhitenedMoments
        pairs : float64 array, shape [n_indices, n_subjects, 2 K - 2]
            The moved [U, V].
        is_identity : bool array, shape [n_indices, 1]
        """
        return self._step_moments(moments, whitened, pairs).weights(np.where(is_identity, 1.0, self.shrinkage))

    def read(
        self, x_scores: Matrix, steps: Sequence["StepWeights"], pairs: Matrix
    ) -> Float64[np.ndarray, "n_indices steps"]:
        """`statistics` from the scores of the permuted test rows of x by `rest_weights`, [n_indices, n_test, K - 1]."""
        u, v = np.split(pairs.take(self.test, axis=-2), 2, axis=-1)
        x = x_scores.copy()
        y = self.y_test @ np.concatenate([weights.y_rest for weights in steps], axis=-1)
        for step, weights in enumerate(steps):
            x[..., step] += (u[..., : step + 1] @ weights.x_leading)[..., 0]
            y[..., step] += (v[..., : step + 1] @ weights.y_leading)[..., 0]
        is_tied = np.any([weights.is_tied for weights in steps], axis=0)
        return np.where(is_tied[..., np.newaxis], np.nan, paired_correlations(x, y))

    @property
    def _is_coarse(self) -> bool:
        return self.product.rows.dtype == np.float32

    def _step_moments(self, of_x: Moments, whitened: WhitenedMoments, pairs: Matrix) -> "StepMoments":
        """Products beside those of x with y, all of them without the first axes."""
        train = pairs.take(self.train, axis=-2)
        product = whitened.product[..., :-1, :-1].astype(np.float64, copy=False)
        beside, factor = of_x.beside[..., :0:-1, :], None
        if whitened.factor is not None:
            factor = whitened.factor[..., :-1, :-1]
            beside = lapack.solve_lower(factor, beside)
        y_leading = (self.y_train.T @ train)[..., :0:-1, :]
        return StepMoments(product, factor, beside, y_leading, train.mT @ train, self._is_coarse)


def rest_weights(steps: Sequence["StepWeights"]) -> Matrix:
    """Weights of all steps on all axes of x, [..., P, K - 1]."""
    return np.concatenate([weights.x_rest for weights in steps], axis=-1)


@dataclass(frozen=True)
class AllComponents(FoldStatistics):
    """All that is tested of a fold: `FoldTest` of the first component with the trace, then `ConditionalSteps`, [1 + K].

    Both permute x alike, and the product, which they share here, is most of the work of either.

    Attributes
    ----------
    first : FoldTest
    later : ConditionalSteps
        Of the same product.
    """

    first: FoldTest
    later: ConditionalSteps

    @classmethod
    def of(cls, fold: FoldEmbedding, exchange: Exchange, n_components: int) -> "AllComponents":
        """Prepare a fold that is whitened, on its canonical axes."""
        first = FoldTest.of(fold, exchange, 1, with_trace=True)
        return cls(first, ConditionalSteps.of(fold, exchange, n_components, first.product))

    @property
    def at_once(self) -> int:
        """Permutations that are taken together."""
        return self.first.at_once

    def in_float32(self) -> "AllComponents":
        """The same in half the memory and half the time."""
        first = self.first.in_float32()
        return AllComponents(first, replace(self.later, product=first.product))

    def drawn(self, indices: Sequence[int]) -> Sequence[NDArray[Any]]:
        """As of `ConditionalSteps`."""
        return self.later.drawn(indices)

    def statistics(self, drawn: Sequence[NDArray[Any]]) -> Float64[np.ndarray, "n_indices n_statistics"]:
        """Correlations and trace of every permutation, then correlations given the components before."""
        rest, leading, is_identity = drawn
        product, pairs = self.first.product, self.later.leading_pairs(leading)
        moments = product.moments(rest, pairs)
        whitened = product.whitened(moments)
        weights, steps = self.first.weights(whitened), self.later.steps(moments, whitened, pairs, is_identity)
        together = np.concatenate([weights.x, rest_weights(steps)], axis=-1)
        x_scores = product.test_scores(rest, together, moments.of_thin)
        of_first, of_later = map(np.ascontiguousarray, np.split(x_scores, [self.first.n_components], axis=-1))
        parts = self.first.read(of_first, weights, moments, whitened), self.later.read(of_later, steps, pairs)
        return np.concatenate(parts, axis=-1)


@dataclass(frozen=True)
class StepWeights:
    """Weights of one component, on the leading pairs before it and on all axes (there 0 on the leading).

    Shapes [..., step, 1], [..., P, 1], [..., step, 1] and [..., Q, 1]; and whether it may be
    taken for a neighbour, [...].
    """

    x_leading: Matrix
    x_rest: Matrix
    y_leading: Matrix
    y_rest: Matrix
    is_tied: NDArray[np.bool_]


@dataclass(frozen=True)
class StepMoments:
    """Products over a fold's training rows of permuted x, y, and leading pairs moved by a permutation of their own.

    Axes are counted from the last, so that every step's rest is a leading block and one Cholesky factor serves all.

    Attributes
    ----------
    product : float64 array, shape [..., P - 1, Q - 1]
        X'Y on canonical axes but the first, whitened from the left.
    factor : float64 array, shape [..., P - 1, P - 1], or None
        Lower Cholesky factor of X'X, None where that is the identity; Y'Y is the identity.
    x_leading : float64 array, shape [..., P - 1, 2 K - 2]
        X'[U, V], whitened.
    y_leading : float64 array, shape [..., Q - 1, 2 K - 2]
        Y'[U, V].
    leading : float64 array, shape [..., 2 K - 2, 2 K - 2]
        [U, V]'[U, V].
    is_coarse : bool
        Of products in float32, in which neighbours that are nearly tied may be taken for one another.
    """

    product: Matrix
    factor: Matrix | None
    x_leading: Matrix
    y_leading: Matrix
    leading: Matrix
    is_coarse: bool

    def weights(self, shrinkage: Matrix) -> list[StepWeights]:
        """Weights of the components 2..K.

        Parameters
        ----------
        shrinkage : float64 array, shape [..., K - 1]
            Factors of the leading pairs' correlations.
        """
        return [self._weights(step, shrinkage[..., :step]) for step in range(1, shrinkage.shape[-1] + 1)]

    def _weights(self, step: int, shrinkage: Matrix) -> StepWeights:
        """Of the component after the first `step`, from [[X'Y, X'V], [U'Y, U'V]] whitened block by block."""
        n_x, n_y = self.product.shape[-2:]
        rest_x, rest_y, width = n_x + 1 - step, n_y + 1 - step, self.leading.shape[-1] // 2
        u, v, diagonal = slice(0, step), slice(width, width + step), np.arange(step)
        beside_x, beside_y = self.x_leading[..., :rest_x, :], self.y_leading[..., :rest_y, :]
        corner = self.leading[..., u, v].copy()
        corner[..., diagonal, diagonal] *= shrinkage
        right = np.concatenate([self.product[..., :rest_x, :rest_y], beside_x[..., v]], axis=-1)
        below = np.concatenate([beside_y[..., u].mT, corner], axis=-1) - beside_x[..., u].mT @ right
        x_corner = lapack.cholesky(self.leading[..., u, u] - beside_x[..., u].mT @ beside_x[..., u])
        whitened = np.concatenate([right, lapack.solve_lower(x_corner, below)], axis=-2)
        y_corner = lapack.cholesky(self.leading[..., v, v] - beside_y[..., v].mT @ beside_y[..., v])
        last = whitened[..., rest_y:] - whitened[..., :rest_y] @ beside_y[..., v]
        whitened[..., rest_y:] = lapack.solve_lower(y_corner, last.mT).mT
        left, right, is_tied = singular_pair(whitened, step, neighbours=1 if self.is_coarse else 0)
        x_leading = lapack.solve_lower(x_corner, left[..., rest_x:, :], transposed=True)
        y_leading = lapack.solve_lower(y_corner, right[..., rest_y:, :], transposed=True)
        x_rest = left[..., :rest_x, :] - beside_x[..., u] @ x_leading
        if self.factor is not None:
            x_rest = lapack.solve_lower(self.factor[..., :rest_x, :rest_x], x_rest, transposed=True)
        y_rest = right[..., :rest_y, :] - beside_y[..., v] @ y_leading
        return StepWeights(x_leading, _from_last(x_rest, step), y_leading, _from_last(y_rest, step), is_tied)


def _from_last(weights: Matrix, step: int) -> Matrix:
    """Weights of axes that were counted from the last, behind zeros for the first `step`."""
    zeros = np.zeros((*weights.shape[:-2], step, 1))
    return np.concatenate([zeros, weights[..., ::-1, :]], axis=-2)


def population_correlations(
    sample: Float64[np.ndarray, " k"], p: int, q: int, n_effective: int
) -> Float64[np.ndarray, " k"]:
    """Population correlations that give these sample correlations where p + q dimensions are fitted, [k].

    Fitting inflates: r^2 rho^2 = (rho^2 + (1 - rho^2) p/n) (rho^2 + (1 - rho^2) q/n) in the limit. Below the
    detectability threshold `fusion.rho_c` a sample correlation says nothing of its own, and the threshold is returned.

    Parameters
    ----------
    sample : float64 array, shape [k]
    p, q, n_effective : int
        Dimensions; training rows less intercept and confounds.

    References
    ----------
    Bao, Hu, Pan & Zhou (2019), doi:10.1214/18-AOS1704.
    """
    threshold = rho_c(n_effective, p, q)
    of_x, of_y = p / n_effective, q / n_effective
    square = (1 - of_x) * (1 - of_y)
    linear = of_x * (1 - of_y) + of_y * (1 - of_x) - sample**2
    root = np.sqrt(np.maximum(linear**2 - 4 * square * of_x * of_y, 0.0))
    return np.asarray(np.clip(np.sqrt(np.maximum((root - linear) / (2 * square), 0.0)), min(threshold, 1.0), 1.0))


def conditional_null(
    folds: Sequence[FoldEmbedding],
    exchange: Exchange,
    null: Float64[np.ndarray, " n_draws"],
    n_test: Int64[np.ndarray, " n_folds"],
    *,
    n_components: int,
    stop_at: Real | None,
    n_jobs: int,
    known: Float64[np.ndarray, "n_draws steps"] | None = None,
) -> Float64[np.ndarray, "n_draws K"]:
    """Null distribution of every component given those before it, [n_permutations + 1, K].

    Parameters
    ----------
    folds : sequence of FoldEmbedding
        Whitened.
    exchange : Exchange
    null : float64 array, shape [n_permutations + 1]
        Of the first component: fold averages with all of x permuted.
    n_test : int array, shape [n_folds]
    n_components : int
        K.
    stop_at : float, optional
        NaN for components after the first whose corrected p exceeds it.
    n_jobs : int
    known : float64 array, shape [n_permutations + 1, K - 1], optional
        Fold averages of `AllComponents`, where they were taken.
    """
    found = np.full((len(null), n_components), np.nan)
    found[:, 0] = null
    level = np.inf if stop_at is None else stop_at
    if n_components == 1 or permutation_p(found)[0] > level:
        return found
    if known is None:
        steps = statistics_by_fold(
            folds,
            lambda fold: ConditionalSteps.of(fold, exchange, n_components),
            len(null),
            n_test=n_test,
            n_jobs=n_jobs,
        )
        known = fold_average(steps, n_test)
    found[:, 1:] = known
    above = np.flatnonzero(permutation_p(found) > level)
    if above.size:
        found[:, above[0] + 1 :] = np.nan
    return found


def _shrinkage(fold: FoldEmbedding, width: int) -> Matrix:
    product = fold.x[fold.train, :width].T @ fold.y[fold.train]
    sample = product.diagonal()
    if np.abs(product - np.eye(*product.shape) * sample[:, np.newaxis]).max() > OFF_AXIS:
        raise ValueError("Components after the first are found on a fold's canonical axes; this one is on others.")
    return np.asarray(population_correlations(sample, *fold.widths, fold.n_effective) / sample)
