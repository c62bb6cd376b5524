"""``experiments/dims.json`` and ``experiments/tune.json``: settings on trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import OMITTED_IF_NONE, Number, OptionalInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionSearch:
    """Numbers of components on trial for one arm and view: G sizes, F outer folds.

    Attributes
    ----------
    arm, arm_label, view : str
    grid : tuple of int, [G]
        Components a side.
    inner_mean, inner_se : tuple of float, [G]
        First held-out correlation of the inner folds and its standard error, averaged over outer folds.
    inner_mean_by_fold : tuple of tuple of float, [F, G]
    chosen : tuple of int, [F]
        Smallest size within one standard error of the best.
    rho, p, null_q95 : float
        With the chosen sizes, in the outer folds; p keeps the choices.
    p_corrected : float or None
        p by step-down max-T over the searches of all arms and test views; None of a control view, and in results of
        earlier versions.
    rho_by_fold : tuple of float, [F]
    grid_rho, grid_p : tuple of float, [G]
        Each size in all outer folds; p by max-T over the grid.
    n_permutations : int
    """

    arm: str
    arm_label: str
    view: str
    grid: tuple[int, ...]
    inner_mean: tuple[float, ...]
    inner_se: tuple[float, ...]
    inner_mean_by_fold: tuple[tuple[float, ...], ...]
    chosen: tuple[int, ...]
    rho: float
    rho_by_fold: tuple[float, ...]
    p: float
    null_q95: float
    grid_rho: tuple[float, ...]
    grid_p: tuple[float, ...]
    n_permutations: int
    p_corrected: Annotated[float | None, OMITTED_IF_NONE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DimsResult:
    """``experiments/dims.json``."""

    searches: tuple[DimensionSearch, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row a size of every arm and view."""
        return long_tables(
            dimensions=[
                cells(one) | {"size": size, "inner_mean_of_size": inner, "rho_of_size": rho, "p_of_size": p}
                for one in self.searches
                for size, inner, rho, p in zip(one.grid, one.inner_mean, one.grid_rho, one.grid_p, strict=True)
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BestSetting:
    """The trial with the largest ``inner_rho`` (first correlation in inner folds, too large by selection): pooling,
    layer, components a side, penalty of ridge CCA (0 to 1), and the ``trial``'s number from 0."""

    pooling: str
    layer: int
    n_components: int
    penalty: Number
    inner_rho: float
    trial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAsideTest:
    """The one test in ``n_test`` subjects set aside, fitted on ``n_train``: first correlation, 95 % interval (None,
    None where none is valid), p, and p by step-down max-T over all searches (None in results of earlier versions)."""

    rho: float
    interval: OptionalInterval
    p: float
    n_train: int
    n_test: int
    p_corrected: Annotated[float | None, OMITTED_IF_NONE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingTrial:
    """One finished trial; fields as of `BestSetting`."""

    number: int
    inner_rho: float
    pooling: str
    layer: int
    n_components: int
    penalty: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSearch:
    """The search of one arm and view: its best setting, the test of that, every finished trial in order."""

    arm: str
    arm_label: str
    view: str
    best: BestSetting
    tested: SetAsideTest
    trials: tuple[SettingTrial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneResult:
    """``experiments/tune.json``."""

    searches: tuple[SettingSearch, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row a search with the test of its best setting, and one a setting that was tried."""
        return long_tables(
            tuned=[cells(one.tested, arm=one.arm, view=one.view) | cells(one.best) for one in self.searches],
            settings=[cells(part, arm=one.arm, view=one.view) for one in self.searches for part in one.trials],
        )
