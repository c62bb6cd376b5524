"""Colours, style, a new figure, and a figure saved with the table behind it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from analyses.formats import table_text
from encoders.publishing import published_file

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

WIDTH = 7.0  # inches: the text width of a page

# Okabe & Ito's palette, distinguishable under all common colour-vision deficiencies.
BLUE, ORANGE, VERMILION, GREY, PALE, INK = "#0072B2", "#E69F00", "#D55E00", "#767676", "#C9CED3", "#222222"
PAPER = "#FFFFFF"

FOLLOWING = {PAPER: "paper", INK: "ink", GREY: "grey", PALE: "pale", BLUE: "blue"}
"""Colours that the report gives by these names, so that they follow a reader's dark mode; all others stay."""

ON_PALE, ON_DEEP = "#000000", "#FDFDFD"
"""Text on a coloured cell, which stays as it is in dark mode as the cell does."""

_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

_HINT = "hint: "

STYLE = Path(__file__).with_name("figures.mplstyle")


@contextmanager
def own_style(style: Path | None = STYLE) -> Iterator[None]:
    """Within: matplotlib's defaults and this style alone, so that no setting of the user's own changes a figure.

    Parameters
    ----------
    style : Path or None
        None for the defaults as they are.
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        if style is not None:
            matplotlib.rc_file(style, use_default_template=False)
        yield


@contextmanager
def new_figure(height: float) -> Iterator[tuple["Figure", "Axes"]]:
    """A figure outside pyplot: no global state, no display, nothing to close."""
    from matplotlib.figure import Figure

    with own_style():
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        yield figure, figure.add_subplot()


def add_hint(artist: "Artist", text: str) -> None:
    """What a browser shows of one mark while a pointer rests on it, such as its name and value."""
    artist.set_gid(f"{_HINT}{text}")


def _lay_out(figure: "Figure") -> None:
    """Once, with the measures of what draws; `savefig` would draw all of it unseen before, for the same bytes."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    engine = figure.get_layout_engine()
    if engine is not None:
        FigureCanvasSVG(figure)
        engine.execute(figure)
        figure.set_layout_engine(None)


def _finish(drawing: Path) -> None:
    """Hints become titles of their marks; characters that no XML may hold, which the name of a feature may, become
    what they are written as."""
    text = drawing.read_text(encoding="utf-8")
    # Either quote, as Python's quoteattr has it; what is escaped as an attribute is escaped as text.
    shown = re.sub(rf"<g id=([\"']){_HINT}(.*?)\1>", r"<g><title>\2</title>", text)
    shown = _NOT_IN_XML.sub(lambda match: match[0].encode("unicode_escape").decode(), shown)
    if shown != text:
        drawing.write_text(shown, encoding="utf-8")


def save_figure(figure: "Figure", path: Path, data: "DataFrame") -> Path:
    """Write a figure as SVG and the numbers behind it as CSV of the same name.

    Text stays text and no date is written, so equal input gives equal bytes. Each file appears whole or not at all.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : Path
        Ends in ``.svg``.
    data : pandas.DataFrame
        What the figure shows.
    """
    import matplotlib

    path.parent.mkdir(parents=True, exist_ok=True)
    with published_file(path) as drawing, published_file(path.with_suffix(".csv")) as table:
        with own_style(), matplotlib.rc_context({"svg.hashsalt": path.stem}):
            _lay_out(figure)
            figure.savefig(drawing, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        _finish(drawing)
        table.write_text(table_text(data, float_format="%.10g"), encoding="utf-8")
    return path
