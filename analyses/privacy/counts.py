"""Counts of subjects as they may be shown: a small one is said to be so, and cannot be computed from a sum."""

from __future__ import annotations

import re
from collections.abc import Iterable

Count = int | str
"""A number of subjects, or ``<5`` for one from 1 to 4: of a category, a gene, a reason."""

#: What readers of tables count in their remarks; features, columns and groups of subjects are no subjects.
_COUNTED = r"(?:(?:empty|missing|training) )?(?:cells?|rows?|values?|subjects?)\b"
_NUMBER = re.compile(
    rf"(?<![\w.,<'\"-])(?:\d[\d,]*|one)(?= (?:of \d[\d,]* )?{_COUNTED})"  # "3 of 120 subjects were left out"
    r"|(?<=['\"] \()\d[\d,]*(?=\))"  # "'thickness' (3)"
    r"|(?<=[:,] )\d[\d,]*(?= of (?!\d[\d,]* columns\b))"  # "were left out: 3 of APOE"
)

_SINGULAR = re.compile(r"(?<=<)(\d+ (?:(?:empty|missing|training) )?(?:cell|row|value|subject))\b")
"""Of a small count that was one."""


def show_count(n: int, smallest: int) -> Count:
    """`n`, or ``<smallest`` for one of 1 to `smallest` - 1; 0 is nobody, and shown.

    Examples
    --------
    >>> [show_count(n, 5) for n in (0, 4, 5)]
    [0, '<5', 5]
    """
    return f"<{smallest}" if 0 < n < smallest else n


def show_total(parts: Iterable[Count]) -> Count:
    """The sum of parts; where one of them is not shown, only what it stays below, so that nobody can subtract.

    Examples
    --------
    >>> show_total([100, 7]), show_total([100, "<5"])
    (107, '<105')
    """
    shown = list(parts)
    most = sum(_at_most(part) for part in shown)
    return most if all(isinstance(part, int) for part in shown) else f"<{most + 1}"


def _at_most(count: Count) -> int:
    return count if isinstance(count, int) else int(count.removeprefix("<")) - 1


def show_sentence(sentence: str, smallest: int) -> str:
    """A sentence with its small counts of subjects, rows, cells and values suppressed.

    Examples
    --------
    >>> show_sentence("3 of 120 subjects lack values: 'thickness' (2), 'area' (40).", 5)
    "<5 of 120 subjects lack values: 'thickness' (<5), 'area' (40)."
    >>> show_sentence("Confound 'site' has one training subject in level 'B'.", 5)
    "Confound 'site' has <5 training subjects in level 'B'."
    >>> show_sentence("x: 3 of 30 columns have heavy tails.", 5)
    'x: 3 of 30 columns have heavy tails.'
    """

    def shown(match: re.Match[str]) -> str:
        n = 1 if match[0] == "one" else int(match[0].replace(",", ""))
        return f"<{smallest}" if 0 < n < smallest else match[0]

    return _SINGULAR.sub(r"\1s", _NUMBER.sub(shown, sentence))


def format_count(count: Count) -> str:
    """A count with its digits in groups of three.

    Examples
    --------
    >>> format_count(28932), format_count("<28935")
    ('28,932', '<28,935')
    """
    if isinstance(count, int):
        return f"{count:,}"
    bound = count.removeprefix("<")
    return f"<{int(bound):,}" if bound.isdecimal() else count
