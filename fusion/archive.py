"""Results on disk without pickle, whole or not at all, and the frozen dataclasses that save themselves."""

import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields
from math import prod
from pathlib import Path
from typing import IO, Any, ClassVar, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

from fusion.damage import refused_if_damaged
from fusion.errors import InputError

RECORD = "record.json"
SCHEMA = 1
"""How a file is laid out; it says so itself."""

_SMALL, _MOST_GAIN = 2**28, 200
"""Bytes that are unpacked whatever they were packed into, and times by which more may grow: zeros grow a thousand."""

Made = TypeVar("Made")


def write_archive(path: Path | str, kind: str, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> Path:
    """Write arrays and a JSON record to one file, whole or not at all.

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
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            _write(stream, kind, arrays, record)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def _write(stream: IO[bytes], kind: str, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> None:
    text = json.dumps({"kind": kind, "schema": SCHEMA, **record}, allow_nan=False)
    np.savez_compressed(stream, allow_pickle=False, **{RECORD: np.array(text)}, **arrays)


def read_archive(path: Path | str, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and record of a file that `write_archive` wrote.

    Raises
    ------
    InputError
        If the file holds something else.
    """
    if not Path(path).is_file():
        raise InputError(f"A saved {kind} is required at {path}; there is no such file: check the path.")
    with refused_if_damaged(path, f"a saved {kind}"):
        check_claims(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        for name, array in arrays.items():
            _check_letters(array, f"{name!r} of {path}")
        record = json.loads(str(arrays.pop(RECORD))) if RECORD in arrays else {}
    found = record.pop("kind", None) if isinstance(record, dict) else None
    if found != kind:
        raise InputError(f"{path} must hold a saved {kind}; it holds {found or 'no saved result'}: name another file.")
    if (schema := record.pop("schema", None)) != SCHEMA:
        raise InputError(
            f"{path} must have schema {SCHEMA} to be read by this version; it has schema {schema}: read it with the "
            "version that wrote it, or save it anew."
        )
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise InputError(f"{path} must hold arrays and a record alone; it holds other files: save it again.")
    return arrays, record


def _check_letters(array: NDArray[Any], what: str) -> None:
    """Refuse text whose numbers stand for no letters: Python fails on them wherever it looks, as in messages."""
    if not isinstance(array, np.ndarray) or array.dtype.kind != "U" or not array.nbytes:
        return
    letters = np.frombuffer(array.astype(array.dtype.newbyteorder("=")).tobytes(), dtype=np.uint32)
    if int(letters.max()) > sys.maxunicode:
        raise InputError(f"Text must be letters; {what} holds numbers that stand for none: save it again.")


def load_archive(path: Path | str, kind: str, make: Callable[[dict[str, NDArray[Any]], dict[str, Any]], Made]) -> Made:
    """What a function makes of the arrays and the record of a file that `write_archive` wrote.

    Raises
    ------
    InputError
        As of `read_archive`; or the file lacks what is needed, or holds it in another form.
    """
    arrays, record = read_archive(path, kind)
    with refused_if_damaged(path, f"all that a saved {kind} is made of"):
        return make(arrays, record)


def check_claims(path: Path | str) -> None:
    """Refuse an archive of arrays whose members claim more than they hold, before anything is allocated.

    Raises
    ------
    InputError
    zipfile.BadZipFile, OSError, ValueError
        It is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                start = file.read(8)
                if start[:6] != np.lib.format.MAGIC_PREFIX or len(start) < 8:
                    continue
                read = np.lib.format.read_array_header_1_0 if start[6] == 1 else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(file)
            claimed = min(prod([max(dtype.itemsize, 1), *shape]), 2**62)  # any number of nothing fits into a file
            gain = member.file_size / max(min(member.compress_size, Path(path).stat().st_size), 1)
            if (
                min(shape, default=0) < 0
                or (claimed > member.file_size and not dtype.hasobject)
                or (member.file_size > _SMALL and gain > _MOST_GAIN)
            ):
                raise InputError(
                    f"Arrays must hold what their shape says; {member.filename!r} of {path} claims {shape} of {dtype} "
                    f"out of {member.compress_size:,} bytes: it was cut or damaged, save it again."
                )


Result = TypeVar("Result", bound="Saved")


class Saved:
    """Saving, loading and listing of a frozen dataclass of arrays, numbers, texts and tuples of them."""

    unsaved: ClassVar[frozenset[str]] = frozenset()
    transient: ClassVar[frozenset[str]] = frozenset()
    """Fields that are never written."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready copy of every field that is saved: arrays become lists, NaN becomes None."""
        return {name: jsonable(value) for name, value in self._items().items()}

    def save(self, path: Path | str, *, subject_level: bool = False) -> Path:
        """Write one ``.npz`` without pickle; subject-level fields only if asked."""
        return write_archive(path, type(self).__name__, *self._parts(subject_level))

    def write(self, stream: IO[bytes], *, subject_level: bool = False) -> None:
        """Write the same into a file that the caller has opened, and publishes."""
        _write(stream, type(self).__name__, *self._parts(subject_level))

    def _parts(self, subject_level: bool) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        items = self._items(subject_level)
        arrays = {name: value for name, value in items.items() if isinstance(value, np.ndarray)}
        return arrays, {name: value for name, value in items.items() if name not in arrays}

    @classmethod
    def load(cls: type[Result], path: Path | str) -> Result:
        """Read what `save` wrote; subject-level fields that were not written are None."""
        return load_archive(path, cls.__name__, cls._from_parts)

    @classmethod
    def _from_parts(cls: type[Result], arrays: dict[str, NDArray[Any]], record: dict[str, Any]) -> Result:
        _check_kinds(cls, arrays)
        values = {name: _tupled(value) for name, value in record.items()} | arrays
        known = fields(cls)  # type: ignore[arg-type]
        optional = cls.unsaved | cls.transient
        # A field that came later has a default, which is what files written before it mean.
        named = [field.name for field in known if field.default is MISSING or field.name in values]
        return cls(**{name: values.get(name) if name in optional else values[name] for name in named})

    def _items(self, subject_level: bool = False) -> dict[str, Any]:
        names = [field.name for field in fields(self) if field.name not in self.transient]  # type: ignore[arg-type]
        return {name: getattr(self, name) for name in names if subject_level or name not in self.unsaved}


def _check_kinds(kind: type, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise ValueError where an array has not the type and the number of axes that its field declares."""
    declared = get_type_hints(kind)
    for name, array in arrays.items():
        with suppress(TypeError):  # a field that says no more than that it is an array
            if not isinstance(array, declared.get(name, np.ndarray)):
                raise ValueError(f"its {name} has {array.dtype} and shape {array.shape}")


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value


def jsonable(value: Any) -> Any:
    """Copy with arrays as lists and NaN or infinity as None."""
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
