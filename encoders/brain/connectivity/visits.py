"""One series per subject: which session counts, and whether runs are joined; nothing is joined unasked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from encoders.brain.sessions import choose_sessions
from encoders.errors import InputError
from encoders.tables.quoting import quote_some

Join = Literal["nothing", "runs", "sessions"]


@dataclass(frozen=True)
class Visits:
    """What is to be done with several series of a subject.

    Attributes
    ----------
    session
        ``first``, ``last`` or the name of a session; needed where a subject has several and they are not joined.
    session_order
        All sessions from first to last, where their labels are neither numbers nor dates.
    join
        ``runs`` joins the runs of a session end to end, ``sessions`` its sessions too.
    """

    session: str | None = None
    session_order: tuple[str, ...] = ()
    join: Join = "nothing"


def one_series_per_subject(
    ids: Sequence[str],
    keys: Mapping[str, Sequence[str]],
    series: Sequence[np.ndarray],
    visits: Visits,
    *,
    source: object,
) -> tuple[tuple[str, ...], tuple[np.ndarray, ...], tuple[str, ...]]:
    """Choose sessions and join what is to be joined; runs lose their means before they are.

    Parameters
    ----------
    ids : sequence of str, length n_series
        Subject of each series.
    keys : mapping of str to sequence of str, length n_series
        ``session`` and ``run`` of each series, as far as known.
    series : sequence of arrays, each of shape (n_timepoints, n_rois)
    source
        File or folder, for messages.

    Returns
    -------
    ids : tuple of str
        Unique, in the order of their first series.
    series : tuple of arrays
    notes : tuple of str

    Raises
    ------
    InputError
        Several sessions or runs of a subject without a word on them, or twice the same.
    """
    _check_repeats(ids, keys, source)
    rows, notes = list(range(len(ids))), []
    if "session" in keys and visits.join != "sessions":
        chosen = choose_sessions(
            ids,
            keys["session"],
            visits.session,
            source=source,
            order=visits.session_order,
            offered="first, last, joined (join sessions)",
        )
        rows, notes = list(chosen.rows), [] if chosen.note is None else [chosen.note]
    of_subject: dict[str, list[int]] = {}
    for row in rows:
        of_subject.setdefault(ids[row], []).append(row)
    several = [subject for subject, found in of_subject.items() if len(found) > 1]
    if several and visits.join == "nothing":
        raise InputError(
            f"One series per subject is analysed; {source} has several of {quote_some(several)}: ask for its runs to "
            "be joined end to end (join runs), or give one of each."
        )
    if several:
        n = sum(len(of_subject[subject]) for subject in several)
        notes.append(f"{n} series of {len(several)} subjects were joined end to end, as asked (join {visits.join}).")
    joined = tuple(_join([series[row] for row in found]) for found in of_subject.values())
    return tuple(of_subject), joined, tuple(notes)


def _check_repeats(ids: Sequence[str], keys: Mapping[str, Sequence[str]], source: object) -> None:
    """Runs that nothing tells apart may be copies."""
    counts = Counter(zip(ids, *(keys[key] for key in ("session", "run") if key in keys), strict=True))
    repeated = [" / ".join(part for part in label if part) for label, n in counts.items() if n > 1]
    if repeated:
        raise InputError(
            f"Subject ids must be unique, or sessions and runs told apart; {source} repeats {quote_some(repeated)}: "
            "keep one of each, or name groups 'session' and 'run' in the id expression."
        )


def _join(runs: list[np.ndarray]) -> np.ndarray:
    """End to end; a difference between the means of runs is no signal."""
    return runs[0] if len(runs) == 1 else np.concatenate([run - run.mean(axis=0) for run in runs])
