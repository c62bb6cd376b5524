"""The one form in which brain features are kept: a parquet table of ids and float32 vectors that says its origin.

Columns: ``subject_id`` (text), ``vector`` (fixed_size_list of float32, one number a feature), and one float64 column
per covariate that came along (``eTIV``). The schema metadata holds, under ``genebrain.brain``, a JSON object with the
feature names and the provenance: layout, sources with their sha256, options, notes. One column of vectors costs the
same to open for 5 features as for 80,000, and names of any kind fit.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.publishing import published_file

if TYPE_CHECKING:
    from encoders.brain.records import Records

VECTOR_COLUMN = "vector"
ID_COLUMN = "subject_id"
METADATA_KEY = b"genebrain.brain"
FORMAT_VERSION = 1


def write_canonical(path: Path, records: "Records", provenance: Mapping[str, Any]) -> None:
    """Write features as canonical parquet, whole or not at all.

    Parameters
    ----------
    path : Path
        Ends in ``.parquet``.
    records : Records
        One row per subject.
    provenance : mapping
        Layout, sources and options; values are JSON.

    Raises
    ------
    InputError
        Another suffix, a folder that cannot be written, or a number beyond float32.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix != ".parquet":
        raise InputError(f"The canonical brain table is a .parquet file; got {path}: change the name.")
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(records.values, dtype=np.float32)
    if np.isinf(values).any():
        name = records.names[int(np.isinf(values).any(axis=0).argmax())]
        raise InputError(f"Features must fit into float32; {name!r} in {records.source} does not: rescale it.")
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), pa.float32()), len(records.names))
    columns = {ID_COLUMN: pa.array(records.ids, pa.string()), VECTOR_COLUMN: vectors}
    columns |= {name: pa.array(of, pa.float64()) for name, of in records.covariates.items()}
    described = {"format_version": FORMAT_VERSION, "feature_names": list(records.names), **provenance}
    table = pa.table(columns).replace_schema_metadata({METADATA_KEY: json.dumps(described)})
    try:
        with published_file(path) as unfinished:
            pq.write_table(table, unfinished)
    except OSError as error:
        raise InputError(f"The table must be written to {path}, which is not possible ({error.strerror}).") from error


def read_provenance(path: Path) -> dict[str, Any] | None:
    """What a canonical table says of itself; None for any other file."""
    import pyarrow.parquet as pq

    if not path.name.endswith(".parquet"):
        return None
    try:
        with refused_if_damaged(path, "a parquet file"):
            metadata = pq.read_schema(path).metadata or {}
    except InputError:  # whoever reads its rows says so
        return None
    return _described(path, metadata[METADATA_KEY]) if METADATA_KEY in metadata else None


def _described(path: Path, text: bytes) -> dict[str, Any]:
    try:
        described = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} must say in JSON what it holds; it is damaged ({error}): import it again.") from error
    if not isinstance(described, dict):
        raise InputError(f"{path} must say in JSON what it holds; it is damaged: import it again.")
    if (came := described.get("format_version")) != FORMAT_VERSION:
        raise InputError(
            f"The canonical brain table {path} must have format {FORMAT_VERSION} to be read by this version; it has "
            f"format {came}: read it with the version that wrote it, or import the source again."
        )
    names = described.get("feature_names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path} must list the names of its features; it is damaged: import it again.")
    return described


def stored_names(path: Path) -> list[str] | None:
    """Feature names of a canonical table, in the order of its vectors; None for any other file."""
    described = read_provenance(path)
    return None if described is None else list(described["feature_names"])


def fingerprint(path: Path) -> str:
    """sha256 of a file, or of the names and contents of all files of a folder."""
    if path.is_file():
        return _file_sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    names = "\n".join(str(file.relative_to(path)) for file in files)
    return hashlib.sha256((names + "\n" + "\n".join(_file_sha256(file) for file in files)).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
