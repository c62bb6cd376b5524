"""Held-out canonical correlations: everything fitted on training rows, tested by permutation within folds.

One permutation of the subjects that never crosses a fold permutes training rows with training rows and test rows with
test rows in every fold at once. It must be *one*: folds share subjects, so their held-out correlations depend on one
another, and separate permutations per fold would lose that dependence and be liberal.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from fusion.arrays import LabelsLike, Matrix, Real, ViewLike
from fusion.cca.base import paired_correlations
from fusion.cca.dimensions import Dimensions, settle_dimensions
from fusion.confounds.coding import Confounds, ConfoundsLike
from fusion.cross_validation.conditional_steps import AllComponents, conditional_null
from fusion.cross_validation.fold_embedding import each_embedded
from fusion.cross_validation.fold_null import statistics_by_fold
from fusion.cross_validation.fold_permutation import Exchange, FoldTest
from fusion.cross_validation.fold_scores import observed_scores
from fusion.cross_validation.folds import Folds, folds_of
from fusion.cross_validation.kept_folds import KeptFolds
from fusion.cross_validation.resampling import bootstrap_correlations, fold_average, fold_widening, percentile_interval
from fusion.cross_validation.result import CrossValidatedCCA
from fusion.cross_validation.score_tails import ScoreTails
from fusion.decomposition.pca import Scaling
from fusion.errors import InputError
from fusion.parallel import Progress, tiled
from fusion.permutation.assumptions.sentences import assumption_warnings
from fusion.permutation.exchangeability import Blocks
from fusion.permutation.relations import Relations
from fusion.subject_rows import check_same_subjects, row_ids
from fusion.views.view import as_view

STANDS_OUT = 1.5
"""Held-out correlation, in standard errors of independent clusters, from which the first component may well be one."""


def cross_validated_cca(  # noqa: PLR0913 (one call says the whole procedure)
    x: ViewLike,
    y: ViewLike,
    confounds: ConfoundsLike = None,
    *,
    n_splits: int = 5,
    groups: LabelsLike | None = None,
    stratify: LabelsLike | None = None,
    n_components: int = 3,
    x_dimensions: Dimensions = "auto",
    y_dimensions: Dimensions = "auto",
    pca_components: int = 512,
    scale: Scaling = True,
    min_ratio: Real = 10,
    n_permutations: int = 999,
    n_bootstrap: int = 2000,
    exchangeability_blocks: LabelsLike | Blocks | None = None,
    folds: Folds | None = None,
    stop_at: Real | None = None,
    random_state: int | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> CrossValidatedCCA:
    """Correlate two views in subjects that no step of the fit has seen, and test it.

    In every training fold, and only there: encode and remove confounds, scale, PCA, CCA. The statistic of a component
    is the correlation of the projected test rows, averaged over folds with their sizes as weights. Its p-value is
    one-sided: a held-out correlation is an effect only if it is positive.

    Parameters
    ----------
    x, y : fusion view, DataFrame or array, shapes [n_subjects, n_x] and [n_subjects, n_y]
        Rows of the same subjects in the same order. What a view learns (`fusion.HarmonizedView`: ComBat;
        `fusion.NormalScoresView`), it learns in every training fold.
    confounds : array or (DataFrame, ConfoundDesign), optional
        Numbers, shape [n_subjects, n_confounds], or a table with the design that encodes it; a copy of the design is
        fitted in every training fold.
    n_splits, groups, stratify, folds
        See `fusion.cross_validation.folds.make_folds`; ``folds`` takes their place, and brings the groups and blocks
        that it knows. Groups are drawn as wholes by intervals and comparisons.
    n_components : int
        Components reported, at most the smaller number of dimensions.
    x_dimensions, y_dimensions : int or "auto"
        Leading principal components that CCA takes; "auto" by `choose_dimensions` for the smallest training fold.
    pca_components : int
        Upper bound of the embedding from which they are taken.
    scale : bool or pair of bool
        Unit variance per column before PCA, of both views or of (x, y): for columns of different units.
    min_ratio : float
        Of "auto": effective training subjects per dimension.
    n_permutations, n_bootstrap : int
    exchangeability_blocks : labels or Blocks, optional
        Permutation stays inside these and inside folds. Give families as ``Blocks(labels, "whole")``.
    stop_at : float, optional
        Leave components untested (NaN) after the first whose ``p_fwer`` exceeds this level; the value and its interval
        stay.
    random_state : int, optional
        Of folds, permutations and bootstrap.
    n_jobs : int
        Results do not depend on it.
    progress : callable, optional

    Returns
    -------
    CrossValidatedCCA
        Component k is the k-th of each fold, matched in sign alone; from the second on its null keeps the components
        before it (`fusion.cross_validation.conditional_steps`). ``trace`` is what all dimensions find together
        (`fusion.cross_validation.held_out_trace`). Intervals are percentile bootstraps over held-out
        subjects (groups as clusters) with the folds' projections fixed: they speak of these projections in other
        subjects of the same population, not of the correlation that CCA of the whole population would find, which is
        larger. Training folds share subjects with the test folds of others; the intervals are widened by what their
        weights share (``widening``) and covered 93 to 95 % in simulation (tests/calibration/results_heldout.md).
        Where few subjects carry the scores no interval is valid, and none is given
        (`fusion.cross_validation.score_tails`).
    """
    if n_components < 1:
        raise InputError(f"n_components must be at least 1; got {n_components}.")
    confounds = Confounds.of(confounds)
    check_same_subjects(x=x, y=y, confounds=confounds.given)
    views = as_view(x), as_view(y)
    seed = int(np.random.SeedSequence(random_state).entropy)  # type: ignore[arg-type]
    relations = _settle_relations(
        {"x": x, "y": y, "confounds": confounds.given}, groups, stratify, exchangeability_blocks, folds
    )
    folds = folds or folds_of(relations, n_splits, seed)
    n_subjects = relations.n_subjects
    n_test = np.bincount(folds.assignments)
    with tiled():
        embedded = each_embedded(views, confounds, folds, n_components=pca_components, scale=scale)
        kept = KeptFolds(embedded, folds.n_splits)
        (p, q), n_effective = _settle_widths(kept, (x_dimensions, y_dimensions), min_ratio)
        first = kept[0]
        said = assumption_warnings(first.x, first.y, confounds.by_name(), relations, (p, q))
        del first
        kept.change(lambda fold: fold.whiten(p, q, canonical=True))
        scores = observed_scores(kept, min(n_components, *(min(widths) for _, *widths in kept.sizes)))
        widening = fold_widening(scores.of_all)
        x_scores, y_scores = scores.held_out(folds)
        exchange = Exchange.of(
            confounds.coded(np.arange(n_subjects)),
            folds,
            blocks=relations.blocks,
            n_permutations=n_permutations,
            random_state=seed,
        )
    n_kept = x_scores.shape[1]
    clusters = relations.drawn_together(folds.assignments)
    rho_by_fold = np.stack([paired_correlations(x_scores[test], y_scores[test]) for _, test in folds])
    rho_1 = float(fold_average(rho_by_fold, n_test)[0])
    # What is found does not depend on it: all components from one product, or, where they are asked for, by another.
    are_all = n_kept > 1 and (stop_at is None or rho_1 > STANDS_OUT / np.sqrt(len(np.unique(clusters))))
    by_fold = statistics_by_fold(
        kept,
        lambda fold: (
            AllComponents.of(fold, exchange, n_kept) if are_all else FoldTest.of(fold, exchange, 1, with_trace=True)
        ),
        len(exchange.permutations),
        n_test=n_test,
        n_jobs=n_jobs,
        progress=progress,
    )
    null, trace, later = np.split(fold_average(by_fold, n_test), [1, 2], axis=1)
    n_unseen = confounds.count_unseen(folds)
    draws = bootstrap_correlations(
        x_scores, y_scores, folds.assignments, clusters, widening=widening, n_draws=n_bootstrap, seed=seed
    )
    tails = ScoreTails.of(x_scores, y_scores, folds.assignments)
    return CrossValidatedCCA(
        rho_by_fold=rho_by_fold,
        null=conditional_null(
            kept,
            exchange,
            null[:, 0],
            n_test,
            n_components=n_kept,
            stop_at=stop_at,
            n_jobs=n_jobs,
            known=later if are_all else None,
        ),
        interval=np.where(tails.too_heavy[:, np.newaxis], np.nan, percentile_interval(draws)),
        widening=widening,
        n_test=n_test,
        n_unseen=n_unseen,
        dimensions=(p, q),
        n_subjects=n_subjects,
        n_effective=n_effective,
        folds_sha256=folds.sha256,
        seed=seed,
        warnings=(
            *_warnings(relations, folds, n_effective / (p + q), min_ratio, n_unseen=int(n_unseen.sum())),
            *tails.warnings(),
            *said,
            *_constant_warnings(rho_by_fold),
        ),
        assignments=folds.assignments,
        x_scores=x_scores,
        y_scores=y_scores,
        trace_null=trace[:, 0],
        clusters=clusters,
        row_ids=relations.row_ids,
    )


def _settle_relations(
    tables: dict[str, Any],
    groups: LabelsLike | None,
    stratify: LabelsLike | None,
    blocks: LabelsLike | Blocks | None,
    folds: Folds | None,
) -> Relations:
    """Who belongs together, by what is given here and by what the folds were made with."""
    check_same_subjects(**tables, groups=groups, stratify=stratify, exchangeability_blocks=blocks)
    known = (ids for table in tables.values() if (ids := row_ids(table)) is not None)
    relations = Relations.of(tables["x"], groups=groups, stratify=stratify, blocks=blocks)
    relations = replace(relations, row_ids=next(known, relations.row_ids))
    if folds is None:
        return relations
    if len(folds.assignments) != relations.n_subjects:
        raise InputError(f"folds must assign {relations.n_subjects} subjects; they assign {len(folds.assignments)}.")
    check_same_subjects(**tables, folds=folds.relations)
    relations = replace(
        folds.relations.updated(tables["x"], groups=groups, stratify=stratify, blocks=blocks), row_ids=relations.row_ids
    )
    if groups is None or relations.groups is None:
        return relations
    pairs = np.unique(np.column_stack([relations.groups, folds.assignments]), axis=0)
    split = len(pairs) - len(np.unique(pairs[:, 0]))
    if split:
        raise InputError(f"folds must keep every group in one fold; {split} groups are split: make them with groups.")
    return relations


def _settle_widths(
    folds: KeptFolds, asked: tuple[Dimensions, Dimensions], min_ratio: Real
) -> tuple[tuple[int, int], int]:
    """Dimensions of x and y that the smallest fold has, and its effective training subjects."""
    n_effective, x_available, y_available = np.min(folds.sizes, axis=0)
    available = int(x_available), int(y_available)
    return settle_dimensions(int(n_effective), available, asked, min_ratio=min_ratio), int(n_effective)


def _constant_warnings(rho_by_fold: Matrix) -> list[str]:
    """One sentence if scores do not vary in the test rows of a fold, where `paired_correlations` is exactly 0."""
    folds, _ = np.nonzero(rho_by_fold == 0)
    if not len(folds):
        return []
    return [
        f"In {len(set(folds.tolist()))} of {len(rho_by_fold)} folds a component's scores do not vary among the test "
        "subjects, as where a rare column is constant: its correlation counts as 0 there, so rho and its interval are "
        "too near 0. Stratify the folds by that column, use fewer folds, or leave it out."
    ]


def _warnings(relations: Relations, folds: Folds, ratio: Real, min_ratio: Real, *, n_unseen: int) -> list[str]:
    sentences = []
    if n_unseen:
        sentences.append(
            f"{n_unseen} subjects have a confound level that their training folds lack: when held out, they got the "
            "mean of the training levels, that is no correction for it."
        )
    sentences += relations.warnings(folds.assignments)
    if ratio < min_ratio:
        sentences.append(
            f"The smallest training fold has {ratio:.3g} effective subjects per dimension, fewer than {min_ratio:g}."
        )
    return sentences
