"""Folds in which every method is fitted anew after every permutation."""

# ruff: noqa: F722

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Matrix
from fusion.cca.base import paired_correlations
from fusion.confounds.coding import Confounds
from fusion.cross_validation.fold_embedding import FoldEmbedding
from fusion.cross_validation.folds import Folds
from fusion.cross_validation.moved_columns import MovedColumns
from fusion.journal import share_out
from fusion.methods.method import LearningRows, Method, ScoreStack
from fusion.methods.retrieval import partner_ranks, recall
from fusion.parallel import Progress, one_blas_thread
from fusion.permutation.permutations import PermutationSet, make_permutations
from fusion.permutation.projections import Theil, keep_rows, nuisance_basis
from fusion.permutation.relations import Relations

PERMUTATIONS_AT_ONCE = 20
"""Permutations that are learnt together: fixed, so that results cannot depend on the number of workers."""


@dataclass(frozen=True)
class FoldStatistics:
    """What one fold says of a portion of permutations.

    Attributes
    ----------
    values : float64 array, shape [n_methods, n_permutations, 1 + 2 n_sizes]
        Held-out correlation of the first component, recall from x to y, recall from y to x.
    scores : float64 array, shape [n_methods, 2, n_subjects, 1]
        First component of all rows in the first permutation of the portion.
    """

    values: Float64[np.ndarray, "n_methods n_permutations n_statistics"]
    scores: Float64[np.ndarray, "n_methods 2 n_subjects 1"]


@dataclass(frozen=True)
class PermutedFolds:
    """Methods, folds and permutations; picklable.

    Attributes
    ----------
    folds : sequence of FoldEmbedding
        Whitened.
    moved : sequence of MovedColumns
        Their x.
    rows : sequence of LearningRows
    permutations : PermutationSet
        Of subjects, or of Theil's residuals.
    methods : mapping of name to Method
    sizes : int array, shape [n_sizes]
        Numbers of neighbours at which recall is taken.
    """

    folds: Sequence[FoldEmbedding]
    moved: Sequence[MovedColumns]
    rows: Sequence[LearningRows]
    permutations: PermutationSet
    methods: Mapping[str, Method]
    sizes: Int64[np.ndarray, " n_sizes"]

    def portion(self, number: int, start: int) -> FoldStatistics:
        """One fold in permutations from `start` on."""
        fold, moved, rows = self.folds[number], self.moved[number], self.rows[number]
        indices = range(start, min(start + PERMUTATIONS_AT_ONCE, len(self.permutations)))
        with one_blas_thread():
            x = np.stack([unit_variance(moved(self.permutations[index]), rows) for index in indices])
            found = [method(x, fold.y, rows) for method in self.methods.values()]
            values = [self._statistics(fold, *pair) for pair in found]
        scores = np.stack([np.stack([side[0, :, :1] for side in pair]) for pair in found])
        return FoldStatistics(np.stack(values), scores)

    def _statistics(self, fold: FoldEmbedding, x: ScoreStack, y: ScoreStack) -> Matrix:
        x, y = x[:, fold.test], y[:, fold.test]
        rho = [paired_correlations(*pair) for pair in zip(x[:, :, :1], y[:, :, :1], strict=True)]
        there, back = recall(partner_ranks(x, y), self.sizes)
        return np.hstack([np.stack(rho), there, back])

    def run(
        self, n_jobs: int, progress: Progress | None
    ) -> tuple[Float64[np.ndarray, "n_folds n_methods n_draws n_statistics"], list[Matrix]]:
        """Statistics of every fold, and the observed first components of all rows by every fold."""
        starts = range(0, len(self.permutations), PERMUTATIONS_AT_ONCE)
        tasks = [(number, start) for number in range(len(self.folds)) for start in starts]
        found: list[FoldStatistics] = []
        calls = [(_portion, (self, *task)) for task in tasks]
        for part in share_out(calls, n_jobs=n_jobs, to_arrays=vars, of_arrays=lambda kept: FoldStatistics(**kept)):
            found.append(part)
            if progress is not None:
                progress(len(found), len(tasks))
        by_fold = [found[first : first + len(starts)] for first in range(0, len(tasks), len(starts))]
        values = np.stack([np.concatenate([part.values for part in parts], axis=1) for parts in by_fold])
        return values, [parts[0].scores for parts in by_fold]


def _portion(folds: PermutedFolds, number: int, start: int) -> FoldStatistics:
    return folds.portion(number, start)


def unit_variance(x: Matrix, rows: LearningRows) -> Matrix:
    """Columns less the mean of the training rows, in units of their standard deviations."""
    centred = x - x[rows.train].mean(axis=0)
    spread = centred[rows.train].std(axis=0, ddof=1)
    return np.asarray(centred / np.where(spread > 0, spread, 1.0))


def permuted_columns(
    folds: Sequence[FoldEmbedding], confounds: Confounds, assigned: Folds, relations: Relations, **settings: Any
) -> tuple[list[MovedColumns], PermutationSet]:
    """What is permuted inside folds and blocks: subjects, or with confounds Theil's residuals.

    Parameters
    ----------
    folds : sequence of FoldEmbedding
        Whitened.
    confounds : Confounds
    assigned : Folds
    relations : Relations
    **settings
        ``n_permutations`` and ``random_state``. With those of `fusion.cross_validated_cca` the permutations are its
        own.
    """
    within, blocks, theil = assigned.assignments, relations.blocks, None
    encoded = confounds.coded(np.arange(len(within)))
    if encoded is not None:
        nuisance = nuisance_basis(len(within), encoded)
        theil = Theil(nuisance, keep_rows(nuisance, None if blocks is None else blocks.units))
        within, blocks = within[theil.kept], None if blocks is None else blocks.take(theil.kept)
    permutations = make_permutations(len(within), blocks=blocks, within=within, **settings)
    return [MovedColumns.of(fold, fold.x, theil) for fold in folds], permutations
