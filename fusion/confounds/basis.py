"""An orthonormal basis of [1, confounds] on training rows, and its continuation to any others."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.linalg
from jaxtyping import Float64

from fusion.arrays import ArrayLike, Matrix
from fusion.errors import InputError
from fusion.parallel import one_blas_thread

RANK_TOLERANCE = 1e-8  # of the largest pivot, columns scaled to unit norm


@dataclass(frozen=True, slots=True)
class ConfoundBasis:
    """An orthonormal basis of [1, Z] on the training rows, and its continuation to new rows.

    Attributes
    ----------
    mean : float64 array of shape (n_confounds,)
        Training mean of every confound.
    continuation : float64 array of shape (n_confounds, rank)
        ``basis(Z) = [1/sqrt(n_train), (Z - mean) @ continuation]``; rows of collinear confounds are zero.
    n_train : int
        Training rows.
    """

    mean: Float64[np.ndarray, " n_confounds"]
    continuation: Float64[np.ndarray, "n_confounds rank"]
    n_train: int

    @classmethod
    def of(cls, confounds: Float64[np.ndarray, "n_train n_confounds"]) -> "ConfoundBasis":
        """Make the basis of training confounds, float64 of shape (n_train, n_confounds), without intercept."""
        mean = confounds.mean(axis=0)
        centred = confounds - mean
        # A few narrow products: on a busy machine several threads of BLAS wait for one another longer than they work.
        with one_blas_thread():
            kept = independent_columns(centred, confounds)
            continuation = np.zeros((confounds.shape[1], len(kept)))
            triangle = np.linalg.qr(centred[:, kept]).R
            continuation[kept] = scipy.linalg.solve_triangular(triangle, np.eye(len(kept)))
            # A second step restores the orthogonality that nearly collinear confounds cost the first.
            again = np.linalg.qr(centred @ continuation).R
            continuation = scipy.linalg.solve_triangular(again.T, continuation.T, lower=True).T
        return cls(mean, continuation, len(confounds))

    @property
    def rank(self) -> int:
        """Independent confounds among the training rows."""
        return int(self.continuation.shape[1])

    @property
    def degrees_of_freedom(self) -> int:
        """``n_train - 1 - rank``: what is left for the residuals."""
        return self.n_train - 1 - self.rank

    def __call__(self, confounds: Float64[np.ndarray, "n_rows n_confounds"]) -> Float64[np.ndarray, "n_rows _"]:
        """Return the basis at these rows, shape (n_rows, 1 + rank); orthonormal at the training rows."""
        constant = np.full((len(confounds), 1), 1 / np.sqrt(self.n_train))
        return np.hstack([constant, (confounds - self.mean) @ self.continuation])


def check_confounds(
    confounds: ArrayLike | None, n_rows: int, *, n_columns: int | None = None
) -> Float64[np.ndarray, "n_subjects n_confounds"]:
    """Return confounds as a finite float64 matrix of `n_rows` rows; None becomes zero columns.

    Raises
    ------
    InputError
        Another number of rows or columns, or values that are not finite.
    """
    Z = np.empty((n_rows, 0)) if confounds is None else np.asarray(confounds, dtype=np.float64)
    Z = Z[:, None] if Z.ndim == 1 else Z
    if Z.ndim != 2 or len(Z) != n_rows:
        raise InputError(f"Confounds need one row per subject; got shape {Z.shape} for {n_rows} subjects.")
    if n_columns is not None and Z.shape[1] != n_columns:
        raise InputError(f"Confounds need the {n_columns} columns of the fit; got {Z.shape[1]}.")
    bad = ~np.isfinite(Z)
    if bad.any():
        j = int(np.flatnonzero(bad.any(axis=0))[0])
        raise InputError(
            f"Confound column {j} has {int(bad[:, j].sum())} missing or infinite values: exclude or impute."
        )
    return Z


def independent_columns(centred: Matrix, raw: Matrix) -> npt.NDArray[np.int64]:
    """Return, in order, the columns that span `centred`: pivoted QR, tolerance `RANK_TOLERANCE` on unit columns.

    Parameters
    ----------
    centred : float64 array of shape (n_rows, n_columns)
        Columns minus their mean.
    raw : float64 array of shape (n_rows, n_columns)
        The same before centring: a column that is constant up to the rounding of its own size is not kept.
    """
    norms = np.linalg.norm(centred, axis=0)
    varying = np.flatnonzero(norms > 1e-10 * np.linalg.norm(raw, axis=0))
    if not len(varying) or len(raw) < 2:
        return np.empty(0, dtype=np.int64)
    triangle, pivots = scipy.linalg.qr(centred[:, varying] / norms[varying], mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    return np.sort(varying[pivots[: int((diagonal > RANK_TOLERANCE * diagonal[0]).sum())]])
