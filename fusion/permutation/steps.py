"""Null distributions of a test's steps: together or each conditioned on those before it, on the host or a device."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

import numpy as np

from fusion.arrays import Matrix, Real
from fusion.errors import InputError
from fusion.parallel import Progress, map_permutations
from fusion.permutation.device import place
from fusion.permutation.exchangeability import Permutation
from fusion.permutation.p_values import permutation_p
from fusion.permutation.permutations import PermutationSet
from fusion.permutation.screening import screen_in_float32
from fusion.permutation.statistics import PermutedStatistics, Statistic, TrailingVariates
from fusion.permutation.variates import OrderedVariates, WhitenedViews, conditioned_block, trailing_blocks

Precision = Literal["float64", "screen"]

SCREENING_SIZE = 2**23
"""Multiplications of a product from which float32 pays on a processor; on a device it always does."""


@dataclass(frozen=True)
class StepComputation:
    """Which steps are tested, and on what they are computed.

    Attributes
    ----------
    n_steps, condition_on_tested, stop_at, precision, array_namespace, device, n_jobs
        As in `fusion.permutation_test_cca`.

    Raises
    ------
    InputError
        Several workers for one device, or no step.
    """

    n_steps: int | None
    condition_on_tested: bool
    stop_at: Real | None
    precision: Precision
    array_namespace: ModuleType | None
    device: object
    n_jobs: int

    def __post_init__(self) -> None:
        if self.array_namespace is not None and self.n_jobs != 1:
            raise InputError(
                f"array_namespace needs n_jobs=1, because one process drives the device; got {self.n_jobs}."
            )
        if self.n_steps is not None and self.n_steps < 1:
            raise InputError(f"n_steps must be at least 1; got {self.n_steps}.")

    def null_statistics(
        self,
        views: WhitenedViews,
        variates: OrderedVariates,
        permutations: PermutationSet | Permutation,
        names: tuple[Statistic, ...],
        progress: Progress | None,
    ) -> dict[str, Matrix]:
        """Every statistic of every permutation and step, [n_permutations + 1, K] each; NaN for a step not tested."""
        shape = len(permutations), len(variates.correlations)
        null: dict[str, Matrix] = {name: np.full(shape, np.nan) for name in names}
        for steps, trailing in self._trailing(views, variates):
            drawn = self._draw(trailing, permutations, names, progress)
            del trailing  # before the next one is made: each is as large as a view
            for name, values in zip(names, np.split(drawn, len(names), axis=1), strict=True):
                null[name][:, steps] = values
            names = tuple(name for name in names if not _blank_after(null[name], self.stop_at))
            if not names:
                break
        return null

    def _trailing(self, views: WhitenedViews, variates: OrderedVariates) -> Iterator[tuple[slice, TrailingVariates]]:
        n_components = len(variates.correlations)
        n_steps = n_components if self.n_steps is None else min(self.n_steps, n_components)
        if not self.condition_on_tested:
            yield slice(0, n_steps), trailing_blocks(variates, n_steps)
            return
        for step in range(n_steps):
            yield slice(step, step + 1), conditioned_block(views, variates, step)

    def _draw(
        self,
        trailing: TrailingVariates,
        permutations: PermutationSet | Permutation,
        names: tuple[Statistic, ...],
        progress: Progress | None,
    ) -> Matrix:
        rows = trailing if self.array_namespace is None else place(trailing, self.array_namespace, self.device)
        exact, n = PermutedStatistics(rows, permutations, names), len(permutations)
        is_large = trailing.first.size * trailing.second.shape[1] >= SCREENING_SIZE or self.array_namespace is not None
        screens = self.precision == "screen" and is_large
        run = screen_in_float32(exact, n, n_jobs=self.n_jobs) if screens else exact
        return map_permutations(run, n, n_jobs=self.n_jobs, progress=progress)


def _blank_after(null: Matrix, level: Real | None) -> bool:
    """Blank the steps after the first above the level; whether there is such a step."""
    above = np.flatnonzero(permutation_p(null) > (np.inf if level is None else level))
    if above.size:
        null[:, above[0] + 1 :] = np.nan
    return above.size > 0
