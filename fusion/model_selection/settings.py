"""One setting of an alignment: its worth in inner folds, and the test of a chosen one in rows that took no part."""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from fusion.arrays import Matrix, Real
from fusion.cca.base import paired_correlations
from fusion.cca.exact import Basis
from fusion.cca.ridge import RidgeCCA, ridge_basis
from fusion.confounds.coding import Confounds, ConfoundsLike
from fusion.cross_validation.fold_embedding import FoldEmbedding, embed_folds
from fusion.cross_validation.folds import Folds
from fusion.cross_validation.moved_columns import MovedColumns
from fusion.cross_validation.resampling import bootstrap_correlations, percentile_interval
from fusion.cross_validation.score_tails import ScoreTails
from fusion.decomposition.pca import Scaling
from fusion.errors import InputError
from fusion.parallel import map_permutations, one_blas_thread
from fusion.permutation.exchangeability import Permutation
from fusion.permutation.p_values import TestedCorrelation
from fusion.permutation.permutations import PermutationSet, make_permutations
from fusion.permutation.projections import Theil, keep_rows, nuisance_basis
from fusion.permutation.relations import Relations
from fusion.views.view import View


@dataclass(frozen=True)
class Setting:
    """What is tried.

    Attributes
    ----------
    n_components : int
        Leading principal components of both sides that enter CCA; a side that has fewer gives all.
    penalty : float
        Of `RidgeCCA`, in [0, 1], towards the mean variance of the components; 0 is exact CCA.
    """

    n_components: int
    penalty: Real = 0.0


def inner_correlation(embedded: Sequence[FoldEmbedding], setting: Setting) -> float:
    """First held-out correlation of a setting, averaged over inner folds by their numbers of test rows."""
    values = [_held_out(fold, setting) for fold in embedded]
    return float(np.average(values, weights=[len(fold.test) for fold in embedded]))


def embed_inner(
    views: tuple[View, View],
    confounds: ConfoundsLike,
    rows: NDArray[np.intp],
    folds: Folds,
    *,
    n_components: int,
    scale: Scaling,
) -> list[FoldEmbedding]:
    """Inner folds of some rows, fitted on their training rows; made once and tried with many settings.

    Parameters
    ----------
    views : pair of View
        Of the whole cohort.
    confounds
        As in `fusion.cross_validated_cca`.
    rows : int array
        Rows that may be learned from.
    folds : Folds
        Of these rows.
    n_components, scale
        Largest number of components that will be tried; scaling as in `fusion.cross_validated_cca`.
    """
    taken, known = (views[0].take(rows), views[1].take(rows)), Confounds.of(confounds).take(rows)
    with one_blas_thread():
        return embed_folds(taken, known, folds, n_components=n_components, scale=scale)


@dataclass(frozen=True)
class TestedSetting(TestedCorrelation):
    """A chosen setting in rows that took no part in choosing or fitting.

    Attributes
    ----------
    null : float64 array, shape [n_permutations + 1]
        Correlation of the two scores in the test rows, the observed one first. With the same subjects, relations and
        seed, entry b is of the same permutation whatever the views and the setting.
    interval : float64 array, shape [2]
        95 % percentile bootstrap over test rows (who belongs together is drawn together), the fit held fixed; NaN where
        few subjects carry the scores.
    n_train, n_test : int
    """

    null: Float64[np.ndarray, " n_draws"]
    interval: Float64[np.ndarray, " 2"]
    n_train: int
    n_test: int


def evaluate_setting(
    views: tuple[View, View],
    confounds: ConfoundsLike,
    split: tuple[NDArray[np.intp], NDArray[np.intp]],
    setting: Setting,
    *,
    scale: Scaling,
    relations: Relations | None = None,
    n_permutations: int = 999,
    n_bootstrap: int = 2000,
    random_state: int = 0,
) -> TestedSetting:
    """Fit on one part of the cohort and test once on the other.

    The test is that of `fusion.cross_validated_cca` with one fold: x is permuted among the training rows and among the
    test rows, inside exchangeability blocks (with confounds, Theil's residuals are), and fitted again.

    Parameters
    ----------
    split : pair of int arrays
        Training and test rows.
    relations : Relations, optional
        Of the whole cohort; all subjects are independent and exchangeable by default.

    Raises
    ------
    InputError
        Too few test rows for their confounds.
    """
    confounds, rows = Confounds.of(confounds), np.sort(np.concatenate(split))
    relations = (relations or Relations(int(views[0].shape[0]))).take(rows)
    taken, known = (views[0].take(rows), views[1].take(rows)), confounds.take(rows)
    train, test = (np.searchsorted(rows, part) for part in split)
    encoded = known.coded(np.arange(len(rows)))
    if encoded is not None and len(test) <= encoded.shape[1] + 2:
        raise InputError(
            f"The test rows must outnumber their confounds; got {len(test)} rows and {encoded.shape[1]} confound "
            "columns: hold out more folds."
        )
    with one_blas_thread():
        (fold,) = embed_folds(taken, known, [(train, test)], n_components=setting.n_components, scale=scale)
        permuted = _make_permuted(fold, setting, encoded, relations, n_permutations, random_state)
        null = map_permutations(permuted, n_permutations + 1)
        x, y = permuted.scores(permuted.permutations[0])
    clusters = relations.take(test).drawn_together()
    one_fold = np.zeros(len(test), dtype=np.int64)
    draws = bootstrap_correlations(x, y, one_fold, clusters, n_draws=n_bootstrap, seed=random_state)
    is_heavy = bool(ScoreTails.of(x, y, one_fold).too_heavy[0])
    return TestedSetting(
        null=null[:, 0],
        interval=np.full(2, np.nan) if is_heavy else percentile_interval(draws[:, 0]),
        n_train=len(train),
        n_test=len(test),
    )


@dataclass(frozen=True)
class PermutedSetting:
    """Correlation in the test rows after permutation ``index``, fitted again to the permuted training rows; [1].

    Attributes
    ----------
    fold : FoldEmbedding
    setting : Setting
    permutations : PermutationSet
        Of subjects, or of Theil residuals.
    moved : MovedColumns
        Components of the genes.
    y : float64 array, shape [n_subjects, rank_y]
        Components of the brain.
    y_basis : Basis
        Of their training rows.
    """

    fold: FoldEmbedding
    setting: Setting
    permutations: PermutationSet
    moved: MovedColumns
    y: Matrix
    y_basis: Basis

    def __call__(self, index: int) -> Float64[np.ndarray, " 1"]:
        return paired_correlations(*self.scores(self.permutations[index]))

    def scores(self, permutation: Permutation) -> tuple[Matrix, Matrix]:
        """Scores of the test rows on the first pair of weights, [n_test, 1] each."""
        fold, penalty = self.fold, self.setting.penalty
        x = _unit_variance(self.moved(permutation), fold.train, self.setting.n_components)
        basis = ridge_basis(x[fold.train], penalty, "x")
        left, _, right = np.linalg.svd(basis.columns.T @ self.y_basis.columns, full_matrices=False)
        return x[fold.test] @ (basis.weights @ left[:, :1]), self.y[fold.test] @ (self.y_basis.weights @ right[:1].T)


def _make_permuted(
    fold: FoldEmbedding,
    setting: Setting,
    confounds: Matrix | None,
    relations: Relations,
    n_permutations: int,
    random_state: int,
) -> PermutedSetting:
    held_out, blocks, theil = np.zeros(relations.n_subjects, dtype=np.int64), relations.blocks, None
    held_out[fold.test] = 1
    if confounds is not None:
        nuisance = nuisance_basis(relations.n_subjects, confounds)
        theil = Theil(nuisance, keep_rows(nuisance, None if blocks is None else blocks.units))
        held_out, blocks = held_out[theil.kept], None if blocks is None else blocks.take(theil.kept)
    permutations = make_permutations(
        len(held_out), n_permutations, blocks=blocks, within=held_out, random_state=random_state
    )
    y = _unit_variance(fold.y, fold.train, setting.n_components)
    moved = MovedColumns.of(fold, fold.x[:, : setting.n_components], theil)
    return PermutedSetting(fold, setting, permutations, moved, y, ridge_basis(y[fold.train], setting.penalty, "y"))


def _held_out(fold: FoldEmbedding, setting: Setting) -> float:
    """Correlation of the test rows' scores on the first pair of weights."""
    x, y = (_unit_variance(view, fold.train, setting.n_components) for view in (fold.x, fold.y))
    model = RidgeCCA(1, penalty=setting.penalty).fit(x[fold.train], y[fold.train])
    return float(paired_correlations(model.x_scores(x[fold.test]), model.y_scores(y[fold.test]))[0])


def _unit_variance(scores: Matrix, train: NDArray[np.intp], n_components: int) -> Matrix:
    """Leading components in units in which their mean variance is 1: a penalty then means the same in every view."""
    leading = scores[:, :n_components]
    return np.asarray(leading / np.sqrt(leading[train].var(axis=0).mean()))
