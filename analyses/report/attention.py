"""Flags and warnings of all alignments, each sentence once with where it applies, flags first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from analyses.results.folder import Results

_MINUS = re.compile(r"(?<![\w.,-])-(?=[\d.])")


@dataclass(frozen=True)
class Attention:
    """A sentence, whether it is a flag rather than a warning, and the alignments (name, title) that it was said of."""

    sentence: str
    is_flag: bool
    alignments: tuple[tuple[str, str], ...]


def gather_attention(results: Results) -> list[Attention]:
    """What a reader must know before the numbers."""
    said: dict[tuple[bool, str], list[tuple[str, str]]] = {}
    for one in results.alignments:
        for is_flag, sentences in ((True, one.summary.flags), (False, one.summary.warnings)):
            for sentence in sentences:
                said.setdefault((is_flag, sentence), []).append((one.name, one.title))
    found = [
        Attention(_MINUS.sub("\N{MINUS SIGN}", sentence), is_flag, tuple(where))
        for (is_flag, sentence), where in said.items()
    ]
    return sorted(found, key=lambda one: not one.is_flag)
