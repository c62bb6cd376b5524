"""Folds that a test goes through several times: in memory, or of a large cohort in files, one read at a time."""

import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import IO, Any, overload

import numpy as np

from fusion.arrays import Matrix
from fusion.cross_validation.fold_embedding import FoldEmbedding

IN_MEMORY = 2**30
"""Bytes of all folds up to which they stay in memory."""


@dataclass(frozen=True)
class _FiledFold:
    """A fold whose x and y lie in a file that has no name: it goes with the process, however that ends."""

    rest: Mapping[str, Any]
    file: IO[bytes]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]

    @classmethod
    def write(cls, fold: FoldEmbedding) -> "_FiledFold":
        rest = {field.name: getattr(fold, field.name) for field in fields(fold) if field.name not in ("x", "y")}
        file = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the fold is wanted)
        made = cls(rest, file, (fold.x.shape, fold.y.shape))
        weakref.finalize(made, file.close)
        for view in (fold.x, fold.y):
            file.write(np.ascontiguousarray(view).data)
        file.flush()
        return made

    def read(self) -> FoldEmbedding:
        self.file.seek(0)
        x, y = (self._read(shape) for shape in self.shapes)
        return FoldEmbedding(x=x, y=y, **self.rest)

    def _read(self, shape: tuple[int, ...]) -> Matrix:
        values = np.empty(shape)
        if self.file.readinto(values.data.cast("B")) != values.nbytes:  # type: ignore[attr-defined]
            raise OSError(f"A temporary file of a fold was cut short: it should hold {values.nbytes} bytes more.")
        return values


class KeptFolds(Sequence[FoldEmbedding]):
    """Folds by number, read anew each time where they lie in files.

    Parameters
    ----------
    folds : iterable of FoldEmbedding
        Taken one by one.
    n_folds : int

    Raises
    ------
    OSError
        No room in the folder of temporary files (the environment's ``TMPDIR``).
    """

    def __init__(self, folds: Iterable[FoldEmbedding], n_folds: int) -> None:
        self._n_folds = n_folds
        self._kept: list[FoldEmbedding | _FiledFold] = []
        self._sizes: list[tuple[int, int, int]] = []
        made = iter(folds)
        while (fold := next(made, None)) is not None:
            self._sizes.append(_sizes_of(fold))
            self._kept.append(self._keep(fold))
            del fold  # before the next one is made: each is as large as the views

    @property
    def sizes(self) -> Sequence[tuple[int, int, int]]:
        """Effective training subjects of every fold, and its components of x and y; nothing is read for them."""
        return tuple(self._sizes)

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, number: int) -> FoldEmbedding: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[FoldEmbedding]: ...

    def __getitem__(self, number: int | slice) -> FoldEmbedding | Sequence[FoldEmbedding]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        kept = self._kept[number]
        return kept.read() if isinstance(kept, _FiledFold) else kept

    def change(self, function: Callable[[FoldEmbedding], FoldEmbedding]) -> None:
        """Put what a function makes of every fold in its place, one after another."""
        for number in range(len(self)):
            changed = function(self[number])
            self._sizes[number] = _sizes_of(changed)
            self._kept[number] = self._keep(changed)
            del changed

    def _keep(self, fold: FoldEmbedding) -> FoldEmbedding | _FiledFold:
        is_large = (fold.x.nbytes + fold.y.nbytes) * self._n_folds > IN_MEMORY
        return _FiledFold.write(fold) if is_large else fold


def _sizes_of(fold: FoldEmbedding) -> tuple[int, int, int]:
    return fold.n_effective, *fold.widths
