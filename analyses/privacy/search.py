"""Files searched for subjects: what was looked at, and who was found where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from analyses.privacy.containers import MOST_BYTES, Opened, TooLargeError, read_most
from analyses.privacy.hashes import KEYED
from analyses.privacy.identities import Identities, Match
from analyses.privacy.pieces import Piece, read_text

FOLDS = "splits.json"
"""The one file in which keyed hashes stand for subjects, in the results and in tracking."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``n`` subjects found in a file, the first of them as ``kind`` at ``place``, in row ``row`` of the ids.

    ``row`` is -1 for a sequence, which may be of many.
    """

    file: str
    kind: str
    n: int
    place: str
    row: int


@dataclass(slots=True)
class Looked:
    """What was looked at.

    Attributes
    ----------
    files, n_bytes : Counter
        Number and bytes of files by kind.
    rows : Counter
        Rows of tables by kind of file.
    n_tables : int
        Tables of databases.
    unread : dict of file to reason
        What could not be looked at as what it is; its bytes were.
    n_keyed : int
        Files of folds in which subjects stand by keyed hash, as they should.
    """

    files: Counter[str] = field(default_factory=Counter)
    n_bytes: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    n_tables: int = 0
    unread: dict[str, str] = field(default_factory=dict)
    n_keyed: int = 0


def search(files: Iterable[tuple[str, Path]], identities: Identities) -> tuple[list[Finding], Looked]:
    """Search files for subjects.

    Parameters
    ----------
    files : iterable of (str, Path)
        Name as shown and place of each.
    identities : Identities

    Returns
    -------
    list of Finding
        One a file and kind.
    Looked
    """
    findings: list[Finding] = []
    looked = Looked()
    for shown, path in files:
        found: dict[str, dict[int, str]] = {}
        for place, match in _matches(shown, path, identities, looked):
            found.setdefault(match.kind, {}).setdefault(match.row, place)
        if path.name == FOLDS and found.pop(KEYED, {}):
            looked.n_keyed += 1
        findings += [
            Finding(shown, kind, len(places), next(iter(places.values())), next(iter(places)))
            for kind, places in found.items()
        ]
    return findings, looked


def _matches(shown: str, path: Path, identities: Identities, looked: Looked) -> Iterator[tuple[str, Match]]:
    for match in identities.find(shown):
        yield "its name", match
    if path.is_symlink():
        for match in identities.find(str(path.readlink())):
            yield "what the link points to", match
    try:
        with path.open("rb") as stream:
            content = read_most(stream)
    except OSError as error:
        looked.unread[shown] = error.strerror or "it cannot be read"
        return
    if len(content) > MOST_BYTES:
        looked.unread[shown] = f"it is larger than {MOST_BYTES:,} bytes, which were searched"
    opened = Opened(path.name, content, path)
    yield from _in_pieces(opened, identities, looked, shown)
    looked.files[opened.kind] += 1
    looked.n_bytes += len(content)
    looked.rows[opened.kind] += opened.n_rows
    looked.n_tables += opened.n_tables


def _in_pieces(opened: Opened, identities: Identities, looked: Looked, shown: str) -> Iterator[tuple[str, Match]]:
    try:
        for piece in opened.pieces():
            yield from ((_place(piece, match), match) for match in _in_piece(piece, identities))
    except TooLargeError:
        looked.unread[shown] = f"unpacked it is larger than {MOST_BYTES:,} bytes"
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes a reader raise: it is said, not passed over
        looked.unread[shown] = f"damaged ({type(error).__name__}: {' '.join(str(error).split())[:80]})"
    else:
        return
    for match in identities.find(read_text(opened.content)):
        yield "its bytes", match


def _in_piece(piece: Piece, identities: Identities) -> Iterator[Match]:
    if piece.names_subjects and (row := identities.is_id(piece.text)) is not None:
        yield Match(0, "id", row)
    if piece.is_whole:
        yield from _list_of_ids(piece.text, identities)
    yield from identities.find(piece.text)


def _list_of_ids(text: str, identities: Identities) -> Iterator[Match]:
    """A text of which most lines are ids is a list of them, though nothing says so."""
    lines = text.split("\n", 3)[:3]
    if len(lines) < 3 or not all(identities.is_id(line) is not None for line in lines[1:3]):
        return
    at, found, n = 0, [], 0
    for line in text.splitlines(keepends=True):
        n += bool(line.strip())
        if (row := identities.is_id(line)) is not None:
            found.append(Match(at, "id", row))
        at += len(line)
    if len(found) > n / 2:
        yield from found


def _place(piece: Piece, match: Match) -> str:
    if not piece.is_whole:
        return piece.place
    line = piece.text.count("\n", 0, match.start) + 1  # folding may move a character, hardly ever a line
    return f"{piece.place} line {line}".strip()
