"""Levels of categories: two that look alike are one level or two, and it is not for us to say which."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.design import confound_kinds
from analyses.config.run_config import RunConfig
from analyses.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def check_levels(config: RunConfig, covariates: pd.DataFrame) -> None:
    """Refuse levels of the run's categories that differ by case alone, or by how a letter is encoded.

    Parameters
    ----------
    covariates : DataFrame [n_subjects, n_columns]

    Raises
    ------
    InputError
        Such levels, with the numbers of subjects that have them.
    """
    for column in _categories(config, covariates):
        counts = covariates[column].dropna().astype(str).value_counts()
        spelled: dict[str, list[str]] = {}
        for level in counts.index:
            spelled.setdefault(unicodedata.normalize("NFKC", str(level)).casefold(), []).append(str(level))
        alike = next((levels for levels in spelled.values() if len(levels) > 1), None)
        if alike is not None:
            shown = " and ".join(f"'{level}' ({counts[level]} subjects)" for level in alike)
            cased = len({unicodedata.normalize("NFKC", level) for level in alike}) > 1
            what = "case" if cased else "how a letter is encoded, such as an accent of its own"
            raise InputError(
                f"Levels of '{column}' must differ by more than {what}; the participants have {shown}: write them in "
                "one way if they are one level, or give them other names."
            )


def level_name(level: object) -> str:
    """A level as a configuration names it: whole numbers without a point, and all digits that tell levels apart.

    Examples
    --------
    >>> from analyses.cohort.levels import level_name
    >>> [level_name(level) for level in (2.0, 0.5, 20200101.0, "a")]
    ['2', '0.5', '20200101', 'a']
    """
    return f"{level:.15g}" if isinstance(level, float | np.floating) else str(level)


def _categories(config: RunConfig, covariates: pd.DataFrame) -> list[str]:
    named = [
        *(column for column, kind in confound_kinds(config, covariates).items() if kind == "categorical"),
        *(view.harmonize.site for view in config.brain.values() if view.harmonize is not None),
        config.cohort.family_column,
        config.cohort.kinship_column,
        config.folds.group,
        config.folds.stratify,
        config.alignment.exchangeable_within,
        config.predict.outcome if config.reads_outcome else None,
        *_associated(config),
        config.stratify.column if config.experiment == "stratify" and not config.stratify.bands else None,
        config.harmonise.site if config.experiment == "harmonise" else None,
    ]
    return list(dict.fromkeys(column for column in named if column is not None))


def _associated(config: RunConfig) -> list[str | None]:
    outcomes = config.associate.outcomes if config.experiment == "associate" else ()
    return [column for one in outcomes if one.kind != "continuous" for column in (one.column, one.event)]
