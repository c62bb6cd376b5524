"""A panel of genes as factors: the subjects x (genes * hidden) matrix is never built."""

# ruff: noqa: F722

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
from jaxtyping import Float64

from fusion.arrays import Matrix, Rows, column_slices, row_index, unique_ids
from fusion.errors import InputError
from fusion.parallel import map_tiles, tiled
from fusion.views.moments import Moments


class FactoredView:
    """A panel of genes as factors: ``X_g = 1 offsets_g' + designs_g @ embeddings_g``, side by side.

    Parameters
    ----------
    designs : sequence of sparse matrices, each of shape (n_subjects, n_windows_g)
        Weight of every distinct window in every subject's gene vector. Shared, not copied, if in CSR form.
    embeddings : sequence of float arrays, each of shape (n_windows_g, hidden_dim_g)
        Rows of the embedding store; hidden dimensions may differ between genes.
    subject_ids : sequence of str, length n_subjects
        Unique.
    gene_ids : sequence of str
        One per design, unique.
    offsets : sequence of float arrays, each of shape (hidden_dim_g,), optional
        The vector of a subject without any entry (the reference). Default zero.

    Raises
    ------
    InputError
        Factors that do not fit together (the gene is named), a repeated id, an embedding that is not finite.
    """

    dtype = np.dtype(np.float64)  # products of factors are formed in float64, whatever the factors are stored in

    def __init__(
        self,
        *,
        designs: Sequence[Any],
        embeddings: Sequence[npt.NDArray[Any]],
        subject_ids: Sequence[Hashable],
        gene_ids: Sequence[Hashable],
        offsets: Sequence[npt.NDArray[Any]] | None = None,
    ) -> None:
        self.subject_ids = unique_ids(subject_ids, len(subject_ids))
        self.gene_ids = unique_ids(gene_ids, len(designs), what="gene_ids")
        self.designs = [scipy.sparse.csr_array(design) for design in designs]
        self._embeddings = list(embeddings)
        zeros = [np.zeros(embedding.shape[1]) for embedding in embeddings]
        self._offsets = zeros if offsets is None else [np.asarray(o, dtype=np.float64) for o in offsets]
        self._check_factors()
        self._starts = np.cumsum([0, *(embedding.shape[1] for embedding in self._embeddings)])

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_subjects, sum of hidden dimensions)``."""
        return len(self.subject_ids), int(self._starts[-1])

    @property
    def column_groups(self) -> tuple[str, ...]:
        """The gene of every column."""
        return tuple(np.repeat(np.asarray(self.gene_ids, dtype=object), np.diff(self._starts)))

    @property
    def gene_columns(self) -> list[slice]:
        """The columns of every gene."""
        return [slice(int(a), int(b)) for a, b in zip(self._starts[:-1], self._starts[1:], strict=True)]

    def take(self, rows: Rows) -> "FactoredView":
        """Return the view of these rows; embeddings are shared, not copied."""
        if rows is None:
            return self
        index = row_index(rows, len(self.subject_ids))
        return FactoredView(
            designs=[design[index] for design in self.designs],
            embeddings=self._embeddings,
            subject_ids=[self.subject_ids[i] for i in index],
            gene_ids=self.gene_ids,
            offsets=self._offsets,
        )

    def multiply(self, matrix: Float64[np.ndarray, "n_columns k"]) -> Float64[np.ndarray, "n_subjects k"]:
        """Return ``X @ matrix``: per gene one small and one sparse product."""
        from fusion.views.sparse_products import multiply_designs

        columns = self.gene_columns
        with tiled():
            factors = map_tiles(lambda g: self.embedding(g) @ matrix[columns[g]], range(len(self.gene_ids)))
            product = multiply_designs(self.designs, factors, self.shape[0])
            product += np.concatenate(self._offsets) @ matrix
        return product

    def multiply_transposed(self, matrix: Float64[np.ndarray, "n_subjects k"]) -> Float64[np.ndarray, "n_columns k"]:
        """Return ``X.T @ matrix``: per gene one sparse and one small product."""
        from fusion.views.sparse_products import multiply_designs_transposed

        product = np.outer(np.concatenate(self._offsets), matrix.sum(axis=0))
        with tiled():
            sums = multiply_designs_transposed(self.designs, matrix)
            product += np.concatenate(map_tiles(lambda g: self.embedding(g).T @ sums[g], range(len(sums))))
        return product

    def column_moments(
        self, rows: Rows = None
    ) -> tuple[Float64[np.ndarray, " n_columns"], Float64[np.ndarray, " n_columns"]]:
        """Return mean and variance (divisor n) of every column."""
        view = self.take(rows)
        n = view.shape[0]
        moments = view.residual_moments(np.full((n, 1), 1 / np.sqrt(n)))
        return moments.mean, moments.residual_squares / n

    def residual_moments(self, basis: Float64[np.ndarray, "n_subjects rank"]) -> Moments:
        """Return the moments of every column against an orthonormal basis of [1, confounds]."""
        parts = map_tiles(
            lambda g: Moments.of_gene(self.designs[g], self.embedding(g), self._offsets[g], basis),
            range(len(self.gene_ids)),
        )
        return Moments.side_by_side(parts)

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, X[:, columns])`` in float64; a block never holds two genes."""
        for g, columns in enumerate(self.gene_columns):
            embedding = self.embedding(g)
            for part in column_slices(columns.start, columns.stop, self.shape[0]):
                inside = slice(part.start - columns.start, part.stop - columns.start)
                yield part, self.designs[g] @ embedding[:, inside] + self._offsets[g][inside]

    def embedding(self, gene: int) -> Matrix:
        """Return the embedding of the gene at this position in float64, (n_windows, hidden_dim)."""
        return np.asarray(self._embeddings[gene], dtype=np.float64)

    def _check_factors(self) -> None:
        lengths = {"designs": len(self.designs), "embeddings": len(self._embeddings), "offsets": len(self._offsets)}
        if set(lengths.values()) != {len(self.gene_ids)}:
            raise InputError(f"A factored view needs one factor of each kind per gene; got {lengths}.")
        for gene, design, embedding, offset in zip(
            self.gene_ids, self.designs, self._embeddings, self._offsets, strict=True
        ):
            shapes = (design.shape, embedding.shape, offset.shape)
            if shapes != ((len(self.subject_ids), embedding.shape[0]), embedding.shape, embedding.shape[1:]):
                raise InputError(
                    f"Gene {gene!r} needs a design of {len(self.subject_ids)} subjects x windows, an embedding of "
                    f"windows x hidden and an offset of hidden; got shapes {shapes[0]}, {shapes[1]} and {shapes[2]}."
                )
            if not (np.isfinite(embedding).all() and np.isfinite(design.data).all() and np.isfinite(offset).all()):
                raise InputError(f"Gene {gene!r} has factors that are not finite: embed its windows again.")
