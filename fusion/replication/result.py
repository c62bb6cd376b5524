"""What a fitted alignment shows in subjects of another cohort."""

# ruff: noqa: F722

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from jaxtyping import Float64

from fusion.archive import Saved, jsonable
from fusion.arrays import Scores
from fusion.permutation.p_values import TestedComponents, permutation_p, standardised, step_down_max_t


@dataclass(frozen=True, eq=False)
class ReplicatedCCA(TestedComponents, Saved):
    """Correlations of frozen scores in a new cohort, and their permutation test.

    Attributes
    ----------
    null : float64 array, shape [n_permutations + 1, K]
        Partial correlation of every pair of scores under every permutation, the identity first.
    trace_null : float64 array, shape [n_permutations + 1]
        Sum over all pairs of scores of correlation here times correlation in the first cohort.
    interval : float64 array, shape [K, 2]
        95 % percentile bootstrap over subjects of the new cohort; NaN where few subjects carry the scores.
    n_subjects, n_effective : int
        Of the new cohort; the second less intercept and confounds.
    seed : int
    warnings : tuple of str
    x_scores, y_scores : float64 array, shape [n_subjects, K], or None
        Without confounds; of subjects: in memory, written only if asked.
    """

    unsaved: ClassVar[frozenset[str]] = frozenset({"x_scores", "y_scores"})

    null: Float64[np.ndarray, "n_draws K"]
    trace_null: Float64[np.ndarray, " n_draws"]
    interval: Float64[np.ndarray, "K 2"]
    n_subjects: int
    n_effective: int
    seed: int
    warnings: tuple[str, ...]
    x_scores: Scores | None = None
    y_scores: Scores | None = None

    @property
    def rho(self) -> Float64[np.ndarray, " K"]:
        """Correlation of every pair of scores, confounds removed, [K]; its sign is that of the first cohort."""
        return np.asarray(self.null[0])

    @property
    def trace(self) -> float:
        """All pairs of scores together."""
        return float(self.trace_null[0])

    @property
    def trace_p(self) -> float:
        """One-sided permutation p of the trace, identity counted."""
        return float(permutation_p(self.trace_null[:, np.newaxis])[0])

    @property
    def p_link(self) -> tuple[float, float]:
        """p of the first component and of the trace, corrected for being two by max-T over their permutations."""
        first, trace = step_down_max_t(standardised(np.column_stack([self.null[:, 0], self.trace_null]))).tolist()
        return first, trace

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready copy with the p-values, without the null distributions."""
        record = super().to_dict()
        del record["null"], record["trace_null"]
        names = ("rho", "p", "p_fwer", "trace", "trace_p", "p_link", "n_permutations")
        return record | {name: jsonable(getattr(self, name)) for name in names}

    def to_frame(self) -> pd.DataFrame:
        """One row per component."""
        low, high = self.interval.T
        columns = {"rho": self.rho, "low": low, "high": high, "p": self.p, "p_fwer": self.p_fwer}
        return pd.DataFrame({"component": np.arange(1, len(self.rho) + 1), **columns})
