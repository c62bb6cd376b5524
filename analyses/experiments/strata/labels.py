"""Who is in which stratum: levels of a column, or bands of a number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.design import confound_kinds
from analyses.cohort.levels import level_name
from analyses.errors import InputError
from analyses.experiments.prediction.outcomes import FEW_LEVELS
from fusion import ConfoundDesign
from fusion.confounds.terms import Term, read_terms

if TYPE_CHECKING:
    import pandas as pd

    from analyses.run.run import Run

MOST_STRATA = 12


@dataclass(frozen=True, eq=False)
class ReadStrata:
    """Strata of the cohort: their names, the code of every subject's (-1 in none of them)."""

    names: tuple[str, ...]
    codes: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """Subjects that are in a stratum."""
        return np.flatnonzero(self.codes >= 0)


def read_strata(run: Run) -> ReadStrata:
    """The strata that the configuration asks for.

    Raises
    ------
    InputError
        A number without cut points, cut points of text, levels that nobody has, or too many of them.
    """
    settings = run.config.stratify
    values = run.cohort.covariates[str(settings.column)]
    return _bands(values, settings.bands) if settings.bands else _levels(values, settings.levels)


def _bands(values: pd.Series, cuts: tuple[float, ...]) -> ReadStrata:
    from pandas.api.types import is_numeric_dtype

    if not is_numeric_dtype(values.dtype):
        raise InputError(
            f"stratify.bands cut a column of numbers; '{values.name}' holds text: name its levels in stratify.levels."
        )
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    shown = [level_name(float(cut)) for cut in cuts]
    between = [f"{low} to below {high}" for low, high in pairwise(shown)]
    codes = np.where(np.isnan(numbers), -1, np.searchsorted(cuts, numbers, side="right"))
    return ReadStrata((f"below {shown[0]}", *between, f"{shown[-1]} and more"), codes.astype(np.int64))


def _levels(values: pd.Series, wanted: tuple[str, ...]) -> ReadStrata:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    known = values.dropna()
    is_amount = is_numeric_dtype(values.dtype) and not is_bool_dtype(values.dtype)
    if not wanted and is_amount and known.nunique() > FEW_LEVELS:
        raise InputError(
            f"stratify.bands must give cut points where a column holds amounts; '{values.name}' has "
            f"{known.nunique()} distinct numbers: give bands, such as [{known.median():g}]."
        )
    present = [level_name(level) for level in sorted(known.unique())]
    for level in wanted:
        if level not in present:
            near = get_close_matches(level, present, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"its levels are: {', '.join(present[:MOST_STRATA])}."
            raise InputError(f"stratify.levels must be levels of '{values.name}'; nobody has '{level}': {hint}")
    names = wanted or tuple(present)
    if len(names) > MOST_STRATA:
        raise InputError(
            f"stratify.column must have at most {MOST_STRATA} levels to be compared two by two; '{values.name}' has "
            f"{len(names)}: choose some of them in stratify.levels."
        )
    place = {name: code for code, name in enumerate(names)}
    shown = values.map(level_name, na_action="ignore")
    codes = np.array([place.get(level, -1) for level in shown], dtype=np.int64)
    return ReadStrata(tuple(_name_in_sentences(str(values.name), name) for name in names), codes)


def _name_in_sentences(column: str, level: str) -> str:
    """A level that is a number says nothing without its column.

    Examples
    --------
    >>> from analyses.experiments.strata.labels import _name_in_sentences
    >>> _name_in_sentences("sex", "1"), _name_in_sentences("sex", "F")
    ('sex 1', 'F')
    """
    return f"{column} {level}" if re.fullmatch(r"-?\d+(\.\d+)?", level) else level


def held_fixed(run: Run) -> tuple[Term, ...]:
    """Confounds given which labels are drawn: all but those that are made of the column itself."""
    covariates, column = run.cohort.covariates, run.config.stratify.column
    kinds = confound_kinds(run.config, covariates)
    terms = read_terms(run.config.confound_terms, lambda name: kinds[name])
    return tuple(term for term in terms if column not in term.columns)


def encode(run: Run, terms: tuple[Term, ...], rows: np.ndarray) -> np.ndarray | None:
    """These confounds as numbers, [n_rows, n_columns]; None where there are none."""
    if not terms:
        return None
    covariates = run.cohort.covariates.iloc[rows]
    design = ConfoundDesign(terms, unseen=run.config.alignment.unseen_level)
    return np.asarray(design.fit(covariates).transform(covariates))
