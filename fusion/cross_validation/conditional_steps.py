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

import numpy as np
import scipy.linalg
from jaxtyping import Float64, Int64

from fusion.arrays import Matrix, Real
from fusion.cca.base import paired_correlations
from fusion.cca.exact import canonical_rotations, leading_pairs
from fusion.cross_validation.fold_embedding import FoldEmbedding
from fusion.cross_validation.fold_permutation import FoldPermutation, make_products
from fusion.cross_validation.fold_product import FoldProduct, moved_columns
from fusion.cross_validation.resampling import fold_average
from fusion.parallel import map_permutations
from fusion.permutation.exchangeability import Permutation
from fusion.permutation.p_values import permutation_p
from fusion.permutation.permutations import PermutationSet
from fusion.permutation.projections import Theil
from fusion.power.detectability import rho_c

LEADING_KEY = 2**32 - 3
"""Spawn key of the permutations of leading pairs, out of reach of permutation indices."""


@dataclass(frozen=True)
class ConditionalSteps:
    """Held-out correlations of components 2..K after permutation ``index``, [n_folds, K - 1]; picklable.

    Attributes
    ----------
    folds : sequence of FoldEmbedding
        Whitened and turned to the canonical axes of their training rows.
    products : sequence of FoldProduct
        Of these.
    permutations, of_leading : PermutationSet
        Of what follows the leading pairs of x, and of the leading pairs.
    theil : Theil or None
        None without confounds.
    n_components : int
    """

    folds: Sequence[FoldEmbedding]
    products: Sequence[FoldProduct]
    permutations: PermutationSet
    of_leading: PermutationSet
    theil: Theil | None
    n_components: int

    def __call__(self, index: int) -> Float64[np.ndarray, "n_folds steps"]:
        rest, leading = self.permutations[index], self.of_leading[index]
        pairs = zip(self.folds, self.products, strict=True)
        return np.stack(
            [self._of_fold(fold, product, rest, leading, is_observed=index == 0) for fold, product in pairs]
        )

    def _of_fold(
        self, fold: FoldEmbedding, product: FoldProduct, rest: Permutation, leading: Permutation, *, is_observed: bool
    ) -> Matrix:
        width = self.n_components - 1
        sample = np.einsum("ij,ij->j", fold.x[fold.train, :width], fold.y[fold.train, :width])
        kept = population_correlations(sample, *fold.widths, fold.n_effective) / sample
        u, v = (moved_columns(fold, side[:, :width], leading, self.theil) for side in (fold.x, fold.y))
        moments = FoldMoments.of(fold, product, rest, u, v)
        shrinkage = np.ones(width) if is_observed else kept
        x_test = moved_columns(fold, fold.x, rest, self.theil)[fold.test]
        found = []
        for step in range(1, self.n_components):
            a, b = moments.weights(step, shrinkage[:step])
            x = np.hstack([u[fold.test, :step], x_test[:, step:]]) @ a
            y = np.hstack([v[fold.test, :step], fold.y[fold.test, step:]]) @ b
            found.append(paired_correlations(x[:, np.newaxis], y[:, np.newaxis])[0])
        return np.array(found)


@dataclass(frozen=True)
class FoldMoments:
    """Products over a fold's training rows of permuted x, y, and leading pairs moved by a permutation of their own.

    Attributes
    ----------
    product : float64 array, shape [P, Q]
        X'Y, on canonical axes.
    x_gram, y_gram : float64 arrays, shape [P, P] and [Q, Q]
    x_leading, y_leading : float64 arrays, shapes [P, 2 K - 2] and [Q, 2 K - 2]
        X'[U, V] and Y'[U, V].
    leading : float64 array, shape [2 K - 2, 2 K - 2]
        [U, V]'[U, V].
    """

    product: Matrix
    x_gram: Matrix
    y_gram: Matrix
    x_leading: Matrix
    y_leading: Matrix
    leading: Matrix

    @classmethod
    def of(
        cls, fold: FoldEmbedding, product: FoldProduct, permutation: Permutation, u: Matrix, v: Matrix
    ) -> "FoldMoments":
        """Moments of one permutation; u, v of shape [n_subjects, K - 1] are the moved leading pairs."""
        both = np.hstack([u, v])
        of_x = product.moments(permutation, both)
        y, train = fold.y[fold.train], both[fold.train]
        gram = np.eye(fold.widths[0]) if of_x.gram is None else of_x.gram
        return cls(of_x.product, gram, np.eye(fold.widths[1]), of_x.beside, y.T @ train, train.T @ train)

    def weights(self, step: int, shrinkage: Matrix) -> tuple[Matrix, Matrix]:
        """Weights of the component after the first `step`, on [leading pairs, rest], [P] and [Q].

        Parameters
        ----------
        step : int
        shrinkage : float64 array, shape [step]
            Factors of the leading pairs' correlations.
        """
        width = len(self.leading) // 2
        u, v = slice(0, step), slice(width, width + step)
        product = self.product.copy()
        product[:step, :step] = self.leading[u, v]
        product[range(step), range(step)] *= shrinkage
        product[:step, step:] = self.y_leading[step:, u].T
        product[step:, :step] = self.x_leading[step:, v]
        x_factor = _factor(self.x_gram, self.leading[u, u], self.x_leading[step:, u])
        y_factor = _factor(self.y_gram, self.leading[v, v], self.y_leading[step:, v])
        whitened = scipy.linalg.solve_triangular(x_factor, product, lower=True, check_finite=False)
        whitened = scipy.linalg.solve_triangular(y_factor, whitened.T, lower=True, check_finite=False).T
        left, right, _ = leading_pairs(whitened, step + 1)
        x, y = (
            scipy.linalg.solve_triangular(factor, side[:, step], lower=True, trans="T", check_finite=False)
            for factor, side in ((x_factor, left), (y_factor, right))
        )
        return x, y


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


def _factor(gram: Matrix, leading: Matrix, cross: Matrix) -> Matrix:
    """Cholesky factor of a Gram matrix whose first rows and columns are those of the leading pairs."""
    step, joined = len(leading), gram.copy()
    joined[:step, :step], joined[step:, :step], joined[:step, step:] = leading, cross, cross.T
    return np.asarray(scipy.linalg.cholesky(joined, lower=True, check_finite=False))


def conditional_null(
    permuted: FoldPermutation,
    null: Float64[np.ndarray, "n_draws K"],
    n_test: Int64[np.ndarray, " n_folds"],
    *,
    stop_at: Real | None,
    n_jobs: int,
) -> Float64[np.ndarray, "n_draws K"]:
    """Null distribution of every component given those before it, [n_permutations + 1, K].

    Parameters
    ----------
    permuted : FoldPermutation
    null : float64 array, shape [n_permutations + 1, K]
        Fold averages with all of x permuted, of which the first component's are kept.
    n_test : int array, shape [n_folds]
    stop_at : float, optional
        NaN for components after the first whose corrected p exceeds it.
    n_jobs : int
    """
    found = np.full_like(null, np.nan)
    found[:, 0] = null[:, 0]
    level = np.inf if stop_at is None else stop_at
    if null.shape[1] == 1 or permutation_p(found)[0] > level:
        return found
    run = make_conditional_steps(permuted)
    found[:, 1:] = fold_average(map_permutations(run, len(run.permutations), n_jobs=n_jobs), n_test)
    above = np.flatnonzero(permutation_p(found) > level)
    if above.size:
        found[:, above[0] + 1 :] = np.nan
    return found


def make_conditional_steps(permuted: FoldPermutation) -> ConditionalSteps:
    """Steps 2..K of a held-out test, with permutations of the leading pairs that are independent of the others."""
    folds, rest = [_on_canonical_axes(fold) for fold in permuted.folds], permuted.permutations
    entropy = np.random.SeedSequence(rest.seed, spawn_key=(LEADING_KEY,)).generate_state(4)
    leading = replace(rest, seed=int.from_bytes(entropy.tobytes(), "little"))
    return ConditionalSteps(
        folds, make_products(folds, permuted.theil), rest, leading, permuted.theil, permuted.n_components
    )


def _on_canonical_axes(fold: FoldEmbedding) -> FoldEmbedding:
    """The fold in coordinates whose training cross-product is diagonal, largest first."""
    left, _, right = canonical_rotations(fold.x[fold.train].T @ fold.y[fold.train])
    return replace(fold, x=fold.x @ left, y=fold.y @ right)
