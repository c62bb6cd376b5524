"""Participants: what their tables are called, other names of their columns, and a column as labels or an error."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


_SAME = (
    ("icv", "etiv", "tiv", "intracranialvolume", "totalintracranialvolume", "estimatedtotalintracranialvol"),
    ("sex", "gender"),
    ("age", "ageatscan", "ageyears", "scanage"),
    ("site", "center", "centre", "scanner", "assessmentcentre", "assessmentcenter"),
    ("family", "familyid", "fid"),
)
"""Names that stand for one thing in tables of participants, without capitals, blanks and punctuation."""
_ENDINGS = ("label", "diagnosis", "dx", "status", "case", "group")
"""What may stand behind the name of a disorder: mdd_label, mdd_diagnosis."""


def other_names(column: str, columns: Sequence[str]) -> list[str]:
    """Columns that hold what another name asks for: ``eTIV`` for ``icv``, ``PC1`` for ``pcs_1``.

    Examples
    --------
    >>> other_names("mdd_label", ["age", "mdd_diagnosis"]), other_names("pcs_1", ["PC1", "PC10"])
    (['mdd_diagnosis'], ['PC1'])
    """
    return [name for name in columns if name != column and _meaning(name) == _meaning(column)]


def _meaning(column: str) -> str:
    plain = re.sub(r"[\W_]+", "", column.casefold())
    known = next((names[0] for names in _SAME if plain in names), None)
    if known is not None:
        return known
    if axis := re.fullmatch(r"(?:genetic)?(?:pcs?|principalcomponents?)0*(\d+)", plain):
        return f"pc{axis[1]}"
    return next((plain.removesuffix(one) for one in _ENDINGS if plain.endswith(one) and plain != one), plain)


def name_tables(paths: Sequence[Path]) -> list[str]:
    """File names of tables, with as many folders as tell two of one name apart; a path that is there twice is numbered.

    Examples
    --------
    >>> from pathlib import Path
    >>> name_tables([Path("a/p.tsv"), Path("b/p.tsv"), Path("b/age.tsv"), Path("b/age.tsv")])
    ['a/p.tsv', 'b/p.tsv', 'age.tsv (1)', 'age.tsv (2)']
    """
    names = [_shortest(path, set(paths) - {path}) for path in paths]
    repeats = Counter(names)
    return [
        name if repeats[name] == 1 else f"{name} ({names[: place + 1].count(name)})" for place, name in enumerate(names)
    ]


def _shortest(path: Path, others: set[Path]) -> str:
    tails = (path.parts[-n:] for n in range(1, len(path.parts) + 1))
    apart = (tail for tail in tails if not any(other.parts[-len(tail) :] == tail for other in others))
    return Path(*next(apart, path.parts)).as_posix()


def read_labels(covariates: pd.DataFrame, column: str, *, key: str) -> np.ndarray:
    """One label per subject, as text.

    Parameters
    ----------
    covariates : DataFrame [n_subjects, n_columns]
    column : str
    key : str
        What of the configuration names the column.

    Raises
    ------
    InputError
        A subject without a label: it is not for us to say where such a subject belongs.
    """
    values = covariates[column]
    missing = values.isna()
    if missing.any():
        raise InputError(
            f"{key} needs a label for every subject; '{column}' is empty for {int(missing.sum())} of {len(values)}, "
            f"first {values.index[missing][0]}: fill the column, or leave these subjects out."
        )
    return np.asarray(values.astype(str).to_numpy(), dtype=object)
