"""PermutationTestCCA, frozen."""

# ruff: noqa: F722

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64

from fusion.archive import Saved, jsonable
from fusion.arrays import Matrix
from fusion.permutation.p_values import monte_carlo_interval, permutation_p
from fusion.permutation.tails.fitted import TailP, tail_ps
from fusion.permutation.tails.laws import fisher_z


@dataclass(frozen=True, eq=False)
class PermutationTestCCA(Saved):
    """In-sample permutation test of canonical correlations.

    Attributes
    ----------
    canonical_correlations : float64 array, shape [K]
        After removing the confounds; K = min(rank_x, rank_y).
    null_statistics : float64 array, shape [n_permutations + 1, K]
        Statistic of every step for every permutation, the identity first; NaN for a step not tested.
    n_subjects, n_effective : int
        Rows given; rows less intercept and confounds.
    ranks : tuple of int
        Ranks of x and y that were used.
    statistic_name, projection, scheme, reference : str
        How it was computed.
    conditioned : bool
        Whether tested variates joined the nuisance.
    seed : int or None
        None if permutations were injected.
    warnings : tuple of str
        Sentences for the user.
    is_liberal : bool
        Tails are so heavy and confounds so many that p is too small: not to be reported.
    """

    canonical_correlations: Float64[np.ndarray, " K"]
    null_statistics: Float64[np.ndarray, "n_draws K"]
    n_subjects: int
    n_effective: int
    ranks: tuple[int, int]
    statistic_name: str
    projection: str
    scheme: str
    reference: str
    conditioned: bool
    seed: int | None
    warnings: tuple[str, ...]
    is_liberal: bool = False

    @property
    def statistic(self) -> Float64[np.ndarray, " K"]:
        """Observed statistic of every step, shape [K]."""
        observed: Matrix = self.null_statistics[0]
        return observed

    @property
    def n_permutations(self) -> int:
        """Permutations besides the identity."""
        return len(self.null_statistics) - 1

    @property
    def n_tested(self) -> int:
        """Steps tested."""
        return int((~np.isnan(self.statistic)).sum())

    @property
    def p_uncorrected(self) -> Float64[np.ndarray, " K"]:
        """p-value of every step, identity counted; NaN where not tested, shape [K]."""
        return permutation_p(self.null_statistics)

    @property
    def p_fwer(self) -> Float64[np.ndarray, " K"]:
        """p-values corrected over components by closure: the running maximum, shape [K]."""
        return np.maximum.accumulate(self.p_uncorrected)

    @property
    def p_interval(self) -> Float64[np.ndarray, "K 2"]:
        """95 % Monte-Carlo interval of ``p_uncorrected``, shape [K, 2]."""
        return monte_carlo_interval(self.p_uncorrected, self.n_permutations)

    @property
    def tails(self) -> tuple[TailP, ...]:
        """Fitted tails beside ``p_uncorrected``: Wilks' as a gamma law, Roy's correlations as Fisher's z."""
        if self.statistic_name == "wilks":
            return tail_ps(self.null_statistics, "gamma")
        return tail_ps(fisher_z(self.null_statistics))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready copy with the p-values, without the null distribution."""
        record = super().to_dict()
        del record["null_statistics"]
        derived = {"p_uncorrected": self.p_uncorrected, "p_fwer": self.p_fwer, "p_interval": self.p_interval}
        counts = {"n_permutations": self.n_permutations, "n_tested": self.n_tested}
        return record | counts | {name: jsonable(value) for name, value in derived.items()}

    def to_frame(self) -> pd.DataFrame:
        """One row per component."""
        columns = {
            "component": np.arange(1, len(self.canonical_correlations) + 1),
            "canonical_correlation": self.canonical_correlations,
            "statistic": self.statistic,
            "p_uncorrected": self.p_uncorrected,
            "p_fwer": self.p_fwer,
            "p_low": self.p_interval[:, 0],
            "p_high": self.p_interval[:, 1],
        }
        return pd.DataFrame(columns)
