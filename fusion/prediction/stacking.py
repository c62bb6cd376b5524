"""One model of several blocks of features: side by side, or each with a model of its own and one model over them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fusion.arrays import Matrix
from fusion.errors import InputError
from fusion.prediction.linear import fit_linear
from fusion.prediction.outcome import InnerFolds, Learner, Model, NotDefinedError, Outcome
from fusion.prediction.splits import check_varies


def concatenated(
    blocks: Sequence[Matrix], rows: NDArray[np.intp], outcome: Outcome, inner: InnerFolds, learner: Learner
) -> Matrix:
    """Fit one model to all blocks, each with a total training variance of 1, and predict every subject.

    Parameters
    ----------
    blocks : sequence of float64 arrays, shape [n_subjects, n_features]
    rows : int array, shape [n_train]
        Training subjects.
    outcome : Outcome
        Of the training subjects.
    inner : sequence of (train, test)
        Positions in `rows`.
    learner : callable

    Returns
    -------
    float64 array, shape [n_subjects, n_columns]
    """
    x = np.hstack([scaled_block(block, rows) for block in blocks])
    return learner(x[rows], outcome, inner)(x)


def stacked(
    blocks: Sequence[Matrix], rows: NDArray[np.intp], outcome: Outcome, inner: InnerFolds, learner: Learner
) -> Matrix:
    """Fit a model to each block, and a linear one to what these predict in inner folds; predict every subject.

    Arguments as of `concatenated`; at least three inner folds, since each is predicted by models that the others
    chose. What the upper model learns from was predicted by models that had not seen the
    subject; for the prediction the models of the blocks are fitted to all training subjects.

    Raises
    ------
    InputError
        Fewer than three inner folds.
    NotDefinedError
        The inner folds beside one lack a class.

    References
    ----------
    Wolpert (1992), doi:10.1016/S0893-6080(05)80023-1.
    """
    if len(inner) < 3:
        raise InputError(f"Stacking needs at least 3 inner folds; got {len(inner)}.")
    inner_links, links = [], []
    for block in blocks:
        x = scaled_block(block, rows)
        held = np.empty((len(rows), outcome.columns.shape[1]))
        for train, test in inner:
            part, others = outcome.take(train), _within(inner, train, test)
            for kept, _ in others:
                check_varies(part.take(kept))
            model = learner(x[rows[train]], part, others)
            held[test] = model(x[rows[test]])
        inner_links.append(outcome.link(held))
        links.append(outcome.link(learner(x[rows], outcome, inner)(x)))
    learnt, told = np.hstack(inner_links), np.hstack(links)
    mean, spread = learnt.mean(axis=0), learnt.std(axis=0)
    spread[spread == 0] = 1.0  # a block that tells nothing has one prediction for all
    upper: Model = fit_linear((learnt - mean) / spread, outcome, inner)
    return upper((told - mean) / spread)


def _within(inner: InnerFolds, train: NDArray[np.intp], test: NDArray[np.intp]) -> InnerFolds:
    """The other inner folds, among the rows that one of them trains on."""
    position = np.full(len(train) + len(test), -1)
    position[train] = np.arange(len(train))
    parts = [position[other] for _, other in inner if not np.array_equal(other, test)]
    everyone = np.arange(len(train))
    return [(np.setdiff1d(everyone, part), part) for part in parts]


def scaled_block(block: Matrix, rows: NDArray[np.intp]) -> Matrix:
    """Features less their training mean, their training variances adding up to 1, [n_subjects, n_features].

    Raises
    ------
    NotDefinedError
        Nothing varies among the training subjects.
    """
    total = float(np.sqrt(block[rows].var(axis=0).sum()))
    if total == 0 or not np.isfinite(total):
        raise NotDefinedError("no feature varies among the training subjects of a fold")
    return np.asarray((block - block[rows].mean(axis=0)) / total)
