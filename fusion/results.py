"""Frozen results: what was found, its null distribution, and how it was computed."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fusion.archive import read_archive, write_archive
from fusion.errors import InputError
from fusion.folds import Folds
from fusion.matrices import Matrix

if TYPE_CHECKING:
    import pandas as pd


class Saved:
    """Saving, loading and listing of a frozen dataclass of arrays, numbers, texts and tuples of them."""

    unsaved: ClassVar[frozenset[str]] = frozenset()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready copy of every field that is saved: arrays become lists, NaN becomes None."""
        return {name: _jsonable(value) for name, value in self._items().items()}

    def save(self, path: Path | str, *, subject_level: bool = False) -> Path:
        """Write one ``.npz`` without pickle; subject-level fields only if asked."""
        items = self._items(subject_level)
        arrays = {name: value for name, value in items.items() if isinstance(value, np.ndarray)}
        record = {name: value for name, value in items.items() if name not in arrays}
        return write_archive(path, type(self).__name__, arrays, record)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what `save` wrote; subject-level fields that were not written are None."""
        arrays, record = read_archive(path, cls.__name__)
        values = {name: _tupled(value) for name, value in record.items()} | arrays
        return cls(**{field.name: values.get(field.name) for field in fields(cls)})  # type: ignore[arg-type]

    def _items(self, subject_level: bool = False) -> dict[str, Any]:
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]
        return {name: getattr(self, name) for name in names if subject_level or name not in self.unsaved}


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _jsonable(value.tolist())
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def permutation_p(null: Matrix) -> Matrix:
    """p-values from null distributions whose first row is the observed one, which is counted.

    Parameters
    ----------
    null : float64 array, shape [n_permutations + 1, n_tests]
        A column of NaN was not tested and gets NaN.

    Returns
    -------
    float64 array, shape [n_tests]

    Examples
    --------
    >>> permutation_p(np.array([[3.0], [1.0], [2.0], [4.0]])).tolist()
    [0.5]
    """
    observed = null[0]
    exceeding = (null >= observed - 1e-12 * np.abs(np.where(np.isfinite(observed), observed, 0.0))).sum(axis=0)
    return np.where(np.isnan(observed), np.nan, exceeding / len(null))


def monte_carlo_interval(p: Matrix, n_draws: int, level: float = 0.95) -> Matrix:
    """Clopper-Pearson interval of the p-value that infinitely many permutations would give, [..., 2].

    Parameters
    ----------
    p : float64 array
        Identity counted.
    n_draws : int
        Permutations besides the identity.
    level : float

    References
    ----------
    Clopper & Pearson (1934), doi:10.1093/biomet/26.4.404.
    """
    from scipy.special import betaincinv

    exceeding: Matrix = np.rint(np.asarray(p) * (n_draws + 1)) - 1
    tail = (1 - level) / 2
    low = np.where(exceeding > 0, betaincinv(np.maximum(exceeding, 1), n_draws - exceeding + 1, tail), 0.0)
    high = np.where(exceeding < n_draws, betaincinv(exceeding + 1, np.maximum(n_draws - exceeding, 1), 1 - tail), 1.0)
    interval = np.stack([low, high], axis=-1)
    return np.asarray(np.where(np.isnan(p)[..., np.newaxis], np.nan, interval))


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
    """

    canonical_correlations: Matrix
    null_statistics: Matrix
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

    @property
    def statistic(self) -> Matrix:
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
    def p_uncorrected(self) -> Matrix:
        """p-value of every step, identity counted; NaN where not tested, shape [K]."""
        return permutation_p(self.null_statistics)

    @property
    def p_fwer(self) -> Matrix:
        """p-values corrected over components by closure: the running maximum, shape [K]."""
        return np.maximum.accumulate(self.p_uncorrected)

    @property
    def p_interval(self) -> Matrix:
        """95 % Monte-Carlo interval of ``p_uncorrected``, shape [K, 2]."""
        return monte_carlo_interval(self.p_uncorrected, self.n_permutations)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready copy with the p-values, without the null distribution."""
        record = super().to_dict()
        del record["null_statistics"]
        derived = {"p_uncorrected": self.p_uncorrected, "p_fwer": self.p_fwer, "p_interval": self.p_interval}
        counts = {"n_permutations": self.n_permutations, "n_tested": self.n_tested}
        return record | counts | {name: _jsonable(value) for name, value in derived.items()}

    def to_frame(self) -> "pd.DataFrame":
        """One row per component."""
        import pandas as pd

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


@dataclass(frozen=True, eq=False)
class CrossValidatedCCA(Saved):
    """Held-out canonical correlations and their permutation test.

    Attributes
    ----------
    rho_by_fold : float64 array, shape [n_folds, K]
    null : float64 array, shape [n_permutations + 1, K]
        Fold-averaged held-out correlation of every permutation, the identity first.
    interval : float64 array, shape [K, 2]
        95 % percentile bootstrap over held-out subjects, projections fixed.
    n_test : int array, shape [n_folds]
    dimensions : tuple of int
        Leading components of x and y that CCA took.
    n_subjects, n_effective : int
        All; of the smallest training fold less intercept and confounds.
    folds_sha256 : str
    seed : int
    warnings : tuple of str
    assignments : int array, shape [n_subjects], or None
        Fold of every subject. This and the scores are of subjects: in memory, written only if asked.
    x_scores, y_scores : float64 array, shape [n_subjects, K], or None
        Canonical scores from the fold in which a subject was held out; signs and axes are those of its fold.
    """

    unsaved: ClassVar[frozenset[str]] = frozenset({"assignments", "x_scores", "y_scores"})

    rho_by_fold: Matrix
    null: Matrix
    interval: Matrix
    n_test: NDArray[np.int64]
    dimensions: tuple[int, int]
    n_subjects: int
    n_effective: int
    folds_sha256: str
    seed: int
    warnings: tuple[str, ...]
    assignments: NDArray[np.int64] | None
    x_scores: Matrix | None
    y_scores: Matrix | None

    @property
    def rho(self) -> Matrix:
        """Held-out correlation of every component, averaged over folds by size, shape [K]."""
        observed: Matrix = self.null[0]
        return observed

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
    def n_permutations(self) -> int:
        """Permutations besides the identity."""
        return len(self.null) - 1

    @property
    def p(self) -> Matrix:
        """One-sided permutation p of every component, identity counted, shape [K]."""
        return permutation_p(self.null)

    @property
    def p_fwer(self) -> Matrix:
        """p corrected over components, tested in order: the running maximum, shape [K]."""
        return np.maximum.accumulate(self.p)

    @property
    def p_interval(self) -> Matrix:
        """95 % Monte-Carlo interval of ``p``, shape [K, 2]."""
        return monte_carlo_interval(self.p, self.n_permutations)

    @property
    def null_mean(self) -> Matrix:
        """Mean of the permuted held-out correlations, identity left out, shape [K]."""
        return np.asarray(self.null[1:].mean(axis=0))

    @property
    def null_q95(self) -> Matrix:
        """Their 95 % point, shape [K]."""
        return np.asarray(np.quantile(self.null[1:], 0.95, axis=0))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready copy with the p-values, without the null distribution."""
        record = super().to_dict()
        del record["null"]
        names = ("rho", "p", "p_fwer", "p_interval", "null_mean", "null_q95", "n_permutations", "n_splits")
        return record | {name: _jsonable(getattr(self, name)) for name in names}

    def to_frame(self) -> "pd.DataFrame":
        """One row per component."""
        import pandas as pd

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
