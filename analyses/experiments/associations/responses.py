"""Outcomes of the participants as what scores are held against, or why an outcome is held against nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.levels import level_name
from analyses.config.experiments import OutcomeConfig
from analyses.errors import InputError
from analyses.experiments.prediction.outcomes import (
    NEARLY_ALL,
    column_that_is,
    guess_kind,
    read_values,
    share_of_confounds,
)
from fusion.association import Response
from fusion.association.null_models import FEWEST
from fusion.prediction.outcome import Outcome

if TYPE_CHECKING:
    import pandas as pd

    from analyses.run.run import Run

MOST_CLASSES = 20


@dataclass(frozen=True, eq=False)
class ReadResponses:
    """One outcome of the configuration.

    Attributes
    ----------
    column : str
    kind : str or None
    known : bool array, [n_subjects]
    contrasts : mapping of what is shown to Response
        One; of several classes one each, against all others.
    outcome : Outcome or None
        As numbers, to be held against brain columns.
    n_events : int or None
    reason : str or None
        Why it is held against nothing.
    """

    column: str
    kind: str | None
    known: np.ndarray
    contrasts: Mapping[str, Response] = field(default_factory=dict)
    outcome: Outcome | None = None
    n_events: int | None = None
    reason: str | None = None

    def is_told_by(self, values: np.ndarray) -> int | None:
        """Number of a brain column that tells the outcome by itself, [n_subjects, n_columns]."""
        return None if self.outcome is None else column_that_is(self.outcome, self.known, values)


def read_responses(run: Run) -> list[ReadResponses]:
    """Every outcome of the configuration.

    Raises
    ------
    InputError
        An outcome of two names, or a column that is not what its keys say.
    """
    outcomes = run.config.associate.outcomes
    columns = [one.column for one in outcomes]
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise InputError(f"associate.outcomes must name each column once; '{twice}' is named twice: remove one.")
    return [_read(run, one, f"associate.outcomes.{number}") for number, one in enumerate(outcomes)]


def _read(run: Run, settings: OutcomeConfig, key: str) -> ReadResponses:
    values = run.cohort.covariates[settings.column]
    known = values.notna().to_numpy()
    if settings.event is not None:
        known = known & run.cohort.covariates[settings.event].notna().to_numpy()
    if values[known].nunique() < 2:
        return ReadResponses(settings.column, None, known, reason="it has fewer than two distinct values")
    kind = guess_kind(values[known], key) if settings.kind == "auto" else settings.kind
    named = {column for column in (settings.column, settings.event) if column in run.config.confound_columns}
    if named:
        reason: str | None = (
            f"'{named.pop()}' is among the confounds, which scores are free of: name it in confounds_without"
        )
        return ReadResponses(settings.column, kind, known, reason=reason)
    if kind == "time":
        return _time(run, settings, values, known, key)
    outcome = (
        _ordered(settings, values, known, key) if kind == "ordinal" else _plain(settings, values, known, kind, key)
    )
    reason = _reason(run, outcome, known)
    contrasts = {} if reason else dict(_contrasts(settings.column, kind, outcome, known))
    return ReadResponses(settings.column, kind, known, contrasts, outcome, reason=reason)


def _plain(settings: OutcomeConfig, values: pd.Series, known: np.ndarray, kind: str, key: str) -> Outcome:
    n_levels = values[known].nunique()
    if kind == "multiclass" and n_levels > MOST_CLASSES:
        raise InputError(
            f"{key} needs at most {MOST_CLASSES} classes, each of which is held against all others; column "
            f"'{settings.column}' has {n_levels}: group them, or name another column."
        )
    if kind == "binary":
        return read_values(values, known, "binary", settings.positive, key)
    return read_values(values, known, "multiclass" if kind == "multiclass" else "continuous", None, key)


def _contrasts(column: str, kind: str, outcome: Outcome, known: np.ndarray) -> Iterator[tuple[str, Response]]:
    if kind == "binary":
        yield f"{column}: {outcome.classes[1]} against {outcome.classes[0]}", Response("binary", outcome.values, known)
    elif kind == "multiclass":
        for code, name in enumerate(outcome.classes):
            yield f"{column}: {name} against the rest", Response("binary", 1.0 * (outcome.codes == code), known)
    elif kind == "ordinal":
        yield f"{column}: higher levels", Response("ordinal", outcome.values, known)
    else:
        yield column, Response("continuous", outcome.values, known)


def _ordered(settings: OutcomeConfig, values: pd.Series, known: np.ndarray, key: str) -> Outcome:
    """Codes of levels in their order; those that nobody has are left out."""
    from pandas.api.types import is_numeric_dtype

    names = values.map(level_name, na_action="ignore")
    if settings.levels:
        order = list(settings.levels)
        if unknown := sorted(set(names[known]) - set(order)):
            raise InputError(
                f"{key}.levels must name every level of '{settings.column}' from lowest to highest; '{unknown[0]}' is "
                "not among them: add it."
            )
    elif is_numeric_dtype(values.dtype):
        order = [level_name(level) for level in sorted(values[known].unique())]
    else:
        raise InputError(
            f"{key}.levels must give the order of the levels of '{settings.column}', which are text: name them from "
            "lowest to highest."
        )
    present = [level for level in order if (names[known] == level).any()]
    codes = {level: float(code) for code, level in enumerate(present)}
    return Outcome("continuous", np.array([codes.get(name, 0.0) for name in names]))


def _time(run: Run, settings: OutcomeConfig, values: pd.Series, known: np.ndarray, key: str) -> ReadResponses:
    times = read_values(values, known, "continuous", None, key)
    if (times.values[known] < 0).any():
        raise InputError(f"{key} needs times from 0 on; column '{settings.column}' has negative ones: correct it.")
    status = run.cohort.covariates[str(settings.event)]
    if status[known].nunique() < 2:
        reason: str | None = f"'{settings.event}' has one value alone, so that nobody or everybody has the event"
        return ReadResponses(settings.column, "time", known, reason=reason)
    if status[known].nunique() > 2:
        raise InputError(
            f"{key}.event must be a column of two levels, whether a time ended with the event or not; "
            f"'{settings.event}' has {status[known].nunique()}: name another column."
        )
    happened = read_values(status, known, "binary", settings.positive, key).codes == 1
    reason = _reason(run, times, known)
    said = f"{settings.column} until {settings.event}"
    contrasts = {} if reason else {said: Response("time", times.values, known, happened)}
    n_events = int(happened[known].sum())
    return ReadResponses(settings.column, "time", known, contrasts, times, n_events, reason)


def _reason(run: Run, outcome: Outcome, known: np.ndarray) -> str | None:
    """Why an outcome is held against nothing, as far as it can be said before any model."""
    if known.sum() < FEWEST:
        return f"fewer than {FEWEST} subjects have it"
    share = share_of_confounds(run, outcome, known)
    if share > NEARLY_ALL:
        return (
            f"{100 * share:.0f} % of its variance is that of the confounds, which scores are free of: leave the "
            "confound out that stands for it"
        )
    return None
