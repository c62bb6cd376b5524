"""Brain tables: one row of numeric features per subject, from csv, tsv or parquet, as a checked matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from jaxtyping import Float

from encoders.brain.canonical_table import VECTOR_COLUMN, stored_names
from encoders.brain.headers.biobank import find_fields
from encoders.brain.headers.choice import choose_columns, describe_facts, find_facts
from encoders.errors import InputError
from encoders.tables.codes import suspected_codes
from encoders.tables.notation import Decimal
from encoders.tables.subjects import read_subject_table

if TYPE_CHECKING:
    import pandas

Features = Float[np.ndarray, "n_subjects n_features"]
_SHOWN = 5
Gaps = Literal["refuse", "drop-subjects", "mean", "keep"]
"""``keep`` leaves NaN to whoever reads the table."""


@dataclass(frozen=True)
class BrainTable:
    """A feature matrix with the account of what was left out of it; finite unless gaps were asked for.

    Attributes
    ----------
    subject_ids
        Unique ids, in file order.
    feature_names
        Names of the columns, in file order.
    values : float32 or float64 [n_subjects, n_features]
        Finite, NaN where gaps are kept; float32 only if every feature was stored so. Units are those of the file.
    dropped_constant
        Features without variance over the subjects kept (or without any value).
    dropped_subjects
        ``(subject id, reason)`` for each subject left out.
    left_out
        Columns that are no features, and what each is.
    notes
        What the reader of the table found out or changed.
    suspected_codes
        Features that seem to hold codes for missing values, and these.
    """

    subject_ids: tuple[str, ...]
    feature_names: tuple[str, ...]
    values: Features
    dropped_constant: tuple[str, ...] = ()
    dropped_subjects: tuple[tuple[str, str], ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    suspected_codes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def read_brain_table(
    path: str | Path,
    *,
    id_column: str = "subject_id",
    include: Sequence[str] = ("*",),
    exclude: Sequence[str] = (),
    nan: Gaps | str = "refuse",
    drop_constant: bool = True,
    decimal: Decimal | None = None,
    missing_codes: Sequence[str] = (),
) -> BrainTable:
    """Read the features of a brain table.

    Parameters
    ----------
    path
        Table as `encoders.tables.subjects.read_subject_table` reads it. A parquet table with a list column
        ``vector`` holds
        its features there alone, named as its metadata says or ``v0``, ``v1``, ...; its other columns are no features.
    id_column
        Column of subject ids, read as text.
    include, exclude
        Glob patterns over feature names (case matters). Each has to match at least one column. Columns that are ids,
        ages, sites, scan dates, motion and the like by their names are features only where a pattern is about them
        alone (see `encoders.brain.headers.choice.choose_columns`); a table that was imported has told them apart.
    nan
        What a missing value does: stop (``refuse``), leave its subject out (``drop-subjects``), be replaced by
        the mean of its feature over the subjects that have it (``mean``; uses every row, held-out ones too), or stay
        NaN (``keep``; a subject without any value is left out).
    drop_constant
        Leave out features without variance, and name them in the result. Otherwise they stay.
    decimal, missing_codes
        As of `read_subject_table`.

    Raises
    ------
    InputError
        A pattern that matches nothing, a feature that is not numeric or infinite, vectors of unequal length,
        missing values under ``refuse``, or nothing left; and whatever `read_subject_table` refuses.
    """
    if nan not in get_args(Gaps):
        raise InputError(f"nan must be one of {', '.join(get_args(Gaps))}; got {nan!r}: choose one of these.")
    path = Path(path)
    read = read_subject_table(path, id_column, decimal=decimal, missing_codes=missing_codes)
    frame, left_out = _select_features(path, read.frame, id_column, include, exclude)
    values = _numeric_values(path, frame)
    varying = _varying(values) if drop_constant else np.ones(values.shape[1], dtype=bool)
    keep = np.ones(len(values), dtype=bool)
    if nan == "drop-subjects":  # after the constant features: a gap in one of those costs nobody
        keep = ~np.isnan(values[:, varying]).any(axis=1)
    if nan == "keep":
        keep = ~np.isnan(values[:, varying]).all(axis=1)
    if drop_constant:
        varying &= _varying(values[keep])
    names = frame.columns.to_numpy(dtype=object)
    gaps = np.isnan(values[:, varying])
    values = _fill_missing(path, values[keep][:, varying], names[varying], nan)
    if not values.size:
        raise InputError(
            f"{path} must leave at least one subject and one varying feature; {values.shape[0]} subjects and "
            f"{values.shape[1]} features are left under nan={nan!r}: check include, exclude and the missing values."
        )
    return BrainTable(
        subject_ids=tuple(frame.index[keep]),
        feature_names=tuple(names[varying]),
        values=values,
        dropped_constant=tuple(names[~varying]),
        dropped_subjects=tuple(
            (subject, "no brain value at all" if nan == "keep" else "missing brain value")
            for subject in frame.index[~keep]
        ),
        left_out=left_out,
        notes=(*read.notes, *_describe_gaps(names[varying], gaps, nan)),
        suspected_codes=suspected_codes(names[varying].tolist(), values),
    )


def _select_features(
    path: Path, frame: "pandas.DataFrame", id_column: str, include: Sequence[str], exclude: Sequence[str]
) -> tuple["pandas.DataFrame", dict[str, str]]:
    """Features, and columns that are none."""
    facts: dict[str, str] = {}
    if VECTOR_COLUMN in frame.columns and frame[VECTOR_COLUMN].dtype == object:
        frame = _expand_vectors(path, frame[VECTOR_COLUMN])
        if (names := stored_names(path)) is not None:
            frame.columns = names
    else:
        facts = find_facts([id_column, *map(str, frame.columns)])
    selected = select_columns(path, [str(name) for name in frame.columns], include, exclude)
    choice = choose_columns(selected, facts, include)
    if not choice.taken and choice.left_out:
        raise InputError(
            f"{path} must have a feature among its columns; none is left beside {describe_facts(choice.left_out)}: "
            "include by name those that are meant."
        )
    instances = sorted({field.instance for field in find_fields(choice.taken) if field.instance is not None})
    if facts and len(instances) > 1:
        raise InputError(
            f"One instance is analysed; {path} has features of instances {', '.join(map(str, instances))} (UK Biobank)"
            ": choose one by include, such as '*_i2' or '*-2.*'."
        )
    return frame[choice.taken], choice.left_out


def _expand_vectors(path: Path, column: "pandas.Series") -> "pandas.DataFrame":
    import pandas as pd

    lengths = {subject: np.size(vector) for subject, vector in column.items()}
    expected = next(iter(lengths.values()))
    for subject, length in lengths.items():
        if length != expected:
            raise InputError(
                f"Every {VECTOR_COLUMN} in {path} must have the same length; subject {subject!r} has {length} values "
                f"where the first has {expected}: export one layer of one model."
            )
    return pd.DataFrame(np.stack(column.to_list()), index=column.index, columns=[f"v{i}" for i in range(expected)])


def select_columns(path: Path, names: list[str], include: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """Names matched by a pattern of ``include`` and by none of ``exclude``, in order; idle patterns are refused."""
    included = _matching(path, names, "include", include)
    excluded = _matching(path, names, "exclude", exclude)
    return [name for name in names if name in included and name not in excluded]


def _matching(path: Path, names: list[str], option: str, patterns: Sequence[str]) -> set[str]:
    matches: set[str] = set()
    for pattern in patterns:
        found = {name for name in names if fnmatchcase(name, pattern)}
        if not found:
            near = get_close_matches(pattern, names, n=3, cutoff=0.3) or names[:3]
            raise InputError(
                f"Each pattern of {option} must match a column; {pattern!r} matches none of the {len(names)} in {path} "
                f"(nearest: {', '.join(near)}): correct or remove the pattern."
            )
        matches |= found
    return matches


def _numeric_values(path: Path, frame: "pandas.DataFrame") -> Features:
    from pandas.api.types import is_numeric_dtype

    text = [name for name in frame.columns if not is_numeric_dtype(frame[name].dtype)]
    if text:
        shown = ", ".join(f"{name!r} (e.g. {frame[name].iloc[0]!r})" for name in text[:5])
        raise InputError(
            f"Features must be numeric; {path} has {len(text)} that are not: {shown}: "
            "exclude them, or convert them to numbers."
        )
    single = all(dtype == np.float32 for dtype in frame.dtypes)
    values = frame.to_numpy(dtype=np.float32 if single else np.float64, na_value=np.nan)
    infinite = np.isinf(values)
    if infinite.any():
        name = frame.columns[infinite.any(axis=0)][0]
        raise InputError(f"Features must be finite; {name!r} in {path} has infinite values: correct or exclude it.")
    return values


def _describe_gaps(names: np.ndarray, gaps: np.ndarray, nan: str) -> list[str]:
    """Which features lack values, in how many subjects, and what became of these."""
    counts = gaps.sum(axis=0)
    short = [f"{names[column]!r} ({counts[column]:,})" for column in counts.nonzero()[0]]
    if not short or nan == "keep":
        return []  # what is kept is described by whoever deals with it
    more = f" and {len(short) - _SHOWN} features more" if len(short) > _SHOWN else ""
    done = "left out" if nan == "drop-subjects" else "given the mean of the feature"
    n = np.count_nonzero(gaps.any(axis=1))
    return [f"{n:,} subjects lack values and were {done}: {', '.join(short[:_SHOWN])}{more}."]


def _varying(values: Features) -> np.ndarray:
    """Mark the columns with at least two distinct values; missing values do not count."""
    low = np.min(values, axis=0, initial=np.inf, where=~np.isnan(values))
    high = np.max(values, axis=0, initial=-np.inf, where=~np.isnan(values))
    return np.asarray(high > low)


def _fill_missing(path: Path, values: Features, names: np.ndarray, nan: str) -> Features:
    missing = np.isnan(values)
    counts = missing.sum(axis=0)
    if nan == "keep" or not counts.any():
        return values
    shown = ", ".join(f"{names[column]!r} ({counts[column]})" for column in counts.nonzero()[0][:5])
    if nan == "refuse":
        raise InputError(
            f"Features must have no missing values under nan='refuse'; {path} has {np.count_nonzero(counts)} features "
            f"with some: {shown}: set nan to 'drop-subjects' or 'mean' (in a run also 'impute'), or exclude them."
        )
    if (counts == len(values)).any():
        raise InputError(f"{path} has features without any value among {shown}: exclude them or set drop_constant.")
    return np.where(missing, np.nanmean(values, axis=0), values)
