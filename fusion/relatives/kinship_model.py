"""Covariance of rows by kinship, ``V = h2 K + (1 - h2) I``: family by family, never as a whole."""

# ruff: noqa: F722

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse
from jaxtyping import Float64
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse.csgraph import connected_components

from fusion.arrays import ArrayLike, Matrix
from fusion.confounds.basis import check_confounds, independent_columns
from fusion.errors import InputError

LARGEST_FAMILY = 2_000
"""Members up to which a family's covariance is decomposed: work grows with their cube."""
SAME_GENOME = 0.9
"""Relationship from which two are MZ twins or one person twice."""
LEAST_EIGENVALUE = 1e-3
MOST_HERITABLE = 0.999

Sparse: TypeAlias = Any
"""A `scipy.sparse.csr_array`."""


@dataclass(frozen=True, eq=False)
class KinshipModel:
    """Families' relationship matrices, decomposed.

    Attributes
    ----------
    families : int array, shape [n_subjects]
        Who is connected by kinship: what no fold may part.
    axes : sparse array, shape [n_subjects, n_subjects]
        Orthonormal, block by block: ``K = axes @ diag(eigenvalues) @ axes.T``.
    eigenvalues : float64 array, shape [n_subjects]

    Examples
    --------
    >>> import numpy as np
    >>> siblings = np.array([[1.0, 0.5, 0], [0.5, 1, 0], [0, 0, 1]])
    >>> model = KinshipModel.of(siblings)
    >>> model.eigenvalues.round(2).tolist(), model.families.tolist()
    ([0.5, 1.5, 1.0], [0, 0, 1])
    """

    families: NDArray[np.int64]
    axes: Sparse
    eigenvalues: Float64[np.ndarray, " n_subjects"]

    @classmethod
    def of(cls, relationship: object) -> "KinshipModel":
        """Decompose a relationship matrix.

        Parameters
        ----------
        relationship : sparse or dense float array, shape [n_subjects, n_subjects]
            Twice the coefficients of kinship, symmetric: 1/2 for parent and child and for siblings, 1/4 in second
            degree; 1 on the diagonal (more for who is inbred).

        Raises
        ------
        InputError
            No symmetric matrix of that kind; two with one genome, whose rows cannot be made unlike; a family beyond
            `LARGEST_FAMILY`; relations that no pedigree has (a matrix that is not positive definite).
        """
        matrix = _checked(relationship)
        families = connected_components(matrix, directed=False)[1].astype(np.int64)
        order = np.argsort(families, kind="stable")
        sizes = np.bincount(families)
        starts = np.cumsum(sizes) - sizes
        values = np.empty(len(families))
        rows, columns, entries = [], [], []
        for size in np.unique(sizes):
            members = order[starts[sizes == size][:, None] + np.arange(size)]  # [n_families, size]
            if size > LARGEST_FAMILY:
                raise InputError(
                    f"Families must have at most {LARGEST_FAMILY:,} members to be whitened; one has {size:,}: count "
                    "closer relatives alone as related."
                )
            found, axes = np.linalg.eigh(_blocks(matrix, members))
            values[members] = found
            rows.append(np.repeat(members, size, axis=1).ravel())
            columns.append(np.tile(members, (1, size)).ravel())
            entries.append(axes.ravel())
        if values.min() < LEAST_EIGENVALUE:
            first = int(np.flatnonzero(values < LEAST_EIGENVALUE)[0])
            n_members = int(sizes[families[first]])
            raise InputError(
                f"Relationships must be those of some pedigree; the matrix of a family of {n_members}, with row "
                f"{first} in it, has an eigenvalue of {values.min():.2g}: give a pedigree, or correct the table."
            )
        triplets = (np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns)))
        return cls(families, scipy.sparse.csr_array(triplets, shape=matrix.shape), values)

    def whitener(self, heritability: float) -> Sparse:
        """``V^(-1/2)``, symmetric and block by block, [n_subjects, n_subjects]."""
        roots = 1 / np.sqrt(heritability * self.eigenvalues + 1 - heritability)
        return scipy.sparse.csr_array((self.axes * roots[None, :]) @ self.axes.T)

    def heritability(self, columns: Matrix, confounds: ArrayLike | None = None) -> float:
        """The one share h2 of all columns that maximises their restricted likelihoods together, from 0 to 0.999.

        One h2 a view, since rows of a matrix have one covariance; every column has its own variance. Given the
        decomposition, a value of h2 costs one weighted least squares.

        Parameters
        ----------
        columns : float64 array, shape [n_subjects, n_columns]
        confounds : float array, shape [n_subjects, n_confounds], optional

        Raises
        ------
        InputError
            Nobody is related, or there are no more subjects than confounds.
        """
        values, design = self._rotated(columns, confounds)
        if np.ptp(self.eigenvalues) < LEAST_EIGENVALUE:
            raise InputError("A share of variance by kinship needs relatives; no two subjects are related.")

        def loss(heritability: float) -> float:
            return -restricted_likelihood(values, design, heritability * self.eigenvalues + 1 - heritability)

        found = minimize_scalar(loss, bounds=(0.0, MOST_HERITABLE), method="bounded", options={"xatol": 1e-4})
        return float(min((found.x, 0.0, MOST_HERITABLE), key=loss))

    def _rotated(self, columns: Matrix, confounds: ArrayLike | None) -> tuple[Matrix, Matrix]:
        design = with_intercept(confounds, len(columns))
        if design.shape[1] >= len(columns):
            raise InputError(
                f"A kinship model needs more subjects than 1 + confounds; got {len(columns)} for {design.shape[1] - 1}."
            )
        return np.asarray(self.axes.T @ columns), np.asarray(self.axes.T @ design)


def with_intercept(confounds: ArrayLike | None, n_subjects: int) -> Matrix:
    """Intercept and independent confounds, [n_subjects, 1 + rank]."""
    Z = check_confounds(confounds, n_subjects)
    kept = independent_columns(Z - Z.mean(axis=0), Z)
    return np.column_stack([np.ones(n_subjects), Z[:, kept]])


def restricted_likelihood(
    values: Float64[np.ndarray, "n_subjects n_columns"],
    design: Float64[np.ndarray, "n_subjects rank"],
    variances: Float64[np.ndarray, " n_subjects"],
) -> float:
    """Sum over columns of the restricted log likelihood, each at its own best scale, up to a constant.

    Patterson & Thompson (1971), doi:10.1093/biomet/58.3.545.

    Parameters
    ----------
    values, design : float64 arrays
        In the axes in which rows are independent.
    variances : float64 array
        Of the rows, up to the scale.
    """
    weights = 1 / np.sqrt(variances)
    scaled = values * weights[:, None]
    basis, triangle = np.linalg.qr(design * weights[:, None])
    left = np.square(scaled).sum(axis=0) - np.square(basis.T @ scaled).sum(axis=0)
    degrees = len(values) - design.shape[1]
    shared = np.log(variances).sum() + 2 * np.log(np.abs(np.diag(triangle))).sum()
    return float(-0.5 * (degrees * np.log(left / degrees).sum() + values.shape[1] * shared))


def _checked(relationship: object) -> Sparse:
    matrix = scipy.sparse.csr_array(relationship, dtype=np.float64)
    if matrix.shape[0] != matrix.shape[1] or abs(matrix - matrix.T).max() > 1e-8:
        raise InputError(f"A relationship matrix must be square and symmetric; got shape {matrix.shape}.")
    diagonal = matrix.diagonal()
    if not np.isfinite(matrix.data).all() or (diagonal < 1 - 1e-8).any():
        raise InputError(
            f"A relationship matrix needs finite entries and at least 1 on its diagonal; row {int(diagonal.argmin())} "
            f"has {diagonal.min():g}: give twice the coefficients of kinship."
        )
    pairs = scipy.sparse.triu(matrix, 1).tocoo()
    same = np.flatnonzero(pairs.data > SAME_GENOME)
    if len(same):
        first, second = int(pairs.row[same[0]]), int(pairs.col[same[0]])
        raise InputError(
            f"Relatives are whitened if no two have one genome; rows {first} and {second} have (relationship "
            f"{pairs.data[same[0]]:.2f}), {len(same)} pairs in all: keep one of each pair, or exchange families."
        )
    matrix.eliminate_zeros()
    return matrix


def _blocks(matrix: Sparse, members: NDArray[np.int64]) -> Matrix:
    """Submatrices of equally large families, [n_families, size, size]."""
    n_families, size = members.shape
    if size == 1:
        return np.asarray(matrix.diagonal()[members][:, :, None])
    family_of, place = np.full(matrix.shape[0], -1), np.zeros(matrix.shape[0], dtype=np.int64)
    family_of[members], place[members] = np.arange(n_families)[:, None], np.arange(size)
    entries = matrix.tocoo()
    kept = family_of[entries.row] >= 0
    blocks = np.zeros((n_families, size, size))
    blocks[family_of[entries.row[kept]], place[entries.row[kept]], place[entries.col[kept]]] = entries.data[kept]
    return blocks
