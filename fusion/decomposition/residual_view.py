"""A view as it looks after residualisation and scaling: an operator on training rows, nothing dense."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np

from fusion.arrays import Matrix
from fusion.confounds.basis import ConfoundBasis
from fusion.errors import InputError
from fusion.parallel import inner, product, subtract_product
from fusion.views.view import View

RELATIVE_ROUNDING = 1e-10  # residual SD / root mean square under which a float64 column counts as constant


@runtime_checkable
class Operator(Protocol):
    """A matrix known by its products; what a decomposition needs."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_rows, n_columns)``."""

    @property
    def streamed(self) -> bool:
        """Whether every product reads the whole table again: then few wide products are better than many narrow."""

    def multiply(self, matrix: Matrix) -> Matrix:
        """Return ``B @ matrix``."""

    def multiply_transposed(self, matrix: Matrix) -> Matrix:
        """Return ``B.T @ matrix``."""

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, B[:, columns])``."""


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
    weights : float64 array of shape (n_columns,)
        ``1 / scale``, 0 for constant columns.

    Raises
    ------
    InputError
        No degree of freedom left, or no column that varies.
    """

    streamed = True

    def __init__(self, view: View, confounds: Matrix, *, scale: bool = True) -> None:
        self.view = view
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
        self.weights = np.where(self.constant, 0.0, 1 / self.scale)

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_train, n_columns)``."""
        return self.view.shape

    def multiply(self, matrix: Matrix) -> Matrix:
        """Return ``X_r @ matrix``."""
        if not hasattr(self.view, "designs"):  # a table: weigh block by block, without a second copy of `matrix`
            total = np.zeros((self.shape[0], matrix.shape[1]))
            for columns, block in self.view.column_blocks():
                total += product(block, matrix[columns] * self.weights[columns, None])
            return self.residuals(total)
        return self.residuals(self.view.multiply(matrix * self.weights[:, None]))

    def multiply_transposed(self, matrix: Matrix) -> Matrix:
        """Return ``X_r.T @ matrix``."""
        result = self.view.multiply_transposed(self.residuals(matrix.copy()))
        result *= self.weights[:, None]
        return result

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, X_r[:, columns])``."""
        for columns, block in self.view.column_blocks():
            residuals = self.residuals(block.copy())
            residuals *= self.weights[columns]
            yield columns, residuals

    def residuals(self, matrix: Matrix) -> Matrix:
        """Replace `matrix` by ``(I - Q Q') @ matrix`` and return it."""
        subtract_product(matrix, self._design, inner(self._design, matrix))
        return matrix

    def _measure(self) -> None:
        moments = self.view.residual_moments(self._design)
        self.mean, self.coefficients = moments.mean, moments.coefficients
        self.residual_sd = np.sqrt(np.maximum(moments.residual_squares, 0) / self.basis.degrees_of_freedom)
        tolerance = max(RELATIVE_ROUNDING, 8 * float(np.finfo(self.view.dtype).eps))
        self.constant = self.residual_sd <= tolerance * np.sqrt(np.maximum(moments.mean_square, 0))
