"""Results on disk: one .npz of plain arrays and one JSON text, no pickle, whole or not at all."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.errors import InputError

RECORD = "record.json"


def write_archive(path: Path | str, kind: str, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> Path:
    """Write arrays and a JSON record to one file.

    Parameters
    ----------
    path : path
        Gets the suffix ``.npz`` if it has none.
    kind : str
        Checked again by `read_archive`.
    arrays : mapping of name to array
    record : mapping
        JSON values.

    Returns
    -------
    Path
        What was written.
    """
    target = Path(path) if Path(path).suffix == ".npz" else Path(f"{path}.npz")
    text = json.dumps({"kind": kind, "schema": 1, **record}, allow_nan=False)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **{RECORD: np.array(text)}, **arrays)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def read_archive(path: Path | str, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and record of a file that `write_archive` wrote.

    Raises
    ------
    InputError
        If the file holds something else.
    """
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files if name != RECORD}
        record = json.loads(str(archive[RECORD])) if RECORD in archive.files else {}
    if record.pop("kind", None) != kind or record.pop("schema", None) != 1:
        raise InputError(f"{path} must hold a saved {kind} of schema 1; it does not.")
    return arrays, record
