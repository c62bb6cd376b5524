"""One fixed model for all strata: its held-out scores correlate in one stratum more than in another, or do not.

The model was fitted to all training subjects, whatever their label, so that strata differ in nothing but themselves.
"""

# ruff: noqa: F722

from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Matrix, Real, Scores, label_codes
from fusion.cross_validation.resampling import BOOTSTRAP_KEY, percentile_interval
from fusion.cross_validation.score_tails import ScoreTails
from fusion.errors import NotDefinedError
from fusion.stratification.coupling import Coupling, couple, fisher, indicators
from fusion.stratification.label_draws import LabelDraws
from fusion.stratification.result import StrataComparison

FEWEST_FREE = 10
"""Subjects of a stratum less folds that hold any of it, below which nothing is compared."""
AT_ONCE = 128
"""Draws that are computed together."""


def check_sizes(
    labels: Int64[np.ndarray, " n_subjects"], assignments: Int64[np.ndarray, " n_subjects"], names: tuple[str, ...]
) -> None:
    """Raise a `NotDefinedError` if a stratum is too small for a correlation in test subjects."""
    for code, name in enumerate(names):
        rows = labels == code
        if rows.sum() - len(np.unique(assignments[rows])) < FEWEST_FREE:
            needed = FEWEST_FREE + len(np.unique(assignments))
            raise NotDefinedError(
                f"stratum '{name}' has fewer than {needed} subjects, {FEWEST_FREE} beyond the mean of every fold"
            )


def compare_strata(
    x: Float64[np.ndarray, " n_subjects"],
    y: Float64[np.ndarray, " n_subjects"],
    draws: LabelDraws,
    *,
    assignments: Int64[np.ndarray, " n_subjects"],
    clusters: Int64[np.ndarray, " n_subjects"],
    widening: Real = 1.0,
    n_bootstrap: int = 2000,
    seed: int = 0,
) -> StrataComparison:
    """Compare the held-out correlation of one component between strata.

    Means and variances of the strata are taken out first, since they are no coupling, and labels are drawn anew then.

    Parameters
    ----------
    x, y : float64 array, shape [n_subjects]
        Held-out scores, folds in one unit (`fusion.association.align_folds`).
    draws : LabelDraws
        Of the same subjects.
    assignments : int array, shape [n_subjects]
        Folds.
    clusters : int array, shape [n_subjects]
        Who is drawn and counted as one.
    widening : float
        Of the component (`fusion.CrossValidatedCCA.widening`): folds train on one another's test subjects.
    n_bootstrap, seed : int

    References
    ----------
    Studentised, so that strata may scatter unequally: DiCiccio & Romano (2017), doi:10.1080/01621459.2016.1202117.

    Examples
    --------
    >>> import numpy as np
    >>> from fusion.stratification.label_draws import draw_labels
    >>> rng = np.random.default_rng(0)
    >>> folds, labels = np.arange(307) % 5, rng.integers(0, 2, 307)
    >>> x = rng.standard_normal(307)
    >>> y = np.where(labels == 0, x, 0) + rng.standard_normal(307)
    >>> draws = draw_labels(labels, assignments=folds, n_permutations=99, random_state=0)
    >>> found = compare_strata(x, y, draws, assignments=folds, clusters=np.arange(307), n_bootstrap=99)
    >>> bool(found.distances[0, 0] > np.quantile(found.distances[1:, 0], 0.95))
    True
    """
    labels, folds = draws.labels[0], indicators(assignments)
    a, b = (standardise_strata(side, labels, assignments) for side in (x, y))
    found = _couplings((a, b), draws.labels, folds, clusters)
    settings: dict[str, Any] = {"widening": widening, "n_draws": n_bootstrap, "seed": seed}
    drawn = bootstrap_strata(a, b, labels, assignments, clusters, **settings)
    if ScoreTails.of(a[:, np.newaxis], b[:, np.newaxis], labels).too_heavy[0]:
        drawn = np.full_like(drawn, np.nan)
    return describe(found, labels, drawn)


def standardise_strata(
    scores: Float64[np.ndarray, " n_subjects"],
    labels: Int64[np.ndarray, " n_subjects"],
    assignments: Int64[np.ndarray, " n_subjects"],
) -> Float64[np.ndarray, " n_subjects"]:
    """Scores with mean 0 in every fold of a stratum and variance 1 in the stratum; 0 where they do not vary."""
    found = np.zeros_like(scores)
    for code in np.unique(labels):
        rows = np.flatnonzero(labels == code)
        folds = indicators(assignments[rows])
        centred = scores[rows] - folds @ ((folds.T @ scores[rows]) / folds.sum(axis=0))
        spread = float(np.sqrt((centred**2).mean()))
        found[rows] = centred / spread if spread > 1e-10 * np.abs(scores[rows]).max() else 0.0
    return found


def _couplings(
    sides: tuple[Matrix, Matrix],
    labels: Int64[np.ndarray, "n_draws n_subjects"],
    folds: Float64[np.ndarray, "n_subjects n_folds"],
    clusters: Int64[np.ndarray, " n_subjects"],
) -> list[Coupling]:
    """Of every stratum, in every draw."""
    x, y = (side[np.newaxis] for side in sides)
    found = []
    for code in range(int(labels[0].max()) + 1):
        parts = [
            couple(x, y, labels[start : start + AT_ONCE] == code, folds, clusters)
            for start in range(0, len(labels), AT_ONCE)
        ]
        found.append(Coupling(*(np.concatenate(both) for both in zip(*parts, strict=True))))
    return found


def describe(
    found: list[Coupling], labels: Int64[np.ndarray, " n_subjects"], drawn: Float64[np.ndarray, "n_bootstrap G"]
) -> StrataComparison:
    """The comparison of couplings of every draw, with intervals from bootstrap draws of the observed ones."""
    pairs = [(a, b) for a in range(len(found)) for b in range(a + 1, len(found))]
    errors = [np.sqrt(np.maximum(found[a].variance + found[b].variance, 1e-12)) for a, b in pairs]
    null = [(fisher(found[a].rho) - fisher(found[b].rho)) / error for (a, b), error in zip(pairs, errors, strict=True)]
    return StrataComparison(
        n_subjects=np.bincount(labels, minlength=len(found)).astype(np.int64),
        rho=np.array([one.rho[0] for one in found]),
        interval=_interval(drawn),
        difference_interval=_interval(np.column_stack([drawn[:, a] - drawn[:, b] for a, b in pairs])),
        error=np.array([error[0] for error in errors]),
        null=np.column_stack(null),
    )


def _interval(drawn: Float64[np.ndarray, "n_bootstrap k"]) -> Float64[np.ndarray, "k 2"]:
    """95 % of draws; NaN where none are valid."""
    return np.full((drawn.shape[1], 2), np.nan) if np.isnan(drawn).all() else percentile_interval(drawn)


def bootstrap_strata(
    x: Float64[np.ndarray, " n_subjects"] | Scores,
    y: Float64[np.ndarray, " n_subjects"] | Scores,
    labels: Int64[np.ndarray, " n_subjects"],
    assignments: Int64[np.ndarray, " n_subjects"],
    clusters: Int64[np.ndarray, " n_subjects"],
    *,
    widening: Real = 1.0,
    n_draws: int = 2000,
    seed: int = 0,
) -> Float64[np.ndarray, "n_draws G"]:
    """Correlations inside strata of subjects drawn with replacement, clusters as wholes, inside folds.

    A family of both sexes is drawn as one, so that strata may depend on one another.
    """
    n_strata = int(labels.max()) + 1
    sums = np.zeros((n_strata, 3, n_draws))
    observed = np.zeros((n_strata, 3))
    for fold in np.unique(assignments):
        rows = np.flatnonzero(assignments == fold)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(BOOTSTRAP_KEY, int(fold))))
        members = label_codes(clusters[rows])
        n_clusters = int(members.max()) + 1
        counts = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=n_draws)[:, members]
        for code in range(n_strata):
            inside = np.flatnonzero(labels[rows] == code)
            of_stratum = (x[rows[inside]], y[rows[inside]])
            sums[code] += _products(*of_stratum, counts[:, inside].astype(np.float64))
            observed[code] += _products(*of_stratum, np.ones((1, len(inside))))[:, 0]
    found, value = _correlation(sums.transpose(1, 2, 0)), _correlation(observed.T)
    return np.asarray(np.clip(value + float(widening) * (found - value), -1.0, 1.0))


def _products(a: Matrix, b: Matrix, counts: Matrix) -> Matrix:
    """Sums of squares and products about the weighted means, [3, n_draws]."""
    size = np.maximum(counts.sum(axis=1), 1.0)
    of_a, of_b = counts @ a, counts @ b
    pairs = ((a * a, of_a, of_a), (b * b, of_b, of_b), (a * b, of_a, of_b))
    return np.stack([counts @ product - one * other / size for product, one, other in pairs])


def _correlation(sums: Matrix) -> Matrix:
    """From sums of squares and products [3, ...]; 0 where nothing varies."""
    varies = (sums[0] > 1e-12) & (sums[1] > 1e-12)
    return np.where(varies, sums[2] / np.sqrt(np.where(varies, sums[0] * sums[1], 1.0)), 0.0)
