"""Whether held-out scores are such that a bootstrap interval of their correlation holds what it promises."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Matrix, Scores

SKEWNESS_LIMIT = 1.0
KURTOSIS_LIMIT = 6.0
"""Of scores standardised within folds (normal: 0 and 3). Beyond these percentile and studentised intervals of 95 %
covered 75 to 91 % of lognormal columns: a few subjects carry the variance, and those of a sample are too few."""


@dataclass(frozen=True)
class ScoreTails:
    """Shape of held-out scores, standardised within their folds.

    Attributes
    ----------
    skewness, kurtosis : float64 arrays, shape [2, K]
        Of x and y.
    share : float64 array, shape [2, K]
        Largest share that one subject has of the variance.
    """

    skewness: Float64[np.ndarray, "2 K"]
    kurtosis: Float64[np.ndarray, "2 K"]
    share: Float64[np.ndarray, "2 K"]

    @classmethod
    def of(cls, x_scores: Scores, y_scores: Scores, assignments: Int64[np.ndarray, " n_subjects"]) -> "ScoreTails":
        """Tails of scores, each in the fold in which its subject was tested."""
        sides = np.stack([_standardised(side, assignments) for side in (x_scores, y_scores)])
        square = sides**2
        return cls((sides**3).mean(axis=1), (square**2).mean(axis=1), square.max(axis=1) / len(x_scores))

    @property
    def too_heavy(self) -> np.ndarray:
        """Which components have no valid interval, bool [K]."""
        heavy = (np.abs(self.skewness) > SKEWNESS_LIMIT) | (self.kurtosis > KURTOSIS_LIMIT)
        return np.asarray(heavy.any(axis=0))

    def warnings(self) -> list[str]:
        """One sentence for every side whose scores leave a component without an interval."""
        sentences = []
        for side, skewness, kurtosis, share in zip("xy", self.skewness, self.kurtosis, self.share, strict=True):
            heavy = np.flatnonzero((np.abs(skewness) > SKEWNESS_LIMIT) | (kurtosis > KURTOSIS_LIMIT))
            if not heavy.size:
                continue
            k = int(heavy[0])
            which = ", ".join(str(component + 1) for component in heavy)
            sentences.append(
                f"{side}: few subjects carry the held-out scores of component {which} (skewness {skewness[k]:.2g}, "
                f"kurtosis {kurtosis[k]:.2g}, the largest share of the variance is {share[k]:.0%}), so that a 95 % "
                "interval of the correlation would not hold and none is given; its p is valid. Normal scores of the "
                "residuals (normal_scores: true of a brain view, fusion.NormalScoresView) have one."
            )
        return sentences


def _standardised(scores: Scores, assignments: Int64[np.ndarray, " n_subjects"]) -> Matrix:
    """Scores in standard deviations of their folds; 0 where a fold's do not vary."""
    found = np.zeros_like(scores)
    for fold in np.unique(assignments):
        rows = assignments == fold
        centred = scores[rows] - scores[rows].mean(axis=0)
        spread = centred.std(axis=0)
        found[rows] = centred / np.where(spread > 0, spread, 1.0)
    return found
