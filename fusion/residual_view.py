"""A view as it looks after residualisation and scaling: an operator on training rows, nothing dense."""

from collections.abc import Iterator

import numpy as np

from fusion.errors import InputError
from fusion.residualize import ConfoundBasis
from fusion.views import Matrix, View

RELATIVE_ROUNDING = 1e-10  # residual SD / root mean square under which a float64 column counts as constant


class ResidualView:
    """``X_r = (I - Q Q') X / scale`` with Q an orthonormal basis of [1, Z] on these rows.

    Parameters
    ----------
    view : View of shape (n_train, n_columns)
        Training rows only.
    confounds : float64 array of shape (n_train, n_confounds)
        Z, without intercept.
    scale : bool
        Whether columns are divided by their residual standard deviation.

    Attributes
    ----------
    basis : ConfoundBasis
    mean, residual_sd : float64 arrays of shape (n_columns,)
        Training mean, and the square root of (residual sum of squares / degrees of freedom).
    coefficients : float64 array of shape (1 + rank, n_columns)
        Of the columns in the orthonormal basis.
    constant : bool array of shape (n_columns,)
        Columns whose residual SD is rounding: under 1e-10 of their root mean square, or 8 units in the last place of
        the view's own precision if that is coarser. They become zero columns of ``X_r``.
    scale : float64 array of shape (n_columns,)
        Divisor of every column; 1 for constant ones and without scaling.

    Raises
    ------
    InputError
        No degree of freedom left, or no column that varies.
    """

    def __init__(self, view: View, confounds: Matrix, *, scale: bool = True) -> None:
        self._view = view
        self.basis = ConfoundBasis.of(confounds)
        if self.basis.degrees_of_freedom < 1:
            raise InputError(
                f"Residuals need more training subjects than 1 + independent confounds; got {view.shape[0]} subjects "
                f"for {self.basis.rank} confounds: use fewer confounds, fewer folds or more subjects."
            )
        self._design = self.basis(confounds)
        self._measure()
        if self.constant.all():
            raise InputError(
                f"A view needs a column that varies among the {view.shape[0]} training subjects once confounds are "
                f"removed; all {view.shape[1]} are constant: check the table and the confounds."
            )
        self.scale = np.where(self.constant, 1.0, self.residual_sd) if scale else np.ones(view.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_train, n_columns)``."""
        return self._view.shape

    def multiply(self, matrix: Matrix) -> Matrix:
        """Return ``X_r @ matrix``."""
        return self.residuals(self._view.multiply(matrix * self._weights[:, None]))

    def multiply_transposed(self, matrix: Matrix) -> Matrix:
        """Return ``X_r.T @ matrix``."""
        product: Matrix = self._view.multiply_transposed(self.residuals(matrix)) * self._weights[:, None]
        return product

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, X_r[:, columns])``."""
        for columns, block in self._view.column_blocks():
            yield columns, self.residuals(block) * self._weights[columns]

    def residuals(self, matrix: Matrix) -> Matrix:
        """Return ``(I - Q Q') @ matrix``."""
        residuals: Matrix = matrix - self._design @ (self._design.T @ matrix)
        return residuals

    @property
    def _weights(self) -> Matrix:
        weights: Matrix = np.where(self.constant, 0.0, 1 / self.scale)
        return weights

    def _measure(self) -> None:
        n, width = self._view.shape
        self.mean, self.residual_sd, size = np.empty(width), np.empty(width), np.empty(width)
        self.coefficients = np.empty((1 + self.basis.rank, width))
        for columns, block in self._view.column_blocks():
            self.mean[columns] = block.mean(axis=0)
            self.coefficients[:, columns] = self._design.T @ block
            residuals = block - self._design @ self.coefficients[:, columns]
            self.residual_sd[columns] = np.sqrt(np.square(residuals).sum(axis=0) / self.basis.degrees_of_freedom)
            size[columns] = np.sqrt(np.square(block).sum(axis=0) / n)
        tolerance = max(RELATIVE_ROUNDING, 8 * float(np.finfo(self._view.dtype).eps))
        self.constant = self.residual_sd <= tolerance * size
