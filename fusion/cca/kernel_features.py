"""Coordinates of rows in which inner products are those of a kernel."""

# ruff: noqa: F722

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64
from scipy.spatial.distance import cdist, pdist

from fusion.arrays import Matrix
from fusion.errors import InputError

Kernel = Literal["rbf", "linear"]
KERNELS: tuple[Kernel, ...] = get_args(Kernel)

RANK_TOLERANCE = 1e-10
"""Eigenvalues of a kernel matrix below this share of the largest one count as zero."""


@dataclass(frozen=True)
class KernelFeatures:
    """Nyström's map: exact for the landmarks, and for any row what the landmarks can tell of it.

    Where every training row is a landmark, inner products of training rows are those of the kernel.

    Attributes
    ----------
    landmarks : float64 array, shape [n_landmarks, n_columns]
    width : float or None
        Squared distance over which a Gaussian kernel falls to 1/e; None for inner products.
    weights : float64 array, shape [n_landmarks, rank]

    References
    ----------
    Williams & Seeger (2001), NeurIPS 13, "Using the Nyström method to speed up kernel machines".
    """

    landmarks: Float64[np.ndarray, "n_landmarks n_columns"]
    width: float | None
    weights: Float64[np.ndarray, "n_landmarks rank"]

    @classmethod
    def of(
        cls,
        rows: Float64[np.ndarray, "n_rows n_columns"],
        kernel: Kernel | str,
        *,
        n_landmarks: int | None = None,
        random_state: int = 0,
    ) -> "KernelFeatures":
        """Learn from rows.

        Parameters
        ----------
        rows : float64 array, shape [n_rows, n_columns]
        kernel : {"rbf", "linear"}
            ``rbf`` is exp(-d^2 / median d^2) over pairs of landmarks, as in the HSIC of `fusion.dependence_test`.
        n_landmarks : int, optional
            Rows drawn at random; all of them by default, or where there are no more.
        random_state : int

        Raises
        ------
        InputError
            An unknown kernel, or more than half of the pairs of rows at distance 0.
        """
        if kernel not in KERNELS:
            raise InputError(f"kernel must be one of {', '.join(KERNELS)}; got {kernel!r}.")
        if n_landmarks is not None and n_landmarks < len(rows):
            rows = rows[np.random.default_rng(random_state).choice(len(rows), n_landmarks, replace=False)]
        width = _median_square_distance(rows) if kernel == "rbf" else None
        values, vectors = np.linalg.eigh(_kernel_matrix(rows, rows, width))
        kept = values > RANK_TOLERANCE * max(float(values[-1]), 0.0)
        return cls(rows, width, vectors[:, kept] / np.sqrt(values[kept]))

    def __call__(self, rows: Float64[np.ndarray, "n_rows n_columns"]) -> Float64[np.ndarray, "n_rows rank"]:
        """Coordinates of any rows."""
        return np.asarray(_kernel_matrix(rows, self.landmarks, self.width) @ self.weights)


def _median_square_distance(rows: Matrix) -> float:
    width = float(np.median(pdist(rows, "sqeuclidean"))) if len(rows) > 1 else 0.0
    if width == 0:
        raise InputError(
            "A Gaussian kernel takes the median distance between subjects as its width; more than half of the pairs "
            "have distance 0: take the linear kernel, or give a view with more distinct rows."
        )
    return width


def _kernel_matrix(rows: Matrix, landmarks: Matrix, width: float | None) -> Matrix:
    if width is None:
        return np.asarray(rows @ landmarks.T)
    return np.asarray(np.exp(-cdist(rows, landmarks, "sqeuclidean") / width))
