"""Couplings of strata beside one another, and what tests of their differences rest on."""

# ruff: noqa: F722

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float64, Int64
from scipy.stats import norm

from fusion.arrays import Real
from fusion.permutation.p_values import standardised

POWER = 0.8


@dataclass(frozen=True, eq=False)
class StrataComparison:
    """Couplings of G strata and the P differences of two of them.

    Attributes
    ----------
    n_subjects : int array, shape [G]
    rho : float64 array, shape [G]
        Held-out correlation inside each stratum.
    interval : float64 array, shape [G, 2]
        95 % bootstrap; NaN where few subjects carry the scores, so that no interval is valid.
    difference_interval : float64 array, shape [P, 2]
        95 % bootstrap of the difference of the correlations.
    error : float64 array, shape [P]
        Standard error of the difference of Fisher's z.
    null : float64 array, shape [n_permutations + 1, P]
        Difference of Fisher's z in its standard errors, for every draw of labels, the observed ones first.
    """

    n_subjects: Int64[np.ndarray, " G"]
    rho: Float64[np.ndarray, " G"]
    interval: Float64[np.ndarray, "G 2"]
    difference_interval: Float64[np.ndarray, "P 2"]
    error: Float64[np.ndarray, " P"]
    null: Float64[np.ndarray, "n_draws P"]

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Strata of every difference: the first less the second."""
        return tuple(combinations(range(len(self.rho)), 2))

    @property
    def differences(self) -> Float64[np.ndarray, " P"]:
        """Correlation of the first stratum less that of the second."""
        return np.array([self.rho[first] - self.rho[second] for first, second in self.pairs])

    @property
    def distances(self) -> Float64[np.ndarray, "n_draws P"]:
        """What is tested: how far every draw lies from the mean of all, in their standard deviations, rounding apart.

        Strata of unequal sizes differ without any reason where each has a model of its own, so the mean is not 0.
        """
        return np.asarray(np.abs(standardised(self.null)).round(12))

    def smallest_difference(self, critical: Real) -> Float64[np.ndarray, " P"]:
        """Difference of correlations, about the mean of both, that is found in 80 % of studies.

        Parameters
        ----------
        critical : float
            What the largest of the family's `distances` exceeds in 5 % of draws.
        """
        reach = (float(critical) * self.null.std(axis=0) + float(norm.ppf(POWER))) * self.error
        middle = [math.atanh(np.clip((self.rho[a] + self.rho[b]) / 2, -0.999, 0.999)) for a, b in self.pairs]
        return np.asarray(np.tanh(middle + reach / 2) - np.tanh(middle - reach / 2))
