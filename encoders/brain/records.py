"""Rows of a brain source as they were read, and how several rows of a subject become one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from encoders.brain.import_options import RunWeights
from encoders.brain.sessions import check_visits_in_ids, choose_sessions
from encoders.errors import InputError
from encoders.tables.quoting import quote_some

Values = Float[np.ndarray, "n_rows n_features"]
PerRow = Float[np.ndarray, " n_rows"]
KEYS = ("session", "run", "window")


@dataclass(frozen=True)
class Records:
    """Features by row; a row is a subject, or a session, run or window of one.

    Attributes
    ----------
    ids : tuple of str
        Subject of each row.
    names : tuple of str
        Feature names, unique.
    values : float array, shape (n_rows, n_features)
        NaN where missing.
    keys : mapping of str to tuple of str
        ``session``, ``run``, ``window`` of each row, as far as known.
    fd : float array, shape (n_rows,), or None
        Mean framewise displacement of the row's run (mm).
    covariates : mapping of str to float array, shape (n_rows,)
        Global measures that are no features, such as ``eTIV`` (mm^3).
    source : str
        File or folder, for messages.
    notes : tuple of str
        Sentences on what was set aside or changed.
    telling : tuple of str
        Columns of the source that tell repeated ids apart, to be offered where ids repeat.
    left_out : mapping of str to str
        Columns that are no features, and what each is.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    values: Values
    source: str
    keys: Mapping[str, tuple[str, ...]]
    fd: PerRow | None
    covariates: Mapping[str, PerRow]
    notes: tuple[str, ...] = ()
    telling: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        repeated = [name for name, count in Counter(self.names).items() if count > 1]
        if repeated:
            raise InputError(
                f"Feature names must be unique; {self.source} repeats {quote_some(repeated)}: rename or exclude copies."
            )

    def take(self, rows: Sequence[int] | np.ndarray) -> "Records":
        """These rows, in this order."""
        rows = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            values=self.values[rows],
            keys={key: tuple(of[row] for row in rows) for key, of in self.keys.items()},
            fd=None if self.fd is None else self.fd[rows],
            covariates={name: column[rows] for name, column in self.covariates.items()},
        )


def one_row_per_subject(
    records: Records,
    *,
    session: str | None = None,
    session_order: Sequence[str] = (),
    run_weights: RunWeights = "mean",
) -> Records:
    """Average windows within runs, runs within sessions, and choose or average sessions.

    Parameters
    ----------
    session : str, optional
        ``first``, ``last``, ``mean`` or the name of a session; needed where a subject has several.
    session_order : sequence of str
        All sessions from first to last, where their labels are neither numbers nor dates.
    run_weights : str
        ``mean``, or ``fd``: runs weigh 1 / framewise displacement.

    Raises
    ------
    InputError
        A row repeats another's subject, session, run and window; ids that are scans of one subject; several
        sessions without a choice, or whose order is not known; a displacement that is missing or not positive.
    """
    _check_repeats(records)
    check_visits_in_ids(records.ids, records.source)
    records = _choose_session(records, session, session_order)
    records = _average(records, ("session", "run"), None)
    records = _average(records, ("session",), _inverse_displacement(records) if run_weights == "fd" else None)
    return _average(records, (), None)


def _row_keys(records: Records, levels: Sequence[str]) -> list[tuple[str, ...]]:
    columns = [records.ids, *(records.keys[level] for level in levels if level in records.keys)]
    return list(zip(*columns, strict=True))


def _check_repeats(records: Records) -> None:
    seen: set[tuple[str, ...]] = set()
    repeated = []
    for key in _row_keys(records, KEYS):
        if key in seen:
            repeated.append(" / ".join(key))
        seen.add(key)
    if repeated:
        by = f"one row per subject{''.join(f', {key}' for key in records.keys)}"
        raise InputError(
            f"Subject ids must be unique, {by}; {records.source} repeats {quote_some(list(dict.fromkeys(repeated)))}: "
            "keep one row of each, or name the column that tells sessions, runs or windows apart"
            f"{f' (columns that do: {quote_some(records.telling)})' if records.telling else ''}."
        )


def _choose_session(records: Records, session: str | None, session_order: Sequence[str]) -> Records:
    if "session" not in records.keys or session == "mean":
        return records
    labels = records.keys["session"]
    chosen = choose_sessions(records.ids, labels, session, source=records.source, order=session_order)
    kept = records.take(chosen.rows)
    return kept if chosen.note is None else replace(kept, notes=(*records.notes, chosen.note))


def _inverse_displacement(records: Records) -> PerRow:
    if records.fd is None:
        raise InputError(f"Weights 1/FD need the framewise displacement of each run; {records.source} has none named.")
    bad = [s for s, fd in zip(records.ids, records.fd, strict=True) if not fd > 0]
    if bad:
        raise InputError(
            f"Framewise displacement must be positive; {records.source} has missing or zero values for "
            f"{quote_some(bad)}: correct them, or average runs alike."
        )
    return np.asarray(1.0 / records.fd)


def _average(records: Records, levels: Sequence[str], weights: PerRow | None) -> Records:
    """Weighted mean over the rows that share subject and levels, in order of first appearance."""
    row_keys = _row_keys(records, levels)
    place = {key: i for i, key in enumerate(dict.fromkeys(row_keys))}
    if len(place) == len(row_keys):
        return replace(records, keys={level: records.keys[level] for level in levels if level in records.keys})
    group = np.array([place[key] for key in row_keys])
    w = np.ones(len(group)) if weights is None else weights
    total = np.bincount(group, w)

    def mean(values: np.ndarray) -> np.ndarray:
        summed = np.zeros((len(place), *values.shape[1:]))
        np.add.at(summed, group, values * w.reshape(-1, *[1] * (values.ndim - 1)))
        return summed / total.reshape(-1, *[1] * (values.ndim - 1))

    averaged = records.take(_first_rows(group, len(place)))
    level = "sessions" if not levels else "runs" if levels == ("session",) else "windows"
    note = f"{len(row_keys)} rows were averaged over {level} into {len(place)}."
    return replace(
        averaged,
        values=mean(records.values),
        keys={key: averaged.keys[key] for key in levels if key in averaged.keys},
        fd=None if records.fd is None else mean(records.fd),
        covariates={name: mean(column) for name, column in records.covariates.items()},
        notes=(*records.notes, note),
    )


def _first_rows(group: np.ndarray, n: int) -> np.ndarray:
    first = np.full(n, len(group))
    np.minimum.at(first, group, np.arange(len(group)))
    return first
