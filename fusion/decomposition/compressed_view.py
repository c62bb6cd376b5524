"""A residualised panel of genes in as many columns as it has distinct windows: the same singular values, less work.

With ``E_g D^-1 = L_g V_g'`` (D the scales, V_g orthonormal), ``X_r = B V'`` where ``B_g = (I - Q Q') A_g L_g`` has
min(windows, hidden) columns per gene. The singular values of B are those of X_r, its left vectors too, and the right
ones are turned back by the block-diagonal V. ``L_g L_g' = K_g`` is the kernel of the windows in
``X_g X_g' = A_g K_g A_g'``.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from fusion.arrays import Matrix, column_slices
from fusion.decomposition.residual_view import ResidualView
from fusion.parallel import map_tiles
from fusion.views.factored_view import FactoredView
from fusion.views.sparse_products import multiply_designs, multiply_designs_transposed


class CompressedView:
    """``B`` with ``X_r = B V'``.

    Parameters
    ----------
    residual : ResidualView of a FactoredView, of shape (n_train, n_columns)

    Attributes
    ----------
    shape : tuple of int
        ``(n_train, sum over genes of min(n_windows, hidden_dim))``.
    """

    streamed = False

    def __init__(self, residual: ResidualView) -> None:
        view = residual.view
        assert isinstance(view, FactoredView)
        self._residual, self._view = residual, view
        self._genes = range(len(view.gene_ids))
        self._lower = map_tiles(self._compress, self._genes)
        starts = np.cumsum([0, *(lower.shape[1] for lower in self._lower)]).tolist()
        self._columns = [slice(a, b) for a, b in pairwise(starts)]
        self.shape = (view.shape[0], int(starts[-1]))

    def multiply(self, matrix: Matrix) -> Matrix:
        """Return ``B @ matrix``."""
        factors = map_tiles(lambda g: self._lower[g] @ matrix[self._columns[g]], self._genes)
        return self._residual.residuals(multiply_designs(self._view.designs, factors, self.shape[0]))

    def multiply_transposed(self, matrix: Matrix) -> Matrix:
        """Return ``B.T @ matrix``."""
        sums = multiply_designs_transposed(self._view.designs, self._residual.residuals(matrix.copy()))
        return np.concatenate(map_tiles(lambda g: self._lower[g].T @ sums[g], self._genes))

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, B[:, columns])``."""
        for g, columns in enumerate(self._columns):
            for part in column_slices(columns.start, columns.stop, self.shape[0]):
                factor = self._lower[g][:, part.start - columns.start : part.stop - columns.start]
                block = multiply_designs([self._view.designs[g]], [factor], self.shape[0])
                yield part, self._residual.residuals(block)

    def expand(self, right: Matrix) -> Matrix:
        """Return ``V @ right``: right vectors of ``X_r`` from those of ``B``; zero rows at constant columns."""
        expanded = np.empty((self._view.shape[1], right.shape[1]))

        def turn(g: int) -> None:
            target, part = self._view.gene_columns[g], right[self._columns[g]]
            wide = self._weighted(g).shape[0] <= self._weighted(g).shape[1]
            expanded[target] = np.linalg.qr(self._weighted(g).T).Q @ part if wide else part

        map_tiles(turn, self._genes)
        expanded[self._residual.constant] = 0  # exactly: values of held-out rows may be large there
        return expanded

    def _compress(self, gene: int) -> Matrix:
        weighted = self._weighted(gene)
        return np.linalg.qr(weighted.T).R.T if weighted.shape[0] <= weighted.shape[1] else weighted

    def _weighted(self, gene: int) -> Matrix:
        """``E_g D^-1``."""
        return self._view.embedding(gene) * self._residual.weights[self._view.gene_columns[gene]]
