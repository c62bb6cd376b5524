"""Probabilistic principal components of columns with missing values: expectation of what is missing given the rest."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix, column_slices
from fusion.cautions import caution
from fusion.missing_values.observed_residuals import inverse_grams

MAX_RANK = 24
"""Cost grows with its square times the cells of the table."""
MAX_ITERATIONS = 300
TOLERANCE = 1e-3
"""Root mean square by which missing values still move, in standard deviations, when the iteration ends."""
_LEAST_NOISE = 1e-8


@dataclass(frozen=True)
class LowRank:
    """``row = design @ offset + W u + noise``, u standard normal: what is missing follows from what is not.

    Attributes
    ----------
    weights : float64 array, shape [n_features, rank]
    noise : float
        Variance.
    offset : float64 array, shape [n_design, n_features]
        What intercept and confounds explain beyond the least squares of each column by itself.
    n_iterations : int
    """

    weights: Float64[np.ndarray, "n_features rank"]
    noise: float
    offset: Float64[np.ndarray, "n_design n_features"]
    n_iterations: int

    @classmethod
    def fit(
        cls,
        residuals: Float64[np.ndarray, "n_train n_features"],
        design: Float64[np.ndarray, "n_train n_design"],
        *,
        max_rank: int = MAX_RANK,
    ) -> "LowRank":
        """Maximise the likelihood of what is there, by expectation and maximisation.

        The rank is the number of eigenvalues beyond what noise gives (Marchenko-Pastur), from 1 to `max_rank`.

        Parameters
        ----------
        residuals : float64 array, shape [n_train, n_features]
            Of unit variance, NaN where nothing was measured.
        design : float64 array, shape [n_train, n_design]
            Orthonormal basis of [1, confounds].
        """
        observed = np.isfinite(residuals)
        inverses = inverse_grams(design, observed)
        model = cls._start(residuals, design.shape[1], max_rank)
        before = np.zeros(int((~observed).sum()))
        for n_iterations in range(1, MAX_ITERATIONS + 1):
            model = model._improved(residuals, design, inverses, n_iterations)
            predicted = model.expected(residuals, design)[~observed]
            moved = float(np.sqrt(np.square(predicted - before).mean())) if len(predicted) else 0.0
            if moved <= TOLERANCE:
                return model
            before = predicted
        caution(
            f"Missing values still moved by {moved:.2g} standard deviations after {MAX_ITERATIONS} iterations: what "
            "stands for them is less exact; leave features with few values out.",
            stacklevel=2,
        )
        return model

    @classmethod
    def _start(cls, residuals: Matrix, n_design: int, max_rank: int) -> "LowRank":
        filled = np.nan_to_num(residuals)
        n, p = filled.shape
        degrees = max(n - n_design, 1)
        wide = p > n
        values, vectors = np.linalg.eigh((filled @ filled.T if wide else filled.T @ filled) / degrees)
        values, vectors = values[::-1], vectors[:, ::-1]
        beyond = int((values > (1 + np.sqrt(p / degrees)) ** 2).sum())
        rank = max(1, min(beyond, max_rank, p - 1, degrees - 1))
        noise = max(float((values.sum() - values[:rank].sum()) / max(p - rank, 1)), _LEAST_NOISE)
        axes = filled.T @ vectors[:, :rank] if wide else vectors[:, :rank]
        axes = axes / np.maximum(np.linalg.norm(axes, axis=0), _LEAST_NOISE)
        strength = np.sqrt(np.maximum(values[:rank] - noise, _LEAST_NOISE))
        return cls(axes * strength, noise, np.zeros((n_design, p)), 0)

    @property
    def rank(self) -> int:
        """Components."""
        return int(self.weights.shape[1])

    def expected(self, residuals: Matrix, design: Matrix) -> Matrix:
        """Return the expectation of every value given what was measured of its row, [n_rows, n_features]."""
        expected = design @ self.offset
        for rows in self._chunks(len(residuals)):
            expected[rows] += self._components(residuals[rows] - expected[rows])[0] @ self.weights.T
        return np.asarray(expected)

    def _chunks(self, n_rows: int) -> list[slice]:
        return list(column_slices(0, n_rows, self.rank**2))

    def _components(self, centred: Matrix) -> tuple[Matrix, Matrix]:
        """Mean [n_rows, rank] and covariance [n_rows, rank, rank] of the components of rows with NaN."""
        observed = np.isfinite(centred)
        products = (self.weights[:, :, None] * self.weights[:, None, :]).reshape(len(self.weights), -1)
        precision = (observed.astype(np.float64) @ products).reshape(-1, self.rank, self.rank)
        inverse = np.linalg.inv(precision + self.noise * np.eye(self.rank))
        means = np.einsum("nab,nb->na", inverse, np.where(observed, centred, 0.0) @ self.weights)
        return means, self.noise * inverse

    def _improved(self, residuals: Matrix, design: Matrix, inverses: Matrix, n_iterations: int) -> "LowRank":
        observed = np.isfinite(residuals)
        centred = residuals - design @ self.offset
        means = np.empty((len(residuals), self.rank))
        squares = np.zeros((residuals.shape[1], self.rank**2))
        for rows in self._chunks(len(residuals)):
            means[rows], spread = self._components(centred[rows])
            second = means[rows, :, None] * means[rows, None, :] + spread
            squares += observed[rows].T.astype(np.float64) @ second.reshape(-1, self.rank**2)
        filled = np.where(observed, centred, 0.0)
        second_moments = squares.reshape(-1, self.rank, self.rank)
        crossed = filled.T @ means
        weights = np.linalg.solve(second_moments, crossed[:, :, None])[:, :, 0]
        left = np.square(filled).sum() - (weights * crossed).sum()
        noise = max(float(left / observed.sum()), _LEAST_NOISE)
        rest = np.where(observed, residuals - means @ weights.T, 0.0)
        offset = np.einsum("jab,bj->aj", inverses, design.T @ rest)
        return LowRank(weights, noise, offset, n_iterations)
