"""Confounds or covariates in any form a user holds them, coded as numbers with what the training rows taught."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import clone

from fusion.arrays import Matrix, Positions, as_matrix
from fusion.confounds.design import Confound, ConfoundDesign
from fusion.errors import InputError

_LISTS = ("kept_", "names_", "dummy_means_")


@dataclass(frozen=True)
class ConfoundCoding:
    """A confound design fitted on training rows, or the absence of confounds.

    Attributes
    ----------
    design : ConfoundDesign or None
        None without confounds.
    columns : tuple of str, or None
        Of the table it was fitted on; None for an array, whose columns are known by their place.
    n_given : int
        Columns of the table or array.
    """

    design: ConfoundDesign | None
    columns: tuple[str, ...] | None
    n_given: int

    @classmethod
    def learn(cls, confounds: Any) -> Self:
        """Fit on training rows.

        Parameters
        ----------
        confounds : DataFrame, (DataFrame, ConfoundDesign), array of numbers of shape [n_subjects, n_confounds], or None
            Text, booleans and categories of a table become dummies whose levels are frozen; a design given with the
            table decides what is categorical and what becomes of levels that training did not see.
        """
        if confounds is None:
            return cls(None, None, 0)
        table, design = confounds if isinstance(confounds, tuple) else (confounds, ConfoundDesign())
        if hasattr(table, "iloc") and hasattr(table, "columns"):
            return cls(clone(design).fit(table), tuple(map(str, table.columns)), table.shape[1])
        frame = _by_place(table)
        return cls(ConfoundDesign([Confound(name) for name in frame.columns]).fit(frame), None, frame.shape[1])

    def encode(self, confounds: Any, n_rows: int, owner: str) -> Matrix:
        """Return the design of any rows, [n_rows, n_columns].

        Raises
        ------
        InputError
            Confounds given at fit and missing here or the reverse, other columns, and what `ConfoundDesign` refuses.
        """
        table = confounds[0] if isinstance(confounds, tuple) else confounds
        if self.design is None and table is None:
            return np.zeros((n_rows, 0))
        if self.columns is not None and table is not None:
            if not hasattr(table, "columns"):
                raise InputError(
                    f"{owner} was fitted with confounds in a table of columns {', '.join(self.columns[:8])}; got an "
                    "array: pass a table with these columns."
                )
            return self._checked(self._fitted(owner, self.n_given).transform(table), n_rows)
        given = 0 if table is None else as_matrix(table, "confounds").shape[1]
        return self._checked(self._fitted(owner, given).transform(_by_place(table)), n_rows)

    def to_record(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        if self.design is None:
            return {"columns": None, "n_given": 0, "design": None}
        design = self.design
        learned = {name: np.asarray(getattr(design, name)).tolist() for name in _LISTS}
        return {
            "columns": None if self.columns is None else list(self.columns),
            "n_given": self.n_given,
            "design": learned
            | {
                "unseen": design.unseen,
                "confounds": [[one.column, one.kind] for one in design.confounds_],
                "levels": {name: [plain(level) for level in levels] for name, levels in design.levels_.items()},
                "moments": {k: [m, s if np.isfinite(s) else None] for k, (m, s) in design.moments_.items()},
                "dropped": design.dropped_,
            },
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Make the coding from :meth:`to_record`."""
        stored = record["design"]
        if stored is None:
            return cls(None, None, 0)
        confounds = tuple(Confound(column, kind) for column, kind in stored["confounds"])
        design = ConfoundDesign(confounds, unseen=stored["unseen"])
        design.confounds_, design.levels_, design.dropped_ = confounds, stored["levels"], stored["dropped"]
        design.moments_ = {k: (m, np.inf if s is None else s) for k, (m, s) in stored["moments"].items()}
        design.kept_ = np.asarray(stored["kept_"], dtype=np.int64)
        design.names_, design.dummy_means_ = stored["names_"], np.asarray(stored["dummy_means_"], dtype=np.float64)
        columns = record["columns"]
        return cls(design, None if columns is None else tuple(columns), record["n_given"])

    def _fitted(self, owner: str, given: int) -> ConfoundDesign:
        if self.design is None or given != self.n_given:
            raise InputError(f"{owner} was fitted with {self.n_given} confound columns; got {given}.")
        return self.design

    def _checked(self, encoded: Matrix, n_rows: int) -> Matrix:
        if len(encoded) != n_rows:
            raise InputError(f"Confounds need one row per subject; got {len(encoded)} for {n_rows} subjects.")
        return encoded


def plain(label: Any) -> Any:
    """Return a label as a JSON value of the same meaning.

    Raises
    ------
    InputError
        A label that JSON cannot hold, such as a date.
    """
    value = label.item() if isinstance(label, np.generic) else label
    if not isinstance(value, str | int | float | bool):
        raise InputError(f"Levels must be text, numbers or booleans to be saved; got {label!r}: convert it to text.")
    return value


def _by_place(table: Any) -> Any:
    import pandas as pd

    matrix = as_matrix(table, "confounds")
    return pd.DataFrame(matrix, columns=[f"confound {j}" for j in range(matrix.shape[1])])


def encode_confounds(confounds: Any, train: Positions) -> Matrix | None:
    """Confounds of all rows as numbers, [n_subjects, n_confounds]; levels and moments are those of `train`."""
    if not isinstance(confounds, tuple):
        return None if confounds is None else as_matrix(confounds, "confounds")
    frame, design = confounds
    encoded: Matrix = clone(design).fit(frame.iloc[train]).transform(frame)
    return encoded


def take_rows(table: Any, index: Positions) -> Any:
    """These rows of a table, of an array, or of a table with its design; None of None."""
    if isinstance(table, tuple):
        return table[0].iloc[index], table[1]
    return None if table is None else table.iloc[index] if hasattr(table, "iloc") else np.asarray(table)[index]
