"""Whether both views scatter more in some sites, strata or ages than in others."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_law
from scipy.stats import norm

from fusion.arrays import Matrix
from fusion.permutation.assumptions.sides import FEWEST_ROWS, LEVEL, Sides, block_indicators, indicators, listed
from fusion.permutation.projections import nuisance_basis
from fusion.permutation.relations import Relations

WORST_RATE = 0.065
"""Rate of false positives at 5 % from which unequal scales are worth a word."""

TOGETHER = "the confounds"

ROUNDING = 1e-12
"""Share of a variance that is none."""


def scale_warnings(sides: Sides, confounds: Mapping[str, Matrix], relations: Relations) -> list[str]:
    """Warn where both views scatter more at some values of a confound, in some strata or groups, than at others.

    The log of a subject's mean square, less what its leverage takes, is regressed on the columns of each. If both views
    depend on them, a permutation misses a factor kappa = mean(s t) / (mean(s) mean(t)) of the variance of every
    product, s and t the fitted scales; Wilks' statistic is a sum of P Q squares, shifted by (kappa - 1) sqrt(P Q / 2).

    References
    ----------
    Breusch & Pagan (1979), doi:10.2307/1911963, for the regression of squares.
    """
    labels = {"strata": relations.strata, "groups": relations.groups}
    few = {name: codes for name, codes in labels.items() if codes is not None and codes.max() < len(codes) // 5}
    columns = dict(confounds) | {name: indicators(codes) for name, codes in few.items()}
    if len(confounds) > 1:
        columns[TOGETHER] = np.hstack(list(confounds.values()))
    left = 1 - (sides.nuisance**2).sum(axis=1)
    rows = left > 0.05
    logs = [np.log((view[rows] ** 2).mean(axis=1) / left[rows] + 1e-300) for view in (sides.x, sides.y)]
    within = block_indicators(relations)[rows]
    found = []
    for name, values in columns.items():
        fitted = [_regression(log, values[rows], within, sides.nuisance.shape[1]) for log in logs]
        if max(p for _, p in fitted) >= LEVEL / len(columns):
            continue
        s, t = (np.exp(scale - scale.max()) for scale, _ in fitted)
        kappa = float((s * t).mean() / (s.mean() * t.mean()))
        shift = (kappa - 1) * math.sqrt(math.prod(sides.dimensions) / 2)
        if norm.cdf(shift - norm.ppf(0.95)) > WORST_RATE:
            found.append(name)
    if not found:
        return []
    named = [name for name in found if name != TOGETHER] or found
    return [
        f"Both views scatter more at some values of {listed(named)} than at others, which makes a permutation across "
        "them find links that are not there: let subjects change places only within sites or strata of equal scatter "
        "(exchangeability_blocks; alignment.exchangeable_within)."
    ]


def _regression(
    values: NDArray[np.float64], columns: Matrix, within: Matrix, n_removed: int
) -> tuple[NDArray[np.float64], float]:
    """Fitted values, [n_rows], and p of the columns, given the means of blocks.

    What was removed of the views is counted as well: the squares of two subjects who alone have a level are equal.
    """
    base = nuisance_basis(len(values), within)
    values, columns = (part - base @ (base.T @ part) for part in (values, columns))
    axes = _orthonormal(columns)
    n_left = len(values) - base.shape[1] - axes.shape[1] - n_removed
    if not axes.shape[1] or n_left < FEWEST_ROWS:
        return np.zeros(len(values)), 1.0
    fitted = axes @ (axes.T @ values)
    explained, total = float(fitted @ fitted), float(values @ values)
    if total - explained <= ROUNDING * total:
        return np.zeros(len(values)), 1.0  # equal squares: nothing scatters
    ratio = explained / axes.shape[1] / ((total - explained) / n_left)
    return fitted, float(f_law.sf(ratio, axes.shape[1], n_left))


def _orthonormal(columns: Matrix) -> Matrix:
    """Axes of what the columns span, [n_rows, rank]."""
    axes, values, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(axes[:, values > 1e-8 * values.max(initial=0.0)])
