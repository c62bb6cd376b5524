"""One setting of an alignment: its worth in inner folds, and the test of a chosen one in rows that took no part."""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from fusion.arrays import Matrix, Real
from fusion.cca.base import paired_correlations
from fusion.cca.ridge import RidgeCCA
from fusion.confounds.coding import Confounds, ConfoundsLike
from fusion.cross_validation.fold_embedding import FoldEmbedding, embed_folds
from fusion.cross_validation.folds import Folds
from fusion.cross_validation.resampling import percentile_interval
from fusion.decomposition.pca import Scaling
from fusion.errors import InputError
from fusion.parallel import one_blas_thread
from fusion.permutation.in_sample import permutation_test_cca
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
    values = [_held_out(fold, setting)[2] for fold in embedded]
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
class TestedSetting:
    """A chosen setting in rows that took no part in choosing or fitting.

    Attributes
    ----------
    rho : float
        Correlation of the two scores in the test rows.
    interval : float64 array, shape [2]
        95 % percentile bootstrap over test rows, the fit held fixed.
    p : float
        Of the partial correlation of the two scores given the test rows' confounds, two-sided, identity counted.
    n_train, n_test : int
    """

    rho: float
    interval: Float64[np.ndarray, " 2"]
    p: float
    n_train: int
    n_test: int


def evaluate_setting(
    views: tuple[View, View],
    confounds: ConfoundsLike,
    split: tuple[NDArray[np.intp], NDArray[np.intp]],
    setting: Setting,
    *,
    scale: Scaling,
    n_permutations: int = 999,
    n_bootstrap: int = 2000,
    random_state: int = 0,
) -> TestedSetting:
    """Fit on one part of the cohort and test once on the other.

    The scores of the test rows come from weights that these rows had no part in, so permuting them needs no refit: the
    test is that of one correlation given confounds, exact for Gaussian rows (`permutation_test_cca`).

    Parameters
    ----------
    split : pair of int arrays
        Training and test rows.

    Raises
    ------
    InputError
        Too few test rows for their confounds.
    """
    train, test = split
    confounds = Confounds.of(confounds)
    with one_blas_thread():
        (fold,) = embed_folds(views, confounds, [(train, test)], n_components=setting.n_components, scale=scale)
        x, y, rho = _held_out(fold, setting)
    encoded = confounds.coded(train)
    nuisance = None if encoded is None else encoded[fold.test]
    if nuisance is not None and len(test) <= nuisance.shape[1] + 2:
        raise InputError(
            f"The test rows must outnumber their confounds; got {len(test)} rows and {nuisance.shape[1]} confound "
            "columns: hold out more folds."
        )
    tested = permutation_test_cca(
        x[:, None], y[:, None], confounds=nuisance, n_permutations=n_permutations, random_state=random_state
    )
    rng = np.random.default_rng(random_state)
    draws = rng.integers(0, len(x), size=(n_bootstrap, len(x)))
    return TestedSetting(
        rho=rho,
        interval=percentile_interval(paired_correlations(x[draws].T, y[draws].T)),
        p=float(tested.p_uncorrected[0]),
        n_train=len(train),
        n_test=len(test),
    )


def _held_out(fold: FoldEmbedding, setting: Setting) -> tuple[Matrix, Matrix, float]:
    """Scores of the test rows on the first pair of weights, and their correlation."""
    x, y = (_unit_variance(view, fold.train, setting.n_components) for view in (fold.x, fold.y))
    model = RidgeCCA(1, penalty=setting.penalty).fit(x[fold.train], y[fold.train])
    a, b = model.x_scores(x[fold.test])[:, 0], model.y_scores(y[fold.test])[:, 0]
    return a, b, float(paired_correlations(a[:, None], b[:, None])[0])


def _unit_variance(scores: Matrix, train: NDArray[np.intp], n_components: int) -> Matrix:
    """Leading components in units in which their mean variance is 1: a penalty then means the same in every view."""
    leading = scores[:, :n_components]
    return np.asarray(leading / np.sqrt(leading[train].var(axis=0).mean()))
