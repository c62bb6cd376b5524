"""A fold's measure after rows of a block changed places, from products of these rows with thin matrices.

Of a draw with Theil residuals v of the block (their rows exchanged inside the fold), columns of the fold are

    C = H + E v + B K'v,    K = [N, M at the training rows],

with H what stays in place, E the kept subjects, N and M the nuisance of the cohort and of the fold, and B as thin as
they are (`fusion.cross_validation.moved_columns`). CCA takes C'C, C'X and C'Y of the training rows; v'v of them is the
same in every draw, and the rest are products of v with columns that no draw changes.
"""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from fusion import lapack
from fusion.arrays import Floats, Matrix, Positions
from fusion.attribution.left_out import measured
from fusion.attribution.measure import Measure
from fusion.attribution.parts import FoldParts
from fusion.cca.exact import leading_pairs
from fusion.cross_validation.fold_embedding import FoldEmbedding
from fusion.cross_validation.moved_columns import MovedResiduals
from fusion.parallel import stack_size
from fusion.permutation.projections import Theil

RELATIVE_JITTER = 1e-12
"""Added to the diagonal of a Gram matrix, relative to it: a block put in another's place may leave an axis empty."""


@dataclass(frozen=True)
class ExchangedFold:
    """Measures of one fold whose block is exchanged.

    Attributes
    ----------
    fold : FoldEmbedding
        y whitened by the training rows.
    measure : Measure
    rest : float64 array, shape [n_subjects, P]
        Scores without the block.
    weights : float64 array, shape [k, P]
        Of the block's columns.
    rows : float64 array, shape [n_rows, k]
        v.
    still : float64 array, shape [n_subjects, k]
        H.
    back : float64 array, shape [n_subjects, rank of the cohort's + rank]
        B.
    kept_back : float64 array, shape [rank of the cohort's + rank, rank of the cohort's + rank]
        B of the kept training subjects by their K.
    trained, tested : int arrays
        Subjects with a row of `rows` in the training and in the test rows of the fold.
    source : int array, shape [n_subjects]
        Which row it is.
    partners : float64 array, shape [n_trained, rank of the cohort's + rank + P + Q + k]
        N, M, the rest, y and H at `trained`.
    cohort : float64 array, shape [n_tested, rank of the cohort's]
        N at `tested`.
    gram : float64 array, shape [k, k]
        v'v + H'H of the training rows.
    of_thin : float64 array, shape [rank of the cohort's + rank, P + Q + k + rank of the cohort's + rank]
        B' of the training rows with the rest, y, H and B / 2.
    still_beside, rest_beside : float64 arrays, shape [k, P + Q] and [P, P + Q]
        H' and the rest's own transpose of the training rows with the rest and y.
    """

    fold: FoldEmbedding
    measure: Measure
    rest: Float64[np.ndarray, "n_subjects P"]
    weights: Float64[np.ndarray, "k P"]
    rows: Float64[np.ndarray, "n_rows k"]
    still: Float64[np.ndarray, "n_subjects k"]
    back: Matrix
    kept_back: Matrix
    trained: Positions
    tested: Positions
    source: Positions
    partners: Matrix
    cohort: Matrix
    gram: Matrix
    of_thin: Matrix
    still_beside: Matrix
    rest_beside: Matrix

    @classmethod
    def of(cls, one: FoldParts, block: int, theil: Theil, measure: Measure) -> "ExchangedFold":
        """Take a block out and prepare what all draws share.

        Parameters
        ----------
        one : FoldParts
        block : int
        theil : Theil
            Of the cohort's confounds and the other blocks.
        measure : Measure
        """
        fold, part = one.fold, one.parts[block]
        assert fold.nuisance is not None  # every fold has an intercept at least
        train, everyone = fold.train, np.arange(len(fold.x))
        rest, rows = fold.x - part.scores, theil.apply(part.columns)
        change = MovedResiduals.of(fold.nuisance, train, theil, everyone)
        still = part.columns - change(rows)
        source = np.full(len(everyone), -1)
        source[theil.kept] = np.arange(len(theil.kept))
        trained, tested = (subjects[source[subjects] >= 0] for subjects in (train, fold.test))
        beside, back = np.hstack([rest, fold.y]), change.back @ change.weights
        is_kept = np.repeat([True, False, True], [theil.nuisance.shape[1]] * 2 + [fold.nuisance.shape[1]])
        shared = np.hstack([theil.nuisance, fold.nuisance, beside, still])
        own = rows[source[trained]]
        return cls(
            fold=fold,
            measure=measure,
            rest=rest,
            weights=part.weights,
            rows=rows,
            still=still,
            back=back,
            kept_back=change.weights[is_kept],
            trained=trained,
            tested=tested,
            source=source,
            partners=np.ascontiguousarray(shared[trained]),
            cohort=np.ascontiguousarray(theil.nuisance[tested]),
            gram=own.T @ own + still[train].T @ still[train],
            of_thin=back[train].T @ np.hstack([beside, still, back / 2])[train],
            still_beside=still[train].T @ beside[train],
            rest_beside=rest[train].T @ beside[train],
        )

    def __call__(self, permutations: Int64[np.ndarray, "n_draws n_rows"]) -> Float64[np.ndarray, " n_draws"]:
        """Measures, [n_draws]; permutations of `rows` stay inside the fold's training and test rows."""
        n_at_once = stack_size(self.rows.shape[1] * len(self.trained))
        starts = range(0, len(permutations), n_at_once)
        return np.concatenate([self._of_stack(permutations[start : start + n_at_once]) for start in starts])

    def _of_stack(self, permutations: Int64[np.ndarray, "n_draws n_rows"]) -> Float64[np.ndarray, " n_draws"]:
        trained, tested = (
            self.rows.take(permutations[:, self.source[subjects]], axis=0) for subjects in (self.trained, self.tested)
        )
        columns, crossed, thin = self._moments(trained.mT @ self.partners, tested.mT @ self.cohort)
        p, weights = self.rest.shape[1], self.weights
        rest_gram, rest_product = np.split(self.rest_beside, [p], axis=1)
        beside = crossed[..., :p].mT @ weights
        grams = rest_gram + beside + beside.mT + weights.T @ columns @ weights
        grams[:, np.arange(p), np.arange(p)] *= 1 + RELATIVE_JITTER
        x_weights, y_weights = leading_weights(grams, rest_product + weights.T @ crossed[..., p:])
        return self._measured(tested, thin, x_weights, y_weights)

    def _moments(self, of_trained: Floats, of_tested: Floats) -> tuple[Floats, Floats, Floats]:
        """C'C and C'[rest, y] of the training rows, [n_draws, k, ...], and v'K of all rows.

        Parameters
        ----------
        of_trained : float64 array, shape [n_draws, k, rank of the cohort's + rank + P + Q + k]
            v' of the training rows with `partners`.
        of_tested : float64 array, shape [n_draws, k, rank of the cohort's]
        """
        n_cohort, n_thin, n_beside = self.cohort.shape[1], self.back.shape[1], self.still_beside.shape[1]
        of_kept, of_beside, of_still = np.split(of_trained, [n_thin, n_thin + n_beside], axis=-1)
        thin = of_kept.copy()
        thin[..., :n_cohort] += of_tested
        beside, still, back = np.split(thin @ self.of_thin, [n_beside, n_beside + self.still.shape[1]], axis=-1)
        one_way = of_still + still + (of_kept @ self.kept_back + back) @ thin.mT
        return self.gram + one_way + one_way.mT, of_beside + beside + self.still_beside, thin

    def _measured(
        self, tested: Floats, thin: Floats, x_weights: Matrix, y_weights: Matrix
    ) -> Float64[np.ndarray, " n_draws"]:
        """Of the test rows of every draw; `tested` [n_draws, n_tested, k] are their rows of v."""
        of_columns = self.weights @ x_weights
        moved = np.einsum("dnk,kd->nd", tested, of_columns)
        spread = np.einsum("dkb,kd->bd", thin, of_columns)
        scores = np.zeros((len(self.rest), x_weights.shape[1]))
        test = self.fold.test
        scores[test] = self.rest[test] @ x_weights + self.still[test] @ of_columns + self.back[test] @ spread
        scores[self.tested] += moved
        return measured(self.fold, scores[test], y_weights, self.measure)


def leading_weights(
    grams: Float64[np.ndarray, "n_draws P P"], products: Float64[np.ndarray, "n_draws P Q"]
) -> tuple[Matrix, Matrix]:
    """First canonical weights in every draw, [P, n_draws] and [Q, n_draws], from X'X and X'Y; Y'Y is the identity."""
    factors = lapack.cholesky(grams)
    whitened = lapack.solve_lower(factors, products)
    x, y, _ = leading_pairs(whitened, 1)
    return lapack.solve_lower(factors, x, transposed=True)[..., 0].T, y[..., 0].T
