"""Predictions of subjects by models that never saw them, and how far the models of different folds agree."""

# ruff: noqa: F722

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float64, Int64

from fusion.arrays import Matrix
from fusion.parallel import one_blas_thread
from fusion.prediction.outcome import Outcome
from fusion.prediction.splits import Split

Fit = Callable[[Split], Matrix]
"""Fits to the training subjects of a split and predicts every subject, [n_subjects, n_columns]."""


@dataclass(frozen=True, eq=False)
class HeldOutPrediction:
    """One predictor on the outer folds.

    Attributes
    ----------
    predicted : float64 array, shape [n_subjects, n_columns]
        Of every subject, by the fold in which it was held out: the case's probability, that of every class, or a
        number; NaN of subjects who were not.
    expected : float64 array, shape [n_subjects, n_columns]
        What the training subjects alone say: their mean, or their shares of the classes.
    fold : int array, shape [n_subjects]
        -1 of subjects who were not held out.
    links : float64 array, shape [n_folds, n_subjects, n_columns]
        What every fold's model says of every subject, on the scale of `Outcome.link`.
    """

    predicted: Float64[np.ndarray, "n_subjects n_columns"]
    expected: Float64[np.ndarray, "n_subjects n_columns"]
    fold: Int64[np.ndarray, " n_subjects"]
    links: Float64[np.ndarray, "n_folds n_subjects n_columns"]

    @property
    def tested(self) -> Bool[np.ndarray, " n_subjects"]:
        """Who was held out."""
        return self.fold >= 0


def predict_splits(splits: Sequence[Split], outcome: Outcome, fit: Fit) -> HeldOutPrediction:
    """Fit to every split's training subjects and keep what is said of its test subjects.

    Parameters
    ----------
    splits : sequence of Split
    outcome : Outcome
        Of the whole cohort.
    fit : callable
        Sees training subjects alone.
    """
    shape = outcome.columns.shape
    predicted, expected = np.full(shape, np.nan), np.full(shape, np.nan)
    fold, links = np.full(shape[0], -1, dtype=np.int64), np.empty((len(splits), *shape))
    with one_blas_thread():
        for number, split in enumerate(splits):
            said = fit(split)
            predicted[split.test], fold[split.test] = said[split.test], number
            expected[split.test] = outcome.columns[split.train].mean(axis=0)
            links[number] = outcome.link(said)
    return HeldOutPrediction(predicted, expected, fold, links)


def fold_widening(first: HeldOutPrediction, second: HeldOutPrediction | None = None) -> float:
    """How much wider a fold average (or the difference of two) scatters than its test subjects alone would make it.

    The subjects of fold A trained the model that is tested on fold B, and those of B that of A, so that the errors of
    folds agree. To first order in the noise the variance of an average over K folds is 1 + s times that of independent
    folds, s the share of noise in what the models say: see `fusion.cross_validation.resampling.fold_widening`. Two
    models share all but one of their K - 1 parts of training, so they agree by c = 1 - s / (K - 1). c is read from the
    test subjects of the two folds, of whom one model had not seen half each, so that what models learn by heart does
    not pass for agreement. Of a difference, the largest s of the two predictors and of what sets them apart counts.

    Returns
    -------
    float
        From 1 to the root of 2; 1 of a single split.
    """
    if len(first.links) < 2:
        return 1.0
    told = [_standardised(one) for one in (first, second) if one is not None]
    if second is not None:
        told.append(told[0] - told[1])
    share = max(_noise_share(links, first.fold) for links in told)
    return float(np.sqrt(1 + share))


def _standardised(prediction: HeldOutPrediction) -> Float64[np.ndarray, "n_folds n_subjects n_columns"]:
    known = prediction.tested
    links = prediction.links - prediction.links[:, known].mean(axis=1, keepdims=True)
    spread = np.sqrt((links[:, known] ** 2).mean(axis=(1, 2), keepdims=True))
    return np.asarray(links / np.where(spread > 0, spread, 1.0))


def _noise_share(links: Float64[np.ndarray, "n_folds n_subjects n_columns"], fold: Int64[np.ndarray, " n"]) -> float:
    agreement = []
    for a, b in combinations(range(len(links)), 2):
        rows = (fold == a) | (fold == b)
        one, other = (links[k][rows] - links[k][rows].mean(axis=0) for k in (a, b))
        scale = np.sqrt((one**2).sum() * (other**2).sum())
        agreement.append(float((one * other).sum() / scale) if scale > 0 else 0.0)
    return float(np.clip((len(links) - 1) * (1 - np.mean(agreement)), 0.0, 1.0))
