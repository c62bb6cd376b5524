"""p-values of a family of blocks: corrected three ways, and the smallest that a design can reach."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Real
from fusion.errors import InputError
from fusion.permutation.p_values import permutation_p, standardised, step_down_max_t


@dataclass(frozen=True, eq=False)
class CorrectedFamily:
    """One-sided p-values of a family.

    Attributes
    ----------
    p : float64 array, shape [n_blocks]
        Identity counted.
    p_fwer : float64 array, shape [n_blocks]
        Step-down max-T over the family.
    q : float64 array, shape [n_blocks]
        Benjamini & Hochberg.
    q_any : float64 array, shape [n_blocks]
        Benjamini & Yekutieli: the same under any dependence.
    """

    p: Float64[np.ndarray, " n_blocks"]
    p_fwer: Float64[np.ndarray, " n_blocks"]
    q: Float64[np.ndarray, " n_blocks"]
    q_any: Float64[np.ndarray, " n_blocks"]


def correct_family(null: Float64[np.ndarray, "n_draws n_blocks"]) -> CorrectedFamily:
    """Correct over the columns of null distributions whose first row is observed.

    Parameters
    ----------
    null : float64 array, shape [n_permutations + 1, n_blocks]

    References
    ----------
    Westfall & Young (1993), ISBN 978-0-471-55761-6, algorithm 4.1; Benjamini & Hochberg (1995),
    doi:10.1111/j.2517-6161.1995.tb02031.x; Benjamini & Yekutieli (2001), doi:10.1214/aos/1013699998.
    """
    from scipy.stats import false_discovery_control

    rounded = null.round(12)  # equal measures that rounding parts are equal
    p = permutation_p(rounded)
    q, q_any = (false_discovery_control(p, method=method) for method in ("bh", "by"))
    return CorrectedFamily(p, step_down_max_t(standardised(rounded)), q, q_any)


@dataclass(frozen=True, slots=True)
class Floors:
    """The smallest values that a design can give to one block that stands alone among null ones.

    Attributes
    ----------
    p, q, p_fwer : float
        Of permutations: by themselves, after Benjamini & Hochberg, after max-T.
    q_wilcoxon : float
        Of a one-sided Wilcoxon test over the folds, which is not used: 1 / 2^n_folds, times the number of blocks.
    enough_permutations : int
        Fewest permutations with which q can fall below the level.
    """

    p: float
    q: float
    p_fwer: float
    q_wilcoxon: float
    enough_permutations: int


def attainable_floors(n_blocks: int, n_permutations: int, n_folds: int, level: Real = 0.05) -> Floors:
    """How small p and q can become, whatever the data.

    Parameters
    ----------
    n_blocks, n_permutations, n_folds : int
        Positive.
    level : float
        That is to be reached by q.

    Examples
    --------
    >>> attainable_floors(38, 999, 5).q_wilcoxon, attainable_floors(38, 499, 5).enough_permutations
    (1.0, 760)
    """
    if min(n_blocks, n_permutations, n_folds) < 1:
        raise InputError(
            f"Floors need at least one block, permutation and fold; got {n_blocks}, {n_permutations} and {n_folds}."
        )
    p = 1 / (n_permutations + 1)
    enough = int(np.floor(n_blocks / level))  # n_blocks / (permutations + 1) < level
    return Floors(p, min(1.0, n_blocks / (n_permutations + 1)), p, min(1.0, n_blocks / 2**n_folds), enough)
