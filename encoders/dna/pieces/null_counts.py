"""Counts of many things in sequences held against their counts in shuffles of the same sequences.

Observed and shuffled counts are one table, of which the first row is exchangeable with the others if the sequences are
random given their dinucleotides: a maximum over things then corrects for their number exactly (Westfall & Young; one
step, https://doi.org/10.1214/ss/1056397487).
"""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from encoders.errors import InputError

Values = Float64[np.ndarray, " n_things"]


@dataclass(frozen=True, slots=True, eq=False)
class NullTest:
    """Counts beside their null.

    Attributes
    ----------
    observed, expected : float64 [n_things]
        In the sequences, and on average in their shuffles.
    z : float64 [n_things]
        Difference over the spread of the whole table, to whose variance `floor` is added: a thing that hardly ever
        occurs is no surprise where it does once (https://doi.org/10.1073/pnas.091062498).
    low, high : float64 [n_things]
        2.5 and 97.5 % points of the shuffles.
    p, p_fwer : float64 [n_things]
        Two-sided; of each alone, and corrected over all of them by max-T.
    n_shuffles : int
    """

    observed: Values
    expected: Values
    z: Values
    low: Values
    high: Values
    p: Values
    p_fwer: Values
    n_shuffles: int

    @property
    def ratio(self) -> Values:
        """Observed over expected, half an occurrence added to both."""
        return (self.observed + 0.5) / (self.expected + 0.5)


def compare_counts(
    counts: Float64[np.ndarray, "n_rows n_things"] | Int64[np.ndarray, "n_rows n_things"], *, floor: float = 1.0
) -> NullTest:
    """Hold the first row of a table against the others.

    Parameters
    ----------
    counts : array [1 + n_shuffles, n_things]
        Observed first.
    floor : float
        Added to every variance, in squared units of the counts; 1 suits counts, 0 shares.

    Raises
    ------
    InputError
        There is no shuffle.

    Examples
    --------
    >>> from encoders.dna.pieces.null_counts import compare_counts
    >>> import numpy as np
    >>> found = compare_counts(np.array([[9.0, 2.0], [1, 2], [2, 3], [1, 1]]))
    >>> found.p.tolist(), found.expected.round(2).tolist()
    ([0.25, 1.0], [1.33, 2.0])
    """
    table = np.asarray(counts, dtype=np.float64)
    if len(table) < 2:
        raise InputError(f"Counts are held against shuffles, of which one is needed at least; got {len(table) - 1}.")
    spread = np.sqrt(table.var(axis=0) + floor)
    z = np.divide(table - table.mean(axis=0), spread, out=np.zeros_like(table), where=spread > 0)
    size = np.abs(z).round(12)  # equal counts are ties, whatever their last bit
    largest = size.max(axis=1, initial=0.0)
    low, high = np.quantile(table[1:], (0.025, 0.975), axis=0)
    return NullTest(
        observed=table[0],
        expected=table[1:].mean(axis=0),
        z=z[0],
        low=low,
        high=high,
        p=(size >= size[0]).mean(axis=0),
        p_fwer=(largest[:, None] >= size[0]).mean(axis=0),
        n_shuffles=len(table) - 1,
    )
