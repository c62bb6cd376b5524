"""Predictors compared subject by subject on shared folds: signs of differences changed, one family by max-T."""

# ruff: noqa: F722

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float64, Int64
from scipy.stats import t as student_t

from fusion.arrays import Matrix, label_codes
from fusion.permutation.p_values import permutation_p, step_down_max_t
from fusion.prediction.discrimination import CHANCE, Discrimination
from fusion.prediction.held_out import HeldOutPrediction, fold_widening
from fusion.prediction.outcome import Outcome

Name = TypeVar("Name", bound=Hashable)
SIGNS_AT_ONCE = 256
"""Sets of signs that are drawn and multiplied together."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """One predictor against another, or against chance.

    Attributes
    ----------
    difference : float
        Of what `Discrimination.value` is.
    shares : float64 array, shape [n_subjects]
        Sum to the difference.
    influence : float64 array, shape [n_subjects]
    widening : float
        `fusion.prediction.held_out.fold_widening`.
    """

    difference: float
    shares: Float64[np.ndarray, " n_subjects"]
    influence: Float64[np.ndarray, " n_subjects"]
    widening: float

    def interval(self, clusters: Int64[np.ndarray, " n_subjects"]) -> tuple[float, float]:
        """95 % interval by the subjects' influence (a jackknife), clusters counted as one: Student's t of their number.

        References
        ----------
        Efron (1982), ISBN 978-0-89871-179-0, chapter 6.
        """
        sums = _by_cluster(self.influence[:, np.newaxis], clusters)
        n = len(sums)
        error = self.widening * float(np.sqrt((sums**2).sum() * n / max(n - 1, 1)))
        reach = float(student_t.ppf(0.975, max(n - 1, 1))) * error
        return self.difference - reach, self.difference + reach


def contrast(
    outcome: Outcome,
    first: tuple[Discrimination, HeldOutPrediction],
    second: tuple[Discrimination, HeldOutPrediction] | None = None,
) -> Contrast:
    """First less second; less chance, where there is no second."""
    found, prediction = first
    if second is None:
        widening = fold_widening(prediction)
        return Contrast(found.value - CHANCE[outcome.kind], found.shares, found.influence, widening)
    other, its_prediction = second
    return Contrast(
        found.value - other.value,
        found.shares - other.shares,
        found.influence - other.influence,
        fold_widening(prediction, its_prediction),
    )


def paired_permutation(
    contrasts: Mapping[Name, Contrast],
    clusters: Int64[np.ndarray, " n_subjects"],
    *,
    n_permutations: int = 9999,
    one_sided: bool = False,
    random_state: int = 0,
) -> dict[Name, tuple[float, float]]:
    """p of every contrast, by itself and corrected over all by step-down max-T.

    Where two predictors are equally good, changing places for a subject changes nothing in law: ranks (values) within a
    fold are swapped, which turns the sign of the subject's difference. One set of signs serves all contrasts. Signs
    treat subjects as independent, which folds that train one another are not, so the observed difference is divided by
    the contrast's widening.

    Parameters
    ----------
    contrasts : mapping of name to Contrast
    clusters : int array, shape [n_subjects]
        Who changes places as one.
    n_permutations : int
    one_sided : bool
        Whether only differences above zero count.
    random_state : int

    Returns
    -------
    dict of name to (p, p corrected)
        Identity counted.

    References
    ----------
    Ranks swapped: Venkatraman & Begg (1996), doi:10.1093/biomet/83.4.835; max-T: Westfall & Young (1993), ISBN
    978-0-471-55761-6, algorithm 4.1.
    """
    if not contrasts:
        return {}
    sums = _by_cluster(np.column_stack([one.shares for one in contrasts.values()]), clusters)
    scale = np.sqrt((sums**2).sum(axis=0))
    scaled = sums / np.where(scale > 0, scale, 1.0)  # predictors that say the same differ by nothing
    observed = scaled.sum(axis=0) / [one.widening for one in contrasts.values()]
    rng = np.random.default_rng(np.random.SeedSequence(random_state))
    null = [observed[np.newaxis]]
    for start in range(0, n_permutations, SIGNS_AT_ONCE):
        signs = rng.integers(0, 2, size=(min(SIGNS_AT_ONCE, n_permutations - start), len(sums))) * 2.0 - 1
        null.append(signs @ scaled)
    draws = np.concatenate(null) if one_sided else np.abs(np.concatenate(null))
    draws = draws.round(12)  # equal sums that rounding parts are equal
    pairs = zip(permutation_p(draws), step_down_max_t(draws), strict=True)
    return {name: (float(p), float(corrected)) for name, (p, corrected) in zip(contrasts, pairs, strict=True)}


def _by_cluster(values: Matrix, clusters: Int64[np.ndarray, " n_subjects"]) -> Matrix:
    codes = label_codes(clusters)
    sums = np.zeros((int(codes.max()) + 1, values.shape[1]))
    np.add.at(sums, codes, values)
    return sums[(sums != 0).any(axis=1)] if (sums != 0).any() else sums[:1]
