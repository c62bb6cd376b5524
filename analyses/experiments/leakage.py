"""What a representation tells of covariates that it should not know: held-out prediction against shuffled labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analyses.results.schema.experiments.audits import Prediction
from fusion import ViewPCA
from fusion.confounds.learned_view import fitted_on

if TYPE_CHECKING:
    import pandas as pd

    from fusion.cross_validation.folds import Folds
    from fusion.views.view import View

_ALPHA = 1.0
"""Ridge penalty of standardised components, per training subject: mild, and the same for every view."""


@dataclass(frozen=True)
class Covariate:
    """A covariate as columns to be predicted, [n_subjects, n_levels] indicators or [n_subjects, 1] values."""

    name: str
    kind: str
    columns: np.ndarray

    @classmethod
    def of(cls, values: pd.Series, kind: str) -> Covariate:
        """Indicators of a category, values of a number."""
        if kind == "continuous":
            return cls(str(values.name), kind, values.to_numpy(dtype=np.float64)[:, None])
        levels, codes = np.unique(values.astype(str).to_numpy(), return_inverse=True)
        return cls(str(values.name), kind, np.eye(len(levels))[codes])

    @property
    def metric(self) -> str:
        """What `score` is."""
        return "correlation" if self.kind == "continuous" else "balanced accuracy"

    @property
    def chance(self) -> float:
        """Score without any information."""
        return 0.0 if self.kind == "continuous" else 1 / self.columns.shape[1]


def make_shuffles(n_subjects: int, n_shuffles: int, seed: int) -> np.ndarray:
    """Orders of the subjects, the first as they are, [n_shuffles + 1, n_subjects]."""
    rng = np.random.default_rng(seed)
    return np.stack([np.arange(n_subjects), *(rng.permutation(n_subjects) for _ in range(n_shuffles))])


def predict_covariate(
    view: View,
    covariate: Covariate,
    folds: Folds,
    *,
    nuisance: Callable[[np.ndarray], np.ndarray | None] | None,
    n_components: int,
    scale: bool,
    shuffles: np.ndarray,
) -> Prediction:
    """Predict a covariate in subjects that took no part, from the leading components of a view.

    Parameters
    ----------
    view : View [n_subjects, n_columns]
    nuisance : callable or None
        Gives the confounds of all subjects, encoded by training rows; None leaves them in.
    n_components : int
        Of the PCA that every training fold fits.
    shuffles : int array [n_shuffles + 1, n_subjects]
        Orders of the labels, the first as they are.
    """
    from sklearn.linear_model import Ridge

    labels = covariate.columns[shuffles]  # [n_shuffles + 1, n_subjects, n_levels]
    by_fold = []
    for train, test in folds:
        confounds = None if nuisance is None else nuisance(train)
        learnt = fitted_on(view, train)
        scores = ViewPCA(n_components, confounds=confounds, scale=scale).fit(learnt, rows=train).transform(learnt)
        scores = scores / scores[train].std(axis=0)
        flat = np.moveaxis(labels[:, train], 0, 1).reshape(len(train), -1)
        predicted = Ridge(alpha=_ALPHA * len(train)).fit(scores[train], flat).predict(scores[test])
        predicted = np.moveaxis(predicted.reshape(len(test), *labels[:, 0].shape), 1, 0)
        by_fold.append([_score(covariate.kind, *pair) for pair in zip(predicted, labels[:, test], strict=True)])
    weights = np.array([len(test) for _, test in folds], dtype=np.float64)
    values = np.average(np.array(by_fold), axis=0, weights=weights)
    return Prediction(
        score=float(values[0]),
        null_mean=float(values[1:].mean()),
        null_q95=float(np.quantile(values[1:], 0.95)),
        p=float((values >= values[0]).mean()),
    )


def _score(kind: str, predicted: np.ndarray, observed: np.ndarray) -> float:
    if kind == "continuous":
        spread = predicted.std() * observed.std()
        return float(((predicted - predicted.mean()) * (observed - observed.mean())).mean() / spread) if spread else 0.0
    right = predicted.argmax(axis=1) == observed.argmax(axis=1)
    present = observed.sum(axis=0) > 0  # a level that this test fold lacks has no accuracy
    return float(np.mean((right @ observed)[present] / observed.sum(axis=0)[present]))
