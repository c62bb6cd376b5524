"""Matrices on disk, read in blocks of columns without holding them: npy, HDF5, and parquet by way of npy."""

import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import rmtree
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fusion.damage import refused_if_damaged
from fusion.errors import InputError

BATCH_ROWS = 256
BATCH_BYTES = 2**26


class NpyColumns:
    """The matrix of a ``.npy`` file.

    Parameters
    ----------
    path : str or Path
        Two-dimensional, numeric, in either order of storage. Read with plain reads: memory is the block, and never
        the pages of a mapped file.

    Raises
    ------
    InputError
        A file that is not there, not npy, cut short, or holds objects.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"A matrix is required at {path}; there is no such file: check the path.")
        with refused_if_damaged(path, "a .npy file"), self.path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            _check_header(file, version, self.path.stat().st_size)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, self._is_fortran, self.dtype = read(file)
            self._offset = file.tell()
        if len(shape) != 2 or min(shape) < 1:
            raise InputError(f"{path} must hold a subjects x features matrix; got shape {shape}.")
        self.shape: tuple[int, int] = (shape[0], shape[1])
        if self.dtype.kind not in "fiub":
            raise InputError(f"{path} must hold numbers; it holds {self.dtype}: write it again with numpy.save.")
        wanted = self._offset + self.dtype.itemsize * shape[0] * shape[1]
        if self.path.stat().st_size < wanted:
            raise InputError(
                f"{path} must hold {wanted} bytes for shape {self.shape}; it has {self.path.stat().st_size}: it was "
                "cut short, copy it again."
            )

    def read_columns(self, columns: slice) -> npt.NDArray[Any]:
        """Return these columns, (n_rows, width)."""
        n, width = self.shape
        first, last, _ = columns.indices(width)
        with self.path.open("rb", buffering=0) as file:
            if self._is_fortran:
                block = np.empty((last - first, n), self.dtype)
                _read_into(file, self._offset + first * n * self.dtype.itemsize, block)
                return block.T
            block = np.empty((n, last - first), self.dtype)
            for row in range(n):
                _read_into(file, self._offset + (row * width + first) * self.dtype.itemsize, block[row])
            return block


def _check_header(file: BinaryIO, version: tuple[int, int], size: int) -> None:
    """Refuse a version that numpy does not know, and a header that claims to be longer than the file."""
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"there is no version {version[0]}.{version[1]} of the format")
    begin = file.tell()
    claimed = int.from_bytes(file.read(2 if version == (1, 0) else 4), "little")
    if claimed > size:
        raise ValueError(f"its header claims {claimed:,} bytes of {size:,}")
    file.seek(begin)


class Hdf5Columns:
    """A two-dimensional dataset of an HDF5 file; the file is opened for each block, so that workers can share it.

    Parameters
    ----------
    path : str or Path
    values : str
        Name of the dataset.

    Raises
    ------
    InputError
        No such file or dataset.
    """

    def __init__(self, path: str | Path, values: str = "X") -> None:
        self.path, self.values = Path(path), values
        with self._open() as file, refused_if_damaged(self.path, "an HDF5 file"):
            dataset = _dataset(file, values, self.path)
            if len(dataset.shape) != 2:
                raise InputError(f"{path} needs a subjects x features matrix in {values!r}; got shape {dataset.shape}.")
            self.shape: tuple[int, int] = (int(dataset.shape[0]), int(dataset.shape[1]))
            self.dtype: np.dtype[Any] = dataset.dtype

    def read_columns(self, columns: slice) -> npt.NDArray[Any]:
        """Return these columns, (n_rows, width)."""
        with self._open() as file, refused_if_damaged(self.path, "an HDF5 file"):
            block: npt.NDArray[Any] = file[self.values][:, columns]
        return block

    def read_ids(self, name: str = "eid") -> list[str]:
        """Return a dataset of texts or integers as texts."""
        with self._open() as file, refused_if_damaged(self.path, "an HDF5 file"):
            ids = _dataset(file, name, self.path)[:]
        if ids.dtype.kind == "f":
            raise InputError(f"{self.path} holds floats as ids in {name!r}, such as {ids[0]}: store them as text.")
        return [i.decode(errors="backslashreplace") if isinstance(i, bytes) else str(i) for i in ids]

    def _open(self) -> Any:
        import h5py

        if not self.path.is_file():
            raise InputError(f"A matrix is required at {self.path}; there is no such file: check the path.")
        with refused_if_damaged(self.path, "an HDF5 file"):
            return h5py.File(self.path, "r")


def _check_heaps(path: Path, length: int) -> None:
    """Refuse texts of any length whose heap the HDF5 library would read for ever (``H5HG__cache_heap_deserialize``).

    It adds what an object claims modulo 2^64: with nothing, or all but as much, the next object is never behind it.
    """
    header = 8 + -(-length // 8) * 8  # index, references and length, padded to eight bytes (specification, III.E)
    place = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while (place := content.find(b"GCOL\x01\0\0\0", place)) >= 0:
            end = min(place + int.from_bytes(content[place + 8 : place + 8 + length], "little"), len(content))
            place += header
            while place + header <= end:
                claimed = int.from_bytes(content[place + 8 : place + 8 + length], "little")
                is_text = any(content[place : place + 2])  # object 0 is the free space, and counts its header
                step = header + -(-claimed // 8) * 8 if is_text else claimed
                if not 0 < step < 1 << (8 * length - 1):
                    raise ValueError(f"the text at byte {place:,} has no end")
                place += step


def unpack_parquet(
    path: str | Path, *, id_column: str = "eid", vector: str = "vector"
) -> tuple[NpyColumns, list[str], list[str]]:
    """Unpack a parquet table into a scratch ``.npy`` file and return its reader, subject ids and feature names.

    Parquet keeps rows in compressed groups: a block of columns would decode all of them each time, so they are decoded
    once, a batch at a time. The scratch file, as large as the matrix, lies in the folder for temporary files
    (``TMPDIR``) and is deleted with the reader.

    Parameters
    ----------
    path : str or Path
    id_column : str
        Text or integers.
    vector : str
        A column of equally long lists of numbers. Without such a column every other numeric column is a feature.

    Raises
    ------
    InputError
        No such file or id column, ids that are floats, vectors of unequal length, no numeric column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    if not path.is_file():
        raise InputError(f"A table is required at {path}; there is no such file: check the path.")
    with refused_if_damaged(path, "a parquet file"):
        table = pq.ParquetFile(path, pre_buffer=False)
        schema = table.schema_arrow
    if id_column not in schema.names:
        raise InputError(f"{path} needs an id column {id_column!r}; it has {', '.join(schema.names[:8])}: name it.")
    if pa.types.is_floating(schema.field(id_column).type):
        raise InputError(f"{path} holds floats as ids in {id_column!r}: store them as text.")
    with refused_if_damaged(path, "a parquet file"):
        ids = [str(i) for i in table.read([id_column]).column(0).to_pylist()]
    folder = Path(tempfile.mkdtemp(prefix="columns-"))
    try:
        with refused_if_damaged(path, "a parquet file of numbers"):
            if vector in schema.names:
                names = _write_vectors(table, path, vector, len(ids), folder / "values.npy")
            else:
                names = _write_columns(table, path, id_column, len(ids), folder / "values.npy")
        source = NpyColumns(folder / "values.npy")
    except BaseException:
        rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(source, rmtree, folder, ignore_errors=True)
    return source, ids, names


def _write_vectors(table: Any, path: Path, vector: str, n: int, target: Path) -> list[str]:
    width, dtype = 0, np.dtype("float32")
    with target.open("wb") as file:
        for start, batch in _batches(table, vector):
            lengths = {0 if value is None else len(value) for value in batch}
            if start == 0:
                width = max(lengths)
                dtype = np.dtype("float64" if str(batch.type.value_type) == "double" else "float32")
                _write_header(file, (n, width), dtype, is_fortran=False)
            if lengths != {width} or not width:
                raise InputError(
                    f"{path} needs one vector of one length per row in {vector!r}; rows {start} to "
                    f"{start + len(batch) - 1} hold lengths {sorted(lengths)}, the first {width}: write them again."
                )
            file.write(np.asarray(batch.flatten(), dtype=dtype).tobytes())
    return [f"v{j}" for j in range(width)]


def _batches(table: Any, column: str) -> Iterator[tuple[int, Any]]:
    start = 0
    for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=[column]):
        yield start, batch.column(0)
        start += batch.num_rows


def _write_columns(table: Any, path: Path, id_column: str, n: int, target: Path) -> list[str]:
    import pyarrow as pa

    fields = [field for field in table.schema_arrow if field.name != id_column]
    text = next((f for f in fields if not (pa.types.is_floating(f.type) or pa.types.is_integer(f.type))), None)
    if text is not None or not fields:
        raise InputError(
            f"{path} needs numeric columns beside {id_column!r}; {text.name if text else 'none'} is not: drop it."
        )
    names = [field.name for field in fields]
    wide = any(field.type not in (pa.float32(), pa.float16()) for field in fields)
    dtype = np.dtype(np.float64 if wide else np.float32)
    step = max(1, BATCH_BYTES // (dtype.itemsize * max(1, n)))
    with target.open("wb") as file:
        _write_header(file, (n, len(names)), dtype, is_fortran=True)
        for first in range(0, len(names), step):
            for column in table.read(names[first : first + step]).itercolumns():
                file.write(column.to_numpy().astype(dtype).tobytes())
    return names


def _write_header(file: IO[bytes], shape: Sequence[int], dtype: np.dtype[Any], *, is_fortran: bool) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": is_fortran, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(file, header)


def _read_into(file: Any, offset: int, target: npt.NDArray[Any]) -> None:
    """Fill a contiguous array from this place of a file."""
    view, done = target.reshape(-1).view(np.uint8).data, 0
    while done < len(view):
        read = os.preadv(file.fileno(), [view[done:]], offset + done)
        if not read:
            raise InputError(f"{file.name} ends before byte {offset + len(view)}: it was cut short, copy it again.")
        done += read


def _dataset(file: Any, name: str, path: Path) -> Any:
    if name not in file:
        raise InputError(f"{path} needs a dataset {name!r}; it has {', '.join(sorted(file)) or 'none'}: name it.")
    dataset = file[name]
    if dataset.dtype.hasobject:
        _check_heaps(path, file.id.get_create_plist().get_sizes()[1])
    return dataset
