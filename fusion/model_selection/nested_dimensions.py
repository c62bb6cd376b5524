"""How many components CCA should take, chosen by folds inside every training fold, and tested outside."""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from fusion.archive import Saved
from fusion.arrays import LabelsLike, ViewLike
from fusion.cca.base import paired_correlations
from fusion.cca.dimensions import check_width
from fusion.cca.exact import leading_pairs
from fusion.comparison.max_t import westfall_young
from fusion.confounds.coding import Confounds, ConfoundsLike
from fusion.cross_validation.fold_embedding import FoldEmbedding, embed_folds
from fusion.cross_validation.fold_null import statistics_by_fold
from fusion.cross_validation.fold_permutation import Exchange, FoldTest
from fusion.cross_validation.folds import Folds, folds_of
from fusion.decomposition.pca import Scaling
from fusion.errors import InputError
from fusion.parallel import Progress, one_blas_thread
from fusion.permutation.exchangeability import Blocks
from fusion.permutation.p_values import TestedCorrelation
from fusion.subject_rows import check_same_subjects
from fusion.views.view import View, as_view


@dataclass(frozen=True, eq=False)
class NestedDimensions(TestedCorrelation, Saved):
    """A grid of component numbers, the choice in every outer fold, and what it is worth in rows that took no part.

    Attributes
    ----------
    grid : int array, shape [n_grid]
    inner_mean, inner_se : float64 arrays, shape [n_folds, n_grid]
        First held-out correlation over the inner folds of every outer training fold, and its standard error.
    chosen : int array, shape [n_folds]
        Smallest of the grid within one standard error of the best.
    rho_by_fold : float64 array, shape [n_folds]
        First held-out correlation of every outer fold with its chosen number.
    null : float64 array, shape [n_permutations + 1]
        Fold average with the choices kept, in which outer test rows took no part, the identity first.
    grid_rho : float64 array, shape [n_grid]
        Fold average with the same number in every fold.
    grid_p : float64 array, shape [n_grid]
        Corrected by max-T over the grid: valid without any choice.
    n_test : int array, shape [n_folds]
    """

    grid: Int64[np.ndarray, " n_grid"]
    inner_mean: Float64[np.ndarray, "n_folds n_grid"]
    inner_se: Float64[np.ndarray, "n_folds n_grid"]
    chosen: Int64[np.ndarray, " n_folds"]
    rho_by_fold: Float64[np.ndarray, " n_folds"]
    null: Float64[np.ndarray, " n_draws"]
    grid_rho: Float64[np.ndarray, " n_grid"]
    grid_p: Float64[np.ndarray, " n_grid"]
    n_test: Int64[np.ndarray, " n_folds"]


def nested_dimensions(  # noqa: PLR0913 (one call says the whole procedure)
    x: ViewLike,
    y: ViewLike,
    confounds: ConfoundsLike = None,
    *,
    grid: Sequence[int],
    folds: Folds,
    inner_splits: int = 3,
    groups: LabelsLike | None = None,
    stratify: LabelsLike | None = None,
    scale: Scaling = True,
    n_permutations: int = 999,
    exchangeability_blocks: LabelsLike | Blocks | None = None,
    random_state: int = 0,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> NestedDimensions:
    """Choose the number of components by inner folds and test the choice in the outer ones.

    Parameters
    ----------
    x, y, confounds
        As in `fusion.cross_validated_cca`.
    grid : sequence of int
        Numbers of leading components that enter CCA from both sides; a side that has fewer gives all.
    folds : Folds
        Outer folds.
    inner_splits : int
        Folds inside every outer training fold.
    groups, stratify : array of labels, shape [n_subjects], optional
        Of the inner folds; those of the outer folds by default.
    scale, n_permutations, exchangeability_blocks, n_jobs, progress
        As in `fusion.cross_validated_cca`.
    random_state : int
        Of inner folds and permutations.

    Raises
    ------
    InputError
        An empty grid, numbers below 1, or more dimensions than inner training folds have degrees of freedom.

    References
    ----------
    One standard error: Breiman et al. (1984), ISBN 978-0-412-04841-8, section 3.4.3.
    """
    sizes = sorted({int(size) for size in grid})
    if not sizes or sizes[0] < 1:
        raise InputError(f"grid must hold numbers of components >= 1; got {list(grid)}.")
    confounds = Confounds.of(confounds)
    tables = {"x": x, "y": y, "confounds": confounds.given, "folds": folds.relations}
    labels = {"groups": groups, "stratify": stratify, "exchangeability_blocks": exchangeability_blocks}
    check_same_subjects(**tables, **labels)
    relations = folds.relations.updated(x, groups=groups, stratify=stratify, blocks=exchangeability_blocks)
    alignment = _Alignment((as_view(x), as_view(y)), confounds, sizes, scale)
    seeds = np.random.SeedSequence(random_state).generate_state(folds.n_splits)
    inner = np.stack(
        [
            alignment.take(train).inner_correlations(folds_of(relations.take(train), inner_splits, int(seed)))
            for (train, _), seed in zip(folds, seeds, strict=True)
        ]
    )  # [n_folds, n_inner, n_grid]
    mean, se = inner.mean(axis=1), inner.std(axis=1, ddof=1) / np.sqrt(inner.shape[1])
    chosen = np.array([smallest_within_one_se(*pair) for pair in zip(mean, se, strict=True)])
    n_test = np.bincount(folds.assignments)
    exchange = Exchange.of(
        confounds.coded(np.arange(relations.n_subjects)),
        folds,
        blocks=relations.blocks,
        n_permutations=n_permutations,
        random_state=random_state,
    )
    embedded = alignment.embed(folds)
    outer = np.stack(
        [
            statistics_by_fold(
                _whiten(embedded, size),
                lambda fold: FoldTest.of(fold, exchange, 1),
                n_permutations + 1,
                n_test=n_test,
                n_jobs=n_jobs,
                progress=progress,
            )[:, :, 0]
            for size in sizes
        ]
    )  # [n_grid, n_permutations + 1, n_folds]
    weights = n_test / n_test.sum()
    by_fold = outer[chosen, :, np.arange(len(chosen))].T  # every fold at its own choice
    averages = {str(size): values @ weights for size, values in zip(sizes, outer, strict=True)}
    corrected = westfall_young({size: (null[0], null) for size, null in averages.items()})
    return NestedDimensions(
        grid=np.array(sizes),
        inner_mean=mean,
        inner_se=se,
        chosen=np.array(sizes)[chosen],
        rho_by_fold=by_fold[0],
        null=by_fold @ weights,
        grid_rho=np.array([null[0] for null in averages.values()]),
        grid_p=np.array(list(corrected.values())),
        n_test=n_test,
    )


def smallest_within_one_se(mean: Float64[np.ndarray, " n_grid"], se: Float64[np.ndarray, " n_grid"]) -> int:
    """Position of the smallest size whose mean lies within one standard error of the best."""
    best = int(np.argmax(mean))
    return int(np.flatnonzero(mean >= mean[best] - se[best])[0])


@dataclass(frozen=True)
class _Alignment:
    """Views, confounds and the sizes to try, of the cohort or of some of its rows."""

    views: tuple[View, View]
    confounds: Confounds
    sizes: Sequence[int]
    scale: Scaling

    def take(self, rows: NDArray[np.intp]) -> "_Alignment":
        """The same of these rows alone."""
        views = self.views[0].take(rows), self.views[1].take(rows)
        return replace(self, views=views, confounds=self.confounds.take(rows))

    def embed(self, folds: Folds) -> list[FoldEmbedding]:
        """Every fold's views, fitted on its training rows."""
        with one_blas_thread():
            return embed_folds(self.views, self.confounds, folds, n_components=max(self.sizes), scale=self.scale)

    def inner_correlations(self, folds: Folds) -> Float64[np.ndarray, "n_inner n_grid"]:
        """First held-out correlation of every fold and size, [n_folds, n_grid]."""
        embedded = self.embed(folds)
        return np.column_stack([_observed(_whiten(embedded, size)) for size in self.sizes])


def _whiten(embedded: Sequence[FoldEmbedding], size: int) -> list[FoldEmbedding]:
    """The leading components of both sides; the narrowest fold decides how many there are."""
    p, q = (min(size, *(fold.widths[side] for fold in embedded)) for side in (0, 1))
    check_width(p, q, min(fold.n_effective for fold in embedded))
    return [fold.whiten(p, q) for fold in embedded]


def _observed(whitened: Sequence[FoldEmbedding]) -> Float64[np.ndarray, " n_folds"]:
    """First canonical correlation of every fold in its test rows."""
    values = []
    for fold in whitened:
        left, right, _ = leading_pairs(fold.x[fold.train].T @ fold.y[fold.train], 1)
        values.append(paired_correlations(fold.x[fold.test] @ left, fold.y[fold.test] @ right)[0])
    return np.array(values)
