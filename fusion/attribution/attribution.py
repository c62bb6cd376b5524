"""Leave one block out: what each gene (or region, or set of genes) adds to a held-out measure given all the others."""

# ruff: noqa: F722

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix, Positions, Real, ViewLike
from fusion.attribution.exchanged import ExchangedBlocks, fold_mean
from fusion.attribution.family import CorrectedFamily, correct_family
from fusion.attribution.left_out import held_out, without
from fusion.attribution.measure import Measure
from fusion.attribution.parts import Blocks, FoldParts, embed_parts, split_scores
from fusion.cca.dimensions import Dimensions, settle_dimensions
from fusion.confounds.coding import Confounds, ConfoundsLike
from fusion.confounds.learned_view import fitted_on
from fusion.cross_validation.folds import Folds, folds_of
from fusion.decomposition.pca import Scaling, ViewPCA, scale_pair
from fusion.errors import InputError
from fusion.parallel import Progress, map_permutations, one_blas_thread
from fusion.permutation.permutations import PermutationSet, make_permutations
from fusion.permutation.relations import Relations
from fusion.prediction.corrected_t import ResampledT, corrected_resampled_t
from fusion.prediction.outcome import NotDefinedError, Outcome
from fusion.subject_rows import check_same_subjects
from fusion.views.view import View, as_view

AXES_GIVEN = 2
"""Leading axes along which the other blocks are given, per axis that CCA takes."""


@dataclass(frozen=True, eq=False)
class BlockAttribution:
    """What blocks of x add to a held-out measure.

    Attributes
    ----------
    names : tuple of str
    measure : str
        What is measured: the held-out correlation ρ₁, AUROC, or correlation.
    value : float
        Of the whole view in the folds of the test.
    null : float64 array, shape [n_permutations + 1, n_blocks]
        The same with each block's own part exchanged, the identity first, less what is reached without the block.
    changes : float64 array, shape [n_repeats * n_folds, n_blocks]
        Measure of the whole view less that without the block, in every fold of every repetition; the folds of the test
        come first. Folds in which it is not defined are left out.
    test_share : float
        Test subjects per training subject.
    dimensions : tuple of int
        Leading axes of x and y.
    n_given : int
        Axes along which the other blocks, beside the confounds, are given.
    n_subjects, n_folds : int
    seed : int
    """

    names: tuple[str, ...]
    measure: str
    value: float
    null: Float64[np.ndarray, "n_draws n_blocks"]
    changes: Float64[np.ndarray, "n_all_folds n_blocks"]
    test_share: float
    dimensions: tuple[int, int]
    n_given: int
    n_subjects: int
    n_folds: int
    seed: int

    @property
    def family(self) -> CorrectedFamily:
        """One-sided p of the exchange, by itself and corrected over all blocks."""
        return correct_family(self.null)

    @property
    def resampled(self) -> tuple[ResampledT, ...]:
        """Mean change of every block over all folds, its 95 % interval and two-sided p by the corrected resampled t."""
        return tuple(corrected_resampled_t(column, self.test_share) for column in self.changes.T)

    @property
    def n_permutations(self) -> int:
        """Permutations besides the identity."""
        return len(self.null) - 1


def attribute_blocks(  # noqa: PLR0913 (one call says the whole procedure)
    x: ViewLike,
    y: ViewLike | Outcome,
    confounds: ConfoundsLike = None,
    *,
    folds: Folds,
    blocks: Blocks | None = None,
    repeats: int = 10,
    x_dimensions: Dimensions = "auto",
    y_dimensions: Dimensions = "auto",
    pca_components: int = 512,
    scale: Scaling = True,
    min_ratio: Real = 10,
    n_permutations: int = 1999,
    random_state: int = 0,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> BlockAttribution:
    """Leave every block of x out, and test whether it adds something given all others.

    The model is that of `fusion.cross_validated_cca`: in every training fold, and only there, confounds, scaling, PCA
    and CCA. Scores along the axes are sums over blocks. A block is left out by taking its part away and fitting CCA
    anew; the axes stay those of the whole view, which only the block's own directions miss. The change is averaged over
    repeated folds, with an interval by the corrected resampled t. The test exchanges the block's own part between
    subjects (`fusion.attribution.exchanged`) in the given folds.

    Parameters
    ----------
    x : view, DataFrame or array, shape [n_subjects, n_x]
        Of which blocks are left out.
    y : view, DataFrame or array, shape [n_subjects, n_y], or Outcome
        Of an outcome the measure is AUROC or correlation; see `fusion.attribution.measure`.
    confounds : array or (DataFrame, ConfoundDesign), optional
        As of `fusion.cross_validated_cca`.
    folds : Folds
        With the relations of the subjects.
    blocks : mapping of str to int array, optional
        Columns of x by block; by default those of one gene, or single columns of a table.
    repeats : int
        Repetitions of the folds, the given ones counted.
    x_dimensions, y_dimensions, pca_components, scale, min_ratio
        As of `fusion.cross_validated_cca`.
    n_permutations, random_state, n_jobs : int
        Results do not depend on the last.
    progress : callable, optional

    Raises
    ------
    InputError
        Rows of different subjects, a block without columns, a number out of range.
    NotDefinedError
        One block alone, no two subjects that may be exchanged, or a fold's training rows that know one class alone.
    """
    outcome = y if isinstance(y, Outcome) else None
    table: ViewLike = y.columns if isinstance(y, Outcome) else y
    confounds = Confounds.of(confounds)
    check_same_subjects(x=x, y=table, confounds=confounds.given, folds=folds.relations)
    views = as_view(x), as_view(table)
    found = column_blocks(views[0]) if blocks is None else dict(blocks)
    _check(found, views[0], repeats)
    measure, scales = Measure(outcome), scale_pair(scale if outcome is None else (scale_pair(scale)[0], False))
    columns = [np.sort(np.asarray(block, dtype=np.int64)) for block in found.values()]
    n_splits, relations = folds.n_splits, folds.relations
    with one_blas_thread():
        coded = confounds.coded(np.arange(len(folds.assignments)))
        p, q = _dimensions(views, coded, folds, (x_dimensions, y_dimensions), pca_components, scales, min_ratio)
        repeated = [folds, *(folds_of(relations, n_splits, random_state + r) for r in range(1, repeats))]
        embedded = [embed_parts(views, confounds, rows, columns, (p, q), scales) for rows in folds]
        changes = [_changes(one, measure) for one in embedded]
        for one in repeated[1:]:
            changes += [_changes(embed_parts(views, confounds, rows, columns, (p, q), scales), measure) for rows in one]
        others = _others(views[0], coded, columns, scales[0], _n_given(p, relations, coded))
    units = None if relations.blocks is None else relations.blocks.units
    permutations = _permutations(folds, n_permutations, random_state)
    table = np.stack([permutations[b] for b in range(len(permutations))])
    exchanged = ExchangedBlocks(folds, embedded, others, coded, units, table, permutations.order, measure)
    null = map_permutations(exchanged, len(columns), n_jobs=n_jobs, progress=progress, portion=1).T
    kept = np.array([change for change in changes if not np.isnan(change).any()])
    if len(kept) < 2:
        raise NotDefinedError("the measure is defined in fewer than two folds")
    n_test = np.bincount(folds.assignments)
    left = fold_mean(np.array([_without(one, measure) for one in embedded]), n_test)
    return BlockAttribution(
        names=tuple(found),
        measure=measure.name,
        value=float(null[0, 0]),
        null=null - left,
        changes=kept,
        test_share=1 / (n_splits - 1),
        dimensions=(p, q),
        n_given=others[0].shape[1],
        n_subjects=len(folds.assignments),
        n_folds=n_splits,
        seed=random_state,
    )


def column_blocks(view: View) -> dict[str, Positions]:
    """Columns of every gene of a panel, or of every feature of a table, in their order."""
    names = np.array(view.column_groups, dtype=object)
    return {str(name): np.flatnonzero(names == name) for name in dict.fromkeys(view.column_groups)}


def _check(blocks: Mapping[str, Positions], x: View, repeats: int) -> None:
    n_columns = x.shape[1]
    if repeats < 1:
        raise InputError(f"Attribution needs repeats of at least 1; got {repeats}.")
    for name, block in blocks.items():
        inside = np.asarray(block)
        if not inside.size or inside.min() < 0 or inside.max() >= n_columns or len(np.unique(inside)) < inside.size:
            raise InputError(f"Block {name!r} must name columns of x, 0 to {n_columns - 1}, each once; correct it.")
        if inside.size == n_columns:
            raise NotDefinedError(f"{name} is all there is, so that nothing is left without it")


def _dimensions(
    views: tuple[View, View],
    coded: Matrix | None,
    folds: Folds,
    wanted: tuple[Dimensions, Dimensions],
    most: int,
    scales: tuple[bool, bool],
    min_ratio: Real,
) -> tuple[int, int]:
    """Axes that the smallest training fold bears."""
    train = min((train for train, _ in folds), key=len)
    z = None if coded is None else coded
    fitted = [
        ViewPCA(most, confounds=z, scale=scale).fit(fitted_on(view, train), rows=train)
        for view, scale in zip(views, scales, strict=True)
    ]
    n_effective = len(train) - 1 - fitted[0].n_confounds_
    available = fitted[0].n_components_, fitted[1].n_components_
    return settle_dimensions(n_effective, available, wanted, min_ratio=min_ratio)


def _changes(one: FoldParts, measure: Measure) -> Float64[np.ndarray, " n_blocks"]:
    whole = held_out(one.fold, one.fold.x, measure)
    return np.asarray((np.nan if whole is None else whole) - _without(one, measure))


def _without(one: FoldParts, measure: Measure) -> Float64[np.ndarray, " n_blocks"]:
    found = [without(one, block, measure) for block in range(len(one.parts))]
    if None in found:
        raise NotDefinedError("nothing varies in the training subjects of a fold once a block is left out")
    return np.array(found, dtype=np.float64)


def _permutations(folds: Folds, n_permutations: int, seed: int) -> PermutationSet:
    relations = folds.relations
    try:
        return make_permutations(
            relations.n_subjects,
            n_permutations,
            blocks=relations.blocks,
            within=folds.assignments,
            random_state=seed,
        )
    except InputError as error:
        if n_permutations < 1:
            raise
        raise NotDefinedError("no two subjects of a fold may change places") from error


def _n_given(p: int, relations: Relations, coded: Matrix | None) -> int:
    """Axes of the other blocks: twice those of the model, as far as three quarters of the subjects stay to exchange."""
    room = (int(relations.clusters.max()) - (0 if coded is None else coded.shape[1])) // 4
    return max(1, min(AXES_GIVEN * p, room))


def _others(x: View, coded: Matrix | None, blocks: Sequence[Positions], scale: bool, n_axes: int) -> list[Matrix]:
    """What all blocks but one bring along the leading axes of the whole cohort, one block after the other."""
    view = fitted_on(x, np.arange(x.shape[0]))
    pca = ViewPCA(n_axes, confounds=coded, scale=scale).fit(view)
    whole = view.multiply(pca.components_.T / pca.scale_[:, np.newaxis])
    return [whole - part.scores for part in split_scores(view, pca, blocks, pca.n_components_)]
