"""Intervals of several held-out correlations that hold together, and so for whichever of them is picked."""

# ruff: noqa: F722

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float64

from fusion.arrays import LabelsLike, Real
from fusion.comparison.draws import bootstrap_component, check_same_folds, clusters_of
from fusion.cross_validation.result import CrossValidatedCCA

Name = TypeVar("Name", bound=Hashable)
LARGEST = 1 - 1e-12
"""Correlations are kept below 1, where Fisher's z ends."""


def simultaneous_intervals(
    held_out: Mapping[Name, CrossValidatedCCA],
    *,
    component: int = 0,
    groups: LabelsLike | None = None,
    level: Real = 0.95,
    n_bootstrap: int = 2000,
    random_state: int = 0,
) -> dict[Name, Float64[np.ndarray, " 2"]]:
    """Intervals that hold all correlations at once in 95 % of studies.

    The largest of several correlations is large by luck as well, so its own interval holds the truth less often than it
    says. Here every correlation gets z +- c se on Fisher's scale, se the standard error of its bootstrap draws and c
    the 95 % point of ``max |z* - z| / se`` over all correlations in the same draws (bootstrap max-T): whichever is
    picked, its interval holds.

    Parameters
    ----------
    held_out : mapping of name to CrossValidatedCCA
        Arms, or arms and brain views, with subject-level scores, of the same subjects in the same folds.
    component : int
        0-based.
    groups : array of labels, shape [n_subjects], optional
        Drawn as wholes; those that the arms were aligned with by default.
    level : float
    n_bootstrap, random_state : int

    Returns
    -------
    dict of name to float64 array, shape [2]
        Of one correlation alone, the interval that it has already. NaN for an arm that has no valid interval of its
        own; the others hold without it.

    Raises
    ------
    InputError
        If folds differ or scores were not kept.

    References
    ----------
    Romano & Wolf (2005), doi:10.1198/016214504000000539; Westfall & Young (1993), ISBN 978-0-471-55761-6.
    """
    bearing = {name: arm for name, arm in held_out.items() if np.isfinite(arm.interval[component]).all()}
    if len(bearing) <= 1:
        return {name: arm.interval[component] for name, arm in held_out.items()}
    check_same_folds(held_out, "An interval over several arms")
    settings: dict[str, Any] = {
        "clusters": clusters_of(held_out, groups),
        "n_draws": n_bootstrap,
        "seed": random_state,
    }
    purpose = "An interval over several arms"
    draws = np.stack([bootstrap_component(arm, component, purpose, **settings) for arm in bearing.values()])
    z, drawn = (_fisher(values) for values in (np.array([arm.rho[component] for arm in bearing.values()]), draws))
    error = np.nanstd(drawn, axis=1)
    furthest = np.nanmax(np.abs(drawn - z[:, None]) / np.where(error > 0, error, 1.0)[:, None], axis=0)
    reach = np.quantile(furthest, level) * error
    bounds = np.tanh(np.column_stack([z - reach, z + reach]))
    return {name: np.full(2, np.nan) for name in held_out} | dict(zip(bearing, bounds, strict=True))


def _fisher(correlations: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    return np.asarray(np.arctanh(np.clip(correlations, -LARGEST, LARGEST)))
