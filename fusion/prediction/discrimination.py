"""How well a prediction tells subjects apart, in every fold, and what each subject adds to it."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray
from scipy.stats import rankdata

from fusion.arrays import Matrix
from fusion.prediction.held_out import HeldOutPrediction
from fusion.prediction.outcome import NotDefinedError, Outcome

NAMES = {"binary": "AUROC", "multiclass": "macro AUROC", "continuous": "correlation"}
"""What `Discrimination.value` is."""
CHANCE = {"binary": 0.5, "multiclass": 0.5, "continuous": 0.0}
"""Its value without any information, whatever is predicted."""
_NO_SPREAD = 1e-12
"""Share of the product of variances below which, with one subject left out, a side is constant."""


@dataclass(frozen=True, eq=False)
class Discrimination:
    """AUROC (one class against the rest, averaged over classes) or correlation, averaged over folds by their sizes.

    Attributes
    ----------
    value : float
    by_fold : float64 array, shape [n_folds]
        NaN where a fold's test subjects are of one class, or do not vary; such folds do not count.
    shares : float64 array, shape [n_subjects]
        Sum to the value less that of chance: each subject's part in it, for tests that change signs or places.
    influence : float64 array, shape [n_subjects]
        What the value changes by without a subject; the sum of squares is its variance within folds: that of DeLong, or
        of a correlation's jackknife.
    """

    value: float
    by_fold: Float64[np.ndarray, " n_folds"]
    shares: Float64[np.ndarray, " n_subjects"]
    influence: Float64[np.ndarray, " n_subjects"]


def discriminate(outcome: Outcome, prediction: HeldOutPrediction) -> Discrimination:
    """Discrimination within folds: models of different folds need not agree on what a probability is.

    Parameters
    ----------
    outcome : Outcome
        Of the whole cohort.
    prediction : HeldOutPrediction

    Raises
    ------
    NotDefinedError
        It is not defined in any fold.

    References
    ----------
    Shares of the influence: DeLong, DeLong & Clarke-Pearson (1988), doi:10.2307/2531595; the jackknife: Efron & Stein
    (1981), doi:10.1214/aos/1176345462; classes: Hand & Till (2001),
    doi:10.1023/A:1010920819831.
    """
    n_folds = len(prediction.links)
    by_fold, sizes = np.full(n_folds, np.nan), np.zeros(n_folds)
    shares, influence = np.zeros(len(outcome.values)), np.zeros(len(outcome.values))
    for fold in range(n_folds):
        rows = np.flatnonzero(prediction.fold == fold)
        found = _in_fold(outcome.take(rows), prediction.predicted[rows])
        if found is None:
            continue
        by_fold[fold], shares[rows], influence[rows] = found
        sizes[fold] = len(rows)
    if not sizes.any():
        raise NotDefinedError("the outcome does not vary among the test subjects of any fold")
    weights = sizes / sizes.sum()
    of_subject = np.where(prediction.tested, weights[prediction.fold], 0.0)
    value = float(weights @ np.where(sizes > 0, by_fold, 0.0))
    return Discrimination(value, by_fold, shares * of_subject, influence * of_subject)


Found = tuple[float, NDArray[np.float64], NDArray[np.float64]]


def _in_fold(outcome: Outcome, predicted: Matrix) -> Found | None:
    if outcome.kind == "continuous":
        return _correlation(outcome.values, predicted[:, 0])
    columns = outcome.columns
    found = [_auroc(columns[:, k] > 0, predicted[:, k]) for k in range(columns.shape[1])]
    defined = [one for one in found if one is not None]
    if not defined:
        return None
    values, shares, influence = zip(*defined, strict=True)
    return float(np.mean(values)), np.mean(shares, axis=0), np.mean(influence, axis=0)


def _correlation(observed: NDArray[np.float64], predicted: NDArray[np.float64]) -> Found | None:
    if np.ptp(observed) == 0:
        return None
    y = (observed - observed.mean()) / observed.std()
    spread = predicted.std() if np.ptp(predicted) > 0 else 0.0
    x = (predicted - predicted.mean()) / spread if spread > 0 else np.zeros(len(y))
    product = x * y
    return float(product.mean()), product / len(y), _jackknife(x, y)


def _jackknife(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each subject moves the correlation of standardised values by, scaled so that squares add up to its variance.

    Subjects are left out in turn: the derivative alone (an infinitesimal jackknife) is too small by 5 / n in variance
    where nothing is correlated, and test folds are small.
    """
    n = len(x)
    left = np.maximum((1 - x**2 / (n - 1)) * (1 - y**2 / (n - 1)), 0.0) if n > 1 else np.zeros(n)
    is_defined = left > _NO_SPREAD
    without = np.where(is_defined, (x * y).mean() - x * y / max(n - 1, 1), 0.0)
    without /= np.sqrt(np.where(is_defined, left, 1.0))
    return np.asarray(np.sqrt((n - 1) / n) * (without.mean() - without))


def _auroc(is_case: NDArray[np.bool_], predicted: NDArray[np.float64]) -> Found | None:
    n_cases, n_controls = int(is_case.sum()), int((~is_case).sum())
    if not n_cases or not n_controls:
        return None
    ranks = rankdata(predicted)
    shares = (is_case - is_case.mean()) * (ranks - ranks.mean()) / (n_cases * n_controls)
    value = 0.5 + float(shares.sum())
    influence = np.empty(len(ranks))
    below = ranks[is_case] - rankdata(predicted[is_case])
    above = n_cases - (ranks[~is_case] - rankdata(predicted[~is_case]))
    influence[is_case] = (below / n_controls - value) / np.sqrt(n_cases * max(n_cases - 1, 1))
    influence[~is_case] = (above / n_cases - value) / np.sqrt(n_controls * max(n_controls - 1, 1))
    return value, shares, influence
