"""Laws of permuted values by their moments: Pearson's type III of all, a generalised Pareto of the largest."""

# ruff: noqa: F722

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64
from scipy.stats import genpareto, pearson3
from typing_extensions import Protocol, runtime_checkable

from fusion.arrays import Matrix

Law = Literal["pearson III", "gamma"]
"""Pearson's type III with three moments, or with two and its origin at 0."""


def fisher_z(correlations: Matrix) -> Matrix:
    """Correlations on the scale on which they are about normal: infinite where one is 1."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.arctanh(correlations))


@runtime_checkable
class Tail(Protocol):
    """Survival function of one statistic under the null."""

    def sf(self, value: float) -> float:
        """Share of permuted values that reach `value`."""

    def isf(self, share: float) -> float:
        """Value that this share reaches."""


@dataclass(frozen=True)
class PearsonIII:
    """A shifted gamma law; the normal one where the skewness is 0.

    Attributes
    ----------
    mean, sd, skewness : float

    References
    ----------
    Winkler et al. (2016), doi:10.1016/j.neuroimage.2016.05.068, section "Gamma approximation".
    """

    mean: float
    sd: float
    skewness: float

    @classmethod
    def of(cls, draws: Float64[np.ndarray, " n_draws"], law: Law = "pearson III") -> "PearsonIII":
        """The law with the draws' moments: three, or two where its origin is 0."""
        mean, sd = float(draws.mean()), float(draws.std())
        if law == "gamma":
            return cls(mean, sd, 2 * sd / mean)
        return cls(mean, sd, float((((draws - mean) / sd) ** 3).mean()))

    def sf(self, value: float) -> float:
        """Share of permuted values that reach `value`."""
        return float(pearson3.sf(value, self.skewness, self.mean, self.sd))

    def isf(self, share: float) -> float:
        """Value that this share reaches."""
        return float(pearson3.isf(share, self.skewness, self.mean, self.sd))

    def survival(self, draws: Matrix) -> Matrix:
        """`sf` of many values."""
        return np.asarray(pearson3.sf(draws, self.skewness, self.mean, self.sd))


@dataclass(frozen=True)
class ParetoTail:
    """A generalised Pareto law above a threshold: S(t) = share (1 + shape (t - threshold) / scale)^(-1 / shape).

    Attributes
    ----------
    share : float
        Of draws above the threshold.
    threshold, scale, shape : float
        A negative shape ends the tail at threshold - scale / shape.

    References
    ----------
    Pickands (1975), doi:10.1214/aos/1176343003; estimates: Hosking & Wallis (1987), doi:10.1080/00401706.1987.10488243,
    section 3.2; of permutations: Knijnenburg et al. (2009), doi:10.1093/bioinformatics/btp211.
    """

    share: float
    threshold: float
    scale: float
    shape: float

    @classmethod
    def of(cls, draws: Float64[np.ndarray, " n_draws"], share: float) -> "ParetoTail":
        """By mean m and variance v of the excesses of the largest draws: shape (1 - m^2/v) / 2, scale m (1 - shape).

        The threshold lies halfway between the smallest of this share of draws and the value before it.
        """
        n_tail = round(share * len(draws))
        largest = np.sort(np.partition(draws, -n_tail - 1)[-n_tail - 1 :])
        threshold = float(largest[:2].mean())
        excess = largest[1:] - threshold
        mean, variance = float(excess.mean()), float(excess.var(ddof=1))
        shape = (1 - mean**2 / variance) / 2
        return cls(n_tail / len(draws), threshold, mean * (1 - shape), shape)

    def sf(self, value: float) -> float:
        """Share of permuted values that reach `value`, which is above the threshold."""
        return self.share * float(genpareto.sf(value, self.shape, self.threshold, self.scale))

    def isf(self, share: float) -> float:
        """Value that this share reaches."""
        return float(genpareto.isf(share / self.share, self.shape, self.threshold, self.scale))

    def survival(self, draws: Matrix) -> Matrix:
        """Of values above the threshold, among these."""
        return np.asarray(genpareto.sf(draws, self.shape, self.threshold, self.scale))
