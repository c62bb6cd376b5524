"""Finite features for every subject kept, sources side by side."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Int64

from encoders.brain.records import Records
from encoders.brain.tables import Gaps
from encoders.errors import InputError
from encoders.tables.quoting import quote_some

Order = Int64[np.ndarray, " n_common"]
#: Two tables of one FreeSurfer run print head size with different digits.
_SIZE_TOLERANCE = 1e-4


def join_records(parts: Sequence[Records], rows: Sequence[Order]) -> Records:
    """Put sources side by side, e.g. left and right hemisphere.

    Parameters
    ----------
    parts : sequence of Records
        One row per subject each.
    rows : sequence of int arrays, each of shape (n_common,)
        Per source, its rows of the common subjects in one order.

    Raises
    ------
    InputError
        A feature of the same name in two sources, or an eTIV that differs between them.
    """
    taken = [part.take(order) for part, order in zip(parts, rows, strict=True)]
    covariates: dict[str, np.ndarray] = {}
    for part in taken:
        for name, column in part.covariates.items():
            known = covariates.setdefault(name, column)
            if not np.allclose(known, column, rtol=_SIZE_TOLERANCE, equal_nan=True):
                differs = ~np.isclose(known, column, rtol=_SIZE_TOLERANCE, equal_nan=True)
                raise InputError(
                    f"{name} must be the same in every table of a subject; it differs in {differs.sum()} of "
                    f"{len(column)} between {taken[0].source} and {part.source}: join tables of one FreeSurfer run."
                )
    return Records(
        ids=taken[0].ids,
        names=tuple(name for part in taken for name in part.names),
        values=np.hstack([part.values for part in taken]),
        source=" + ".join(part.source for part in taken),
        keys={},
        fd=None,
        covariates=covariates,
        notes=tuple(note for part in taken for note in part.notes),
        left_out={name: said for part in taken for name, said in part.left_out.items()},
    )


def complete(records: Records, nan: Gaps) -> Records:
    """Refuse infinite values and deal with missing ones.

    Parameters
    ----------
    nan : str
        ``refuse``, ``drop-subjects``, ``mean``: the mean of the feature over all subjects that have it, those that
        a fold will hold out included; or ``keep``: NaN stays, for a run to deal with in its folds.

    Raises
    ------
    InputError
        An infinite value, missing values under ``refuse``, a feature without any value, nobody left.
    """
    infinite = np.isinf(records.values)
    if infinite.any():
        names = [records.names[j] for j in np.flatnonzero(infinite.any(axis=0))]
        raise InputError(
            f"Features must be finite; {records.source} has infinite values in {quote_some(names)}: exclude them, or "
            "declare inf a missing value."
        )
    missing = np.isnan(records.values)
    if not missing.any():
        return records
    if nan == "keep":
        n_features = np.count_nonzero(missing.any(axis=0))
        note = f"{missing.sum()} missing values in {n_features} features were kept: the run says what becomes of them."
        return replace(records, notes=(*records.notes, note))
    return _drop(records, missing) if nan == "drop-subjects" else _fill(records, missing, nan)


def _drop(records: Records, missing: np.ndarray) -> Records:
    keep = np.asarray(~missing.any(axis=1))
    if not keep.any():
        worst = records.names[int(missing.sum(axis=0).argmax())]
        raise InputError(
            f"Subjects without missing values are needed; {records.source} has none: exclude features "
            f"such as {worst!r}."
        )
    note = f"{np.count_nonzero(~keep)} of {len(keep)} subjects were left out: a feature is missing."
    return replace(records.take(np.flatnonzero(keep)), notes=(*records.notes, note))


def _fill(records: Records, missing: np.ndarray, nan: Gaps) -> Records:
    counts = missing.sum(axis=0)
    shown = quote_some([f"{records.names[j]} ({counts[j]})" for j in np.flatnonzero(counts)])
    if nan == "refuse":
        raise InputError(
            f"Features must have no missing values under nan refuse; {records.source} has some in {shown}: choose "
            "keep and impute in the run, drop-subjects or mean, or exclude the features."
        )
    empty = [records.names[j] for j in np.flatnonzero(counts == len(missing))]
    if empty:
        raise InputError(f"A feature needs a value; {records.source} has none in {quote_some(empty)}: exclude them.")
    note = f"{counts.sum()} missing values in {np.count_nonzero(counts)} features became the mean of their feature."
    filled = np.where(missing, np.nanmean(records.values, axis=0), records.values)
    return replace(records, values=filled, notes=(*records.notes, note))
