"""Whether the genes of a set carry more than other genes do: regression of gene-level statistics on membership."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.stats import norm
from scipy.stats import t as student

from fusion.errors import InputError
from fusion.permutation.projections import nuisance_basis
from fusion.prediction.outcome import NotDefinedError

FEWEST_GENES = 2
"""Of the panel inside a set, and outside it."""


@dataclass(frozen=True, slots=True)
class GeneSetTest:
    """Difference of mean z between the genes of a set and all others at equal length, its error and one-sided p."""

    difference: float
    error: float
    p: float


def gene_scores(p: Float64[np.ndarray, " n_genes"], n_permutations: int) -> Float64[np.ndarray, " n_genes"]:
    """z of one-sided p-values, [n_genes]; the largest p stands for the middle of its step, which has a finite z."""
    return np.asarray(norm.isf(np.minimum(p, 1 - 0.5 / (n_permutations + 1))))


def competitive_test(
    z: Float64[np.ndarray, " n_genes"],
    is_member: Bool[np.ndarray, " n_genes"],
    lengths: Float64[np.ndarray, " n_genes"] | None = None,
) -> GeneSetTest:
    """Regress gene-level z on membership in a set, at equal gene length.

    Parameters
    ----------
    z : float64 array, shape [n_genes]
    is_member : bool array, shape [n_genes]
    lengths : float64 array, shape [n_genes], optional
        Base pairs; the length and its logarithm are covariates.

    Raises
    ------
    InputError
        Statistics that are not finite, or lengths that are not positive.
    NotDefinedError
        Too few genes inside or outside the set, or membership that lengths tell by themselves.

    References
    ----------
    de Leeuw et al. (2015), doi:10.1371/journal.pcbi.1004219; genes are taken for independent here, as those of a panel
    of genes far apart are.
    """
    if not np.isfinite(z).all() or not (lengths is None or (lengths > 0).all()):
        raise InputError("A test of a gene set needs finite z and a positive length of every gene: correct them.")
    n_inside = int(is_member.sum())
    if min(n_inside, len(z) - n_inside) < FEWEST_GENES:
        raise NotDefinedError(
            f"{n_inside} of the {len(z)} genes are in it, and {FEWEST_GENES} inside and outside are the fewest"
        )
    covariates = nuisance_basis(len(z), None if lengths is None else np.column_stack([lengths, np.log(lengths)]))
    free = len(z) - covariates.shape[1] - 1
    member = is_member.astype(np.float64)
    own = member - covariates @ (covariates.T @ member)
    size = float(own @ own)
    if free < 1 or size < 1e-8 * n_inside:
        raise NotDefinedError(f"{len(z)} genes are too few to tell it from the length of genes")
    left = z - covariates @ (covariates.T @ z)
    difference = float(own @ left / size)
    error = float(np.sqrt(((left - difference * own) ** 2).sum() / free / size))
    if error == 0:
        raise NotDefinedError("the statistics of the genes do not vary")
    return GeneSetTest(difference, error, float(student.sf(difference / error, free)))
