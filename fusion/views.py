"""Rows are subjects, columns are features: the one shape in which genes and brains meet, dense or factored.

Everything downstream (residualisation, PCA, loadings) uses only the operations of :class:`View`, so a panel of
genes stays factored, ``X_g = 1 offset_g' + A_g E_g``, and the subjects x (genes * hidden) matrix is never built.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse

from fusion.errors import InputError

Matrix: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.int64] | npt.NDArray[np.bool_] | Sequence[int] | slice | None

BLOCK_BYTES = 2**27  # a dense block of columns in float64; small enough that several live at once


class View(Protocol):
    """What every view offers; ``X`` stands for its matrix of shape (n_subjects, n_columns)."""

    @property
    def subject_ids(self) -> tuple[str, ...]:
        """Unique id of every row."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_subjects, n_columns)``."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision in which the values of ``X`` are known."""

    @property
    def column_groups(self) -> tuple[str, ...]:
        """Per column the gene (factored view) or the feature name (table view)."""

    def take(self, rows: Rows) -> "View":
        """Return the view of these rows, in this order."""

    def multiply(self, matrix: Matrix) -> Matrix:
        """Return ``X @ matrix`` in float64."""

    def multiply_transposed(self, matrix: Matrix) -> Matrix:
        """Return ``X.T @ matrix`` in float64."""

    def column_moments(self, rows: Rows = None) -> tuple[Matrix, Matrix]:
        """Return mean and variance (divisor n) of every column."""

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, X[:, columns])`` in float64, left to right, one block of bounded size at a time."""


class TableView:
    """A dense table: brain features, precomputed embeddings.

    Parameters
    ----------
    values : float array of shape (n_subjects, n_features)
        May be a memory map; it is read in blocks of columns. Integers and booleans become float64.
    subject_ids : sequence of str, length n_subjects
        Unique.
    feature_names : sequence of str, length n_features, optional
        Default ``x0, x1, ...``.

    Raises
    ------
    InputError
        Not two-dimensional, lengths that disagree, a repeated id, a value that is not finite (the column is named).
    """

    def __init__(
        self, values: npt.ArrayLike, subject_ids: Sequence[str], feature_names: Sequence[str] | None = None
    ) -> None:
        array = values if isinstance(values, np.ndarray) else np.asarray(values)
        if array.ndim != 2:
            raise InputError(f"A table view needs a subjects x features matrix; got shape {array.shape}.")
        if array.dtype.kind not in "fiub":
            raise InputError(
                f"A table view needs numbers; got dtype {array.dtype}: convert or drop text columns first."
            )
        self._values = array if array.dtype.kind == "f" else array.astype(np.float64)
        self._rows: npt.NDArray[np.int64] | None = None  # taken lazily, so that a memory map stays on disk
        self.subject_ids = _unique_ids(subject_ids, len(array))
        names = [f"x{j}" for j in range(array.shape[1])] if feature_names is None else feature_names
        if len(names) != array.shape[1]:
            raise InputError(
                f"A table view needs one name per feature; got {len(names)} for {array.shape[1]} features."
            )
        self.column_groups = tuple(str(name) for name in names)
        self._check_finite()

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_subjects, n_features)``."""
        return len(self.subject_ids), self._values.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The stored precision."""
        return self._values.dtype

    def take(self, rows: Rows) -> "TableView":
        """Return the view of these rows; values are shared, not copied."""
        if rows is None:
            return self
        index = row_index(rows, len(self.subject_ids))
        taken = object.__new__(TableView)  # the values were checked when the parent was made
        taken._values = self._values
        taken._rows = index if self._rows is None else self._rows[index]
        taken.subject_ids = _unique_ids([self.subject_ids[i] for i in index], len(index))
        taken.column_groups = self.column_groups
        return taken

    def multiply(self, matrix: Matrix) -> Matrix:
        """Return ``X @ matrix``."""
        product = np.zeros((self.shape[0], matrix.shape[1]))
        for columns, block in self.column_blocks():
            product += block @ matrix[columns]
        return product

    def multiply_transposed(self, matrix: Matrix) -> Matrix:
        """Return ``X.T @ matrix``."""
        product = np.empty((self.shape[1], matrix.shape[1]))
        for columns, block in self.column_blocks():
            product[columns] = block.T @ matrix
        return product

    def column_moments(self, rows: Rows = None) -> tuple[Matrix, Matrix]:
        """Return mean and variance (divisor n) of every column."""
        return _moments(self.take(rows))

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, X[:, columns])`` in float64."""
        for columns in _slices(0, self.shape[1], self.shape[0]):
            block = self._values[:, columns] if self._rows is None else self._values[self._rows, columns]
            yield columns, np.asarray(block, dtype=np.float64)

    def _check_finite(self) -> None:
        for columns, block in self.column_blocks():
            bad = ~np.isfinite(block)
            if bad.any():
                j = int(np.flatnonzero(bad.any(axis=0))[0])
                name = self.column_groups[columns.start + j]
                raise InputError(
                    f"Feature {name!r} has {int(bad[:, j].sum())} missing or infinite values of {len(block)}: "
                    "a view needs finite numbers; exclude the subjects, drop the feature or impute it when reading."
                )


class FactoredView:
    """A panel of genes as factors: ``X_g = 1 offsets_g' + designs_g @ embeddings_g``, side by side.

    Parameters
    ----------
    designs : sequence of sparse matrices, each of shape (n_subjects, n_windows_g)
        Weight of every distinct window in every subject's gene vector.
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
        subject_ids: Sequence[str],
        gene_ids: Sequence[str],
        offsets: Sequence[npt.NDArray[Any]] | None = None,
    ) -> None:
        self.subject_ids = _unique_ids(subject_ids, len(subject_ids))
        self.gene_ids = _unique_ids(gene_ids, len(designs), what="gene_ids")
        self._designs = [scipy.sparse.csr_array(design) for design in designs]
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

    def take(self, rows: Rows) -> "FactoredView":
        """Return the view of these rows; embeddings are shared, not copied."""
        if rows is None:
            return self
        index = row_index(rows, len(self.subject_ids))
        return FactoredView(
            designs=[design[index] for design in self._designs],
            embeddings=self._embeddings,
            subject_ids=[self.subject_ids[i] for i in index],
            gene_ids=self.gene_ids,
            offsets=self._offsets,
        )

    def multiply(self, matrix: Matrix) -> Matrix:
        """Return ``X @ matrix``: per gene one small and one sparse product."""
        product = np.zeros((self.shape[0], matrix.shape[1]))
        for columns, design, embedding, offset in self._genes():
            product += design @ (embedding @ matrix[columns]) + offset @ matrix[columns]
        return product

    def multiply_transposed(self, matrix: Matrix) -> Matrix:
        """Return ``X.T @ matrix``: per gene one sparse and one small product."""
        product = np.empty((self.shape[1], matrix.shape[1]))
        total = matrix.sum(axis=0)
        for columns, design, embedding, offset in self._genes():
            product[columns] = embedding.T @ (design.T @ matrix) + np.outer(offset, total)
        return product

    def column_moments(self, rows: Rows = None) -> tuple[Matrix, Matrix]:
        """Return mean and variance (divisor n) of every column."""
        return _moments(self.take(rows))

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, X[:, columns])`` in float64; a block never holds two genes."""
        for columns, design, embedding, offset in self._genes():
            for part in _slices(columns.start, columns.stop, self.shape[0]):
                inside = slice(part.start - columns.start, part.stop - columns.start)
                yield part, design @ embedding[:, inside] + offset[inside]

    def _genes(self) -> Iterator[tuple[slice, Any, Matrix, Matrix]]:
        for g, design in enumerate(self._designs):
            columns = slice(int(self._starts[g]), int(self._starts[g + 1]))
            yield columns, design, self._embeddings[g].astype(np.float64), self._offsets[g]

    def _check_factors(self) -> None:
        lengths = {"designs": len(self._designs), "embeddings": len(self._embeddings), "offsets": len(self._offsets)}
        if set(lengths.values()) != {len(self.gene_ids)}:
            raise InputError(f"A factored view needs one factor of each kind per gene; got {lengths}.")
        for gene, design, embedding, offset in zip(
            self.gene_ids, self._designs, self._embeddings, self._offsets, strict=True
        ):
            shapes = (design.shape, embedding.shape, offset.shape)
            if shapes != ((len(self.subject_ids), embedding.shape[0]), embedding.shape, embedding.shape[1:]):
                raise InputError(
                    f"Gene {gene!r} needs a design of {len(self.subject_ids)} subjects x windows, an embedding of "
                    f"windows x hidden and an offset of hidden; got shapes {shapes[0]}, {shapes[1]} and {shapes[2]}."
                )
            if not (np.isfinite(embedding).all() and np.isfinite(design.data).all() and np.isfinite(offset).all()):
                raise InputError(f"Gene {gene!r} has factors that are not finite: embed its windows again.")


def as_view(table: Any) -> View:
    """Return a view of anything table-like.

    Parameters
    ----------
    table : View, DataFrame of shape (n_subjects, n_features), or array of that shape
        A frame's index holds the subject ids; an array's subjects are called by their row number, ``"0"`` onwards.

    Returns
    -------
    View
        The argument itself if it is a view.

    Raises
    ------
    InputError
        A column that is not numeric, an index of floats, or whatever :class:`TableView` refuses.
    """
    if hasattr(table, "multiply_transposed"):
        view: View = table
        return view
    if not hasattr(table, "iloc"):
        array = np.asarray(table)
        return TableView(array, [str(i) for i in range(len(array) if array.ndim else 0)])
    for name, dtype in table.dtypes.items():
        if getattr(dtype, "kind", "O") not in "fiub":
            raise InputError(f"Column {name!r} is {dtype}, not numeric: a view needs numbers; drop or encode it first.")
    if table.index.dtype.kind == "f":
        raise InputError(f"Subject ids are floats, such as {table.index[0]}: read the id column as text.")
    values = table.to_numpy(dtype=np.result_type(*table.dtypes.map(_float_type)), na_value=np.nan)
    return TableView(values, [str(i) for i in table.index], [str(c) for c in table.columns])


def row_index(rows: Rows, n_subjects: int) -> npt.NDArray[np.int64]:
    """Return row numbers for an index, a mask, a slice or None (all rows)."""
    every = np.arange(n_subjects)
    return every if rows is None else every[rows if isinstance(rows, slice) else np.asarray(rows)]


def _float_type(dtype: Any) -> np.dtype[Any]:
    return np.dtype(np.float32 if getattr(dtype, "name", "").lower() == "float32" else np.float64)


def _unique_ids(ids: Sequence[str], n: int, what: str = "subject_ids") -> tuple[str, ...]:
    if len(ids) != n:
        raise InputError(f"A view needs one entry of {what} per item; got {len(ids)} for {n}.")
    wrong = next((i for i in ids if not isinstance(i, str)), None)
    if wrong is not None:
        raise InputError(
            f"A view needs text in {what}; got {wrong!r} of type {type(wrong).__name__}: convert with str."
        )
    name, count = Counter(ids).most_common(1)[0] if n else ("", 0)
    if count > 1:
        raise InputError(f"A view needs unique {what}; {name!r} occurs {count} times: keep one row of each.")
    return tuple(str(i) for i in ids)


def _slices(start: int, stop: int, n_rows: int) -> Iterator[slice]:
    width = max(1, BLOCK_BYTES // (8 * max(1, n_rows)))
    for first in range(start, stop, width):
        yield slice(first, min(first + width, stop))


def _moments(view: View) -> tuple[Matrix, Matrix]:
    mean, variance = np.empty(view.shape[1]), np.empty(view.shape[1])
    for columns, block in view.column_blocks():
        mean[columns] = block.mean(axis=0)
        variance[columns] = block.var(axis=0)
    return mean, variance
