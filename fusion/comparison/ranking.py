"""Which of several arms aligns best, and how sure that order is."""

# ruff: noqa: F722

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from fusion.archive import Saved
from fusion.arrays import LabelsLike, Real
from fusion.comparison.draws import check_same_folds
from fusion.comparison.paired_differences import paired_family
from fusion.comparison.simultaneous import simultaneous_intervals
from fusion.cross_validation.result import CrossValidatedCCA


@dataclass(frozen=True, eq=False)
class Ranking(Saved):
    """Order of arms by held-out correlation, rank 1 the largest.

    Attributes
    ----------
    arms : tuple of str
        As given.
    rank : int array, shape [n_arms]
        Observed.
    rank_interval : int array, shape [n_arms, 2]
        Places that the differences between arms leave open; all intervals hold together in 95 % of studies.
    interval : float64 array, shape [n_arms, 2]
        Of the correlations, which hold together as well (`fusion.comparison.simultaneous`).
    """

    arms: tuple[str, ...]
    rank: Int64[np.ndarray, " n_arms"]
    rank_interval: Int64[np.ndarray, "n_arms 2"]
    interval: Float64[np.ndarray, "n_arms 2"]

    @property
    def may_be_first(self) -> tuple[str, ...]:
        """Arms that no other beats beyond chance: the best is one of them in 95 % of studies."""
        return tuple(arm for arm, (low, _) in zip(self.arms, self.rank_interval, strict=True) if low == 1)


def rank_arms(
    held_out: Mapping[str, CrossValidatedCCA],
    *,
    component: int = 0,
    groups: LabelsLike | None = None,
    level: Real = 0.95,
    n_permutations: int = 9999,
    n_bootstrap: int = 2000,
    random_state: int = 0,
) -> Ranking:
    """Rank arms that were aligned with one brain view, with the places that the data leave open to each.

    An arm's interval of places goes from 1 + the number of arms that are better than it beyond chance, to the number of
    arms less those that are worse beyond chance; "beyond chance" is a difference with a p below 5 % once it is
    corrected over all pairs (`paired_family`), so that the places agree with the table of differences. Bootstrap draws
    of the order would not do: they scatter about the observed order as if it were the true one, and name a leader even
    of arms that are equal.

    Parameters
    ----------
    held_out : mapping of arm to CrossValidatedCCA
        With subject-level scores, of the same subjects in the same folds.
    component : int
        0-based.
    groups : array of labels, shape [n_subjects], optional
        Flipped and drawn as wholes; those that the arms were aligned with by default.
    level : float
        Of both kinds of intervals.
    n_permutations : int
        Of the differences.
    n_bootstrap : int
        Of the correlations' intervals.
    random_state : int

    Raises
    ------
    InputError
        If folds differ or scores were not kept.

    References
    ----------
    Mogstad, Romano, Shaikh & Wilhelm (2024), doi:10.1093/restud/rdad006.
    """
    check_same_folds(held_out, "A ranking")
    settings: dict[str, Any] = {"component": component, "groups": groups, "random_state": random_state}
    observed = np.array([arm.rho[component] for arm in held_out.values()])
    p = paired_family(held_out, n_permutations=n_permutations, **settings)
    intervals = simultaneous_intervals(held_out, level=level, n_bootstrap=n_bootstrap, **settings)
    return Ranking(
        arms=tuple(held_out),
        rank=np.argsort(np.argsort(-observed, kind="stable")) + 1,
        rank_interval=_open_places(tuple(held_out), observed, p, 1 - level),
        interval=np.stack(list(intervals.values())),
    )


def _open_places(
    arms: tuple[str, ...], observed: Float64[np.ndarray, " n_arms"], p: Mapping[tuple[str, str], float], alpha: Real
) -> Int64[np.ndarray, "n_arms 2"]:
    """First and last place of every arm that no clear difference rules out."""
    place, places = {arm: k for k, arm in enumerate(arms)}, np.tile([1, len(arms)], (len(arms), 1))
    for pair, p_of_pair in p.items():
        if p_of_pair < alpha:
            worse, better = sorted((place[arm] for arm in pair), key=lambda k: float(observed[k]))
            places[worse, 0] += 1
            places[better, 1] -= 1
    return places
