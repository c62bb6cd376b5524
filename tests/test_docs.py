"""The picture of the architecture, its tables, the pages of formats and of keys are those of the code as it is."""

import importlib.util
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    return script("draw_architecture")


def test_the_page_of_formats_says_what_the_readers_say() -> None:
    assert (DOCS / "formats.md").read_text("utf-8") == script("audit_inputs").page(), "run make audit-inputs"


def test_the_page_of_keys_is_what_the_sections_say() -> None:
    assert (DOCS / "configuration.md").read_text("utf-8") == script("write_configuration").page(), (
        "run make configuration"
    )


def test_the_picture_is_that_of_the_code(drawing: ModuleType) -> None:
    assert (DOCS / "architecture.svg").read_text("utf-8") == drawing.picture(), "run docs/draw_architecture.py"
    written = (DOCS / "architecture.md").read_text("utf-8")
    assert written == drawing.page(written), "run docs/draw_architecture.py"


def test_no_arrow_points_up_and_every_wing_is_drawn(drawing: ModuleType) -> None:
    picture = ElementTree.fromstring(drawing.picture())
    lines = [one.attrib for one in picture.iter("{http://www.w3.org/2000/svg}line")]
    assert len(lines) > 30
    assert all(float(line["y1"]) < float(line["y2"]) for line in lines)
    titles = [one.text or "" for one in picture.iter("{http://www.w3.org/2000/svg}title")]
    for package in drawing.PACKAGES:
        for layer in drawing.layers_of(package):
            for name in layer:
                assert any(title.startswith(drawing.read_wing(package, name).sentence) for title in titles)


PAGES = sorted([REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *DOCS.glob("*.md")])


def shown_commands() -> list[str]:
    """Lines of the pages' code blocks that call the command; ``a|b`` stands for either."""
    shown = set()
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            for line in block.splitlines():
                for words in re.split(r"&&", line.split(" #")[0]):
                    first, *rest = words.split() or [""]
                    if Path(first).name == "genebrain":
                        shown |= {" ".join([either, *rest[1:]]) for either in rest[0].split("|")}
    return sorted(shown)


@pytest.mark.parametrize("command", shown_commands())
def test_every_command_that_a_page_shows_is_one(command: str) -> None:
    from typer.main import get_command

    from analyses.cli.app import app

    group: Any = get_command(app)
    words = [word for word in shlex.split(command) if word != "..."]
    context = group.make_context("genebrain", [], resilient_parsing=True)
    while hasattr(group, "commands"):
        name = words.pop(0)
        for either in name.split("|"):
            assert either in group.commands, command
        group = group.commands[name.split("|")[0]]
    group.make_parser(context).parse_args(args=words)  # refuses an option that it does not know


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]
