"""Several alignments tested as one family: step-down max-T over arms, views and sizes."""

# ruff: noqa: F722

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix, Real
from fusion.errors import InputError
from fusion.permutation.p_values import standardised, step_down_max_t
from fusion.permutation.tails.fitted import TailP, step_down_tails
from fusion.permutation.tails.laws import fisher_z


def westfall_young(
    statistics: Mapping[str, tuple[Real, Float64[np.ndarray, " n_draws"]]], *, is_mixed: bool = False
) -> dict[str, float]:
    """Adjust p-values over a family of tests by step-down max-T.

    Parameters
    ----------
    statistics : mapping of name to (observed, null)
        null : float64 array, shape [n_permutations + 1], the identity first. Row b must be the *same* permutation in
        every test (encoders, brain views, PCA sizes): same folds, blocks, confounds, seed and number of
        permutations; for cohorts without common subjects any permutations will do. Statistics on one scale, large is
        evidence.
    is_mixed : bool
        Statistics of unlike kinds (a correlation, a trace) are brought to one scale by their permutations first.

    Returns
    -------
    dict of name to p
        Family-wise error controlled over the mapping, in its order.

    Raises
    ------
    InputError
        If null distributions differ in length or do not begin with the observed value.

    References
    ----------
    Westfall & Young (1993), ISBN 978-0-471-55761-6, algorithm 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> null = np.array([3.0, 1.0, 2.0, 0.0])
    >>> westfall_young({"a": (3.0, null), "b": (0.0, null[::-1])})
    {'a': 0.5, 'b': 1.0}
    """
    if not statistics:
        return {}
    table = _family(statistics)
    p = step_down_max_t(standardised(table) if is_mixed else table)
    return dict(zip(statistics, p.tolist(), strict=True))


def westfall_young_tails(
    statistics: Mapping[str, tuple[Real, Float64[np.ndarray, " n_draws"]]], *, is_mixed: bool = False
) -> dict[str, TailP]:
    """Fitted tails beside the p of `westfall_young`, whose arguments these are: fitted to the distribution of maxima.

    Parameters
    ----------
    is_mixed : bool
        False for correlations, which are fitted as Fisher's z.

    Returns
    -------
    dict of name to TailP
        In the order of the mapping.
    """
    if not statistics:
        return {}
    table = _family(statistics)
    return dict(zip(statistics, step_down_tails(standardised(table) if is_mixed else fisher_z(table)), strict=True))


def _family(statistics: Mapping[str, tuple[Real, Float64[np.ndarray, " n_draws"]]]) -> Matrix:
    """Null distributions of a family side by side, [n_permutations + 1, n_tests]."""
    names = list(statistics)
    for name, (observed, null) in statistics.items():
        if len(null) != len(statistics[names[0]][1]) or null[0] != observed:
            raise InputError(
                f"{name!r} must bring the null of the same permutations as {names[0]!r}, its observed value first."
            )
    return np.column_stack([null for _, null in statistics.values()])
