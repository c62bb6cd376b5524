"""Differences between all pairs of arms, tested as one family."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from fusion.arrays import Matrix
from fusion.cross_validation.resampling import BOOTSTRAP_KEY
from fusion.cross_validation.result import CrossValidatedCCA
from fusion.families import ROWS_AT_ONCE, subject_shares


def paired_family(
    held_out: Mapping[str, CrossValidatedCCA],
    *,
    component: int = 0,
    groups: Any = None,
    n_permutations: int = 9999,
    random_state: int = 0,
) -> dict[tuple[str, str], float]:
    """p of every pairwise difference in held-out correlation, corrected over all pairs by max-T.

    The statistic of a pair is |sum d| / sqrt(sum d^2) over subjects, d the difference of their shares of the two
    correlations. One set of signs flips the differences of all pairs at once, which keeps how they depend on one
    another. A subject's differences have mean zero where the arms are equally good. The observed statistic is divided
    by the larger widening of the two arms (`fusion.cross_validation.resampling.fold_widening`), since folds are not
    independent.

    Parameters
    ----------
    held_out : mapping of arm to CrossValidatedCCA
        With subject-level scores, of the same subjects in the same folds.
    component : int
        0-based.
    groups : array of labels, shape [n_subjects], optional
        Flipped as wholes.
    n_permutations, random_state : int

    Returns
    -------
    dict of (arm, arm) to p
        In the order of `itertools.combinations`; identity counted.

    References
    ----------
    Westfall & Young (1993), ISBN 978-0-471-55761-6; sign flips: Winkler et al. (2014),
    doi:10.1016/j.neuroimage.2014.01.060.
    """
    pairs = list(combinations(held_out, 2))
    if not pairs:
        return {}
    shares = {name: subject_shares(arm, component) for name, arm in held_out.items()}
    differences = _by_cluster(np.column_stack([shares[a] - shares[b] for a, b in pairs]), groups)
    scale = np.sqrt((differences**2).sum(axis=0))
    scaled = differences / np.where(scale > 0, scale, 1.0)  # a pair of equal arms has no difference to test
    widening = np.array([max(held_out[arm].widening[component] for arm in pair) for pair in pairs])
    observed = np.abs(scaled.sum(axis=0)) / widening
    largest = np.concatenate(_largest_of_flips(scaled, n_permutations, random_state))
    exceeding = (largest[:, None] >= observed * (1 - 1e-12)).sum(axis=0)
    return dict(zip(pairs, ((1 + exceeding) / (1 + n_permutations)).tolist(), strict=True))


def _by_cluster(differences: Matrix, groups: Any) -> Matrix:
    if groups is None:
        return differences
    members = np.unique(np.asarray(groups), return_inverse=True)[1]
    sums = np.zeros((int(members.max()) + 1, differences.shape[1]))
    np.add.at(sums, members, differences)
    return sums


def _largest_of_flips(scaled: Matrix, n_permutations: int, seed: int) -> list[Matrix]:
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(BOOTSTRAP_KEY,)))
    largest = []
    for start in range(0, n_permutations, ROWS_AT_ONCE):
        signs = rng.integers(0, 2, size=(min(ROWS_AT_ONCE, n_permutations - start), len(scaled))) * 2.0 - 1
        largest.append(np.abs(signs @ scaled).max(axis=1))
    return largest
