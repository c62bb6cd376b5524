"""What a block of columns adds given all others: its own part is exchanged between subjects, the rest stays.

A block that adds nothing may be drawn anew given the other blocks and the confounds. The draw keeps what these explain
of the block (linearly, along the leading axes of the view) and exchanges the residual: Freedman & Lane's scheme, turned
to the block, with Theil's residuals, which are exchangeable where ordinary ones are not. Exchanges stay inside folds:
the axes of a fold, which its training rows determine, are those of every draw; CCA is fitted anew in each.
"""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from fusion.attribution.exchanged_fold import ExchangedFold
from fusion.attribution.measure import Measure
from fusion.attribution.parts import FoldParts
from fusion.cross_validation.folds import Folds
from fusion.permutation.permutations import restrict
from fusion.permutation.projections import Theil, keep_rows, nuisance_basis


@dataclass(frozen=True)
class ExchangedBlocks:
    """Null measures of block ``index``, [n_permutations + 1], the identity first; picklable.

    Attributes
    ----------
    folds : Folds
    embedded : sequence of FoldParts
    others : sequence of float64 arrays, shape [n_subjects, n_axes]
        Of every block: what all others bring along the leading axes of the whole cohort.
    confounds : float64 array, shape [n_subjects, n_confounds], or None
        Of the whole cohort.
    units : int array, shape [n_subjects], or None
        Who can only move together.
    permutations : int array, shape [n_permutations + 1, n_subjects]
        The identity first; inside folds and blocks. Every block of columns gets the same, of the rows that it keeps.
    order : int array, shape [n_subjects]
        Of `fusion.permutation.permutations.restrict`.
    measure : Measure

    References
    ----------
    Exchange of residuals: Freedman & Lane (1983), doi:10.1080/07350015.1983.10509354; draws of a column given the
    others: Candès et al. (2018), doi:10.1111/rssb.12265.
    """

    folds: Folds
    embedded: Sequence[FoldParts]
    others: Sequence[Float64[np.ndarray, "n_subjects n_axes"]]
    confounds: Float64[np.ndarray, "n_subjects n_confounds"] | None
    units: Int64[np.ndarray, " n_subjects"] | None
    permutations: Int64[np.ndarray, "n_draws n_subjects"]
    order: Int64[np.ndarray, " n_subjects"]
    measure: Measure

    def __call__(self, index: int) -> Float64[np.ndarray, " n_draws"]:
        others = self.others[index]
        given = others if self.confounds is None else np.hstack([self.confounds, others])
        nuisance = nuisance_basis(len(others), given)
        theil = Theil(nuisance, keep_rows(nuisance, self.units))
        is_kept = np.zeros(len(others), dtype=bool)
        is_kept[theil.kept] = True
        permutations = np.stack([restrict(one, is_kept, self.order) for one in self.permutations])
        by_fold = [ExchangedFold.of(one, index, theil, self.measure)(permutations) for one in self.embedded]
        return fold_mean(np.array(by_fold), np.bincount(self.folds.assignments))


def fold_mean(
    by_fold: Float64[np.ndarray, "n_folds n_values"], n_test: Int64[np.ndarray, " n_folds"]
) -> Float64[np.ndarray, " n_values"]:
    """Averaged over folds by their sizes; folds in which the measure is not defined do not count."""
    weights = np.where(np.isnan(by_fold), 0.0, n_test[:, np.newaxis])
    return np.asarray((weights * np.nan_to_num(by_fold)).sum(axis=0) / weights.sum(axis=0))
