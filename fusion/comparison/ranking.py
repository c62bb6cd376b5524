"""Which of several arms aligns best, and how sure that order is."""

# ruff: noqa: F722

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from fusion.archive import Saved
from fusion.arrays import LabelsLike, cluster_codes
from fusion.cross_validation.resampling import bootstrap_correlations
from fusion.cross_validation.result import CrossValidatedCCA
from fusion.errors import InputError
from fusion.subject_rows import check_same_subjects


@dataclass(frozen=True, eq=False)
class Ranking(Saved):
    """Order of arms by held-out correlation, rank 1 the largest.

    Attributes
    ----------
    arms : tuple of str
        As given.
    rank : int array, shape [n_arms]
        Observed.
    rank_interval : float64 array, shape [n_arms, 2]
        Central 95 % of the rank over bootstrap samples of subjects, the same subjects for every arm.
    p_best : float64 array, shape [n_arms]
        Share of bootstrap samples in which the arm is the first.
    """

    arms: tuple[str, ...]
    rank: Int64[np.ndarray, " n_arms"]
    rank_interval: Float64[np.ndarray, "n_arms 2"]
    p_best: Float64[np.ndarray, " n_arms"]


def rank_arms(
    held_out: Mapping[str, CrossValidatedCCA],
    *,
    component: int = 0,
    groups: LabelsLike | None = None,
    n_bootstrap: int = 2000,
    random_state: int = 0,
) -> Ranking:
    """Rank arms that were aligned with one brain view, by bootstrap of the held-out subjects.

    The folds' projections stay fixed: the uncertainty is that of the subjects tested, given what was fitted.

    Parameters
    ----------
    held_out : mapping of arm to CrossValidatedCCA
        With subject-level scores, of the same subjects in the same folds.
    component : int
        0-based.
    groups : array of labels, shape [n_subjects], optional
        Resampled as wholes; those that the arms were aligned with by default.
    n_bootstrap, random_state : int

    Raises
    ------
    InputError
        If folds differ or scores were not kept.
    """
    first = next(iter(held_out.values()))
    for name, arm in held_out.items():
        if arm.folds_sha256 != first.folds_sha256:
            raise InputError(f"A ranking needs all arms in the same folds; those of {name!r} differ.")
    observed = np.array([arm.rho[component] for arm in held_out.values()])
    settings: dict[str, Any] = {"clusters": clusters_of(held_out, groups), "n_draws": n_bootstrap, "seed": random_state}
    draws = np.stack([bootstrap_component(arm, component, "A ranking", **settings) for arm in held_out.values()])
    ranks = _ranks(draws)
    return Ranking(
        arms=tuple(held_out),
        rank=_ranks(observed[:, None])[:, 0],
        rank_interval=np.percentile(ranks, [2.5, 97.5], axis=1).T,
        p_best=(ranks == 1).mean(axis=1),
    )


def clusters_of(held_out: Mapping[str, CrossValidatedCCA], groups: LabelsLike | None) -> NDArray[np.int64]:
    """Who is drawn or swapped as one in every arm, [n_subjects]: the groups given, or those of the alignment.

    Raises
    ------
    InputError
        Arms or groups of other subjects, arms aligned with other groups, or saved without them.
    """
    relations = {f"arm {name!r}": arm.relations for name, arm in held_out.items()}
    check_same_subjects(**relations, groups=groups)
    first, *others = relations.values()
    if groups is not None:
        return cluster_codes(groups, first.n_subjects)
    if any(not np.array_equal(first.clusters, other.clusters) for other in others):
        raise InputError("Arms are compared with the same groups; these were aligned with other ones.")
    return first.clusters


def component_scores(
    arm: CrossValidatedCCA, component: int, purpose: str
) -> tuple[Float64[np.ndarray, " n_subjects"], Float64[np.ndarray, " n_subjects"]]:
    """Held-out scores of one component on both sides, [n_subjects] each.

    Raises
    ------
    InputError
        If scores were not kept; `purpose` says what needs them.
    """
    if arm.x_scores is None or arm.y_scores is None:
        raise InputError(f"{purpose} needs subject-level scores; this result was saved without them.")
    return arm.x_scores[:, component], arm.y_scores[:, component]


def bootstrap_component(
    arm: CrossValidatedCCA, component: int, purpose: str, *, clusters: NDArray[np.int64], n_draws: int, seed: int
) -> Float64[np.ndarray, " n_draws"]:
    """Held-out correlation of one component in bootstrap samples, [n_draws]; equal seeds draw the same subjects."""
    x, y = (scores[:, np.newaxis] for scores in component_scores(arm, component, purpose))
    settings = {"widening": arm.widening[component], "n_draws": n_draws, "seed": seed}
    return bootstrap_correlations(x, y, arm.folds.assignments, clusters, **settings)[:, 0]


def _ranks(values: Float64[np.ndarray, "n_arms n_draws"]) -> Int64[np.ndarray, "n_arms n_draws"]:
    """Rank of every row within its column, 1 the largest; ties in the order given."""
    order = np.argsort(-values, axis=0, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, len(values) + 1)[:, None], axis=0)
    return ranks
