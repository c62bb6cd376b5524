"""Hashes by which an id may be written instead of itself, found by their first digits."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import numpy as np

KEYED = "keyed hash"
_DIGITS = 12
"""Hexadecimal digits that a hash must show, cut short or not: by chance 1 of 2.8e14 words agrees in them."""

_HEX = re.compile(r"(?<![0-9a-z])[0-9a-f]{12,128}(?![0-9a-z])")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{11,86}(?![A-Za-z0-9+/_-])")
_BASE64_LENGTHS = frozenset({11, 22, 27, 38, 43, 64, 86})  # of 8, 16, 20, 28, 32, 48 and 64 bytes, padding aside


def keyed_hash(subject_id: str, key: bytes) -> str:
    """What stands for a subject in files that are shown: nobody without the key can compute it."""
    return hashlib.blake2b(subject_id.encode(), key=key, digest_size=8).hexdigest()


def _of_line(kind: str, subject_id: str) -> str:
    return hashlib.new(kind, f"{subject_id}\n".encode()).hexdigest()


def _of_id(kind: str, subject_id: str) -> str:
    return hashlib.new(kind, subject_id.encode()).hexdigest()


_PLAIN = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s")
_KINDS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {kind: partial(_of_id, kind) for kind in _PLAIN}
    | {f"{kind} of the id and a line end": partial(_of_line, kind) for kind in ("md5", "sha1", "sha256")}
    | {"blake2b of 16 bytes": lambda one: hashlib.blake2b(one.encode(), digest_size=16).hexdigest()}
)


class Hashes:
    """Hashes of ids, plain and keyed.

    Parameters
    ----------
    ids : sequence of str
    key : bytes, optional
        Of the run's keyed hashes.
    """

    def __init__(self, ids: Sequence[str], key: bytes | None) -> None:
        self._ids = ids
        self.kinds = dict(_KINDS) | ({} if key is None else {KEYED: lambda one: keyed_hash(one, key)})
        pairs = [
            (int(make(one)[:_DIGITS], 16), row) for make in self.kinds.values() for row, one in enumerate(self._ids)
        ]
        pairs.sort()
        self._heads = np.array([head for head, _ in pairs], dtype=np.int64)
        self._rows = np.array([row for _, row in pairs], dtype=np.int64)

    def find(self, text: str) -> Iterator[tuple[int, str, int]]:
        """Place in the text, kind of hash and row of the id, for hashes in hexadecimal or base64 digits."""
        for match in _HEX.finditer(text.casefold()):
            yield from ((match.start(), *found) for found in self._look_up(match[0]))
        for match in _BASE64.finditer(text):
            if len(match[0]) in _BASE64_LENGTHS:
                padded = match[0].replace("-", "+").replace("_", "/") + "=" * (-len(match[0]) % 4)
                yield from ((match.start(), *found) for found in self._look_up(base64.b64decode(padded).hex()))

    def _look_up(self, digits: str) -> Iterator[tuple[str, int]]:
        head = int(digits[:_DIGITS], 16)
        low, high = np.searchsorted(self._heads, head, side="left"), np.searchsorted(self._heads, head, side="right")
        for row in dict.fromkeys(self._rows[low:high].tolist()):
            for kind, make in self.kinds.items():
                if make(self._ids[row]).startswith(digits):
                    yield kind, row
                    break
