"""The outcome that a run predicts: read, held against confounds and brain, and refused where it says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.levels import level_name
from analyses.errors import InputError
from fusion.prediction.outcome import Outcome, OutcomeKind

if TYPE_CHECKING:
    import pandas as pd

    from analyses.run.run import Run

FEW_LEVELS = 10
"""Whole numbers with three to this many values may be codes of classes, and it is not for us to say."""
CASES_A_FOLD = 2
"""Subjects of the rarest class per fold, on average."""
SMALLEST_TEST = 4
"""Subjects with a known number in every test fold."""
NEARLY_ALL = 0.95
"""Share of an outcome's variance that confounds may explain."""
FEWEST_TOLD = 20
"""Subjects with a value of a column with gaps, by whom it is judged: few are told apart by chance."""
THE_SAME = 0.99
"""Correlation from which a column is the outcome itself."""


@dataclass(frozen=True, eq=False)
class ReadOutcome:
    """The outcome of the cohort.

    Attributes
    ----------
    outcome : Outcome or None
        Of every subject, 0 where it is not known; None where the column has fewer than two values.
    known : bool array, [n_subjects]
    reason : str or None
        Why it cannot be predicted.
    """

    outcome: Outcome | None
    known: np.ndarray
    reason: str | None


def read_outcome(run: Run) -> ReadOutcome:
    """The column `predict.outcome`, and why it cannot be predicted if it cannot."""
    settings = run.config.predict
    column = str(settings.outcome)
    values = run.cohort.covariates[column]
    known = values.notna().to_numpy()
    if values[known].nunique() < 2:
        return ReadOutcome(None, known, "it has fewer than two distinct values")
    kind = settings.kind if settings.kind != "auto" else guess_kind(values[known], "predict")
    outcome = read_values(values, known, kind, settings.positive, "predict")
    return ReadOutcome(outcome, known, _reason(run, outcome, known))


def guess_kind(values: pd.Series, key: str) -> OutcomeKind:
    """What known values are; ``key`` is the section that may say it, ``predict``."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    n_levels = values.nunique()
    if n_levels == 2:
        return "binary"
    if not is_numeric_dtype(values.dtype) or is_bool_dtype(values.dtype):
        return "multiclass"
    if n_levels <= FEW_LEVELS and (values == values.round()).all():
        raise InputError(
            f"{key}.kind must say whether '{values.name}' holds classes or amounts: it has {n_levels} distinct whole "
            f"numbers. Set multiclass or continuous{'' if key == 'predict' else ', or ordinal'}."
        )
    return "continuous"


def read_values(values: pd.Series, known: np.ndarray, kind: OutcomeKind, positive: str | None, key: str) -> Outcome:
    """A column as an outcome of this kind; ``key`` is the section that asks for it.

    Raises
    ------
    InputError
        It holds something else.
    """
    return _numbers(values, known, key) if kind == "continuous" else _classes(values, known, kind, positive, key)


def _numbers(values: pd.Series, known: np.ndarray, key: str) -> Outcome:
    from pandas.api.types import is_numeric_dtype

    if not is_numeric_dtype(values.dtype):
        example = values[known].iloc[0]
        raise InputError(
            f"{key}.kind: continuous needs numbers; column '{values.name}' holds text such as {str(example)!r}. Set "
            f"{key}.kind to binary or multiclass, or correct the column."
        )
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(numbers).any():
        raise InputError(f"{key} needs a finite outcome; column '{values.name}' has infinite ones: correct it.")
    return Outcome("continuous", np.where(known, numbers, 0.0))


def _classes(values: pd.Series, known: np.ndarray, kind: OutcomeKind, positive: str | None, key: str) -> Outcome:
    levels = sorted(values[known].unique())
    names = [level_name(level) for level in levels]
    if kind == "binary":
        if len(levels) != 2:
            raise InputError(
                f"{key}.kind: binary needs two levels; column '{values.name}' has {len(levels)}: {_listed(names)}. Set "
                f"{key}.kind to multiclass, or leave subjects out."
            )
        if positive is not None and positive not in names:
            raise InputError(
                f"{key}.positive must be a level of '{values.name}', {names[0]} or {names[1]}; got '{positive}'."
            )
        if positive == names[0]:
            levels, names = levels[::-1], names[::-1]
    elif len(levels) == 2:
        raise InputError(f"{key}.kind: multiclass needs three levels; column '{values.name}' has two: set binary.")
    codes = {level: float(code) for code, level in enumerate(levels)}
    return Outcome(kind, np.array([codes.get(value, 0.0) for value in values]), tuple(names))


def _listed(names: list[str]) -> str:
    """Some of the levels: a column of amounts has a level for nearly every subject."""
    rest = len(names) - FEW_LEVELS
    return ", ".join(names[:FEW_LEVELS]) + (f" and {rest} more" if rest > 0 else "")


def _reason(run: Run, outcome: Outcome, known: np.ndarray) -> str | None:
    """Why this outcome cannot be predicted, or None."""
    column, folds = str(run.config.predict.outcome), run.folds
    if column in run.config.confound_columns:
        return (
            f"'{column}' is among the confounds, which are removed from genes and brain: name it in confounds_without"
        )
    if outcome.classes:
        counts = np.bincount(outcome.codes[known], minlength=len(outcome.classes))
        fewest = CASES_A_FOLD * folds.n_splits
        if counts.min() < fewest:
            rare = outcome.classes[int(counts.argmin())]
            return f"class '{rare}' has fewer than {fewest} subjects, {CASES_A_FOLD} for each of {folds.n_splits} folds"
    elif np.bincount(folds.assignments[known], minlength=folds.n_splits).min() < SMALLEST_TEST:
        return f"a fold has fewer than {SMALLEST_TEST} test subjects whose outcome is known"
    share = share_of_confounds(run, outcome, known)
    if share > NEARLY_ALL:
        return (
            f"{100 * share:.0f} % of its variance is that of the confounds, which are removed from genes and brain: "
            "leave the confound out that stands for it"
        )
    return None


def share_of_confounds(run: Run, outcome: Outcome, known: np.ndarray) -> float:
    """Share of the outcome's variance that the confounds explain, adjusted for their number; the most of any class."""
    rows = np.flatnonzero(known)
    confounds = run.encode_confounds(rows)
    if confounds is None:
        return 0.0
    design = np.column_stack([np.ones(len(rows)), confounds[rows]])
    observed = outcome.columns[rows]
    basis, triangle = np.linalg.qr(design)
    basis = basis[:, np.abs(np.diag(triangle)) > 1e-8 * np.abs(triangle).max()]
    free = len(rows) - basis.shape[1]
    left = ((observed - basis @ (basis.T @ observed)) ** 2).sum(axis=0)
    total = ((observed - observed.mean(axis=0)) ** 2).sum(axis=0)
    return float((1 - (left / max(free, 1)) / (total / (len(rows) - 1))).max())


def column_that_is(outcome: Outcome, known: np.ndarray, values: np.ndarray) -> int | None:
    """A column that tells the outcome all by itself: the same number, or one that parts a class from all others.

    A column with gaps is judged by those who have a value, if they are `FEWEST_TOLD` at least.

    Parameters
    ----------
    values : float array, [n_subjects, n_columns]

    Returns
    -------
    int or None
        The first such column.
    """
    rows, columns = np.flatnonzero(known), values[known].astype(np.float64)
    has_gaps = np.isnan(columns).any(axis=0)
    told = np.zeros(columns.shape[1], dtype=bool)
    told[~has_gaps] = _tells(outcome, rows, columns[:, ~has_gaps])
    for column in np.flatnonzero(has_gaps):
        has_value = ~np.isnan(columns[:, column])
        if has_value.sum() >= FEWEST_TOLD:
            told[column] = _tells(outcome, rows[has_value], columns[has_value][:, [column]])[0]
    return int(told.argmax()) if told.any() else None


def _tells(outcome: Outcome, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Which columns, without gaps, tell the outcome of these subjects, [n_columns]; none where all have one outcome."""
    told = np.zeros(columns.shape[1], dtype=bool)
    if not told.size or not len(rows):
        return told
    if outcome.kind == "continuous":
        y = outcome.values[rows]
        centred = columns - columns.mean(axis=0)
        scale = np.sqrt((centred**2).sum(axis=0) * ((y - y.mean()) ** 2).sum())
        return np.asarray(np.abs((y - y.mean()) @ centred) >= THE_SAME * np.where(scale > 0, scale, np.inf))
    for code in np.unique(outcome.codes[rows]):
        inside = outcome.codes[rows] == code
        one, other = columns[inside], columns[~inside]
        if len(other):
            told |= (one.min(axis=0) > other.max(axis=0)) | (one.max(axis=0) < other.min(axis=0))
    return told
