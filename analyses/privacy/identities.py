"""Who is looked for: ids of subjects as words of a text, their hashes, and sequences that they carry."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from analyses.privacy.hashes import Hashes

RULE = (
    "an id counts where it stands as a word, capitals aside; one of less than 7 digits (4 if 0 is first), "
    "of fewer than 3 characters, or without letter and digit counts only where subjects are named: a column, key or "
    "array of such a name, a list of ids, or after a word such as “subject”; digits of a decimal number never count; "
    "a hash counts from 12 hexadecimal digits on"
)
SEQUENCE = "sequence of a window"
_WORD = re.compile(r"[^\W_]+")
_BASES = re.compile(r"(?<![A-Za-z])[ACGTNacgtn]{32,}(?![A-Za-z])")
_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")

_PERSON = r"subject|sample|participant|patient|person|individual|proband"
_NAMES_ONE = re.compile(rf"(?:^|[^a-z])(?:(?:{_PERSON})(?:[ _.-]?id)?|[ief]id|subj?|id)$")
_NAMES_MANY = re.compile(rf"(?<!n_)(?<!n/)(?<!n )(?<![a-z])(?:(?:{_PERSON})s?(?:[ _.-]?ids?)?|[ief]ids?|subj?s?|ids?)$")
_AFTER_PERSON = re.compile(
    rf"(?:^|[^a-z])(?:(?:{_PERSON})(?:[ _.-]?id)?|[ief]id|subj?)(?:[ _=#-]|[\"']?: ?)?[\"'“‘(\[]?$"
    rf"|(?:^|[^a-z])(?:{_PERSON})s(?:[ _.-]?ids?)?:? ?[\"'“‘(\[]$"
)
_NEAR = 24
"""Characters before an id in which a word that names subjects is looked for."""


@dataclass(frozen=True, slots=True)
class Match:
    """What was found in a text: from character ``start`` on, of ``kind``, of the subject in row ``row`` of the ids."""

    start: int
    kind: str
    row: int


def fold(text: str) -> str:
    """Text as it is compared: composed, capitals aside."""
    return unicodedata.normalize("NFC", text).casefold()


def names_subjects(name: str, *, many: bool = False) -> bool:
    """Whether a column, key or array is called as ids of subjects are; ``many`` for one that holds a list of them."""
    return bool((_NAMES_MANY if many else _NAMES_ONE).search(name.casefold()))


def _is_weak(folded: str) -> bool:
    """Whether an id is so short or so like a number that it must stand where subjects are named."""
    if folded.isdecimal():
        return len(folded) < (4 if folded.startswith("0") else 7)
    return len(folded) < 3 or not _WORD.search(folded)


class Identities:
    """Subjects of a run.

    Parameters
    ----------
    ids : iterable of str
    key : bytes, optional
        Of the run's keyed hashes.
    sequences : sequence of str
        Windows of haplotypes.
    """

    def __init__(self, ids: Iterable[str], *, key: bytes | None = None, sequences: Sequence[str] = ()) -> None:
        self.ids = tuple(dict.fromkeys(ids))
        self.has_key, self.n_sequences = key is not None, len(sequences)
        self._key = key
        self._sequences = "\n".join(sequences)
        self._rows = {fold(one.strip()): row for row, one in reversed(list(enumerate(self.ids)))}
        self.n_weak = sum(map(_is_weak, self._rows))

    @cached_property
    def hashes(self) -> Hashes:
        """Hashes of every id."""
        return Hashes(self.ids, self._key)

    @cached_property
    def _anchors(self) -> dict[str, list[tuple[int, str]]]:
        """Ids by the word in them that the fewest share, with its place in the id."""
        counts = Counter(word for folded in self._rows for word in _WORD.findall(folded))
        anchors: dict[str, list[tuple[int, str]]] = {}
        for folded in self._rows:
            words = list(_WORD.finditer(folded))
            if words:
                rarest = min(words, key=lambda word: counts[word[0]])
                anchors.setdefault(rarest[0], []).append((rarest.start(), folded))
        return anchors

    def is_id(self, cell: str) -> int | None:
        """Row of the id that a whole cell is, also one that was read as a number; None if it is none."""
        folded = fold(cell.strip())
        found = self._rows.get(folded)
        return self._rows.get(folded.removesuffix(".0")) if found is None else found

    def find(self, text: str) -> Iterator[Match]:
        """Ids, hashes and sequences in a text."""
        yield from self.find_ids(text)
        yield from (Match(*found) for found in self.hashes.find(text))
        for match in _BASES.finditer(text) if self.n_sequences else ():
            bases = match[0][:32].upper()
            if bases in self._sequences or bases.translate(_COMPLEMENT)[::-1] in self._sequences:
                yield Match(match.start(), SEQUENCE, -1)

    def find_ids(self, text: str) -> Iterator[Match]:
        """Ids in a text, by the rule of this module."""
        folded = fold(text)
        for word in _WORD.finditer(folded):
            for offset, one in self._anchors.get(word[0], ()):
                start = word.start() - offset
                if start >= 0 and folded.startswith(one, start) and _counts(folded, start, one):
                    yield Match(start, "id", self._rows[one])

    def mask(self, text: str) -> str:
        """The text with every id in it replaced; all of it is, where capitals change its length."""
        folded = fold(text)
        spans = [(match.start, len(fold(self.ids[match.row].strip()))) for match in self.find_ids(text)]
        if not spans:
            return text
        if len(folded) != len(text):
            return "(a sentence that names a subject)"
        for start, length in sorted(spans, reverse=True):
            text = f"{text[:start]}(an id){text[start + length :]}"
        return text


def _counts(folded: str, start: int, one: str) -> bool:
    """Whether an id at this place stands as a word, is no part of a decimal number, and is strong or named."""
    before, after = folded[max(start - _NEAR, 0) : start], folded[start + len(one) : start + len(one) + 3]
    if (one[0].isalnum() and before[-1:].isalnum()) or (one[-1].isalnum() and after[:1].isalnum()):
        return False
    if one.isdecimal():
        is_fraction = re.search(r"\d\.$", before) is not None
        if is_fraction or (re.match(r"\.\d", after) and not re.match(r"\.0(?!\d)", after)):
            return False
    return not _is_weak(one) or _AFTER_PERSON.search(before) is not None
