"""A model for every stratum: fitted to the training subjects of one, tested in its test subjects, fold by fold.

What one stratum couples by may be other genes and regions than another's, which one model for all would miss. Models of
few subjects are poorer, so strata of unequal sizes differ without any reason; labels drawn anew keep those sizes and go
the same way, every model fitted again, so that only what exceeds that counts.
"""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from fusion.arrays import Matrix, Real
from fusion.cca.base import paired_correlations
from fusion.cca.dimensions import choose_dimensions
from fusion.cca.matching import matching_rotation
from fusion.cross_validation.fold_embedding import FoldEmbedding
from fusion.cross_validation.score_tails import ScoreTails
from fusion.errors import NotDefinedError
from fusion.journal import keep
from fusion.parallel import one_blas_thread
from fusion.stratification.coupling import Coupling, couple, indicators
from fusion.stratification.label_draws import LabelDraws
from fusion.stratification.one_model import bootstrap_strata, describe, standardise_strata
from fusion.stratification.result import StrataComparison

AT_ONCE = 64
"""Draws whose models are fitted together."""
FEWEST_TRAINED = 20
"""Training subjects of a stratum in every fold."""
RIDGE = 1e-8
"""Added to covariances, as a share of their mean variance: a stratum may lack what the whole cohort has."""


@dataclass(frozen=True, eq=False)
class SeparateModels:
    """What models of their own find in strata.

    Attributes
    ----------
    comparison : StrataComparison
    dimensions : tuple of int
        Leading components of x and y, the same in every stratum.
    agreement : float64 array, shape [P, 2]
        Correlation, over all test subjects, of the scores of two strata's models, of x and of y: 1 for one model.
    """

    comparison: StrataComparison
    dimensions: tuple[int, int]
    agreement: Float64[np.ndarray, "P 2"]


def compare_separate_models(
    embedded: Sequence[FoldEmbedding],
    draws: LabelDraws,
    rows: Int64[np.ndarray, " n_labelled"],
    *,
    clusters: Int64[np.ndarray, " n_labelled"],
    component: int = 0,
    dimensions: tuple[int, int] = (512, 512),
    min_ratio: Real = 10,
    widening: Real = 1.0,
    n_bootstrap: int = 2000,
    seed: int = 0,
) -> SeparateModels:
    """Compare held-out correlations of models that each stratum's training subjects taught.

    Components are matched to those of the model of all, fold by fold: the first by its sign, further ones by rotation
    of their loadings on y as well.

    Parameters
    ----------
    embedded : sequence of FoldEmbedding
        Of the whole cohort, whose confounds, scaling and principal axes are those of all training subjects.
    draws : LabelDraws
        Of the subjects `rows`.
    rows : int array, shape [n_labelled]
        Subjects whose label is known, ascending.
    clusters : int array, shape [n_labelled]
    component : int
        0-based.
    dimensions : tuple of int
        Most components of x and y.
    min_ratio : float
        Training subjects of the smallest stratum per dimension.
    widening : float
        Of the component in the model of all (`fusion.CrossValidatedCCA.widening`), for intervals.
    n_bootstrap, seed : int

    Raises
    ------
    NotDefinedError
        Too few training subjects of a stratum.

    References
    ----------
    Rotations: Schönemann (1966), doi:10.1007/BF02289451.
    """
    observed = draws.labels[0]
    size = _settle(embedded, observed, rows, dimensions, min_ratio)
    component = min(component, min(size) - 1)
    folds = [_Fold.of(fold.whiten(*size), rows, component).without_means(observed) for fold in embedded]
    assignments = np.zeros(len(rows), dtype=np.int64)
    for number, fold in enumerate(folds):
        assignments[fold.test] = number
    with one_blas_thread():
        scores = [_test_scores(folds, observed[np.newaxis] == code)[:, 0] for code in range(int(observed.max()) + 1)]
        found = _couplings(folds, draws.labels, indicators(assignments), clusters)
    x, y = (np.choose(observed, [one[side] for one in scores]) for side in (0, 1))
    settings: dict[str, Any] = {"widening": widening, "n_draws": n_bootstrap, "seed": seed}
    drawn = bootstrap_strata(x, y, observed, assignments, clusters, **settings)
    a, b = (standardise_strata(side, observed, assignments)[:, np.newaxis] for side in (x, y))
    if ScoreTails.of(a, b, observed).too_heavy[0]:
        drawn = np.full_like(drawn, np.nan)
    comparison = describe(found, observed, drawn)
    agreement = [paired_correlations(scores[a].T, scores[b].T) for a, b in comparison.pairs]
    return SeparateModels(comparison, size, np.array(agreement))


def _couplings(
    folds: "Sequence[_Fold]",
    labels: Int64[np.ndarray, "n_draws n_labelled"],
    of_fold: Float64[np.ndarray, "n_labelled n_folds"],
    clusters: Int64[np.ndarray, " n_labelled"],
) -> list[Coupling]:
    """Of every stratum, in every draw, every model fitted to the draw's labels."""
    found = []
    for code in range(int(labels[0].max()) + 1):
        parts = []
        for start in range(0, len(labels), AT_ONCE):
            member = labels[start : start + AT_ONCE] == code
            fitted = partial(_fit, folds, member, of_fold, clusters)
            parts.append(keep(fitted, to_arrays=Coupling._asdict, of_arrays=lambda kept: Coupling(**kept)))
        found.append(Coupling(*(np.concatenate(both) for both in zip(*parts, strict=True))))
    return found


def _fit(
    folds: "Sequence[_Fold]",
    member: Bool[np.ndarray, "n_draws n_labelled"],
    of_fold: Float64[np.ndarray, "n_labelled n_folds"],
    clusters: Int64[np.ndarray, " n_labelled"],
) -> Coupling:
    x, y = _test_scores(folds, member)
    return couple(x, y, member, of_fold, clusters)


def _test_scores(
    folds: "Sequence[_Fold]", member: Bool[np.ndarray, "n_draws n_labelled"]
) -> Float64[np.ndarray, "2 n_draws n_labelled"]:
    """Scores of everybody, of x and y, from the fold in which each was held out."""
    scores = np.zeros((2, *member.shape))
    for fold in folds:
        scores[:, :, fold.test] = fold.scores(member)
    return scores


def _settle(
    embedded: Sequence[FoldEmbedding],
    labels: Int64[np.ndarray, " n_labelled"],
    rows: Int64[np.ndarray, " n_labelled"],
    dimensions: tuple[int, int],
    min_ratio: Real,
) -> tuple[int, int]:
    """Dimensions that the smallest stratum bears in every fold."""
    trained = min(
        int(np.bincount(labels[np.isin(rows, fold.train)], minlength=int(labels.max()) + 1).min()) for fold in embedded
    )
    if trained < FEWEST_TRAINED:
        raise NotDefinedError(f"a stratum has fewer than {FEWEST_TRAINED} training subjects in a fold")
    removed = max(len(fold.train) - fold.n_effective for fold in embedded)
    share = 1 - removed / min(len(fold.train) for fold in embedded)
    available = (min(fold.widths[side] for fold in embedded) for side in (0, 1))
    p, q = (min(most, width) for most, width in zip(dimensions, available, strict=True))
    return choose_dimensions(max(int(trained * share) - 1, 2), p, q, min_ratio=min_ratio)


@dataclass(frozen=True, eq=False)
class _Fold:
    """One fold's views of the labelled subjects, whitened by all its training subjects.

    Attributes
    ----------
    x, y : float64 array, shape [n_labelled, P] and [n_labelled, Q]
    train, test : int arrays
        Places among the labelled.
    y_loadings : float64 array, shape [n_y, Q]
    reference : float64 array, shape [n_y, K]
        Loadings on y of the model of all training subjects.
    """

    x: Matrix
    y: Matrix
    train: Int64[np.ndarray, " n_train"]
    test: Int64[np.ndarray, " n_test"]
    y_loadings: Matrix
    reference: Matrix

    @classmethod
    def of(cls, fold: FoldEmbedding, rows: Int64[np.ndarray, " n_labelled"], component: int) -> "_Fold":
        product = fold.x[fold.train].T @ fold.y[fold.train]
        weights = np.linalg.svd(product, full_matrices=False)[2][: component + 1].T
        train, test = (np.flatnonzero(np.isin(rows, part)) for part in (fold.train, fold.test))
        loadings = fold.y_loadings
        unit = np.sqrt(len(fold.train) - 1)
        return cls(fold.x[rows] * unit, fold.y[rows] * unit, train, test, loadings, loadings @ weights)

    def without_means(self, labels: Int64[np.ndarray, " n_labelled"]) -> "_Fold":
        """The same without the means of strata, which are no coupling, by their training subjects."""
        x, y = self.x.copy(), self.y.copy()
        for code in np.unique(labels):
            trained = self.train[labels[self.train] == code]
            for side in (x, y):
                side[labels == code] -= side[trained].mean(axis=0)
        return _Fold(x, y, self.train, self.test, self.y_loadings, self.reference)

    def scores(self, member: Bool[np.ndarray, "n_draws n_labelled"]) -> Float64[np.ndarray, "2 n_draws n_test"]:
        """Test scores of one component by the models of a stratum, member: bool [n_draws, n_labelled]."""
        weights = member[:, self.train].astype(np.float64)
        x, y = self.x[self.train], self.y[self.train]
        of_x, of_y = (_inverse_root(_covariances(weights, side, side)) for side in (x, y))
        crossed = of_x.swapaxes(1, 2) @ _covariances(weights, x, y) @ of_y
        left, _, right = np.linalg.svd(crossed, full_matrices=False)
        n_kept = self.reference.shape[1]
        a, b = of_x @ left[:, :, :n_kept], of_y @ right.swapaxes(1, 2)[:, :, :n_kept]
        cross = np.einsum("yq,bqk,yr->bkr", self.y_loadings, b, self.reference, optimize=True)
        turned = np.stack([matching_rotation(one)[:, -1] for one in cross])
        return np.stack(
            [
                np.einsum("np,bpk,bk->bn", side[self.test], matrix, turned, optimize=True)
                for side, matrix in ((self.x, a), (self.y, b))
            ]
        )


def _covariances(weights: Matrix, a: Matrix, b: Matrix) -> Float64[np.ndarray, "n_draws P Q"]:
    """Of the members of every draw."""
    n_draws, size = len(weights), weights.sum(axis=1)[:, np.newaxis, np.newaxis]
    products = (a[:, :, np.newaxis] * b[:, np.newaxis, :]).reshape(len(a), -1)
    of_a, of_b = weights @ a, weights @ b
    total = (weights @ products).reshape(n_draws, a.shape[1], b.shape[1])
    return np.asarray((total - of_a[:, :, np.newaxis] * of_b[:, np.newaxis, :] / size) / size)


def _inverse_root(covariances: Float64[np.ndarray, "n_draws P P"]) -> Float64[np.ndarray, "n_draws P P"]:
    """W with W' C W = I: the transposed inverse of the Cholesky factor."""
    mean = np.trace(covariances, axis1=1, axis2=2)[:, np.newaxis, np.newaxis] / covariances.shape[1]
    factor = np.linalg.cholesky(covariances + RIDGE * mean * np.eye(covariances.shape[1]))
    return np.asarray(np.linalg.inv(factor).swapaxes(1, 2))
