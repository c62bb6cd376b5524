"""What the tables of a study hold: covariates, families, features of brains; and whose rows they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from analyses.errors import InputError
from encoders.brain.headers.choice import find_facts
from encoders.brain.ids import find_id_name
from encoders.tables import codes_of_table, read_spreadsheet, read_subject_table

if TYPE_CHECKING:
    import pandas as pd

_VECTOR = "vector"
_FEW_FEATURES = 5
"""Fewer columns of numbers beside covariates are taken for further covariates, which nobody asked for."""
_MANY_LEVELS = 50

_AMOUNTS, _LEVELS = "continuous", "categorical"
_CONFOUNDS = {"an age": _AMOUNTS, "a sex": _LEVELS, "a site or scanner": _LEVELS}
"""What is removed from both views unless somebody decides otherwise."""
_ONE_OF = ("an age", "a sex")
_TO_DECIDE = ("a head size", "of motion or scan quality")
"""What some studies remove and others do not."""
_PC = re.compile(r"(genetic[_ .-]?|ancestry[_ .-]?|g)?pc[_ .-]?\d+", re.IGNORECASE)
_FAMILY = re.compile(r"fid|fam(ily)?([_ .-]?(id|no|nr))?", re.IGNORECASE)
_KINSHIP = re.compile(r"zygosity|kinship|zyg", re.IGNORECASE)
_POPULATION = re.compile(r"(super_?)?pop(ulation)?|ancestry|ethnicity|race", re.IGNORECASE)


@dataclass(frozen=True)
class Confound:
    """A column that would be removed, and whether that is a guess to be confirmed.

    Parameters
    ----------
    column, kind : str
    remark : str
        What speaks for or against; empty where nothing does.
    is_proposed : bool
        Otherwise it is written as a comment.
    """

    column: str
    kind: str
    remark: str = ""
    is_proposed: bool = True


@dataclass(frozen=True, eq=False)
class Table:
    """A table by subject, as its header and cells tell.

    Parameters
    ----------
    path : Path
    id_column : str
    frame : DataFrame
        Indexed by subject id.
    notes : tuple of str
        Of its reader.
    """

    path: Path
    id_column: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def facts(self) -> dict[str, str]:
        """Columns that are no features, and what each is."""
        return find_facts([self.id_column, *map(str, self.frame.columns)])

    @cached_property
    def components(self) -> tuple[str, ...]:
        """Components of ancestry."""
        return tuple(column for column in self.frame.columns if _PC.fullmatch(column) and self._is_number(column))

    @cached_property
    def family(self) -> str | None:
        """Column in which subjects share values as families do."""
        return next(
            (column for column in self.frame.columns if _FAMILY.fullmatch(column) and self._repeats(column)), None
        )

    @cached_property
    def kinship(self) -> str | None:
        """Column that says what a subject is to its family."""
        return next((column for column in self.frame.columns if _KINSHIP.fullmatch(column)), None)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Columns of numbers that are nothing else."""
        others = {*self.facts, *self.components, self.family, self.kinship}
        return tuple(column for column in self.frame.columns if column not in others and self._is_number(column))

    @property
    def is_brain(self) -> bool:
        """Whether it holds features of brains; it may hold covariates besides."""
        if _VECTOR in self.frame.columns and self.frame[_VECTOR].dtype == object:
            return True
        return len(self.features) >= (_FEW_FEATURES if self.confounds or self.family else 1)

    @property
    def is_participants(self) -> bool:
        """Whether it holds covariates or families."""
        return bool(self.confounds or self.family) or not self.is_brain

    @cached_property
    def confounds(self) -> tuple[Confound, ...]:
        """Columns that would be removed, in the order of the table; of two ages or sexes the first."""
        found: list[Confound] = []
        kinds: dict[str, str] = {}
        for column in map(str, self.frame.columns):
            one, fact = self._confound(column), self.facts.get(column, "")
            if one is not None and one.is_proposed and fact in _ONE_OF:
                first = kinds.setdefault(fact, column)
                one = one if first == column else replace(one, remark=f"{first} is {fact} already", is_proposed=False)
            found += [] if one is None else [one]
        return tuple(found)

    def _confound(self, column: str) -> Confound | None:
        fact, is_number = self.facts.get(column, ""), self._is_number(column)
        if column in self.components:
            return Confound(column, _AMOUNTS)
        if _POPULATION.fullmatch(column) or (fact in _TO_DECIDE and is_number):
            return Confound(column, _AMOUNTS if is_number else _LEVELS, "decide", is_proposed=False)
        if fact not in _CONFOUNDS:
            return None
        kind, levels = _CONFOUNDS[fact], self.frame[column].nunique(dropna=True)
        if levels < 2:
            return Confound(column, kind, "the same for all", is_proposed=False)
        if kind == _AMOUNTS and not is_number:
            return Confound(column, kind, "holds words", is_proposed=False)
        if kind == _LEVELS and levels > _MANY_LEVELS:
            return Confound(column, kind, f"{levels} levels", is_proposed=False)
        n_missing = int(self.frame[column].isna().sum())
        return Confound(column, kind, f"missing in {n_missing:,} subjects" if n_missing else "")

    @property
    def codes(self) -> dict[str, tuple[float, ...]]:
        """Numbers that are likely codes for missing values, by column."""
        return codes_of_table(self.frame)

    @property
    def n_with_gaps(self) -> int:
        """Subjects that lack a value of some feature."""
        return int(self.frame[list(self.features)].isna().any(axis=1).sum())

    def _is_number(self, column: str) -> bool:
        return self.frame[column].dtype.kind in "fiu"

    def _repeats(self, column: str) -> bool:
        levels = self.frame[column].nunique(dropna=True)
        return 1 < levels < self.frame[column].notna().sum()


def read_table(path: Path, samples: Sequence[str]) -> Table:
    """A table, its ids found by name, else by the genotyped subjects that it names, else by being all different.

    Parameters
    ----------
    samples : sequence of str
        Of the genotypes; empty where there are none.

    Raises
    ------
    InputError
        No column can hold the ids, or the table cannot be read.
    """
    sheet = read_spreadsheet(path)
    id_column = find_id_name(sheet.names) or _column_of_ids(sheet.frame, set(samples))
    if id_column is None:
        raise InputError(
            f"A column of subject ids is required; {path} has none by name (subject_id, eid, ...) and none in which "
            f"every row differs: its columns are {', '.join(map(str, sheet.names[:12]))}. Name the ids subject_id."
        )
    read = read_subject_table(path, id_column)
    return Table(path, id_column, read.frame, read.notes)


def _column_of_ids(frame: pd.DataFrame, samples: set[str]) -> str | None:
    texts = {str(name): frame[name].astype(str) for name in frame.columns}
    different = [name for name, cells in texts.items() if cells.nunique() == len(cells) and not _is_measure(cells)]
    by_overlap = sorted(different, key=lambda name: len(samples.intersection(texts[name])), reverse=True)
    return by_overlap[0] if by_overlap else None


def _is_measure(cells: pd.Series) -> bool:
    """Numbers with decimals are no ids."""
    return bool(cells.str.contains(r"\d[.,]\d", regex=True).mean() > 0.5)
