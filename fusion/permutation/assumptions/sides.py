"""Both views as the checks of assumptions see them, and coded confounds by name."""

# ruff: noqa: F722

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from fusion.arrays import Matrix, ViewLike, as_matrix, label_codes
from fusion.permutation.relations import Relations

LEVEL = 0.01
"""Of each view's test; both must pass it, so that a warning needs both to be at odds with the assumption."""

FEWEST_ROWS = 10
"""Rows that must be left over once all columns of a check are fitted."""


CURVE = " (curve)"
"""What the name of an amount ends with where its spline or polynomial is meant, the straight line left out."""

PRODUCT = " x "

_CURVED = re.compile(r" \((?:spline|B-spline|polynomial) (\d+) of \d+\)")


@dataclass(frozen=True)
class Sides:
    """Both views without confounds, and without block means where subjects change places within blocks alone.

    Attributes
    ----------
    x, y : float64 arrays, shape [n_subjects, rank]
        Orthonormal columns.
    nuisance : float64 array, shape [n_subjects, R + 1]
        Orthonormal: intercept, confounds, blocks.
    dimensions : pair of int
        That enter CCA; x and y hold the leading ones.
    """

    x: Float64[np.ndarray, "n_subjects P"]
    y: Float64[np.ndarray, "n_subjects Q"]
    nuisance: Float64[np.ndarray, "n_subjects rank"]
    dimensions: tuple[int, int]

    def rest(self, columns: Matrix) -> Matrix:
        """Columns without what the nuisance explains."""
        return np.asarray(columns - self.nuisance @ (self.nuisance.T @ columns))


def named_columns(table: ViewLike | None) -> dict[str, Matrix]:
    """Columns of coded confounds by name, those of one category (``site[Oslo]``, ``site[Bergen]``) together.

    Columns of a curve are two: the amount itself, which is the first, and the rest.

    Examples
    --------
    >>> import pandas as pd
    >>> coded = pd.DataFrame({"age": [0.1, 0.2], "site[b]": [0.0, 1.0], "site[c]": [1.0, 0.0]})
    >>> {name: columns.shape for name, columns in named_columns(coded).items()}
    {'age': (2, 1), 'site': (2, 2)}
    >>> list(named_columns(pd.DataFrame(np.zeros((2, 3)), columns=[f"age (spline {j} of 3)" for j in (1, 2, 3)])))
    ['age', 'age (curve)']
    """
    if table is None:
        return {}
    matrix = as_matrix(table, "confounds")
    given = table.columns if hasattr(table, "columns") else [f"confound {j}" for j in range(matrix.shape[1])]
    places: dict[str, list[int]] = {}
    for j, name in enumerate(given):
        places.setdefault(_group(str(name)), []).append(j)
    return {name: matrix[:, columns] for name, columns in places.items()}


def _group(name: str) -> str:
    plain = _CURVED.sub(lambda match: "" if match[1] == "1" else CURVE, name)
    return re.sub(r"\[[^]]*\]", "", plain) if PRODUCT in plain else plain.partition("[")[0]


def block_indicators(relations: Relations) -> Matrix:
    """Indicators of the blocks that no subject leaves, [n_subjects, n_blocks - 1]; no columns without such blocks."""
    blocks = relations.blocks
    if blocks is None or blocks.mode == "whole":
        return np.zeros((relations.n_subjects, 0))
    return indicators(blocks.labels if blocks.mode == "within" else blocks.labels[:, 0])


def indicators(labels: NDArray[np.int64]) -> Matrix:
    """Columns of all levels but the first, [n_subjects, n_levels - 1]."""
    codes = label_codes(labels)
    return np.equal.outer(codes, np.arange(1, int(codes.max()) + 1)).astype(np.float64)


def listed(names: Sequence[str], shown: int = 3) -> str:
    """Names in a sentence, the first few of many."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
