"""Tables of related pairs as KING, PLINK 2 and `genebrain kinship` write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.related_pairs import RelatedPairs, check_spelling, trimmed_ids
from analyses.errors import InputError
from encoders.genome.population.kinship import THIRD_DEGREE
from encoders.tables import Spreadsheet, read_spreadsheet

if TYPE_CHECKING:
    import pandas as pd

_FIRST = ("ID1", "IID1", "SUBJECT_1", "SAMPLE1")
_SECOND = ("ID2", "IID2", "SUBJECT_2", "SAMPLE2")
_KINSHIP = ("KINSHIP",)
_INFERRED = "INFTYPE"
_DEGREES = (2**-1.5, 2**-2.5, 2**-3.5, THIRD_DEGREE)
"""Kinship from which a pair is MZ twins, of first, second, third degree."""

_OF_TYPE = {"Dup/MZ": 1, "PO": 5, "FS": 2, "2nd": 3, "3rd": 4, "4th": 0, "UN": 0}
"""Codes of KING's InfType: parents and children are not siblings, though of first degree as well."""

_OF_CODE = np.array([0.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 4])
"""Kinship of a pedigree for every code: what is measured scatters about it, by chance and by what was inherited."""


def read_kinship_tables(paths: Sequence[Path], subjects: Sequence[str]) -> RelatedPairs:
    """Pairs of these subjects from kinship tables, third degree or closer.

    Parameters
    ----------
    paths : sequence of Path
        With columns ID1, ID2 (IID1, IID2; subject_1, subject_2) and Kinship; InfType, where it is there, is believed
        before Kinship. KING writes pairs within families into ``.kin`` and others into ``.kin0``: give both.
    subjects : sequence of str

    Raises
    ------
    InputError
        Missing columns or numbers, ids that became floating-point numbers or lost their leading zeros, a pair with two
        relations, tables of which no id is a subject.
    """
    listed = _read_all(paths)
    known, first, second = set(subjects), listed["first"], listed["second"]
    if not (first.isin(known) | second.isin(known)).any():
        raise InputError(
            f"cohort.kinship_table must name the cohort's subjects; none of the {len(listed)} pairs in "
            f"{', '.join(map(str, paths))} does (first: {first.iloc[0]!r}): correct the ids or the path."
        )
    check_spelling([*first, *second], known, "cohort.kinship_table")
    kept = listed[(listed["code"] > 0) & first.isin(known) & second.isin(known)]
    return RelatedPairs.of(kept, subjects, source="cohort.kinship_table")


def describe_pairs(paths: Sequence[Path], subjects: Sequence[str]) -> list[str]:
    """Related pairs that say nothing of a cohort, as one of the two is not in it: in a sentence, or in none.

    A table of a whole biobank has many. One column that names no subject, beside another that does, may be written in
    another way, and is told: it may also be chance where few are related.

    Parameters
    ----------
    paths : sequence of Path
        As :func:`read_kinship_tables` takes them; may be empty.
    subjects : sequence of str
        Of the cohort, before relatives are left out.
    """
    if not paths:
        return []
    listed = _read_all(paths)
    related = listed[listed["code"] > 0]
    first, second = related["first"].isin(subjects), related["second"].isin(subjects)
    n_half = int((first ^ second).sum())
    if not n_half:
        return []
    said = (
        f"cohort.kinship_table: {n_half:,} of {len(related):,} rows pair a subject of the cohort with somebody who is "
        f"not in it, and {int((first & second).sum()):,} rows pair two of its subjects."
    )
    silent = next((name for name, side in (("first", first), ("second", second)) if not side.any()), None)
    return [said if silent is None else f"{said[:-1]}; no {silent} id is a subject: check how these ids are written."]


def _read_all(paths: Sequence[Path]) -> pd.DataFrame:
    """Rows ``first``, ``second``, ``code``, ``kinship`` of all tables."""
    import pandas as pd

    return pd.concat([_read(path) for path in paths], ignore_index=True)


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    sheet = read_spreadsheet(path)
    named = {name.lstrip("#").upper(): name for name in sheet.names}
    first, second = (_column(path, named, wanted) for wanted in (_FIRST, _SECOND))
    codes = _inferred(path, sheet, named[_INFERRED]) if _INFERRED in named else _degrees(path, sheet, named)
    ids = {side: trimmed_ids(sheet.frame[column], path) for side, column in (("first", first), ("second", second))}
    pairs = ids | {"code": codes}
    return pd.DataFrame(pairs | {"kinship": _OF_CODE[np.asarray(codes, dtype=np.int64)]})


def _column(path: Path, named: dict[str, str], wanted: tuple[str, ...]) -> str:
    found = [named[name] for name in wanted if name in named]
    if len(found) != 1:
        raise InputError(
            f"A kinship table needs one column {' or '.join(wanted)}; {path} has {len(found)} of them among "
            f"{', '.join(named.values())}: rename the right one."
        )
    return found[0]


def _degrees(path: Path, sheet: Spreadsheet, named: dict[str, str]) -> np.ndarray:
    values, odd = sheet.numbers(_column(path, named, _KINSHIP))
    if odd or values.isna().any():
        came = repr(odd[0]) if odd else "an empty cell"
        raise InputError(f"Kinship in {path} must be numbers; got {came}: correct the table.")
    return np.where(values < THIRD_DEGREE, 0, 4 - np.searchsorted(_DEGREES[::-1], values, side="right") + 1)


def _inferred(path: Path, sheet: Spreadsheet, column: str) -> np.ndarray:
    types = sheet.frame[column].str.strip()
    unknown = [one for one in types if one not in _OF_TYPE]
    if unknown:
        raise InputError(f"InfType in {path} must be one of {', '.join(_OF_TYPE)}; got {unknown[0]!r}: correct it.")
    return np.asarray(types.map(_OF_TYPE))
