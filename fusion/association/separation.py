"""Whether a likelihood has a maximum at all, or keeps growing because a combination of columns parts the outcomes.

A direction of the coefficients along which no subject's likelihood ever falls, and at least one's grows, carries the
estimate to infinity. Whether there is one is a linear programme, which is exact; signs of it in a fit (large standard
errors) are not.
"""

# ruff: noqa: F722

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from fusion.arrays import Matrix
from fusion.association.response import Response

GROWTH = 1e-7
"""Least mean growth of a direction of entries in [-1, 1] that counts, columns in standard deviations."""
PARTED = 1e-6
"""Growth of one subject's, likewise."""


def is_separated(response: Response, design: Float64[np.ndarray, "n_subjects R"]) -> bool:
    """Whether some combination of columns orders the outcomes without a mistake.

    Parameters
    ----------
    response : Response
        Binary, ordinal or a time, known of everybody.
    design : float64 array, shape [n_subjects, R]
        Without intercept.

    References
    ----------
    Albert & Anderson (1984), doi:10.1093/biomet/71.1.1; by linear programmes: Konis (2007),
    ora.ox.ac.uk/objects/uuid:8f9ee0d0-d78e-4101-9ab4-f9cbceed2a2a; times: Bryson & Johnson (1981),
    doi:10.1080/00401706.1981.10487680.

    Examples
    --------
    >>> import numpy as np
    >>> everybody = np.ones(4, dtype=bool)
    >>> of_cases = Response("binary", np.array([0.0, 0.0, 1.0, 1.0]), everybody)
    >>> is_separated(of_cases, np.array([[1.0], [2.0], [3.0], [4.0]]))
    True
    >>> is_separated(of_cases, np.array([[1.0], [3.0], [2.0], [4.0]]))
    False
    """
    spread = design.std(axis=0)
    scaled = (design - design.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    if response.kind == "time":
        return _grows(*_of_times(response, scaled))
    return _grows(*_of_levels(response.values.astype(np.int64), scaled))


def undecided(
    values: Float64[np.ndarray, " n_subjects"], design: Float64[np.ndarray, "n_subjects R"]
) -> Bool[np.ndarray, " n_subjects"]:
    """Subjects of whom the columns leave a binary outcome open: a site of one sex, say, tells that of its own.

    At the limit of the likelihood the others have probability 0 or 1 and say nothing of any further column, while the
    model of these is an ordinary one.

    Parameters
    ----------
    values : float64 array, shape [n_subjects]
        0 and 1.
    design : float64 array, shape [n_subjects, R]
        Without intercept.

    References
    ----------
    Geyer (2009), doi:10.1214/08-EJS349; Correia, Guimarães & Zylkin (2019), arXiv:1903.01633.

    Examples
    --------
    >>> import numpy as np
    >>> site = np.array([[1.0], [1.0], [0.0], [0.0], [0.0]])
    >>> undecided(np.array([1.0, 1.0, 0.0, 1.0, 0.0]), site).tolist()
    [False, False, True, True, True]
    """
    from scipy.optimize import linprog

    spread = design.std(axis=0)
    scaled = (design - design.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    signed = np.where(values == 1, 1.0, -1.0)[:, np.newaxis] * np.column_stack([scaled, np.ones(len(values))])
    left = np.ones(len(values), dtype=bool)
    while left.any():
        rows = signed[left]
        found = linprog(-rows.mean(axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1, 1), method="highs")
        parted = (
            rows @ found.x > PARTED if found.status == 0 and -found.fun > GROWTH else np.zeros(len(rows), dtype=bool)
        )
        if not parted.any():
            break
        left[left] = ~parted
    return left


Growth = tuple[scipy.sparse.csr_array, Matrix]
"""Rows that may not fall, [n_rows, n_unknowns], and the growth that is looked for, [n_unknowns]."""


def _of_levels(codes: NDArray[np.int64], design: Matrix) -> Growth:
    """Every subject stays below the threshold above its level, and above the one below it."""
    n_thresholds = int(codes.max())
    below, above = np.flatnonzero(codes < n_thresholds), np.flatnonzero(codes > 0)
    thresholds = np.eye(n_thresholds)
    rows = np.vstack(
        [
            np.hstack([-design[below], thresholds[codes[below]]]),
            np.hstack([design[above], -thresholds[codes[above] - 1]]),
        ]
    )
    return scipy.sparse.csr_array(rows), np.asarray(rows.mean(axis=0))


def _of_times(response: Response, design: Matrix) -> Growth:
    """Whoever has the event has the largest value of all who are still waited for.

    The largest value of those at risk at each time of an event is an unknown of its own, so that there are as many
    conditions as subjects and not as pairs of them.
    """
    assert response.happened is not None
    times = np.unique(response.values[response.happened])
    n_columns, n_times = design.shape[1], len(times)
    slot = np.searchsorted(times, response.values, side="right") - 1  # last event at which a subject is at risk
    rows = []
    for subject in np.flatnonzero(slot >= 0):
        largest = np.zeros(n_times)
        largest[slot[subject]] = 1.0
        rows.append(np.concatenate([-design[subject], largest]))
        if response.happened[subject]:
            rows.append(np.concatenate([design[subject], -largest]))
    for place in range(n_times - 1):
        later = np.zeros(n_columns + n_times)
        later[n_columns + place], later[n_columns + place + 1] = 1.0, -1.0
        rows.append(later)
    at_risk = np.zeros(n_columns + n_times)
    for subject in np.flatnonzero(response.happened):
        waited = response.values >= response.values[subject]
        at_risk[:n_columns] += design[subject] - design[waited].mean(axis=0)
    return scipy.sparse.csr_array(np.array(rows)), at_risk / max(int(response.happened.sum()), 1)


def _grows(rows: scipy.sparse.csr_array, growth: Matrix) -> bool:
    from scipy.optimize import linprog

    found = linprog(-growth, A_ub=-rows, b_ub=np.zeros(rows.shape[0]), bounds=(-1, 1), method="highs")
    return bool(found.status == 0 and -found.fun > GROWTH)
