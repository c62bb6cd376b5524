"""What a run holds against its subjects: confounds to remove, and who may change places with whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyses.config.run_config import RunConfig
from analyses.errors import InputError
from fusion import Blocks, Confound, ConfoundDesign
from fusion.permutation.relations import Relations

if TYPE_CHECKING:
    import pandas as pd


def make_design(config: RunConfig) -> ConfoundDesign:
    """The design that the run's ``confounds`` ask for, not fitted yet."""
    return ConfoundDesign([Confound(c.column, c.kind) for c in config.confounds], unseen=config.alignment.unseen_level)


def make_nuisance(config: RunConfig, covariates: pd.DataFrame) -> np.ndarray:
    """Confounds of the whole cohort, [n_subjects, n_columns] without intercept."""
    return np.asarray(make_design(config).fit(covariates).transform(covariates))


def read_labels(covariates: pd.DataFrame, column: str, *, key: str) -> np.ndarray:
    """One label per subject, as text.

    Parameters
    ----------
    covariates : DataFrame [n_subjects, n_columns]
    column : str
    key : str
        What of the configuration names the column.

    Raises
    ------
    InputError
        A subject without a label: it is not for us to say where such a subject belongs.
    """
    values = covariates[column]
    missing = values.isna()
    if missing.any():
        raise InputError(
            f"{key} needs a label for every subject; '{column}' is empty for {int(missing.sum())} of {len(values)}, "
            f"first {values.index[missing][0]}: fill the column, or leave these subjects out."
        )
    return np.asarray(values.astype(str).to_numpy(), dtype=object)


def make_relations(config: RunConfig, covariates: pd.DataFrame) -> Relations:
    """Who belongs together: whom folds keep together and balance, and who may change places with whom.

    Kept families are exchanged as wholes; within a named column, subjects are.
    """
    families, within, folds = config.kept_families, config.alignment.exchangeable_within, config.folds
    labels = {
        name: None if column is None else read_labels(covariates, column, key=key)
        for name, column, key in (
            ("families", families, "cohort.family_column"),
            ("within", within, "alignment.exchangeable_within"),
            ("groups", folds.group or families, "folds.group" if folds.group else "cohort.family_column"),
            ("stratify", folds.stratify, "folds.stratify"),
        )
    }
    moved = labels["within"] if labels["families"] is None else labels["families"]
    blocks = None if moved is None else Blocks(moved, "within" if labels["families"] is None else "whole")
    return Relations.of(len(covariates), groups=labels["groups"], stratify=labels["stratify"], blocks=blocks)
