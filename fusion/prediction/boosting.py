"""Gradient-boosted trees whose number inner folds choose; LightGBM, which is an extra of the installation."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fusion.arrays import Matrix
from fusion.errors import InputError
from fusion.prediction.outcome import InnerFolds, Model, Outcome

TREES = (10, 25, 50, 100)
"""Numbers of trees that are tried."""
_OBJECTIVES = {"binary": "binary", "multiclass": "multiclass", "continuous": "regression"}


def fit_boosting(x: Matrix, outcome: Outcome, inner: InnerFolds, trees: Sequence[int] = TREES) -> Model:
    """Fit gradient-boosted trees: small ones, in small steps.

    Parameters
    ----------
    x : float64 array, shape [n_train, n_features]
    outcome : Outcome
        Of these subjects.
    inner : sequence of (train, test)
        Rows of `x`; the number of trees with the smallest mean loss over them is taken.
    trees : sequence of int

    Returns
    -------
    callable
        Features [n_rows, n_features] to predictions [n_rows, n_columns].

    Raises
    ------
    InputError
        LightGBM is not installed.

    References
    ----------
    Ke et al. (2017), LightGBM, NeurIPS 30.
    """
    losses = np.zeros(len(trees))
    for train, test in inner:
        booster = _train(x[train], outcome.take(train), max(trees))
        rest = outcome.take(test)
        losses += [len(test) * rest.loss(_predict(booster, x[test], n)) for n in trees]
    chosen = int(trees[int(losses.argmin())])
    booster = _train(x, outcome, chosen)
    return lambda rows: _predict(booster, rows, chosen)


def _train(x: Matrix, outcome: Outcome, n_trees: int) -> Any:
    lightgbm = _lightgbm()
    settings: dict[str, Any] = {
        "objective": _OBJECTIVES[outcome.kind],
        "learning_rate": 0.1,
        "num_leaves": 7,
        "min_data_in_leaf": max(2, min(20, len(x) // 10)),
        "lambda_l2": 1.0,
        "verbosity": -1,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": 0,
    }
    if outcome.kind == "multiclass":
        settings["num_class"] = len(outcome.classes)
    return lightgbm.train(settings, lightgbm.Dataset(x, label=outcome.values), num_boost_round=n_trees)


def _predict(booster: Any, rows: Matrix, n_trees: int) -> Matrix:
    predicted = np.asarray(booster.predict(rows, num_iteration=n_trees), dtype=np.float64)
    return predicted[:, np.newaxis] if predicted.ndim == 1 else predicted


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError:
        raise InputError(
            "Gradient boosting needs LightGBM, which is not installed: pip install 'gene-brain-fusion[boosting]', or "
            "take linear models alone."
        ) from None
    return lightgbm
