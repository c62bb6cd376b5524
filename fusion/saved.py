"""Frozen dataclasses of arrays, numbers and texts that save and load themselves."""

from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from fusion.archive import read_archive, write_archive


class Saved:
    """Saving, loading and listing of a frozen dataclass of arrays, numbers, texts and tuples of them."""

    unsaved: ClassVar[frozenset[str]] = frozenset()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready copy of every field that is saved: arrays become lists, NaN becomes None."""
        return {name: jsonable(value) for name, value in self._items().items()}

    def save(self, path: Path | str, *, subject_level: bool = False) -> Path:
        """Write one ``.npz`` without pickle; subject-level fields only if asked."""
        items = self._items(subject_level)
        arrays = {name: value for name, value in items.items() if isinstance(value, np.ndarray)}
        record = {name: value for name, value in items.items() if name not in arrays}
        return write_archive(path, type(self).__name__, arrays, record)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what `save` wrote; subject-level fields that were not written are None."""
        arrays, record = read_archive(path, cls.__name__)
        values = {name: _tupled(value) for name, value in record.items()} | arrays
        return cls(**{field.name: values.get(field.name) for field in fields(cls)})  # type: ignore[arg-type]

    def _items(self, subject_level: bool = False) -> dict[str, Any]:
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]
        return {name: getattr(self, name) for name in names if subject_level or name not in self.unsaved}


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value


def jsonable(value: Any) -> Any:
    """Copy with arrays as lists and NaN or infinity as None."""
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
