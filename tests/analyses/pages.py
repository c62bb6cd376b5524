"""Pages of HTML as readers see them: paragraphs, and what is said twice."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

TABLES = {"table", "dl", "figure", "svg", "nav", "head", "pre"}
"""What may repeat itself: tables and lists of facts, captions, the tips of marks, the contents, a configuration."""
_BLOCKS = {"p", "li", "h1", "h2", "h3", "h4", "summary"}
_VOID = {"meta", "br", "path", "use", "rect", "link", "img", "hr", "input"}
_END = re.compile(r"(?<=[.!?;:])\s+(?=[A-Z“(])")
FEWEST_WORDS = 6


class _Paragraphs(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self._open: list[str] = []
        self._classes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        self._open.append(tag)
        self._classes.append(dict(attrs).get("class") or "")
        if tag in _BLOCKS:
            self.found.append((" ".join(self._classes), []))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            self._open.pop()
            self._classes.pop()

    def handle_data(self, data: str) -> None:
        if _BLOCKS.intersection(self._open) and not TABLES.union({"script", "style"}).intersection(self._open):
            self.found[-1][1].append(data)


def read_paragraphs(page: str, within: str = "") -> list[str]:
    """Text of paragraphs, headings and items outside tables and figures, in order.

    Parameters
    ----------
    page : str
        HTML.
    within : str
        A class that what is read stands in.
    """
    parser = _Paragraphs()
    parser.feed(page)
    read = ((classes, " ".join("".join(pieces).split())) for classes, pieces in parser.found)
    return [text for classes, text in read if text and within in classes]


def sentences_of(text: str) -> list[str]:
    """Sentences of a paragraph."""
    return _END.split(text)


def check_page(page: str) -> None:
    """Raise AssertionError where a report says a sentence twice, or opens with more than three."""
    said = Counter(one for text in read_paragraphs(page) for one in sentences_of(text))
    twice = [one for one, n in said.items() if n > 1 and len(one.split()) >= FEWEST_WORDS]
    assert twice == [], f"said twice: {twice}"
    opening = [one for text in read_paragraphs(page, within="answer") for one in sentences_of(text)]
    assert 1 <= len(opening) <= 3 + sum(one.endswith((";", ":")) for one in opening), opening
