"""Semi-orthogonal projections that remove nuisance and leave exchangeable rows: Huh-Jhun and Theil."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from fusion.arrays import Matrix, Positions
from fusion.cca.exact import make_basis
from fusion.errors import InputError

EQUAL_PIVOT = 1e-8
"""Rows whose squared distances from those already left out differ by less, relatively, are equally good."""


@runtime_checkable
class Projection(Protocol):
    """Q' of a semi-orthogonal Q: Q'Q = I, and QQ' removes the nuisance."""

    @property
    def n_rows(self) -> int:
        """Rows that are permuted."""

    def apply(self, matrix: Matrix) -> Matrix:
        """Q' matrix, shape [n_rows, n_columns]."""


@dataclass(frozen=True)
class Identity:
    """No nuisance but the mean: centred rows are exchangeable as they are."""

    n_rows: int

    def apply(self, matrix: Matrix) -> Matrix:
        """Return the rows unchanged."""
        return matrix


class Injected:
    """A basis Q given from outside, shape [n_subjects, n_rows]; the nuisance is whatever it leaves out."""

    def __init__(self, basis: Matrix, n_subjects: int) -> None:
        self.basis = np.asarray(basis, dtype=np.float64)
        if self.basis.ndim != 2 or len(self.basis) != n_subjects:
            raise InputError(f"An injected basis must have {n_subjects} rows; got shape {self.basis.shape}.")
        self.n_rows = int(self.basis.shape[1])
        if not np.allclose(self.basis.T @ self.basis, np.eye(self.n_rows), atol=1e-8):
            raise InputError("An injected basis must have orthonormal columns (Q'Q = I to 1e-8).")

    def apply(self, matrix: Matrix) -> Matrix:
        """Q' matrix, shape [n_rows, n_columns]."""
        return self.basis.T @ matrix


class HuhJhun:
    """Any orthonormal basis of the complement of the nuisance, applied by Householder reflections.

    Rows are no longer subjects. Nothing of size n_subjects x n_subjects is ever formed.

    Parameters
    ----------
    nuisance : float64 array, shape [n_subjects, rank]
        Linearly independent columns, the intercept among them.

    References
    ----------
    Huh & Jhun (2001), doi:10.1081/STA-100106060; Winkler et al. (2020), doi:10.1016/j.neuroimage.2020.117065.
    """

    def __init__(self, nuisance: Matrix) -> None:
        (self._reflectors, self._tau), _ = scipy.linalg.qr(nuisance, mode="raw")
        self._rank = nuisance.shape[1]
        self.n_rows = int(nuisance.shape[0] - self._rank)

    def apply(self, matrix: Matrix) -> Matrix:
        """Q' matrix, shape [n_subjects - rank, n_columns]."""
        lwork = max(1, 64 * matrix.shape[1])
        rotated, _, info = scipy.linalg.lapack.dormqr("L", "T", self._reflectors, self._tau, matrix, lwork)
        if info != 0:
            raise np.linalg.LinAlgError(f"dormqr failed with info {info}")
        rows: Matrix = np.ascontiguousarray(rotated[self._rank :])
        return rows


class Theil:
    """Best linear unbiased scalar residuals: rows belong to the kept subjects, so blocks survive.

    With orthonormal nuisance N and kept rows A = N[kept], S'RS = I - AA', whose inverse square root needs one
    eigenproblem of the nuisance's rank only.

    Parameters
    ----------
    nuisance : float64 array, shape [n_subjects, rank]
        Orthonormal columns, the intercept among them.
    kept : int array, shape [n_rows]
        The nuisance of the rows left out must have full rank.

    References
    ----------
    Theil (1965), doi:10.1080/01621459.1965.10480851; Ridgway (2009), discovery.ucl.ac.uk/id/eprint/17140.
    """

    def __init__(self, nuisance: Matrix, kept: Positions) -> None:
        self.kept, self.n_rows = kept, len(kept)
        self.nuisance, self._kept_nuisance = nuisance, nuisance[kept]
        shares, vectors = np.linalg.eigh(self._kept_nuisance.T @ self._kept_nuisance)
        if shares.max(initial=0.0) > 1 - 1e-10:
            raise InputError(
                "Theil's projection needs the nuisance of the left-out subjects to have full rank; "
                f"it has not for the {len(nuisance) - len(kept)} left out: choose other rows or fewer confounds."
            )
        shares = np.clip(shares, 1e-300, None)
        self.factor = (vectors * (np.expm1(-0.5 * np.log1p(-shares)) / shares)) @ vectors.T

    def apply(self, matrix: Matrix) -> Matrix:
        """Q' matrix, shape [n_kept, n_columns]."""
        residual = matrix[self.kept] - self._kept_nuisance @ (self.nuisance.T @ matrix)
        restored: Matrix = residual + self._kept_nuisance @ (self.factor @ (self._kept_nuisance.T @ residual))
        return restored

    def adjoint_weights(self, matrix: Matrix) -> Matrix:
        """What `apply` adds to a matrix's kept rows, as weights of their nuisance, [rank, n_columns]."""
        inner = self.nuisance.T @ matrix
        residual = self._kept_nuisance.T @ (matrix[self.kept] - self._kept_nuisance @ inner)
        weights: Matrix = self.factor @ residual - inner
        return weights

    def restore(self, rows: Matrix) -> Matrix:
        """Q rows: bring rows of the kept subjects back to all subjects, [n_subjects, n_columns]."""
        spread = np.zeros((len(self.nuisance), rows.shape[1]))
        spread[self.kept] = rows + self._kept_nuisance @ (self.factor @ (self._kept_nuisance.T @ rows))
        restored: Matrix = spread - self.nuisance @ (self.nuisance.T @ spread)
        return restored


def nuisance_basis(n_subjects: int, confounds: Matrix | None) -> Matrix:
    """Orthonormal basis of intercept and confounds, [n_subjects, 1 + rank of the centred confounds]."""
    intercept = np.full((n_subjects, 1), 1 / np.sqrt(n_subjects))
    if confounds is None:
        return intercept
    centred = confounds - confounds.mean(axis=0)
    return np.hstack([intercept, make_basis(centred, np.linalg.norm(confounds, axis=0)).columns])


def keep_rows(nuisance: Matrix, units: NDArray[np.int64] | None = None) -> Positions:
    """Rows for Theil's residuals: the `rank` rows left out are those that pivoted QR takes first.

    Ties are frequent (subjects of one site) and go to the first row, so that the choice does not depend on the
    rounding of the nuisance's coordinates.

    Parameters
    ----------
    nuisance : float64 array, shape [n_subjects, rank]
    units : int array, shape [n_subjects], optional
        Whole-block permutation: rows leave together with all rows of their block.
    """
    left_out = np.zeros(len(nuisance), dtype=bool)
    residual = nuisance.copy()
    for _ in range(nuisance.shape[1]):
        size = np.where(left_out, 0.0, np.square(residual).sum(axis=1))
        pivot = int(np.argmax(size >= size.max() * (1 - EQUAL_PIVOT)))
        left_out[pivot] = True
        direction = residual[pivot] / np.linalg.norm(residual[pivot])
        residual -= np.outer(residual @ direction, direction)
    if units is not None:
        left_out = np.isin(units, units[left_out])
    return np.flatnonzero(~left_out)
