"""A linear probe: fitted to train, its penalty chosen in dev, its predictions those of test."""

# ruff: noqa: F722

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Matrix, Real
from fusion.errors import InputError
from fusion.parallel import one_blas_thread
from fusion.prediction.linear import PENALTIES as OF_SUBJECTS
from fusion.prediction.linear import fit_linear
from fusion.prediction.outcome import Outcome

TaskKind = Literal["binary", "multiclass", "multilabel", "regression"]
TRAIN, DEV, TEST = range(3)
PENALTIES = (1e-5, *OF_SUBJECTS)
"""Squared-weight penalties per sequence, for columns whose variances add up to 1: sequences are many, a lower one is
among them."""

PSEUDOCOUNTS = (0.1, 1.0, 10.0, 100.0)
"""Of a position weight matrix; dev chooses."""


@dataclass(frozen=True, eq=False)
class ProbeTask:
    """Labels of a task, and which split each sequence is in.

    Parameters
    ----------
    kind : {"binary", "multiclass", "multilabel", "regression"}
    labels : float64 array, shape [n, n_columns]
        One column of class numbers or values; of a multi-label task a column of 0 and 1 for each class.
    split : int array, shape [n]
        0 train, 1 dev, 2 test.
    clusters : int array, shape [n]
        Sequences that are alike; drawn and exchanged as one.
    classes : tuple of str
        None for a regression.
    """

    kind: TaskKind
    labels: Float64[np.ndarray, "n n_columns"]
    split: Int64[np.ndarray, " n"]
    clusters: Int64[np.ndarray, " n"]
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for place, name in enumerate(("train", "dev", "test")):
            if not (self.split == place).any():
                raise InputError(f"A probe needs sequences in train, dev and test; {name} has none: split anew.")

    @property
    def outcomes(self) -> list[Outcome]:
        """What is predicted by a model of its own: one outcome, or each class of a multi-label task."""
        columns = self.labels.T
        if self.kind == "multilabel":
            return [Outcome("binary", column, ("0", "1")) for column in columns]
        kind = "continuous" if self.kind == "regression" else self.kind
        return [Outcome(kind, columns[0], self.classes)]

    def rows(self, place: int) -> Int64[np.ndarray, " n_rows"]:
        """Rows of one split."""
        return np.flatnonzero(self.split == place).astype(np.int64)

    @property
    def columns(self) -> Matrix:
        """What predictions of the test sequences are held against, [n_test, n_columns]."""
        return np.asarray(np.hstack([one.columns for one in self.outcomes])[self.rows(TEST)])


@dataclass(frozen=True, eq=False)
class Probe:
    """What a model says of the test sequences.

    Attributes
    ----------
    predicted : float64 array, shape [n_test, n_columns]
        The case's probability, that of every class, or a value; of a multi-label task that of each class.
    expected : float64 array, shape [n_columns]
        What the training sequences alone say.
    choice : tuple of float
        Penalty (pseudocount) that dev chose, of each model.
    """

    predicted: Float64[np.ndarray, "n_test n_columns"]
    expected: Float64[np.ndarray, " n_columns"]
    choice: tuple[float, ...]


def fit_probe(
    vectors: Float64[np.ndarray, "n hidden_dim"], task: ProbeTask, penalties: Sequence[Real] = PENALTIES
) -> Probe:
    """Logistic (ridge) regression on frozen vectors.

    Columns are scaled by the moments of train so that their variances add up to 1; the penalty with the smallest loss
    in dev is taken, and the model fitted anew to train and dev with it. Test is looked at once.

    Parameters
    ----------
    vectors : float64 array, shape [n, hidden_dim]
    task : ProbeTask
        Of the same sequences.
    penalties : sequence of float
        Per sequence, on squared weights.

    References
    ----------
    Alain & Bengio 2017, doi:10.48550/arXiv.1610.01644.
    """
    train = vectors[task.rows(TRAIN)]
    spread = train.std(axis=0)
    varies = spread > 1e-12 * max(1.0, float(np.abs(train).max(initial=0.0)))
    scale = np.where(varies, spread, 1.0) * np.sqrt(max(1, int(varies.sum())))
    scaled = (vectors - train.mean(axis=0)) * varies / scale

    def fit(outcome: Outcome, fitted: np.ndarray, said: np.ndarray, penalty: float) -> Matrix:
        model = fit_linear(scaled[fitted], outcome.take(fitted), (), (penalty,))
        return model(scaled[said])

    return _fit(task, fit, penalties)


def fit_weight_matrix(
    one_hot: Float64[np.ndarray, "n hidden_dim"], task: ProbeTask, pseudocounts: Sequence[Real] = PSEUDOCOUNTS
) -> Probe:
    """Position weight matrix: each class's bases at every position, independent of one another.

    Parameters
    ----------
    one_hot : float64 array, shape [n, 4 * length]
        Of sequences of one length.
    task : ProbeTask
        Of classes.
    pseudocounts : sequence of float

    Raises
    ------
    InputError
        The task is a regression.

    References
    ----------
    Stormo 2000, doi:10.1093/bioinformatics/16.1.16.
    """
    from sklearn.naive_bayes import MultinomialNB

    if task.kind == "regression":
        raise InputError("A position weight matrix tells classes apart; the task is a regression: leave it out.")

    def fit(outcome: Outcome, fitted: np.ndarray, said: np.ndarray, pseudocount: float) -> Matrix:
        # every position has one base, so that what normalises over all columns is the same number in every class
        model: Any = MultinomialNB(alpha=pseudocount).fit(one_hot[fitted], outcome.codes[fitted])
        found = np.zeros((len(said), len(outcome.classes)))
        found[:, model.classes_] = model.predict_proba(one_hot[said])
        return found[:, 1:] if outcome.kind == "binary" else found

    return _fit(task, fit, pseudocounts)


Fit = Callable[[Outcome, np.ndarray, np.ndarray, float], Matrix]
"""Fits to some rows with a setting, and says what it predicts of others."""


def _fit(task: ProbeTask, fit: Fit, settings: Sequence[Real]) -> Probe:
    train, dev, test = (task.rows(place) for place in (TRAIN, DEV, TEST))
    both = np.concatenate([train, dev])
    predicted, expected, chosen = [], [], []
    with one_blas_thread():
        for number, outcome in enumerate(task.outcomes):
            _check_train(task, outcome, train, number)
            losses = [outcome.take(dev).loss(fit(outcome, train, dev, float(one))) for one in settings]
            best = max(float(one) for one, loss in zip(settings, losses, strict=True) if loss <= min(losses))
            chosen.append(best)
            predicted.append(fit(outcome, both, test, best))
            expected.append(outcome.columns[both].mean(axis=0))
    return Probe(np.hstack(predicted), np.concatenate(expected), tuple(chosen))


def _check_train(task: ProbeTask, outcome: Outcome, train: np.ndarray, number: int) -> None:
    present = np.unique(outcome.values[train])
    if outcome.kind == "continuous":
        if len(present) < 2:
            raise InputError("A probe needs values that differ in train; all are equal: add others.")
    elif len(present) < len(outcome.classes):
        lacking = next(code for code in range(len(outcome.classes)) if code not in present)
        name = task.classes[number if task.kind == "multilabel" else lacking]
        raise InputError(
            f"A probe needs sequences of every class in train (multi-label: with and without it); class {name} "
            "lacks some: add them."
        )
