"""How a cost grows with subjects, and what it would be at a size that was not measured."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

FEWEST = 3
"""Sizes that an extrapolation takes: the largest that were measured."""


@dataclass(frozen=True)
class Growth:
    """Costs of one stage at several sizes, in any unit.

    Parameters
    ----------
    costs : mapping of int to float
        By subjects; positive.
    """

    costs: Mapping[int, float]

    @property
    def exponent(self) -> float:
        """Between the two largest sizes: 1 is linear, and what every size pays alike makes it less."""
        small, large = sorted(self.costs)[-2:]
        return float(np.log(self.costs[large] / self.costs[small]) / np.log(large / small))

    def at(self, n_subjects: int) -> float:
        """What a size would cost: by a line where the cost grew no faster than one, else by the power that it had.

        The line has the least squares of relative errors, through the three largest sizes.

        Raises
        ------
        ValueError
            Fewer than three sizes were measured.
        """
        if len(self.costs) < FEWEST:
            raise ValueError(f"An extrapolation needs {FEWEST} sizes; got {sorted(self.costs)}: measure more.")
        sizes = np.array(sorted(self.costs)[-FEWEST:], dtype=np.float64)
        costs = np.array([self.costs[int(n)] for n in sizes])
        start, slope = np.linalg.lstsq(np.column_stack([1 / costs, sizes / costs]), np.ones(FEWEST), rcond=None)[0]
        on_power = costs[-1] * (n_subjects / sizes[-1]) ** max(self.exponent, 1.0)
        on_line = start + slope * n_subjects if slope > 0 else costs[-1]
        return float(on_power if self.exponent > 1 else on_line)
