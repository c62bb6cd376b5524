"""float32 where a permutation is clearly above or below the observed statistic, float64 where it is close.

Both tests, in sample and held out, count how many permuted statistics reach the observed one. Rounding cannot change
that count except near it, so only there are permutations computed again.
"""

from dataclasses import dataclass, replace

import numpy as np

from fusion.arrays import Matrix
from fusion.parallel import map_permutations
from fusion.permutation.statistics import PermutedStatistics

NEAR = 1e-4
"""Least distance from the observed statistic at which a float32 value decides; float32 moves correlations by 1e-6."""

N_MEASURED = 16
"""Permutations computed in both precisions to measure the error of float32 on these very data."""

SAFETY = 30
"""Multiple of the largest measured error that counts as near."""


def is_decided(found: Matrix, observed: Matrix, margin: Matrix | float = NEAR) -> bool:
    """Whether every float32 statistic is finite and further than `margin` from the observed one."""
    return bool((np.isfinite(found) & (np.abs(found - observed) > margin)).all())


@dataclass(frozen=True)
class ScreenedStatistics:
    """Callable of a permutation's index, picklable: decisions are those of float64.

    Attributes
    ----------
    exact, coarse : PermutedStatistics
        In float64 and float32.
    observed : float64 array, shape [n_statistics * n_steps]
    margin : float64 array, shape [n_statistics * n_steps]
        A float32 statistic nearer to the observed one is computed again in float64.
    """

    exact: PermutedStatistics
    coarse: PermutedStatistics
    observed: Matrix
    margin: Matrix

    def __call__(self, index: int) -> Matrix:
        found = self.coarse(index)
        return found if is_decided(found, self.observed, self.margin) else self.exact(index)


def screen_in_float32(exact: PermutedStatistics, n_permutations: int, *, n_jobs: int = 1) -> ScreenedStatistics:
    """Screen a statistic, its margin measured on the first permutations.

    Rounding errors of permuted statistics are alike, because permuted data are: thirty times the largest of sixteen,
    and at least 1e-4, leaves no decision to them. Where float32 resolves nothing, everything is computed in float64.

    Parameters
    ----------
    exact : PermutedStatistics
        Number 0 the identity.
    n_permutations : int
        The identity counted.
    n_jobs : int
        joblib's; the margin does not depend on it.
    """
    coarse = replace(exact, trailing=exact.trailing.in_float32())
    n_measured = min(N_MEASURED, n_permutations)
    truth, found = (map_permutations(run, n_measured, n_jobs=n_jobs, portion=4) for run in (exact, coarse))
    both = np.isfinite(truth) & np.isfinite(found)
    error = np.abs(np.subtract(found, truth, where=both, out=np.zeros_like(truth))).max(axis=0)
    return ScreenedStatistics(exact, coarse, truth[0], np.maximum(NEAR, SAFETY * error))
