"""Columns of subjects after a permutation, as a fold residualises them again.

With confounds Theil residuals v are permuted: the change d of their rows is brought back to subjects (Q d) and
residualised by the training rows. Both steps are linear and, but for d itself, as thin as the nuisance N of the cohort
and M of the fold: with K = N at the rows of d and F Theil's factor,

    Q d = [d + K F K'd, 0] - N (I + K'K F) K'd,    and M M_train' of that leaves.

So what was eight passes over all subjects for every permutation is one product with [K, M] and one with [N, M].
"""

from dataclasses import dataclass, replace

import numpy as np

from fusion.arrays import Matrix, Positions
from fusion.cross_validation.fold_embedding import FoldEmbedding
from fusion.permutation.exchangeability import Permutation
from fusion.permutation.projections import Theil


@dataclass(frozen=True)
class MovedResiduals:
    """What a change of Theil residuals' rows changes in residuals of some subjects after the fold's confounds.

    Attributes
    ----------
    at, source : int arrays
        Which of the subjects have a row of their own, and which it is.
    thin : float64 array, shape [n_rows, 2 rank]
        [K, M at the training rows].
    weights : float64 array, shape [3 rank, 2 rank]
    back : float64 array, shape [n_wanted, 3 rank]
        Nuisance of the wanted subjects: N of those with a row, N of those without, M.
    """

    at: Positions
    source: Positions
    thin: Matrix
    weights: Matrix
    back: Matrix

    @classmethod
    def of(cls, nuisance: Matrix, train: Positions, theil: Theil, wanted: Positions) -> "MovedResiduals":
        """Prepare a fold.

        Parameters
        ----------
        nuisance : float64 array, shape [n_subjects, rank]
            M.
        train, wanted : int arrays
            The fold's training rows, and the subjects whose residuals are wanted.
        theil : Theil
        """
        position = np.full(len(nuisance), -1)
        position[theil.kept] = np.arange(len(theil.kept))
        of_cohort, has_row = theil.nuisance[theil.kept], position[wanted] >= 0
        of_fold = np.where(np.isin(theil.kept, train)[:, np.newaxis], nuisance[theil.kept], 0.0)
        identity, nothing = np.eye(nuisance.shape[1]), np.zeros((of_cohort.shape[1], nuisance.shape[1]))
        spread = np.eye(of_cohort.shape[1]) + (of_cohort.T @ of_cohort) @ theil.factor
        fitted = of_fold.T @ of_cohort @ theil.factor - nuisance[train].T @ theil.nuisance[train] @ spread
        weights = np.block([[theil.factor - spread, nothing], [-spread, nothing], [-fitted, -identity]])
        own = theil.nuisance[wanted]
        masked = [np.where(rows[:, np.newaxis], own, 0.0) for rows in (has_row, ~has_row)]
        back = np.hstack([*masked, nuisance[wanted]])
        source = position[wanted[has_row]]
        return cls(np.flatnonzero(has_row), source, np.hstack([of_cohort, of_fold]), weights, back)

    def __call__(self, change: Matrix) -> Matrix:
        """Change of the residuals, [..., n_wanted, k], by one of the rows, [..., n_rows, k]."""
        return self.spread(self.thin.T @ change, change[..., self.source, :])

    def without_rows(self) -> "MovedResiduals":
        """For `spread` alone: without what has the length of the rows."""
        return replace(self, source=np.empty(0, dtype=np.intp), thin=np.empty((0, self.thin.shape[1])))

    def spread(self, of_thin: Matrix, own: Matrix) -> Matrix:
        """The same by ``thin.T @ change``, [..., 2 rank, k], and by the change of the rows at `source`."""
        found: Matrix = self.back @ (self.weights @ of_thin)
        found[..., self.at, :] += own
        return found


@dataclass(frozen=True)
class MovedColumns:
    """Columns of all subjects after a permutation of subjects, or of Theil residuals that are residualised again.

    Attributes
    ----------
    columns : float64 array, shape [n_subjects, k]
    rows : float64 array, shape [n_rows, k]
        What is permuted: the columns, or their Theil residuals.
    change : MovedResiduals or None
        None without confounds.
    """

    columns: Matrix
    rows: Matrix
    change: MovedResiduals | None

    @classmethod
    def of(cls, fold: FoldEmbedding, columns: Matrix, theil: Theil | None) -> "MovedColumns":
        """Project columns, of shape [n_subjects, k], once for all permutations."""
        if theil is None or fold.nuisance is None:
            return cls(columns, columns, None)
        everyone = np.arange(len(columns))
        return cls(columns, theil.apply(columns), MovedResiduals.of(fold.nuisance, fold.train, theil, everyone))

    def __call__(self, permutation: Permutation) -> Matrix:
        """Shape [..., n_subjects, k]; the permutation is one of `rows`, or a stack of them, [..., n_rows]."""
        moved = self.rows.take(permutation, axis=0)
        return moved if self.change is None else np.asarray(self.columns + self.change(moved - self.rows))
