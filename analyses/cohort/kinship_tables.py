"""Tables of related pairs as KING, PLINK 2 and `genebrain kinship` write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.related_pairs import RelatedPairs
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
        Missing columns or numbers, a pair with two relations, tables of which no id is a subject.
    """
    import pandas as pd

    tables = [_read(path) for path in paths]
    listed = pd.concat(tables, ignore_index=True)
    if not (listed["first"].isin(subjects) | listed["second"].isin(subjects)).any():
        raise InputError(
            f"cohort.kinship_table must name the cohort's subjects; none of the {len(listed)} pairs in "
            f"{', '.join(map(str, paths))} does (first: {listed['first'].iloc[0]!r}): correct the ids or the path."
        )
    kept = listed[(listed["code"] > 0) & listed["first"].isin(subjects) & listed["second"].isin(subjects)]
    return RelatedPairs.of(kept, subjects, source="cohort.kinship_table")


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    sheet = read_spreadsheet(path)
    named = {name.lstrip("#").upper(): name for name in sheet.names}
    first, second = (_column(path, named, wanted) for wanted in (_FIRST, _SECOND))
    codes = _inferred(path, sheet, named[_INFERRED]) if _INFERRED in named else _degrees(path, sheet, named)
    pairs = {"first": sheet.frame[first].astype(str), "second": sheet.frame[second].astype(str), "code": codes}
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
