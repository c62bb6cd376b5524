"""The confounds of a run as a design and as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyses.config import RunConfig
from fusion import Confound, ConfoundDesign

if TYPE_CHECKING:
    import pandas as pd


def make_design(config: RunConfig) -> ConfoundDesign:
    """The design that the run's ``confounds`` ask for, not fitted yet."""
    return ConfoundDesign([Confound(c.column, c.kind) for c in config.confounds], unseen=config.alignment.unseen_level)


def make_nuisance(config: RunConfig, covariates: pd.DataFrame) -> np.ndarray:
    """Confounds of the whole cohort, [n_subjects, n_columns] without intercept."""
    return np.asarray(make_design(config).fit(covariates).transform(covariates))
