"""What a permutation assumes of subjects that nothing else checks: equal scale, confounds removed in full, no copies.

A permutation of rows is valid where rows could have come in any order once confounds are removed. Three things break
that without a trace in the correlations themselves: both views scatter more in some sites than in others; both depend
on a confound by more than its linear part; subjects are there twice. Each check asks both views, since what is in one
view alone makes no link.
"""

from collections.abc import Mapping

import numpy as np

from fusion.arrays import Matrix
from fusion.permutation.assumptions.copies import alike_rows, leading_components
from fusion.permutation.assumptions.curvature import curvature_warnings
from fusion.permutation.assumptions.scatter import scale_warnings
from fusion.permutation.assumptions.sides import FEWEST_ROWS, Sides, block_indicators
from fusion.permutation.projections import nuisance_basis
from fusion.permutation.relations import Relations

ALIKE = "as alike as the same subject measured twice"
ONE_FAMILY = "give both one family that is held out and exchanged as a whole"


def assumption_warnings(
    x: Matrix,
    y: Matrix,
    confounds: Mapping[str, Matrix],
    relations: Relations,
    dimensions: tuple[int, int] | None = None,
) -> list[str]:
    """One sentence, with its remedy, for each assumption that both views are at odds with.

    Parameters
    ----------
    x, y : float64 arrays, shape [n_subjects, P] and [n_subjects, Q]
        Confounds removed or not.
    confounds : mapping of name to float64 array, shape [n_subjects, n_columns]
        Coded; a categorical one has a column for every level but one.
    relations : Relations
        Blocks that are exchanged within, strata and groups, pairs that belong together anyway.
    dimensions : pair of int, optional
        Leading columns that enter CCA, of which scale and confounds are asked; all by default.
    """
    within = block_indicators(relations)
    known = np.hstack([np.zeros((len(x), 0)), *confounds.values(), within])
    nuisance = nuisance_basis(len(x), known)
    p, q = dimensions or (x.shape[1], y.shape[1])
    sides = Sides(leading_components(x[:, :p], nuisance), leading_components(y[:, :q], nuisance), nuisance, (p, q))
    ranks = sides.x.shape[1], sides.y.shape[1]
    if len(x) - nuisance.shape[1] - max(ranks) < FEWEST_ROWS or not min(ranks):
        return []
    return [
        *scale_warnings(sides, confounds, relations),
        *curvature_warnings(sides, confounds),
        *copy_warnings(leading_components(x, nuisance), leading_components(y, nuisance), relations),
    ]


def copy_warnings(x: Matrix | None, y: Matrix, relations: Relations) -> list[str]:
    """Warn of subjects who are alike in y, or in both views, as independent ones are not.

    Parameters
    ----------
    x, y : float64 arrays, shape [n_subjects, k]
        Of `fusion.permutation.copies.leading_components`; None for y alone.
    relations : Relations
        Who belongs together anyway.
    """
    alike = alike_rows(x, y, relations.clusters)
    if alike.first is None:
        return []
    i, j = alike.first
    which = f"{alike.n_pairs} pairs of rows (first {i} and {j}) are" if alike.n_pairs > 1 else f"Rows {i} and {j} are"
    return [f"{which} {ALIKE}: keep one of each, or {ONE_FAMILY} (groups and exchangeability_blocks)."]
