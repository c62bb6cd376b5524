"""What is read in the test subjects of a fold: the held-out correlation of both scores, or how an outcome is told."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray
from scipy.stats import rankdata

from fusion.arrays import Matrix, Positions
from fusion.cca.base import paired_correlations
from fusion.prediction.discrimination import NAMES
from fusion.prediction.outcome import Outcome


@dataclass(frozen=True, eq=False)
class Measure:
    """A number for the test subjects of one fold; larger is better.

    Attributes
    ----------
    outcome : Outcome or None
        None: the correlation of the scores of x and y. Of a number: the correlation of it with the score of x. Of two
        classes: their AUROC by the score of x. Of several classes: the correlation of the score of x with that of the
        classes' indicators.
    """

    outcome: Outcome | None = None

    @property
    def name(self) -> str:
        """As a reader sees it."""
        if self.outcome is None or self.outcome.kind == "multiclass":
            return "ρ₁"
        return NAMES[self.outcome.kind]

    def __call__(self, x_scores: Matrix, y_scores: Matrix, test: Positions) -> Float64[np.ndarray, " k"]:
        """Of every column of scores.

        Parameters
        ----------
        x_scores, y_scores : float64 arrays, shape [n_test, k]
            Turned so that they correlate positively in the training rows, that of y with the outcome.
        test : int array, shape [n_test]
            Rows of the cohort.

        Returns
        -------
        float64 array, shape [k]
            NaN where one class alone is among the test rows.
        """
        if self.outcome is None or self.outcome.kind == "multiclass":
            return paired_correlations(x_scores, y_scores)
        values = self.outcome.values[test]
        if self.outcome.kind == "binary":
            return _auroc(values > 0, x_scores)
        return paired_correlations(x_scores, np.broadcast_to(values[:, np.newaxis], x_scores.shape))


def _auroc(is_case: NDArray[np.bool_], scores: Matrix) -> Float64[np.ndarray, " k"]:
    n_cases, n_controls = int(is_case.sum()), int((~is_case).sum())
    if not n_cases or not n_controls:
        return np.full(scores.shape[1], np.nan)
    ranks = rankdata(scores, axis=0)
    return np.asarray((ranks[is_case].sum(axis=0) - n_cases * (n_cases + 1) / 2) / (n_cases * n_controls))
