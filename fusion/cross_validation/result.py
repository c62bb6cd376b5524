"""Frozen results: what was found, its null distribution, and how it was computed."""

# ruff: noqa: F722

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from fusion.archive import Saved, jsonable
from fusion.arrays import Matrix, Scores
from fusion.cross_validation.folds import Folds
from fusion.cross_validation.resampling import fold_average
from fusion.errors import InputError
from fusion.permutation.p_values import (
    TestedComponents,
    monte_carlo_interval,
    permutation_p,
    standardised,
    step_down_max_t,
)
from fusion.permutation.relations import Relations
from fusion.permutation.tails.fitted import TailP, as_bound, step_down_tails, tail_p, tail_ps, unless_narrow
from fusion.permutation.tails.laws import fisher_z
from fusion.subject_rows import RowIds


@dataclass(frozen=True, eq=False)
class CrossValidatedCCA(TestedComponents, Saved):
    """Held-out canonical correlations and their permutation test.

    Attributes
    ----------
    rho_by_fold : float64 array, shape [n_folds, K]
    null : float64 array, shape [n_permutations + 1, K]
        Fold-averaged held-out correlation of every permutation, the identity first; from the second component on given
        the components before it. NaN for a component that was not tested.
    interval : float64 array, shape [K, 2]
        95 % percentile bootstrap over held-out subjects, conditional on the folds' projections, widened because folds
        train on one another's test rows. NaN where few subjects carry the scores, so that no interval is valid.
    widening : float64 array, shape [K]
        By how much: 1 to sqrt(2), see `fusion.cross_validation.resampling.fold_widening`.
    n_test : int array, shape [n_folds]
    n_unseen : int array, shape [n_folds]
        Test subjects with a level of a confound that the training rows lack.
    dimensions : tuple of int
        Leading components of x and y that CCA took.
    n_subjects, n_effective : int
        All; of the smallest training fold less intercept and confounds.
    folds_sha256 : str
    seed : int
    warnings : tuple of str
    assignments : int array, shape [n_subjects], or None
        Fold of every subject. This, the scores and the clusters are of subjects: in memory, written only if asked.
    x_scores, y_scores : float64 array, shape [n_subjects, K], or None
        Canonical scores from the fold in which a subject was held out, signs matched.
    trace_null : float64 array, shape [n_permutations + 1]
        Held-out Pillai trace (`fusion.cross_validation.held_out_trace`), fold-averaged, in the same permutations.
    clusters : int array, shape [n_subjects], or None
        Who is drawn and compared as one.
    row_ids : RowIds or None
        Of the subjects, where the views carry ids; never written.
    """

    unsaved: ClassVar[frozenset[str]] = frozenset({"assignments", "x_scores", "y_scores", "clusters"})
    transient: ClassVar[frozenset[str]] = frozenset({"row_ids"})

    rho_by_fold: Float64[np.ndarray, "n_folds K"]
    null: Float64[np.ndarray, "n_draws K"]
    interval: Float64[np.ndarray, "K 2"]
    widening: Float64[np.ndarray, " K"]
    n_test: Int64[np.ndarray, " n_folds"]
    n_unseen: Int64[np.ndarray, " n_folds"]
    dimensions: tuple[int, int]
    n_subjects: int
    n_effective: int
    folds_sha256: str
    seed: int
    warnings: tuple[str, ...]
    assignments: Int64[np.ndarray, " n_subjects"] | None
    x_scores: Scores | None
    y_scores: Scores | None
    trace_null: Float64[np.ndarray, " n_draws"]
    clusters: Int64[np.ndarray, " n_subjects"] | None
    row_ids: RowIds | None = None

    @property
    def rho(self) -> Float64[np.ndarray, " K"]:
        """Held-out correlation of every component, averaged over folds by size, shape [K]."""
        observed: Matrix = self.null[0]
        return np.where(np.isnan(observed), fold_average(self.rho_by_fold, self.n_test), observed)

    @property
    def trace(self) -> float:
        """Held-out Pillai trace: an estimate of the sum of squared canonical correlations, which may be negative."""
        return float(self.trace_null[0])

    @property
    def trace_p(self) -> float:
        """One-sided permutation p of the trace, identity counted."""
        return float(permutation_p(self.trace_null[:, np.newaxis])[0])

    @property
    def p_link(self) -> tuple[float, float]:
        """p of the first component and of the trace, corrected for being two by max-T over their permutations."""
        first, trace = step_down_max_t(self._link_null).tolist()
        return first, trace

    @property
    def tails(self) -> tuple[TailP, ...]:
        """Fitted tails beside ``p``, of Fisher's z of every component, [K].

        Upper bounds: folds test one another's training rows, which makes the null of one held-out correlation flatter
        than any law with its first three moments (tests/calibration/results_tails.md: the fit is two times the p of
        0.001, and four to five times that of 0.0001).
        """
        return tuple(map(as_bound, tail_ps(fisher_z(self.null))))

    @property
    def trace_tail(self) -> TailP:
        """Fitted tail beside ``trace_p``; refused where a view has fewer than six columns."""
        return unless_narrow(tail_p(self.trace_null), min(self.dimensions))

    @property
    def link_tails(self) -> tuple[TailP, TailP]:
        """Fitted tails beside ``p_link``; refused where a view has fewer than six columns."""
        first, trace = (unless_narrow(found, min(self.dimensions)) for found in step_down_tails(self._link_null))
        return first, trace

    @property
    def _link_null(self) -> Matrix:
        return standardised(np.column_stack([self.null[:, 0], self.trace_null]))

    @property
    def relations(self) -> Relations:
        """Who belongs together; only in memory unless subject-level fields were saved."""
        if self.clusters is None:
            raise InputError(
                "This result was saved without who belongs together, so nothing can be drawn from its subjects: "
                "align again."
            )
        return Relations(self.n_subjects, groups=self.clusters, row_ids=self.row_ids)

    @property
    def n_splits(self) -> int:
        """Number of folds."""
        return len(self.n_test)

    @property
    def folds(self) -> Folds:
        """The folds; only in memory unless subject-level fields were saved."""
        if self.assignments is None:
            raise InputError("This result was saved without subject-level fields; its folds are known by hash only.")
        return Folds(self.assignments)

    @property
    def p_interval(self) -> Float64[np.ndarray, "K 2"]:
        """95 % Monte-Carlo interval of ``p``, shape [K, 2]."""
        return monte_carlo_interval(self.p, self.n_permutations)

    @property
    def null_mean(self) -> Float64[np.ndarray, " K"]:
        """Mean of the permuted held-out correlations, identity left out, shape [K]."""
        return np.asarray(self.null[1:].mean(axis=0))

    @property
    def null_q95(self) -> Float64[np.ndarray, " K"]:
        """Their 95 % point, shape [K]."""
        return np.asarray(np.quantile(self.null[1:], 0.95, axis=0))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready copy with the p-values, without the null distribution."""
        record = super().to_dict()
        del record["null"], record["trace_null"]
        names = (
            *("rho", "p", "p_fwer", "p_interval", "null_mean", "null_q95", "n_permutations", "n_splits"),
            *("trace", "trace_p", "p_link"),
        )
        return record | {name: jsonable(getattr(self, name)) for name in names}

    def to_frame(self) -> pd.DataFrame:
        """One row per component."""
        columns = {
            "component": np.arange(1, len(self.rho) + 1),
            "rho": self.rho,
            "low": self.interval[:, 0],
            "high": self.interval[:, 1],
            "p": self.p,
            "p_fwer": self.p_fwer,
            "null_mean": self.null_mean,
            "null_q95": self.null_q95,
        }
        return pd.DataFrame(columns)
