"""Whether both views depend on a confound by more than its linear part."""

import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_law

from fusion.arrays import Matrix
from fusion.permutation.assumptions.sides import CURVE, LEVEL, PRODUCT, Sides, listed

SQUARE, TIMES, _LEVELS = "²", " × ", "the levels of "
MOST_LEVELS = 20
LEAST_NORM = 1e-6


def curvature_warnings(sides: Sides, confounds: Mapping[str, Matrix]) -> list[str]:
    """Warn where both views still depend on squares or products of confounds, or on the levels of a whole number.

    A term is what squares, products and levels have beyond the linear part; it is correlated with all columns of each
    view by an F test, corrected over terms.
    """
    terms = _terms(confounds)
    if not terms:
        return []
    names = list(terms)
    table = sides.rest(np.column_stack(list(terms.values())))
    norms = np.sqrt((table**2).sum(axis=0))
    scale = np.sqrt(np.column_stack(list(terms.values())).var(axis=0) * len(table))
    kept = norms > LEAST_NORM * np.maximum(scale, LEAST_NORM)
    if not kept.any():
        return []
    unit = table[:, kept] / norms[kept]
    p = np.maximum(*(_f_test((view.T @ unit) ** 2, len(unit) - sides.nuisance.shape[1]) for view in (sides.x, sides.y)))
    clear = np.flatnonzero(p < LEVEL / len(p))
    if not len(clear):
        return []
    kept_names = [name for name, keep in zip(names, kept, strict=True) if keep]
    found = list(dict.fromkeys(kept_names[k].partition(" = ")[0] for k in clear[np.argsort(p[clear])]))
    as_levels = {name.removeprefix(_LEVELS) for name in found if name.startswith(_LEVELS)}
    named = [name for name in found if name.removesuffix(SQUARE) not in as_levels]
    return [
        f"Both views still depend on {listed(found)} once confounds are removed, so what they share may be the "
        f"confounds' work: add {listed([_remedy(name, confounds) for name in named])} to the confounds (to an array, "
        "columns of squares, products or levels)."
    ]


def _remedy(name: str, confounds: Mapping[str, Matrix]) -> str:
    """The entry of ``confounds`` that removes a term."""
    if name.startswith(_LEVELS):
        return f"{{column: {name.removeprefix(_LEVELS)}, kind: categorical}}"
    if SQUARE in name:
        amount = name.removesuffix(SQUARE)
        return f"{{column: {amount}, kind: spline, df: {8 if f'{amount}{CURVE}' in confounds else 4}}}"
    return name.replace(TIMES, ":")


def _terms(confounds: Mapping[str, Matrix]) -> dict[str, NDArray[np.float64]]:
    """Squares of amounts, products with them, and levels of whole numbers, by name; amounts in their middle range."""
    amounts: dict[str, list[NDArray[np.float64]]] = {}
    binaries: dict[str, list[NDArray[np.float64]]] = {}
    terms: dict[str, NDArray[np.float64]] = {}
    for name, values in confounds.items():
        if name.endswith(CURVE) or PRODUCT in name:
            continue  # made of amounts that are here themselves
        for column in values.T:
            levels = np.unique(column)
            (binaries if len(levels) == 2 else amounts).setdefault(name, []).append(_middle(column))
            if values.shape[1] == 1 and 2 < len(levels) <= min(MOST_LEVELS, len(column) // 5):
                terms |= {f"{_LEVELS}{name} = {level:.15g}": (column == level) * 1.0 for level in levels[1:]}
    flat = [(name, column) for name, columns in amounts.items() for column in columns]
    for (a, first), (b, second) in itertools.combinations_with_replacement(flat, 2):
        terms[f"{a}{SQUARE}" if a == b else f"{a}{TIMES}{b}"] = first * second
    for (a, first), (b, columns) in itertools.product(flat, binaries.items()):
        terms |= {f"{a}{TIMES}{b} = {k}": first * second for k, second in enumerate(columns)}
    return terms


def _middle(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centred, in its standard deviations, no further out than 3: a square must not be one subject's."""
    spread = column.std()
    return np.asarray(np.clip((column - column.mean()) / (spread if spread > 0 else 1.0), -3, 3))


def _f_test(squares: Matrix, n_rows: int) -> NDArray[np.float64]:
    """p of R squared of unit columns on orthonormal ones, whose squared products these are [rank, n_columns]."""
    rank = len(squares)
    r2 = np.clip(squares.sum(axis=0), 0.0, 1 - 1e-12)
    return np.asarray(f_law.sf(r2 / rank / ((1 - r2) / (n_rows - rank)), rank, n_rows - rank))
