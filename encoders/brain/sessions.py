"""The order of sessions: as the numbers, dates or ages of a study that their labels are, or as given; never as text."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from encoders.brain.session_labels import read_labels
from encoders.errors import InputError
from encoders.tables.quoting import quote_some

_SHOWN = 12
_BIDS_SCAN = re.compile(r"(?:sub-)?(?P<id>[A-Za-z0-9]+)_(?:ses|run|task|acq|dir|rec|echo|space)-[A-Za-z0-9].*")


@dataclass(frozen=True)
class SessionOrder:
    """Which session comes before which.

    Attributes
    ----------
    places : mapping of str to int
        Rank of each label; equal where two labels say the same.
    how : str
        What the labels were read as.
    """

    places: Mapping[str, int]
    how: str

    def first_to_last(self) -> tuple[str, ...]:
        """The labels in order."""
        return tuple(sorted(self.places, key=lambda label: self.places[label]))


def order_sessions(labels: Sequence[str], source: object, given: Sequence[str] = ()) -> SessionOrder:
    """Order the labels of sessions.

    Parameters
    ----------
    labels : sequence of str
        All labels of a source; may repeat.
    source
        File or folder, for messages.
    given : sequence of str
        The order, where the labels do not say it.

    Raises
    ------
    InputError
        Labels that are neither numbers nor dates, or that two readings order differently; a label that is missing from
        the order given.

    Examples
    --------
    >>> from encoders.brain.sessions import order_sessions
    >>> order_sessions(["ses-2", "ses-10", "ses-1"], "t.csv").first_to_last()
    ('ses-1', 'ses-2', 'ses-10')
    """
    distinct = list(dict.fromkeys(labels))
    blank = [label for label in distinct if label.strip().lower() in ("", "nan", "na", "n/a", "none", "nat")]
    if blank:
        raise InputError(f"Every row needs a session to be ordered; {source} has rows without one: fill them in.")
    if given:
        return SessionOrder(_as_given(distinct, source, given), "as given")
    orders = [SessionOrder(_ranks(distinct, places), said) for said, places in read_labels(distinct).items()]
    shown = quote_some(distinct)
    if orders and all(order.places == orders[0].places for order in orders):
        return orders[0]
    if orders:
        both = " or ".join(f"{order.how} ({', '.join(order.first_to_last()[:4])})" for order in orders)
        raise InputError(
            f"The first or last session needs one order of sessions; those of {source} ({shown}) may be read {both}: "
            "give their order (session order)."
        )
    raise InputError(
        f"The first or last session needs an order of sessions; those of {source} ({shown}) are neither all numbers "
        "nor all dates of one form: give their order (session order), choose one by its name, or take their mean."
    )


@dataclass(frozen=True)
class SessionChoice:
    """Rows of the session of each subject that counts, in their order, and the sentence that says so."""

    rows: tuple[int, ...]
    note: str | None = None


def choose_sessions(
    ids: Sequence[str],
    labels: Sequence[str],
    session: str | None,
    *,
    source: object,
    order: Sequence[str] = (),
    offered: str = "first, last, mean",
) -> SessionChoice:
    """Choose one session of each subject.

    Parameters
    ----------
    ids, labels : sequences of str, length n_rows
        Subject and session of each row.
    session : str or None
        ``first``, ``last`` or the name of a session; needed where a subject has several.
    source
        File or folder, for messages.
    order : sequence of str
        All sessions from first to last, where their labels do not say it.
    offered : str
        What one may choose besides a name, for messages.

    Raises
    ------
    InputError
        Several sessions without a choice; a session that no subject has; first or last of labels without an order.
    """
    of_subject: dict[str, set[str]] = {}
    for subject, label in zip(ids, labels, strict=True):
        of_subject.setdefault(subject, set()).add(label)
    several = [subject for subject, found in of_subject.items() if len(found) > 1]
    if session is None:
        if several:
            raise InputError(
                f"One session per subject is analysed; {source} has several of {quote_some(several)}: choose "
                f"session {offered} or one of {quote_some(list(dict.fromkeys(labels)))}."
            )
        return SessionChoice(tuple(range(len(ids))))
    wanted, how = dict.fromkeys(of_subject, session), ""
    if session in ("first", "last") and session not in labels:
        wanted, how = _at_the_end(of_subject, labels, session, source=source, order=order)
    rows = tuple(i for i, (subject, label) in enumerate(zip(ids, labels, strict=True)) if wanted[subject] == label)
    if not rows:
        raise InputError(
            f"No subject of {source} has session {session!r}; sessions are {quote_some(list(dict.fromkeys(labels)))}."
        )
    lost = len(of_subject) - len({ids[row] for row in rows})
    note = f"Session {session!r} was taken{how}: {len(rows)} of {len(ids)} rows; {lost} subjects do not have it."
    return SessionChoice(rows, note)


def check_visits_in_ids(ids: Sequence[str], source: object) -> None:
    """Raise InputError where ids are scans of one subject in BIDS names: they are no subjects of their own.

    Parameters
    ----------
    ids : sequence of str
        May repeat.
    source
        File or folder, for messages.
    """
    scans = [match["id"] for one in dict.fromkeys(ids) if (match := _BIDS_SCAN.fullmatch(one)) is not None]
    repeated = [subject for subject, n in Counter(scans).items() if n > 1]
    if repeated:
        raise InputError(
            f"Ids must be of subjects; {source} has several scans of {quote_some(repeated)} in its ids: name subject, "
            r"session and run by the id expression, such as 'sub-(?P<id>[^_/]+)_ses-(?P<session>[^_/]+)'."
        )


def _at_the_end(
    of_subject: Mapping[str, set[str]], labels: Sequence[str], session: str, *, source: object, order: Sequence[str]
) -> tuple[dict[str, str], str]:
    """First or last session of each subject, and how the sessions were ordered."""
    if all(len(found) == 1 for found in of_subject.values()):
        return {subject: next(iter(found)) for subject, found in of_subject.items()}, ""
    ordered = order_sessions(labels, source, order)
    end = min if session == "first" else max
    wanted = {}
    for subject, found in of_subject.items():
        place = end(ordered.places[label] for label in found)
        at_end = sorted(label for label in found if ordered.places[label] == place)
        if len(at_end) > 1:
            raise InputError(
                f"The {session} session of a subject must be one; {quote_some(at_end)} of {subject!r} in {source} say "
                "the same: give their order (session order)."
            )
        wanted[subject] = at_end[0]
    labels_in_order = ordered.first_to_last()
    listed = f": {', '.join(labels_in_order)}" if len(labels_in_order) <= _SHOWN else ""
    return wanted, f" (ordered {ordered.how}{listed})"


def _as_given(labels: Sequence[str], source: object, given: Sequence[str]) -> dict[str, int]:
    absent = [label for label in labels if label not in given]
    if absent or len(set(given)) < len(given):
        raise InputError(
            f"The order of sessions must name each session of {source} once; it lacks or repeats "
            f"{quote_some(absent or [label for label in given if given.count(label) > 1])}: complete it."
        )
    return {label: given.index(label) for label in labels}


def _ranks(labels: Sequence[str], places: Sequence[Any]) -> dict[str, int]:
    distinct = sorted(set(places))
    return {label: distinct.index(place) for label, place in zip(labels, places, strict=True)}
