"""Genetic relationship matrix: products of standardised genotypes, records streamed and never held together."""

# ruff: noqa: F722

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float64, Int8

from encoders.errors import InputError
from encoders.genome.population.dosages import frequencies
from encoders.genome.population.kinship import THIRD_DEGREE

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MOST_SUBJECTS = 20_000
"""Beyond it the matrix of all pairs has more than 3.2 GB."""
FEWEST_RECORDS = 5_000
"""With fewer, a relationship scatters by 1.4 % and more about that of a pedigree, and linkage adds to it."""


class RelationshipMatrix(NamedTuple):
    """Relationships of all pairs.

    Attributes
    ----------
    values : float64 array, shape [n_subjects, n_subjects]
        About twice the kinship; 1 on the diagonal of who is not inbred.
    n_records : int
        Records that vary.
    """

    values: Float64[np.ndarray, "n_subjects n_subjects"]
    n_records: int


def relationship_matrix(
    chunks: Iterable[Int8[np.ndarray, "_n_records n_subjects"]], n_subjects: int
) -> RelationshipMatrix:
    """Mean over records of z_i z_j, z = (x - 2p) / sqrt(2p(1 - p)), over the records that both have.

    The variance-standardised matrix of ``plink2 --make-rel`` and ``--make-grm-bin``; frequencies are the cohort's.

    Parameters
    ----------
    chunks : iterable of int8 arrays, shape [n_records, n_subjects]
        ALT counts, -1 where missing, as `read_dosages` yields them: one chunk is held at a time.
    n_subjects : int

    Raises
    ------
    InputError
        More subjects than a matrix of all pairs can have, or no record that varies.

    References
    ----------
    Yang et al. (2011), doi:10.1016/j.ajhg.2010.11.011.

    Examples
    --------
    >>> from encoders.genome.population.relationship import relationship_matrix
    >>> import numpy as np
    >>> found = relationship_matrix([np.array([[0, 1, 2], [2, 1, 0]], dtype=np.int8)], 3)
    >>> found.values.round(6).tolist(), found.n_records
    ([[2.0, 0.0, -2.0], [0.0, 0.0, 0.0], [-2.0, 0.0, 2.0]], 2)
    """
    if n_subjects > MOST_SUBJECTS:
        raise InputError(
            f"Relationships of all pairs are made of at most {MOST_SUBJECTS:,} subjects; got {n_subjects:,}: give "
            "cohort.kinship_table, as KING or PLINK 2 writes it."
        )
    products, shared = np.zeros((n_subjects, n_subjects)), np.zeros((n_subjects, n_subjects))
    n_records = n_complete = 0
    for chunk in chunks:
        p = frequencies(chunk)
        varying = (p > 0) & (p < 1)
        counts, p = chunk[varying], p[varying, np.newaxis]
        known = counts >= 0
        z = np.where(known, (counts - 2 * p) / np.sqrt(2 * p * (1 - p)), 0.0)
        products += z.T @ z
        n_records += len(z)
        gaps = ~known.all(axis=1)  # a product of integers is needed for these alone
        n_complete += int((~gaps).sum())
        of_gaps = known[gaps].astype(np.float64)
        shared += of_gaps.T @ of_gaps
    if not n_records:
        raise InputError("Relationships need biallelic autosomal records that vary; none is left after the filters.")
    return RelationshipMatrix(products / np.maximum(shared + n_complete, 1), n_records)


def related_blocks(found: RelationshipMatrix, cutoff: float = 2 * THIRD_DEGREE) -> csr_array:
    """Relationships inside families, 1 on the diagonal, nothing between them.

    Families are whoever is connected by pairs from `cutoff` on. Within one, every pair has its value, small ones too:
    so the block is a matrix of products, which some covariance always is.

    Parameters
    ----------
    found : RelationshipMatrix
    cutoff : float
        Twice the kinship of the third degree.

    Returns
    -------
    sparse float64 array, shape [n_subjects, n_subjects]
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    scale = np.sqrt(np.maximum(np.diag(found.values), 1e-6))
    family_of = connected_components(csr_array(found.values >= cutoff), directed=False)[1]
    order = np.argsort(family_of, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(family_of[order])) + 1)
    rows = np.concatenate([np.repeat(one, len(one)) for one in members])
    columns = np.concatenate([np.tile(one, len(one)) for one in members])
    entries = np.where(rows == columns, 1.0, found.values[rows, columns] / (scale[rows] * scale[columns]))
    return csr_array((entries, (rows, columns)), shape=found.values.shape)
