"""A dense table of subjects x features, in memory or streamed from disk in blocks of columns."""

# ruff: noqa: F722

from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd
from jaxtyping import Float64

from fusion.arrays import Matrix, Rows, column_slices, row_index, unique_ids, unmasked
from fusion.errors import InputError
from fusion.parallel import fill_transposed_product, tiled
from fusion.parallel import product as row_tiled_product
from fusion.subject_rows import check_same_subjects
from fusion.views.moments import Moments


@runtime_checkable
class ColumnSource(Protocol):
    """A dense matrix that lies elsewhere and is read in blocks of columns."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_subjects, n_features)``."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the stored numbers."""

    def read_columns(self, columns: slice) -> npt.NDArray[Any]:
        """Return the block of these columns, all rows; steps of the slice are 1."""


class TableView:
    """A dense table: brain features, precomputed embeddings.

    Parameters
    ----------
    values : float array of shape (n_subjects, n_features), or ColumnSource of that shape
        An array may be a memory map. Whatever has ``shape``, ``dtype`` and ``read_columns(slice)`` is read in blocks
        of columns and never held as a whole. Integers and booleans become float64.
    subject_ids : sequence of str, length n_subjects
        Unique.
    feature_names : sequence of str, length n_features, optional
        Default ``x0, x1, ...``. Names may repeat: features of the same name are one group of columns.

    Raises
    ------
    InputError
        Not two-dimensional, lengths that disagree, a repeated id, a value that is not finite (the column is named).
    """

    def __init__(
        self,
        values: npt.ArrayLike | ColumnSource,
        subject_ids: Sequence[Hashable],
        feature_names: Sequence[str] | None = None,
    ) -> None:
        values = unmasked(values)
        self._values: npt.NDArray[Any] | ColumnSource = (
            values if isinstance(values, np.ndarray | ColumnSource) else np.asarray(values)
        )
        shape, dtype = self._values.shape, self._values.dtype
        if len(shape) != 2:
            raise InputError(f"A table view needs a subjects x features matrix; got shape {shape}.")
        if dtype.kind not in "fiub":
            raise InputError(f"A table view needs numbers; got dtype {dtype}: convert or drop text columns first.")
        if isinstance(self._values, np.ndarray) and dtype.kind != "f":
            self._values = self._values.astype(np.float64)
        self._rows: npt.NDArray[np.int64] | None = None  # taken lazily, so that a table on disk stays there
        self.subject_ids = unique_ids(subject_ids, shape[0])
        check_same_subjects(subject_ids=self, values=values if isinstance(values, pd.DataFrame) else None)
        names = [f"x{j}" for j in range(shape[1])] if feature_names is None else feature_names
        if len(names) != shape[1]:
            raise InputError(f"A table view needs one name per feature; got {len(names)} for {shape[1]} features.")
        self.column_groups = tuple(str(name) for name in names)
        self._check_finite()

    @classmethod
    def from_npy(
        cls, path: str | Path, subject_ids: Sequence[Hashable], feature_names: Sequence[str] | None = None
    ) -> "TableView":
        """Stream a matrix from a ``.npy`` file; see :class:`fusion.views.column_files.NpyColumns`."""
        from fusion.views.column_files import NpyColumns

        return cls(NpyColumns(path), subject_ids, feature_names)

    @classmethod
    def from_hdf5(cls, path: str | Path, *, values: str = "X", ids: str = "eid") -> "TableView":
        """Stream a matrix from a dataset of an HDF5 file; see :class:`fusion.views.column_files.Hdf5Columns`."""
        from fusion.views.column_files import Hdf5Columns

        source = Hdf5Columns(path, values)
        return cls(source, source.read_ids(ids))

    @classmethod
    def from_parquet(cls, path: str | Path, *, id_column: str = "eid", vector: str = "vector") -> "TableView":
        """Stream numeric columns, or one column of vectors; see :func:`fusion.views.column_files.unpack_parquet`."""
        from fusion.views.column_files import unpack_parquet

        return cls(*unpack_parquet(path, id_column=id_column, vector=vector))

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_subjects, n_features)``."""
        return len(self.subject_ids), self._values.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The stored precision; float64 for integers."""
        return self._values.dtype if self._values.dtype.kind == "f" else np.dtype(np.float64)

    def take(self, rows: Rows) -> "TableView":
        """Return the view of these rows; values are shared, not copied."""
        if rows is None:
            return self
        index = row_index(rows, len(self.subject_ids))
        taken = object.__new__(TableView)  # the values were checked when the parent was made
        taken._values = self._values
        taken._rows = index if self._rows is None else self._rows[index]
        taken.subject_ids = unique_ids([self.subject_ids[i] for i in index], len(index))
        taken.column_groups = self.column_groups
        return taken

    def multiply(self, matrix: Float64[np.ndarray, "n_columns k"]) -> Float64[np.ndarray, "n_subjects k"]:
        """Return ``X @ matrix``."""
        product = np.zeros((self.shape[0], matrix.shape[1]))
        with tiled():
            for columns, block in self.column_blocks():
                product += row_tiled_product(block, matrix[columns])
        return product

    def multiply_transposed(self, matrix: Float64[np.ndarray, "n_subjects k"]) -> Float64[np.ndarray, "n_columns k"]:
        """Return ``X.T @ matrix``."""
        product = np.empty((self.shape[1], matrix.shape[1]))
        with tiled():
            for columns, block in self.column_blocks():
                fill_transposed_product(product[columns], block, matrix)
        return product

    def column_moments(
        self, rows: Rows = None
    ) -> tuple[Float64[np.ndarray, " n_columns"], Float64[np.ndarray, " n_columns"]]:
        """Return mean and variance (divisor n) of every column."""
        view = self.take(rows)
        mean, variance = np.empty(view.shape[1]), np.empty(view.shape[1])
        for columns, block in view.column_blocks():
            mean[columns], variance[columns] = block.mean(axis=0), block.var(axis=0)
        return mean, variance

    def residual_moments(self, basis: Float64[np.ndarray, "n_subjects rank"]) -> Moments:
        """Return the moments of every column against an orthonormal basis of [1, confounds]."""
        return Moments.of_blocks(self.column_blocks(), basis)

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, X[:, columns])`` in float64."""
        for columns in column_slices(0, self.shape[1], self._values.shape[0]):
            yield columns, np.ascontiguousarray(self._read(columns), dtype=np.float64)  # one order, the same bits

    def _read(self, columns: slice) -> npt.NDArray[Any]:
        if isinstance(self._values, np.ndarray):
            return self._values[:, columns] if self._rows is None else self._values[self._rows, columns]
        block = self._values.read_columns(columns)
        return block if self._rows is None else block[self._rows]

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
