"""Held-out scores of arms that are compared, who of their subjects is drawn as one, and what such draws give."""

# ruff: noqa: F722

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray
from typing_extensions import Protocol, runtime_checkable  # Python 3.11's own reads properties, and these may raise

from fusion.arrays import LabelsLike, Matrix, Scores, cluster_codes
from fusion.cross_validation.folds import Folds
from fusion.cross_validation.resampling import bootstrap_correlations
from fusion.errors import InputError
from fusion.permutation.relations import Relations
from fusion.subject_rows import check_same_subjects


@runtime_checkable
class HeldOutScores(Protocol):
    """What is compared: `fusion.CrossValidatedCCA`, or another method of alignment in the same folds."""

    @property
    def x_scores(self) -> Scores | None:
        """Held-out scores, [n_subjects, K]."""

    @property
    def y_scores(self) -> Scores | None:
        """Held-out scores, [n_subjects, K]."""

    @property
    def rho(self) -> Matrix:
        """Their fold-averaged correlations, [K]."""

    @property
    def interval(self) -> Matrix:
        """Shape [K, 2]; NaN where none is valid."""

    @property
    def widening(self) -> Matrix:
        """By what test rows alone scatter too little, [K]."""

    @property
    def folds(self) -> Folds:
        """Who was held out where."""

    @property
    def folds_sha256(self) -> str:
        """Hash of the folds."""

    @property
    def relations(self) -> Relations:
        """Who belongs together."""


def check_same_folds(held_out: Mapping[Any, HeldOutScores], purpose: str) -> None:
    """Raise an `InputError` if arms were held out in different folds; `purpose` says what needs the same."""
    first = next(iter(held_out.values()))
    for name, arm in held_out.items():
        if arm.folds_sha256 != first.folds_sha256:
            raise InputError(f"{purpose} needs all arms in the same folds; those of {name!r} differ.")


def clusters_of(held_out: Mapping[Any, HeldOutScores], groups: LabelsLike | None) -> NDArray[np.int64]:
    """Who is drawn or swapped as one in every arm, [n_subjects]: the groups given, or those of the alignment.

    Single subjects where a fold holds too few of them (`fusion.permutation.relations.Relations.drawn_together`), as in
    the arms' own intervals.

    Raises
    ------
    InputError
        Arms or groups of other subjects, arms aligned with other groups, or saved without them.
    """
    relations = {f"arm {name!r}": arm.relations for name, arm in held_out.items()}
    check_same_subjects(**relations, groups=groups)
    first, *others = relations.values()
    parts = next(iter(held_out.values())).folds.assignments
    if groups is not None:
        return Relations.of(first.n_subjects, groups=cluster_codes(groups, first.n_subjects)).drawn_together(parts)
    if any(not np.array_equal(first.clusters, other.clusters) for other in others):
        raise InputError("Arms are compared with the same groups; these were aligned with other ones.")
    return first.drawn_together(parts)


def component_scores(
    arm: HeldOutScores, component: int, purpose: str
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
    arm: HeldOutScores, component: int, purpose: str, *, clusters: NDArray[np.int64], n_draws: int, seed: int
) -> Float64[np.ndarray, " n_draws"]:
    """Held-out correlation of one component in bootstrap samples, [n_draws]; equal seeds draw the same subjects."""
    x, y = (scores[:, np.newaxis] for scores in component_scores(arm, component, purpose))
    settings = {"widening": arm.widening[component], "n_draws": n_draws, "seed": seed}
    return bootstrap_correlations(x, y, arm.folds.assignments, clusters, **settings)[:, 0]
