"""Ridge and logistic regression whose penalty inner folds choose."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from fusion.arrays import Matrix, Real
from fusion.prediction.outcome import InnerFolds, Model, Outcome

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Squared-weight penalties per training subject, for features whose variances add up to 1 (or 2, of two blocks)."""


def fit_linear(x: Matrix, outcome: Outcome, inner: InnerFolds, penalties: Sequence[Real] = PENALTIES) -> Model:
    """Fit ridge regression to a number, logistic regression to classes.

    Parameters
    ----------
    x : float64 array, shape [n_train, n_features]
    outcome : Outcome
        Of these subjects.
    inner : sequence of (train, test)
        Rows of `x`; the penalty with the smallest mean loss over them is taken, the larger one of two that are equal.
    penalties : sequence of float

    Returns
    -------
    callable
        Features [n_rows, n_features] to predictions [n_rows, n_columns].
    """
    losses = np.zeros(len(penalties))
    for train, test in inner:
        part, rest = outcome.take(train), outcome.take(test)
        losses += [len(test) * rest.loss(_fit(x[train], part, penalty)(x[test])) for penalty in penalties]
    best = max(penalty for penalty, loss in zip(penalties, losses, strict=True) if loss <= losses.min())
    return _fit(x, outcome, best)


def _fit(x: Matrix, outcome: Outcome, penalty: Real) -> Model:
    if outcome.kind == "continuous":
        ridge: Any = Ridge(alpha=penalty * len(x)).fit(x, outcome.values)
        return lambda rows: np.asarray(ridge.predict(rows), dtype=np.float64)[:, np.newaxis]
    # Newton's steps converge for features of any scale; they need the square of the number of features in memory.
    solver = "newton-cholesky" if x.shape[1] * len(outcome.classes) <= MOST_FOR_NEWTON else "lbfgs"
    logistic: Any = LogisticRegression(C=1 / (penalty * len(x)), solver=solver, max_iter=1000)
    logistic.fit(x, outcome.codes)
    first = 1 if outcome.kind == "binary" else 0
    return lambda rows: np.asarray(logistic.predict_proba(rows)[:, first:], dtype=np.float64)


MOST_FOR_NEWTON = 400
"""Weights up to which Newton's steps are the quicker ones."""
