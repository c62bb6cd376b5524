"""Missing values of brain views: how many, where, what becomes of them; too many are refused before work begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.design import confound_kinds
from analyses.config.brain_view import BrainViewConfig
from analyses.config.run_config import RunConfig
from analyses.errors import InputError
from fusion.errors import InputError as FusionInputError
from fusion.missing_values.gaps import check_columns_measured
from fusion.missing_values.imputer import MOST_ITERATIVE

if TYPE_CHECKING:
    import pandas as pd

    from encoders.brain.tables import BrainTable
    from fusion.cross_validation.folds import Folds

_SHOWN = 5


def describe_filling(settings: BrainViewConfig, n_features: int) -> str:
    """What becomes of missing values, in words."""
    if settings.nan == "pairwise":
        return "covariances over the subjects who have both features"
    method = settings.impute.method
    if method == "auto":
        method = "iterative" if n_features <= MOST_ITERATIVE else "low-rank"
    how = "iterative ridge regressions" if method == "iterative" else "probabilistic principal components"
    return f"missing values imputed from confounds and the other features by {how}"


def describe_gaps(config: RunConfig, brain: Mapping[str, BrainTable], covariates: pd.DataFrame) -> list[str]:
    """Per view with gaps how much is missing, by site and other categories too, and what becomes of it.

    Parameters
    ----------
    brain : mapping of view name to BrainTable
        Row i of every table is row i of `covariates`.
    """
    lines = []
    for name, table in brain.items():
        missing = np.isnan(np.asarray(table.values))
        if not missing.any():
            continue
        n_features = int(missing.any(axis=0).sum())
        by_level = "".join(
            f"; by {column} {_shares(missing, covariates[column], config.privacy.smallest_count)}"
            for column, kind in confound_kinds(config, covariates).items()
            if kind == "categorical"
        )
        lines.append(
            f"brain {name}: {missing.mean():.1%} of the values are missing, in {n_features} of {missing.shape[1]} "
            f"features and {int(missing.any(axis=1).sum()):,} of {len(missing):,} subjects{by_level}; "
            f"{describe_filling(config.brain[name], missing.shape[1])}, in every fold by its training subjects."
        )
    return lines


def _shares(missing: np.ndarray, labels: pd.Series, smallest: int) -> str:
    """Share of missing values by level, the largest first; levels of fewer subjects than may be shown are not."""
    levels, codes = np.unique(labels.astype(str).to_numpy(), return_inverse=True)
    counts = np.bincount(codes)
    shares = np.bincount(codes, weights=missing.mean(axis=1)) / counts
    order = [level for level in np.argsort(-shares, kind="stable") if counts[level] >= smallest]
    shown = ", ".join(f"{levels[level]} {shares[level]:.0%}" for level in order[:_SHOWN])
    return shown + (f" and {len(order) - _SHOWN} more with less" if len(order) > _SHOWN else "")


def check_gaps(config: RunConfig, brain: Mapping[str, BrainTable], folds: Folds, *, n_confound_columns: int) -> None:
    """Refuse features of which too little was measured, in the whole cohort or among the training subjects of a fold.

    Raises
    ------
    InputError
        Names view and feature.
    """
    for name, table in brain.items():
        values, settings = np.asarray(table.values), config.brain[name]
        if not np.isnan(values).any():
            continue
        for train in [np.arange(len(values)), *(rows for rows, _ in folds)]:
            try:
                check_columns_measured(
                    values[train],
                    table.feature_names,
                    n_needed=1 + n_confound_columns,
                    max_missing=settings.impute.max_missing,
                )
            except FusionInputError as error:
                raise InputError(
                    f"Brain view '{name}' has too many missing values for nan: {settings.nan}. {error} Keys of the "
                    "view are exclude and impute.max_missing."
                ) from None
