"""Components that come too near one another to be told apart, and the space that they span together."""

# ruff: noqa: F722

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int
from scipy.linalg import subspace_angles

from fusion.arrays import Matrix, Scores
from fusion.power.detectability import approximate_null_r1

TIE_LIMIT = 4.0
"""Gap of Fisher's z of two correlations, times the root of the subjects, under which their components are tied. Of two
links of .55 and .50 in 400 subjects the gap is 2.2 on average, 4 is rarely passed, and the intervals of the first
component's loadings cover 83 to 88 %; from 4 on they cover 93 % and more."""


@dataclass(frozen=True)
class SubspaceAngle:
    """Largest principal angle, in degrees, between a space as estimated and as refits to bootstrap samples find it.

    Attributes
    ----------
    median : float
    upper : float
        95 % point: a bound of the angle between the estimate and the population's space, from 0.
    """

    median: float
    upper: float


@dataclass(frozen=True, eq=False)
class TiedSide:
    """Tied components on one side.

    Attributes
    ----------
    view : float64 array, shape [n_subjects, P]
    weights : float64 array, shape [P, n_tied]
        Of the full fit; scores have unit variance.
    draws : float64 array, shape [n_draws, P, n_tied]
        Weights of every bootstrap sample's refit.
    counts : int array, shape [n_subjects, n_draws]
        How often every subject was drawn.
    """

    view: Float64[np.ndarray, "n_subjects P"]
    weights: Float64[np.ndarray, "P n_tied"]
    draws: Float64[np.ndarray, "n_draws P n_tied"]
    counts: Int[np.ndarray, "n_subjects n_draws"]

    @property
    def scores(self) -> Scores:
        """Of the full fit, [n_subjects, n_tied]."""
        return np.asarray(self.view @ self.weights)

    def drawn_scores(self) -> Iterator[Matrix]:
        """Scores of one component after the other in every refit, [n_subjects, n_draws] each."""
        for k in range(self.draws.shape[2]):
            yield self.view @ self.draws[:, :, k].T

    def angle(self) -> SubspaceAngle:
        """Largest principal angle between the refits' scores and those of the full fit, in all subjects.

        References
        ----------
        Bjoerck & Golub (1973), doi:10.1090/S0025-5718-1973-0348991-3.
        """
        root = np.linalg.qr(self.view - self.view.mean(axis=0), mode="r")  # inner products without the subjects
        estimate = root @ self.weights
        angles = np.degrees([subspace_angles(root @ drawn, estimate)[0] for drawn in self.draws])
        return SubspaceAngle(float(np.median(angles)), float(np.quantile(angles, 0.95)))


@dataclass(frozen=True, eq=False)
class TiedComponents:
    """Leading components of which only the common space can be told from the others.

    Attributes
    ----------
    correlations : float64 array, shape [n_tied]
        In sample.
    x, y : TiedSide
    """

    correlations: Float64[np.ndarray, " n_tied"]
    x: TiedSide
    y: TiedSide

    def warning(self) -> str:
        """One sentence: what cannot be said, and what is said instead."""
        listed = ", ".join(f"{r:.2f}" for r in self.correlations)
        return (
            f"Canonical correlations 1 to {len(self.correlations)} ({listed}) are too near one another for "
            f"{len(self.x.view)} subjects: which pattern comes first changes from sample to sample, so a 95 % interval "
            "of the first component's loadings would not hold and none is given. What they span together is described "
            "instead: the share of every column's variance in it (communality), and its angles, with intervals."
        )


def count_tied(correlations: Float64[np.ndarray, " K"], n: int, p: int, q: int) -> int:
    """How many leading components are tied with the first; 1 where it stands apart.

    A component is tied with the one before it where the gap of their correlations is below `TIE_LIMIT` and it stands
    out of the noise of what is left (95 % point of Johnstone's law): a first component beside noise keeps its loadings.

    Parameters
    ----------
    correlations : float64 array, shape [min(p, q)]
        In sample, descending.
    n, p, q : int
        Subjects, dimensions of x and of y.

    References
    ----------
    Fisher (1915), doi:10.2307/2331838, for z; Johnstone (2008), doi:10.1214/08-AOS605.

    Examples
    --------
    >>> import numpy as np
    >>> count_tied(np.array([0.6, 0.56, 0.2]), 400, 3, 3), count_tied(np.array([0.6, 0.2, 0.1]), 400, 3, 3)
    (2, 1)
    """
    z = np.arctanh(np.minimum(correlations, 1 - 1e-12)) * np.sqrt(n)
    for k in range(1, len(z)):
        is_noise = correlations[k] <= approximate_null_r1(n - k - 1, p - k, q - k).q95
        if z[k - 1] - z[k] >= TIE_LIMIT or is_noise:
            return k
    return len(z)
