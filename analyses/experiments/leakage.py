"""What a representation tells of covariates that it should not know: held-out prediction against shuffled labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analyses.results.schema.experiments.audits import Prediction
from fusion import ViewPCA
from fusion.confounds.learned_view import fitted_on
from fusion.permutation.permutations import make_permutations

if TYPE_CHECKING:
    import pandas as pd

    from fusion.cross_validation.folds import Folds
    from fusion.permutation.relations import Relations
    from fusion.views.view import View

_ALPHA = 1.0
"""Ridge penalty of standardised components, per training subject: mild, and the same for every view."""


@dataclass(frozen=True)
class Covariate:
    """A covariate as columns to be predicted, by those who have a value of it.

    Attributes
    ----------
    name, kind : str
    columns : float array, [n_known, n_levels] indicators or [n_known, 1] values
    known : int array, [n_known]
        Positions of the subjects who have a value.
    """

    name: str
    kind: str
    columns: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, values: pd.Series, kind: str) -> Covariate:
        """Indicators of a category, values of a number."""
        known = np.flatnonzero(values.notna())
        given = values.iloc[known]
        if kind == "continuous":
            return cls(str(values.name), kind, given.to_numpy(dtype=np.float64)[:, None], known)
        levels, codes = np.unique(given.astype(str).to_numpy(), return_inverse=True)
        return cls(str(values.name), kind, np.eye(len(levels))[codes], known)

    @property
    def metric(self) -> str:
        """What `score` is."""
        return "correlation" if self.kind == "continuous" else "balanced accuracy"

    @property
    def chance(self) -> float:
        """Score without any information."""
        return 0.0 if self.kind == "continuous" else 1 / self.columns.shape[1]


def make_shuffles(relations: Relations, n_shuffles: int, seed: int) -> np.ndarray:
    """Orders of the subjects, the first as they are, [n_shuffles + 1, n_subjects].

    Families that are exchanged as units are so here. Blocks within which subjects change places are not kept: a label
    that is the same in all of a block, such as its site, would never move.
    """
    blocks = relations.blocks if relations.blocks is not None and relations.blocks.units is not None else None
    orders = make_permutations(relations.n_subjects, n_shuffles, blocks=blocks, random_state=seed)
    return np.stack([orders[number] for number in range(len(orders))])


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
    shuffles : int array [n_shuffles + 1, n_known]
        Orders of the labels, the first as they are.
    """
    from sklearn.linear_model import Ridge

    labels = covariate.columns[shuffles]  # [n_shuffles + 1, n_known, n_levels]
    place = np.full(view.shape[0], -1)
    place[covariate.known] = np.arange(len(covariate.known))
    by_fold, n_test = [], []
    for train, test in folds:
        taught, asked = train[place[train] >= 0], test[place[test] >= 0]
        if not (len(taught) and len(asked)):
            continue
        confounds = None if nuisance is None else nuisance(train)
        learnt = fitted_on(view, train)
        scores = ViewPCA(n_components, confounds=confounds, scale=scale).fit(learnt, rows=train).transform(learnt)
        scores = scores / scores[train].std(axis=0)
        flat = np.moveaxis(labels[:, place[taught]], 0, 1).reshape(len(taught), -1)
        predicted = Ridge(alpha=_ALPHA * len(taught)).fit(scores[taught], flat).predict(scores[asked])
        predicted = np.moveaxis(predicted.reshape(len(asked), *labels[:, 0].shape), 1, 0)
        observed = labels[:, place[asked]]
        by_fold.append([_score(covariate.kind, *pair) for pair in zip(predicted, observed, strict=True)])
        n_test.append(len(asked))
    values = np.average(np.array(by_fold), axis=0, weights=n_test)
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
