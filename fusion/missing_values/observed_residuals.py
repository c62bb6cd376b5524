"""Least squares on [1, confounds] from the rows that have a value, column by column."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from fusion.arrays import Matrix, column_slices
from fusion.confounds.basis import ConfoundBasis

ROUNDING = 1e-10
"""Residuals below this share of a column's root mean square are rounding."""


@dataclass(frozen=True)
class ObservedResiduals:
    """What [1, confounds] explain of each column among the training rows that have it, and what is left.

    Attributes
    ----------
    basis : ConfoundBasis
        Of all training rows.
    coefficients : float64 array, shape [1 + rank, n_features]
        In that basis; where the rows that have a column do not tell two confounds apart (a site without it), the
        smallest that fit.
    scale : float64 array, shape [n_features]
        Residual standard deviation; 1 where nothing but rounding is left.
    """

    basis: ConfoundBasis
    coefficients: Float64[np.ndarray, "rank n_features"]
    scale: Float64[np.ndarray, " n_features"]

    @classmethod
    def fit(
        cls, values: Float64[np.ndarray, "n_train n_features"], confounds: Float64[np.ndarray, "n_train n_confounds"]
    ) -> "ObservedResiduals":
        """Fit on training rows, NaN where nothing was measured."""
        basis = ConfoundBasis.of(confounds)
        design, observed = basis(confounds), np.isfinite(values)
        filled = np.where(observed, values, 0.0)
        coefficients = np.einsum("jab,bj->aj", inverse_grams(design, observed), design.T @ filled)
        residuals = np.where(observed, values - design @ coefficients, 0.0)
        counts = observed.sum(axis=0)
        spread = np.sqrt(np.square(residuals).sum(axis=0) / np.maximum(counts - design.shape[1], 1))
        size = np.sqrt(np.square(filled).sum(axis=0) / np.maximum(counts, 1))
        return cls(basis, coefficients, np.where(spread > ROUNDING * size, spread, 1.0))

    def residuals(self, values: Matrix, confounds: Matrix) -> Matrix:
        """Residuals of any rows in units of `scale`, NaN where nothing was measured."""
        return np.asarray((values - self.basis(confounds) @ self.coefficients) / self.scale)

    def restore(self, residuals: Matrix, confounds: Matrix) -> Matrix:
        """The values of which these are the residuals."""
        return np.asarray(residuals * self.scale + self.basis(confounds) @ self.coefficients)


def inverse_grams(
    design: Float64[np.ndarray, "n_train rank"], observed: Bool[np.ndarray, "n_train n_features"]
) -> Float64[np.ndarray, "n_features rank rank"]:
    """Return per column the pseudo-inverse of the cross products of the design over the rows that have it."""
    rank, n_features = design.shape[1], observed.shape[1]
    grams = np.zeros((n_features, rank * rank))
    for rows in column_slices(0, len(design), rank * rank):
        products = design[rows, :, None] * design[rows, None, :]
        grams += observed[rows].T.astype(np.float64) @ products.reshape(-1, rank * rank)
    return np.linalg.pinv(grams.reshape(n_features, rank, rank), rcond=ROUNDING, hermitian=True)
