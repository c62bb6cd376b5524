"""How pages are filled in: templates beside this file, and what they may do with values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analyses.formats import format_number, format_p
from analyses.privacy.counts import Count, format_count
from analyses.report.findings import is_significant
from analyses.report.tails import format_tail
from analyses.results.schema.alignments import ConfoundTaken
from analyses.results.serialisation import plain
from encoders.brain.headers.choice import describe_facts

TEMPLATES = Path(__file__).parent / "templates"


def make_environment() -> Any:
    """Jinja, refusing what is not defined and escaping what comes from files."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"p": format_p, "number": format_number, "plain": plain, "facts": describe_facts}
    environment.filters["count"] = _count
    environment.filters["tail"] = format_tail
    environment.filters["by_side"] = _by_side
    environment.filters["described"] = _described
    environment.tests |= {"significant": is_significant}
    return environment


def _count(count: Count) -> str:
    """A count of subjects as numbers are written here; of a small one, what it is below."""
    return format_count(count).replace(",", "\N{NARROW NO-BREAK SPACE}")


def _by_side(taken: Sequence[ConfoundTaken]) -> list[tuple[ConfoundTaken, ConfoundTaken]]:
    """What each confound took from genes, and from brain."""
    genes, brain = ([one for one in taken if one.side == side] for side in ("genes", "brain"))
    return list(zip(genes, brain, strict=True))


def _described(drawing: Any, caption: str) -> Any:
    """The drawing with what it shows, for those who hear the page."""
    from markupsafe import Markup, escape

    words = escape(caption)
    for tag, attribute in (("<svg", 'role="img" aria-label'), ("<img", "alt")):
        if drawing.startswith(tag):
            return Markup(f'{tag} {attribute}="{words}"{drawing[len(tag) :]}')
    return drawing
