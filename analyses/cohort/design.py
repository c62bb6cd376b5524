"""What a run holds against its subjects: confounds to remove, and who may change places with whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyses.config.run_config import RunConfig
from fusion import Blocks, Confound, ConfoundDesign

if TYPE_CHECKING:
    import pandas as pd


def make_design(config: RunConfig) -> ConfoundDesign:
    """The design that the run's ``confounds`` ask for, not fitted yet."""
    return ConfoundDesign([Confound(c.column, c.kind) for c in config.confounds], unseen=config.alignment.unseen_level)


def make_nuisance(config: RunConfig, covariates: pd.DataFrame) -> np.ndarray:
    """Confounds of the whole cohort, [n_subjects, n_columns] without intercept."""
    return np.asarray(make_design(config).fit(covariates).transform(covariates))


def make_blocks(covariates: pd.DataFrame, *, families: str | None, within: str | None) -> Blocks | None:
    """Kept families are exchanged as wholes; within a named column, subjects are.

    Parameters
    ----------
    covariates : DataFrame [n_subjects, n_columns]
    families, within : str, optional
        Columns; at most one of them.
    """
    column = families or within
    if column is None:
        return None
    _, labels = np.unique(covariates[column].astype(str).to_numpy(), return_inverse=True)
    return Blocks(labels, "whole" if families else "within")
