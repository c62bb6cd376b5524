"""The confound design: a table of covariates becomes numbers, with everything learned from the training rows."""

# ruff: noqa: F722

import difflib
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float64
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from fusion.arrays import Matrix, stores_parameters
from fusion.confounds.basis import independent_columns
from fusion.errors import InputError

Kind = Literal["continuous", "categorical"]

SITES = re.compile(
    r"(?:^|[\W_])(?:sites?|scann?er|cent(?:er|re)|batch|machine|hospital|clinic|vendor|manufacturer|coil|plate)"
    r"(?:$|[\W_\d]|ids?(?:$|[\W_\d])|no(?:$|[\W_])|nums?(?:$|[\W_])|numbers?(?:$|[\W_])|codes?(?:$|[\W_]))"
    r"|^(?:f\.|p)?54(?:$|[-._])",
    re.IGNORECASE,
)
"""Names of columns that hold no amounts: sites, scanners, batches; field 54 of UK Biobank is the assessment centre."""


@dataclass(frozen=True, slots=True)
class Confound:
    """One covariate: its column, and whether its values are amounts or names."""

    column: str
    kind: Kind | str = "continuous"

    def __post_init__(self) -> None:
        if self.kind not in ("continuous", "categorical"):
            raise InputError(f"Confound {self.column!r} needs kind 'continuous' or 'categorical'; got {self.kind!r}.")


def infer_confounds(frame: pd.DataFrame) -> tuple[Confound, ...]:
    """Return a confound for every column: numbers are continuous; text, booleans and categories categorical.

    Examples
    --------
    >>> import pandas as pd
    >>> [c.kind for c in infer_confounds(pd.DataFrame({"age": [61.0], "site": ["Oslo"], "smoker": [True]}))]
    ['continuous', 'categorical', 'categorical']
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    def kind(values: pd.Series) -> Kind:
        return "continuous" if is_numeric_dtype(values) and not is_bool_dtype(values) else "categorical"

    return tuple(Confound(str(name), kind(frame[name])) for name in frame.columns)


class ConfoundDesign(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Covariates as a full-rank matrix without intercept; levels, means and ranks are those of the training rows.

    Parameters
    ----------
    columns : sequence of Confound, optional
        Default: all columns of the frame, by :func:`infer_confounds`.
    unseen : {"error", "mean"}
        What a level that was not in training becomes: an error that names it, or the mean of the training dummies,
        which is zero after centring, so that such a subject gets no correction for this confound.

    Attributes
    ----------
    levels_ : dict of str to list
        Training levels of every categorical confound; the first is the reference and has no column.
    dropped_ : dict of str to str
        Columns left out of the design, with the reason: constant, or collinear with those kept.

    Notes
    -----
    Continuous confounds are standardised with training moments; categorical ones are dummy-coded, first level dropped.
    """

    @stores_parameters
    def __init__(self, columns: Sequence[Confound] | None = None, unseen: Literal["error", "mean"] = "error") -> None:
        self.columns = columns
        self.unseen = unseen

    def fit(self, frame: pd.DataFrame, y: object = None) -> "ConfoundDesign":
        """Freeze levels, moments and the independent columns.

        Parameters
        ----------
        frame : DataFrame
            Training rows.
        y : ignored

        Raises
        ------
        InputError
            A missing column, missing or infinite values (column and count), text where amounts are declared.

        Warns
        -----
        UserWarning
            A level with a single training subject: its dummy fits that subject exactly.
        """
        if self.unseen not in ("error", "mean"):
            raise InputError(f"ConfoundDesign needs unseen='error' or 'mean'; got {self.unseen!r}.")
        self.confounds_ = infer_confounds(frame) if self.columns is None else tuple(self.columns)
        self.levels_: dict[str, list[Any]] = {}
        self.moments_: dict[str, tuple[float, float]] = {}
        for confound in self.confounds_:
            self._learn(confound, _column(frame, confound.column))
        names = [name for confound in self.confounds_ for name in self._names(confound)]
        raw = self._encode(frame)
        self.dummy_means_ = raw.mean(axis=0)
        self._keep_independent(raw, names)
        return self

    def transform(self, frame: pd.DataFrame) -> Float64[np.ndarray, "n_subjects n_columns"]:
        """Return the design of these rows, float64 of shape (n_subjects, n_columns), columns as at fit.

        Raises
        ------
        InputError
            As at fit; and a level unseen in training under ``unseen="error"``.
        """
        check_is_fitted(self)
        return self._encode(frame)[:, self.kept_]

    def get_feature_names_out(self, input_features: object = None) -> "np.ndarray[Any, np.dtype[np.object_]]":
        """Return the names of the columns: ``age``, ``site[Oslo]``."""
        check_is_fitted(self)
        return np.asarray(self.names_, dtype=object)

    def _learn(self, confound: Confound, values: pd.Series) -> None:
        if confound.kind == "continuous":
            numbers = _numbers(values)
            _warn_of_codes(confound.column, numbers)
            spread = float(numbers.std())
            # A constant column is dropped below; dividing its rounding by itself would make it look like signal.
            rounding = 1e-10 * float(np.abs(numbers).max(initial=0.0))
            self.moments_[confound.column] = (float(numbers.mean()), spread if spread > rounding else np.inf)
            return
        counts = values.value_counts(sort=False)
        counts = counts[counts > 0]
        order = list(values.cat.categories) if hasattr(values, "cat") else sorted(counts.index, key=_level_order)
        self.levels_[confound.column] = [level for level in order if level in counts.index]
        rare = [str(level) for level in self.levels_[confound.column] if counts[level] == 1]
        if rare:
            message = f"Confound {confound.column!r} has one training subject in level {', '.join(map(repr, rare))}: "
            warnings.warn(message + "its residual is zero; merge the level or leave the subject out.", stacklevel=3)

    def _names(self, confound: Confound) -> list[str]:
        if confound.kind == "continuous":
            return [confound.column]
        return [f"{confound.column}[{level}]" for level in self.levels_[confound.column][1:]]

    def _encode(self, frame: pd.DataFrame) -> Matrix:
        parts = [np.empty((len(frame), 0))]
        for confound in self.confounds_:
            values = _column(frame, confound.column)
            if confound.kind == "continuous":
                mean, spread = self.moments_[confound.column]
                parts.append(((_numbers(values) - mean) / spread)[:, None])
            else:
                parts.append(self._dummies(confound.column, values, sum(part.shape[1] for part in parts)))
        return np.hstack(parts)

    def _dummies(self, column: str, values: pd.Series, start: int) -> Matrix:
        levels = self.levels_[column]
        code = {level: j for j, level in enumerate(levels)}
        codes = np.array([code.get(value, -1) for value in values], dtype=np.int64)
        dummies: Matrix = (codes[:, None] == np.arange(1, len(levels))).astype(np.float64)
        unseen = sorted({str(value) for value, j in zip(values, codes, strict=True) if j < 0})
        if unseen and self.unseen == "error":
            raise InputError(
                f"Confound {column!r} has levels that training did not: {', '.join(map(repr, unseen[:5]))} (training: "
                f"{', '.join(repr(str(level)) for level in levels[:5])}): merge levels, stratify or set unseen='mean'."
            )
        if unseen:
            dummies[codes < 0] = self.dummy_means_[start : start + dummies.shape[1]]
        return dummies

    def _keep_independent(self, raw: Matrix, names: list[str]) -> None:
        centred = raw - self.dummy_means_
        varying = np.ptp(raw, axis=0) > 0 if len(raw) else np.zeros(len(names), dtype=bool)
        self.kept_ = independent_columns(centred, raw)
        self.names_ = [names[j] for j in self.kept_]
        reasons = {name: "collinear" if varying[j] else "constant" for j, name in enumerate(names)}
        constant = {c: "constant" for c, levels in self.levels_.items() if len(levels) < 2}
        self.dropped_ = {n: reason for n, reason in reasons.items() if n not in self.names_} | constant


def _warn_of_codes(column: str, numbers: Matrix) -> None:
    """Warn of a site, scanner or batch whose whole numbers are taken for amounts."""
    levels = np.unique(numbers)
    if SITES.search(column) and len(levels) > 2 and np.array_equal(levels, np.round(levels)):
        warnings.warn(
            f"Confound {column!r} is numbered and taken as an amount, so that only a straight line through its "
            "numbers is removed: declare it categorical.",
            stacklevel=4,
        )


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        near = difflib.get_close_matches(name, [str(c) for c in frame.columns], n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"columns: {', '.join(map(str, frame.columns[:8]))}."
        raise InputError(f"Confound {name!r} is not a column of the table: {hint}")
    values = frame[name]
    missing = int(values.isna().sum())
    if missing:
        raise InputError(
            f"Confound {name!r} has {missing} missing values of {len(values)}: exclude those subjects or impute them."
        )
    return values


def _numbers(values: pd.Series) -> Matrix:
    from pandas.api.types import is_numeric_dtype

    if not is_numeric_dtype(values):
        raise InputError(
            f"Confound {values.name!r} is declared continuous but holds {values.dtype}: convert it to numbers or "
            "declare it categorical."
        )
    numbers = values.to_numpy(dtype=np.float64)
    infinite = int((~np.isfinite(numbers)).sum())
    if infinite:
        raise InputError(f"Confound {values.name!r} has {infinite} infinite values: exclude those subjects or recode.")
    return numbers


def _level_order(level: Any) -> tuple[bool, Any]:
    text = isinstance(level, str)
    return text, level
