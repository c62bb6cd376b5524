"""What is predicted: a case or not, one of several classes, or a number."""

# ruff: noqa: F722

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from fusion.arrays import Matrix
from fusion.errors import NotDefinedError as NotDefinedError

OutcomeKind = Literal["binary", "multiclass", "continuous"]
SMALLEST_PROBABILITY = 1e-6
"""Probabilities are kept this far from 0 and 1, where log-odds would be infinite."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """An outcome of every subject.

    Attributes
    ----------
    kind : {"binary", "multiclass", "continuous"}
    values : float64 array, shape [n_subjects]
        Numbers, or codes 0, 1, ... into `classes`.
    classes : tuple of str
        Of a binary outcome the second is the case; none for a number.

    Examples
    --------
    >>> import numpy as np
    >>> Outcome("multiclass", np.array([0.0, 2.0, 1.0]), ("a", "b", "c")).columns.tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """

    kind: OutcomeKind
    values: Float64[np.ndarray, " n_subjects"]
    classes: tuple[str, ...] = ()

    @property
    def codes(self) -> NDArray[np.int64]:
        """Class of every subject, [n_subjects]."""
        return self.values.astype(np.int64)

    @property
    def columns(self) -> Matrix:
        """What predictions are held against: the case, every class, or the number, [n_subjects, n_columns]."""
        if self.kind == "multiclass":
            return np.eye(len(self.classes))[self.codes]
        return self.values[:, np.newaxis]

    def take(self, rows: NDArray[np.intp]) -> "Outcome":
        """The outcome of these subjects."""
        return Outcome(self.kind, self.values[rows], self.classes)

    def link(self, predicted: Matrix) -> Matrix:
        """Predictions on the scale on which models add: log-odds, centred log-probabilities, or the number itself."""
        if self.kind == "continuous":
            return predicted
        kept = np.clip(predicted, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        if self.kind == "binary":
            return np.asarray(np.log(kept) - np.log1p(-kept))
        logs = np.log(kept)
        return np.asarray(logs - logs.mean(axis=1, keepdims=True))

    def loss(self, predicted: Matrix) -> float:
        """Mean squared error of numbers, log-loss of probabilities, [n_subjects, n_columns]."""
        if self.kind == "continuous":
            return float(((predicted[:, 0] - self.values) ** 2).mean())
        told = np.hstack([1 - predicted, predicted]) if self.kind == "binary" else predicted
        own = told[np.arange(len(told)), self.codes]
        return float(-np.log(np.clip(own, SMALLEST_PROBABILITY, 1.0)).mean())


Model: TypeAlias = Callable[[Matrix], Matrix]
"""A fitted model: features of any subjects to the case's probability, those of all classes, or a number."""
InnerFolds: TypeAlias = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
"""Training and test rows among the training subjects."""
Learner: TypeAlias = Callable[[Matrix, Outcome, InnerFolds], Model]
"""Fits a model to training subjects, what it chooses chosen in their inner folds."""
