"""Draws docs/architecture.svg and the tables of docs/architecture.md from the code: layers, wings, who imports whom.

    python docs/draw_architecture.py

Layers are those of the import contracts in pyproject.toml, arrows are imports that exist (those that follow from others
are left out), sentences are those of each wing's ``__init__``. A test holds that the files are up to date.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from textwrap import wrap

import grimp
import networkx as nx

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("analyses", "encoders", "fusion")
NESTED = ("encoders.dna", "encoders.genome", "encoders.brain")
COLOURS = {"analyses": "#0072B2", "encoders": "#009E73", "fusion": "#D55E00"}

WIDTH, BOX, LINE, GAP, MARGIN = 1180, 50, 13, 24, 22  # pixels
SMALL_LETTER, MOST_LINES = 5.2, 2
MARK = "<!-- drawn by docs/draw_architecture.py: change the code, not these lines -->"


@dataclass(frozen=True)
class Wing:
    """A folder or module that a layer of a contract names."""

    name: str
    sentence: str
    n_modules: int


@dataclass(frozen=True)
class Box:
    """Where a wing stands in the picture, in pixels."""

    x: float
    y: float
    width: float
    height: float


def layers_of(container: str) -> list[list[str]]:
    """Layers of a container, highest first, each with its wings."""
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (found,) = (one for one in contracts if one.get("containers") == [container])
    return [[name.strip() for name in layer.split("|")] for layer in found["layers"]]


def read_wing(container: str, name: str) -> Wing:
    """Sentence and size of a wing."""
    path = REPOSITORY.joinpath(*container.split("."), name)
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    told = ast.get_docstring(ast.parse(source.read_text("utf-8"))) or ""
    modules = [one for one in path.rglob("*.py") if one.name != "__init__.py"] if path.is_dir() else [source]
    return Wing(name, " ".join(told.split("\n\n")[0].split()), len(modules))


def imports_between(container: str, wings: list[str]) -> list[tuple[str, str]]:
    """Pairs of wings, importer first, without those that follow from others."""
    graph, drawn = grimp.build_graph(*PACKAGES), nx.DiGraph()
    for name in wings:
        inside = f"{container}.{name}"
        for module in {inside, *graph.find_descendants(inside)}:
            for imported in graph.find_modules_directly_imported_by(module):
                head = imported.removeprefix(f"{container}.").split(".")[0]
                if imported.startswith(f"{container}.") and head in wings and head != name:
                    drawn.add_edge(name, head)
    return sorted(nx.transitive_reduction(drawn).edges)


def place(layers: list[list[str]], x: float, y: float, width: float) -> dict[str, Box]:
    """One row a layer, its wings side by side."""
    boxes = {}
    for layer in layers:
        share = (width - GAP * (len(layer) - 1)) / len(layer)
        for column, name in enumerate(layer):
            boxes[name] = Box(x + column * (share + GAP), y, share, BOX)
        y += BOX + GAP
    return boxes


def draw_container(container: str, x: float, y: float, width: float) -> tuple[list[str], float]:
    """A package as SVG elements, and where it ends."""
    layers, colour = layers_of(container), COLOURS[container]
    boxes = place(layers, x + MARGIN, y + 44, width - 2 * MARGIN)
    bottom = max(box.y + box.height for box in boxes.values()) + MARGIN
    drawn = [
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{bottom - y:g}" rx="10" fill="{colour}" '
        f'fill-opacity="0.05" stroke="{colour}"/>',
        f'<text x="{x + MARGIN:g}" y="{y + 28:g}" font-size="17" font-weight="bold" fill="{colour}">'
        f"{container}/</text>",
    ]
    drawn += [_arrow(boxes[one], boxes[other]) for one, other in imports_between(container, list(boxes))]
    for name, box in boxes.items():
        drawn += _draw_wing(read_wing(container, name), box, colour)
    return drawn, bottom


def _draw_wing(wing: Wing, box: Box, colour: str) -> Iterator[str]:
    count = f"{wing.n_modules} modules" if wing.n_modules > 1 else "1 module"
    yield (
        f'<g><title>{escape(wing.sentence)} ({count})</title><rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" '
        f'height="{box.height:g}" rx="5" fill="white" stroke="{colour}"/>'
    )
    told = wrap(wing.sentence, int(box.width / SMALL_LETTER))
    lines = [(wing.name.replace("_", " "), 13, "#222222")]
    lines += [(line, 10, "#595959") for line in told] if len(told) <= MOST_LINES else []
    first = box.y + box.height / 2 - LINE * (len(lines) - 1) / 2 + 4
    for number, (line, size, colour) in enumerate(lines):
        yield (
            f'<text x="{box.x + box.width / 2:g}" y="{first + LINE * number:g}" font-size="{size}" '
            f'text-anchor="middle" fill="{colour}">{escape(line)}</text>'
        )
    yield "</g>"


def _arrow(source: Box, target: Box) -> str:
    start = source.x + source.width / 2, source.y + source.height
    end = target.x + target.width / 2, target.y - 3
    return (
        f'<line x1="{start[0]:g}" y1="{start[1]:g}" x2="{end[0]:g}" y2="{end[1]:g}" stroke="#767676" '
        'stroke-opacity="0.55" marker-end="url(#head)"/>'
    )


def picture() -> str:
    """The whole picture: analyses above, encoders and fusion, which never know each other, beside each other."""
    upper, middle = draw_container("analyses", 20, 20, WIDTH - 40)
    below = middle + 60
    half = (WIDTH - 40 - 60) / 2
    left, left_end = draw_container("encoders", 20, below, half)
    right, right_end = draw_container("fusion", 20 + half + 60, below, half)
    height = max(left_end, right_end) + 20
    across = [
        f'<line x1="{x:g}" y1="{middle:g}" x2="{x:g}" y2="{below - 4:g}" stroke="#222222" stroke-width="2" '
        'marker-end="url(#head)"/>'
        for x in (20 + half / 2, 20 + half + 60 + half / 2)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" '
            f'height="{height:g}" font-family="Helvetica, Arial, sans-serif">',
            "<title>Wings of gene-brain-fusion in their layers; an arrow is an import, none points up</title>",
            '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0 0L10 5L0 10z" fill="#767676"/></marker></defs>',
            '<rect width="100%" height="100%" fill="white"/>',
            *upper,
            *across,
            *left,
            *right,
            "</svg>",
            "",
        ]
    )


def tables() -> str:
    """One row a wing, highest layer first, with the sentence of its ``__init__``."""
    lines = []
    for container in (*PACKAGES, *NESTED):
        lines += [f"### `{container.replace('.', '/')}/`", "", "| wing | what it is for |", "|---|---|"]
        for layer in layers_of(container):
            wings = [read_wing(container, name) for name in layer]
            lines += [f"| `{wing.name}` | {wing.sentence} |" for wing in wings]
        lines.append("")
    return "\n".join(lines)


def page(text: str) -> str:
    """The architecture page with its tables as they are now."""
    before, _, _ = text.partition(MARK)
    return f"{before}{MARK}\n\n{tables()}"


def main() -> None:
    """Write both files."""
    folder = REPOSITORY / "docs"
    (folder / "architecture.svg").write_text(picture(), "utf-8")
    written = folder / "architecture.md"
    written.write_text(page(written.read_text("utf-8")), "utf-8")
    sys.stdout.write("docs/architecture.svg and the tables of docs/architecture.md are up to date\n")


if __name__ == "__main__":
    main()
