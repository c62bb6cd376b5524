"""First and second moments of a view's columns once confounds are removed, from dense blocks or from factors."""

# ruff: noqa: F722

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix, column_slices

CANCELLED = 1e-8  # share of the sum of squares below which a difference of cross products has lost too many digits
GRAM_WINDOWS = 4096  # windows of a gene up to which their cross products are formed


@dataclass(frozen=True, slots=True)
class Moments:
    """Of the columns of ``X`` against an orthonormal basis ``Q`` of [1, Z].

    Attributes
    ----------
    mean : float64 array of shape (n_columns,)
    coefficients : float64 array of shape (1 + rank, n_columns)
        ``Q' X``.
    residual_squares : float64 array of shape (n_columns,)
        Sum of squares of ``(I - Q Q') X``.
    mean_square : float64 array of shape (n_columns,)
        Of ``X`` itself.
    """

    mean: Float64[np.ndarray, " n_columns"]
    coefficients: Float64[np.ndarray, "rank n_columns"]
    residual_squares: Float64[np.ndarray, " n_columns"]
    mean_square: Float64[np.ndarray, " n_columns"]

    @classmethod
    def of_blocks(cls, blocks: Iterable[tuple[slice, Matrix]], basis: Matrix) -> "Moments":
        """Stream dense blocks of columns, left to right."""
        parts = []
        for _, block in blocks:
            coefficients = basis.T @ block
            residuals = block - basis @ coefficients
            parts.append(
                (
                    block.mean(axis=0),
                    coefficients,
                    np.square(residuals).sum(axis=0),
                    np.square(block).mean(axis=0),
                )
            )
        return cls(*(np.concatenate(part, axis=-1) for part in zip(*parts, strict=True)))

    @classmethod
    def of_gene(cls, design: Any, embedding: Matrix, offset: Matrix, basis: Matrix) -> "Moments":
        """Moments of ``1 offset' + design @ embedding`` from ``design.T @ design``: no row of it is formed.

        With C the cross products of the residualised design, the residual squares are ``diag(E' C E)``. Columns in
        which that difference cancels are formed after all.
        """
        from fusion.views.sparse_products import design_gram, multiply_designs_transposed  # numba: a second to import

        n = len(basis)
        if design.shape[1] > GRAM_WINDOWS:
            return cls.of_blocks(_gene_blocks(design, embedding, offset), basis)
        total, *projected = multiply_designs_transposed([design], np.column_stack([np.ones(n), basis]))[0].T
        gram, loadings = design_gram(design), np.array(projected)
        squares = np.einsum("ij,ij->j", embedding, gram @ embedding)
        shift = total @ embedding
        moments = cls(
            mean=shift / n + offset,
            coefficients=loadings @ embedding + np.outer(basis.sum(axis=0), offset),
            residual_squares=np.einsum("ij,ij->j", embedding, (gram - loadings.T @ loadings) @ embedding),
            mean_square=(squares + 2 * offset * shift) / n + offset**2,
        )
        lost = np.flatnonzero(moments.residual_squares <= CANCELLED * squares)
        for columns, block in _gene_blocks(design, embedding[:, lost], np.zeros(len(lost))):
            residuals = block - basis @ (basis.T @ block)
            moments.residual_squares[lost[columns]] = np.square(residuals).sum(axis=0)
        return moments

    @classmethod
    def side_by_side(cls, parts: Iterable["Moments"]) -> "Moments":
        """Join the moments of neighbouring columns."""
        rows = [(part.mean, part.coefficients, part.residual_squares, part.mean_square) for part in parts]
        return cls(*(np.concatenate(column, axis=-1) for column in zip(*rows, strict=True)))


def _gene_blocks(design: Any, embedding: Matrix, offset: Matrix) -> Iterable[tuple[slice, Matrix]]:
    for columns in column_slices(0, embedding.shape[1], design.shape[0]):
        yield columns, design @ embedding[:, columns] + offset[columns]
