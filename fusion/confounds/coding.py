"""Confounds or covariates: any form a user holds them in becomes one value, coded by what training rows teach."""

# ruff: noqa: F722

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64
from sklearn.base import clone

from fusion.arrays import Matrix, Positions, ViewLike, as_matrix
from fusion.confounds.curves import Curve
from fusion.confounds.design import ConfoundDesign
from fusion.confounds.terms import Confound, Term
from fusion.errors import InputError
from fusion.permutation.assumptions.sides import named_columns
from fusion.subject_rows import RowIds, row_ids

_LISTS = ("kept_", "names_")


@dataclass(frozen=True, eq=False)
class Confounds:
    """Confounds of some subjects, or the absence of confounds.

    Attributes
    ----------
    table : DataFrame or float64 array, shape [n_subjects, n_confounds], or None
        None without confounds.
    design : ConfoundDesign or None
        What makes numbers of a DataFrame; None if none was given with it.
    row_ids : RowIds or None
        Of the table, if its rows carry ids.
    """

    table: pd.DataFrame | Matrix | None = None
    design: ConfoundDesign | None = None
    row_ids: RowIds | None = None

    @classmethod
    def of(cls, given: "ConfoundsLike") -> "Confounds":
        """Convert what a user gives, once.

        Parameters
        ----------
        given : DataFrame, (DataFrame, ConfoundDesign), array of numbers of shape [n_subjects, n_confounds], or None
            Without intercept.

        Raises
        ------
        InputError
            An array that does not hold finite numbers, or a design without a DataFrame.
        """
        if isinstance(given, Confounds):
            return given
        if given is None:
            return cls()
        table, design = given if isinstance(given, tuple) else (given, None)
        is_frame = hasattr(table, "iloc") and hasattr(table, "columns")
        if design is not None and not is_frame:
            raise InputError(
                f"A ConfoundDesign finds its columns in a DataFrame; got one with {type(table).__name__}: give the "
                "table as a DataFrame, or numbers alone."
            )
        return cls(table if is_frame else as_matrix(table, "confounds"), design, row_ids(table))

    @property
    def given(self) -> "Confounds | None":
        """Itself, or None without confounds."""
        return None if self.table is None else self

    @property
    def subject_ids(self) -> tuple[str, ...] | None:
        """Ids of the subjects; None if the rows are only numbered."""
        return None if self.row_ids is None or self.row_ids.kind == "numbers" else self.row_ids.names

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the table."""
        return (0, 0) if self.table is None else self.table.shape

    @property
    def frame(self) -> pd.DataFrame | None:
        """The table if its columns have names."""
        return None if isinstance(self.table, np.ndarray) else self.table

    @property
    def numbers(self) -> Float64[np.ndarray, "n_subjects n_confounds"]:
        """The table as it is, [n_subjects, n_confounds]."""
        return np.zeros(self.shape) if self.table is None else as_matrix(self.table, "confounds")

    def take(self, rows: Positions) -> "Confounds":
        """The confounds of these subjects, without what training rows taught; knots of splines stay where they are."""
        if self.table is None:
            return self
        table = self.table[rows] if self.frame is None else self.frame.iloc[rows]
        row_ids = None if self.row_ids is None else self.row_ids.take(rows)
        return replace(self, table=table, design=self._located, row_ids=row_ids)

    def coded(self, train: Int64[np.ndarray, " n_train"]) -> Float64[np.ndarray, "n_subjects n_columns"] | None:
        """All rows as numbers, [n_subjects, n_columns]; levels and moments of a design are those of `train`."""
        if self.design is None or self.frame is None:
            return None if self.table is None else self.numbers
        coded: Matrix = self._fitted_design(self.frame, train).transform(self.frame)
        return coded

    def by_name(self) -> dict[str, Matrix]:
        """All rows as numbers by confound, [n_subjects, n_columns] each: what checks and tables call them by."""
        if self.table is None:
            return {}
        if self.design is None or self.frame is None:
            return named_columns(self.table)
        design = self._fitted_design(self.frame, np.arange(len(self.frame)))
        coded = named_columns(pd.DataFrame(design.transform(self.frame), columns=design.get_feature_names_out()))
        # Amounts that occur in products alone, as slopes by site, are asked for their squares as others are.
        products = [factor for term in design.terms_ if term.is_product for factor in term.factors]
        amounts = dict.fromkeys(factor.column for factor in products if factor.kind != "categorical")
        missing = [name for name in amounts if name not in coded]
        return coded | {name: self.frame[[name]].to_numpy(dtype=np.float64) for name in missing}

    def count_unseen(self, folds: Iterable[tuple[Positions, Positions]]) -> Int64[np.ndarray, " n_folds"]:
        """Test subjects of every fold with a level of a categorical confound that its training rows lack, [n_folds]."""
        return np.array([self._count_unseen(train, test) for train, test in folds], dtype=np.int64)

    def _count_unseen(self, train: Positions, test: Positions) -> int:
        if self.design is None or self.frame is None:
            return 0
        levels = self._fitted_design(self.frame, train).levels_
        unseen = [~self.frame[name].iloc[test].isin(known).to_numpy() for name, known in levels.items()]
        return int(np.any(unseen, axis=0).sum()) if unseen else 0

    @property
    def _located(self) -> ConfoundDesign | None:
        """The design with the knots of all rows."""
        return self.design if self.design is None or self.frame is None else self.design.located(self.frame)

    def _fitted_design(self, frame: pd.DataFrame, train: Positions) -> ConfoundDesign:
        fitted: ConfoundDesign = clone(self._located).fit(frame.iloc[train])
        return fitted


ConfoundsLike: TypeAlias = Confounds | tuple[ViewLike, ConfoundDesign] | ViewLike | None
"""What `Confounds.of` takes: numbers, a DataFrame, a DataFrame with its design, or None."""


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
    def learn(cls, confounds: Confounds) -> "ConfoundCoding":
        """Fit on training rows.

        Text, booleans and categories of a table become dummies whose levels are frozen; a design given with the table
        decides what is categorical and what becomes of levels that training did not see.
        """
        if confounds.table is None:
            return cls(None, None, 0)
        if confounds.frame is not None:
            design = clone(confounds.design or ConfoundDesign()).fit(confounds.frame)
            return cls(design, tuple(map(str, confounds.frame.columns)), confounds.shape[1])
        frame = _by_place(confounds)
        return cls(ConfoundDesign([Confound(name) for name in frame.columns]).fit(frame), None, frame.shape[1])

    def encode(self, confounds: Confounds, n_rows: int, owner: str) -> Float64[np.ndarray, "n_subjects n_columns"]:
        """Return the design of any rows, [n_rows, n_columns].

        Raises
        ------
        InputError
            Confounds given at fit and missing here or the reverse, other columns, and what `ConfoundDesign` refuses.
        """
        if self.design is None and confounds.table is None:
            return np.zeros((n_rows, 0))
        if self.columns is None or confounds.table is None:
            design = self._fitted(owner, confounds.shape[1])
            return self._checked(design.transform(_by_place(confounds)), n_rows)
        if confounds.frame is None:
            raise InputError(
                f"{owner} was fitted with confounds in a table of columns {', '.join(self.columns[:8])}; got an "
                "array: pass a table with these columns."
            )
        return self._checked(self._fitted(owner, self.n_given).transform(confounds.frame), n_rows)

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
                "confounds": [[_described(factor) for factor in term.factors] for term in design.terms_],
                "curves": {label: curve.to_record() for label, curve in design.curves_.items()},
                "shares": design.shares_,
                "levels": {name: [plain(level) for level in levels] for name, levels in design.levels_.items()},
                "moments": {k: [m, s if np.isfinite(s) else None] for k, (m, s) in design.moments_.items()},
                "dropped": design.dropped_,
            },
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "ConfoundCoding":
        """Make the coding from :meth:`to_record`."""
        stored = record["design"]
        if stored is None:
            return cls(None, None, 0)
        terms = tuple(Term(tuple(Confound(**one) for one in factors)) for factors in _factors_of(stored))
        design = ConfoundDesign(terms, unseen=stored["unseen"])
        design.terms_, design.levels_, design.dropped_ = terms, stored["levels"], stored["dropped"]
        design.moments_ = {k: (m, np.inf if s is None else s) for k, (m, s) in stored["moments"].items()}
        design.curves_ = {label: Curve.from_record(one) for label, one in stored.get("curves", {}).items()}
        design.shares_ = stored["shares"] if "shares" in stored else _shares_of(stored)
        design.kept_ = np.asarray(stored["kept_"], dtype=np.int64)
        design.names_ = stored["names_"]
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


def _described(factor: Confound) -> dict[str, Any]:
    given = {"column": factor.column, "kind": factor.kind, "df": factor.df, "degree": factor.degree}
    return {name: value for name, value in given.items() if value is not None}


def _factors_of(stored: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """Factors of every term; files of before there were curves hold pairs of column and kind."""
    old = [one for one in stored["confounds"] if isinstance(one[0], str)]
    return [[{"column": column, "kind": kind}] for column, kind in old] or stored["confounds"]


def _shares_of(stored: Mapping[str, Any]) -> dict[str, list[float]]:
    """Shares of levels in files that hold the means of dummies instead, those of the first levels left out."""
    means, shares = list(stored["dummy_means_"]), {}
    for column, kind in stored["confounds"]:
        if kind != "categorical":
            del means[0]
            continue
        others = [means.pop(0) for _ in stored["levels"][column][1:]]
        shares[column] = [1 - sum(others), *others]
    return shares


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


def _by_place(confounds: Confounds) -> pd.DataFrame:
    """Numbers in columns that are called by their place."""
    matrix = confounds.numbers
    return pd.DataFrame(matrix, columns=[f"confound {j}" for j in range(matrix.shape[1])])
