"""Methods of alignment against one another: the same folds and permutations, fitted anew in each."""

# ruff: noqa: F722

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Matrix, Real, Scores, ViewLike
from fusion.cca.dimensions import check_width, settle_dimensions
from fusion.confounds.coding import Confounds, ConfoundsLike
from fusion.cross_validation.fold_embedding import FoldEmbedding, embed_folds
from fusion.cross_validation.folds import Folds
from fusion.cross_validation.resampling import bootstrap_correlations, fold_widening, percentile_interval
from fusion.cross_validation.score_tails import ScoreTails
from fusion.decomposition.pca import Scaling
from fusion.errors import InputError
from fusion.methods.method import Method, make_learning_rows
from fusion.methods.permuted_folds import PermutedFolds, permuted_columns
from fusion.methods.retrieval import curve_sizes
from fusion.parallel import Progress, one_blas_thread
from fusion.permutation.assumptions.sentences import assumption_warnings
from fusion.permutation.p_values import permutation_p
from fusion.permutation.relations import Relations
from fusion.subject_rows import check_same_subjects
from fusion.views.view import as_view


@dataclass(frozen=True, eq=False)
class HeldOutMethod:
    """One method in subjects that it has not seen: correlation of its first component, and retrieval.

    Attributes
    ----------
    rho_by_fold : float64 array, shape [n_folds]
    null : float64 array, shape [n_permutations + 1]
        Fold-averaged held-out correlation, the identity first.
    recall : float64 array, shape [2, n_sizes]
        Share of test subjects whose partner is among the k nearest, from x to y and from y to x, fold-averaged.
    recall_null : float64 array, shape [n_permutations + 1, n_sizes]
        Mean of both ways.
    chance : float64 array, shape [n_sizes]
        k over the number of test subjects, averaged over folds.
    sizes : int array, shape [n_sizes]
        k.
    asked : int
        The k at which retrieval is tested, one of `sizes`.
    widening, interval
        Of the correlation, shapes [1] and [1, 2], as in `fusion.CrossValidatedCCA`; NaN where no interval is valid.
    x_scores, y_scores : float64 array, shape [n_subjects, 1]
        First component of each subject by the fold in which it was held out.
    folds : Folds
    relations : Relations
    """

    rho_by_fold: Float64[np.ndarray, " n_folds"]
    null: Float64[np.ndarray, " n_draws"]
    recall: Float64[np.ndarray, "2 n_sizes"]
    recall_null: Float64[np.ndarray, "n_draws n_sizes"]
    chance: Float64[np.ndarray, " n_sizes"]
    sizes: Int64[np.ndarray, " n_sizes"]
    asked: int
    widening: Float64[np.ndarray, " 1"]
    interval: Float64[np.ndarray, "1 2"]
    x_scores: Scores
    y_scores: Scores
    folds: Folds
    relations: Relations

    @property
    def rho(self) -> Float64[np.ndarray, " 1"]:
        """Fold-averaged held-out correlation of the first component."""
        return self.null[:1]

    @property
    def folds_sha256(self) -> str:
        """Hash of the folds."""
        return self.folds.sha256

    @property
    def retrieval_null(self) -> Float64[np.ndarray, " n_draws"]:
        """Mean recall of both ways at the k asked for, the identity first."""
        return np.asarray(self.recall_null[:, np.flatnonzero(self.sizes == self.asked)[0]])

    @property
    def p(self) -> tuple[float, float]:
        """One-sided p of the correlation and of the retrieval, identity counted, uncorrected."""
        first, second = permutation_p(np.column_stack([self.null, self.retrieval_null])).tolist()
        return first, second


@dataclass(frozen=True, eq=False)
class HeldOutMethods:
    """All methods, whose permutations are the same, and what a user must know beside them."""

    methods: dict[str, HeldOutMethod]
    dimensions: tuple[int, int]
    n_subjects: int
    n_permutations: int
    warnings: tuple[str, ...]


def cross_validated_methods(  # noqa: PLR0913 (one call says the whole procedure)
    x: ViewLike,
    y: ViewLike,
    confounds: ConfoundsLike = None,
    *,
    methods: Mapping[str, Method],
    folds: Folds,
    dimensions: tuple[int, int],
    scale: Scaling = True,
    inner_splits: int = 4,
    recall_at: int = 10,
    n_permutations: int = 199,
    n_bootstrap: int = 2000,
    random_state: int = 0,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> HeldOutMethods:
    """Fit and test several methods of alignment in the same folds, components and permutations.

    In every training fold, and only there: confounds, scaling, PCA, the method with all its choices. A permutation
    moves x inside folds and blocks (with confounds, Theil's residuals, which are residualised again), and every method
    is fitted to it anew. Exact CCA among the methods is `fusion.cross_validated_cca` with the same dimensions, folds
    and seed, to the last permutation.

    Parameters
    ----------
    x, y, confounds, scale
        As in `fusion.cross_validated_cca`.
    methods : mapping of name to Method
    folds : Folds
        With what it knows of groups and blocks.
    dimensions : pair of int
        Leading principal components of x and y that every method takes; a side that has fewer gives all.
    inner_splits : int
        Folds of the training rows in which methods make their choices.
    recall_at : int
        Neighbours among which a partner counts as found.
    n_permutations, n_bootstrap, random_state, n_jobs, progress
        As in `fusion.cross_validated_cca`.

    Raises
    ------
    InputError
        No method, other subjects, too few subjects for the dimensions, the inner folds or retrieval.
    """
    if not methods:
        raise InputError("A test of methods needs at least one; none was given.")
    confounds = Confounds.of(confounds)
    check_same_subjects(x=x, y=y, confounds=confounds.given, folds=folds.relations)
    views, relations = (as_view(x), as_view(y)), folds.relations
    n_test = np.bincount(folds.assignments)
    if not 1 <= recall_at < n_test.min():
        raise InputError(
            f"Retrieval needs recall_at from 1 to below the {n_test.min()} subjects of the smallest test fold; got "
            f"{recall_at}. Lower it, or take fewer folds."
        )
    seeds = np.random.SeedSequence(random_state).generate_state(len(n_test))
    with one_blas_thread():
        embedded = embed_folds(views, confounds, folds, n_components=max(dimensions), scale=scale)
        n_effective = min(fold.n_effective for fold in embedded)
        available = min(fold.x.shape[1] for fold in embedded), min(fold.y.shape[1] for fold in embedded)
        dimensions = settle_dimensions(n_effective, available, dimensions)
        whitened = whiten(embedded, dimensions)
        settings = {"n_permutations": n_permutations, "random_state": random_state}
        moved, permutations = permuted_columns(whitened, confounds, folds, relations, **settings)
        said = assumption_warnings(embedded[0].x, embedded[0].y, confounds.by_name(), relations, dimensions)
    rows = [
        make_learning_rows(fold.train, relations, inner_splits=inner_splits, seed=int(seed))
        for fold, seed in zip(whitened, seeds, strict=True)
    ]
    sizes = curve_sizes(int(n_test.min()), recall_at)
    permuted = PermutedFolds(whitened, moved, rows, permutations, methods, sizes)
    values, scores = permuted.run(n_jobs, progress)
    bootstrap = {"n_draws": n_bootstrap, "seed": random_state}
    return HeldOutMethods(
        methods={
            name: _method(values[:, i], [fold[i] for fold in scores], folds, (sizes, recall_at), bootstrap)
            for i, name in enumerate(methods)
        },
        dimensions=dimensions,
        n_subjects=relations.n_subjects,
        n_permutations=n_permutations,
        warnings=(*relations.warnings(folds.assignments), *said),
    )


def whiten(embedded: Sequence[FoldEmbedding], dimensions: tuple[int, int]) -> list[FoldEmbedding]:
    """Leading components of every fold, whitened by its training rows.

    Raises
    ------
    InputError
        A fold with fewer, or with too few subjects for them.
    """
    for fold in embedded:
        check_width(*dimensions, fold.n_effective)
        for side, available, wanted in zip("xy", fold.widths, dimensions, strict=True):
            if wanted > available:
                raise InputError(
                    f"Every method takes {wanted} components of {side}; {len(fold.train)} training subjects give "
                    f"{available}: lower the dimensions."
                )
    return [fold.whiten(*dimensions) for fold in embedded]


def _method(
    values: Float64[np.ndarray, "n_folds n_draws n_statistics"],
    scores: Sequence[Matrix],
    folds: Folds,
    recalled: tuple[Int64[np.ndarray, " n_sizes"], int],
    bootstrap: Mapping[str, int],
) -> HeldOutMethod:
    (sizes, asked), n_test = recalled, np.bincount(folds.assignments)
    average = np.tensordot(n_test / n_test.sum(), values, axes=(0, 0))
    there, back = average[:, 1 : 1 + len(sizes)], average[:, 1 + len(sizes) :]
    held_out = np.empty((2, len(folds.assignments), 1))
    for of_fold, (_, test) in zip(scores, folds, strict=True):
        held_out[:, test] = of_fold[:, test]
    widening = _widening(scores)
    return HeldOutMethod(
        rho_by_fold=values[:, 0, 0],
        null=average[:, 0],
        recall=np.stack([there[0], back[0]]),
        recall_null=(there + back) / 2,
        chance=sizes * len(n_test) / n_test.sum(),
        sizes=sizes,
        asked=asked,
        widening=widening,
        interval=_interval(held_out, folds, widening, bootstrap),
        x_scores=held_out[0],
        y_scores=held_out[1],
        folds=folds,
        relations=folds.relations,
    )


def _widening(scores: Sequence[Matrix]) -> Float64[np.ndarray, " 1"]:
    """As of `fold_widening`; the most it can be where a fold learnt nothing that varies."""
    if min(float(np.ptp(side)) for pair in scores for side in pair) == 0:
        return np.array([np.sqrt(2.0)])
    return fold_widening([(pair[0], pair[1]) for pair in scores])


def _interval(
    scores: Matrix, folds: Folds, widening: Float64[np.ndarray, " 1"], bootstrap: Mapping[str, int | Real]
) -> Float64[np.ndarray, "1 2"]:
    """NaN where few subjects carry the scores."""
    if ScoreTails.of(scores[0], scores[1], folds.assignments).too_heavy[0]:
        return np.full((1, 2), np.nan)
    clusters = folds.relations.drawn_together(folds.assignments)
    draws = bootstrap_correlations(
        scores[0],
        scores[1],
        folds.assignments,
        clusters,
        widening=widening,
        **bootstrap,  # type: ignore[arg-type]
    )
    return percentile_interval(draws)
