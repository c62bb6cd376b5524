"""The picture of the architecture, its tables, the pages of formats and of keys are those of the code as it is."""

import importlib.util
import sys
from types import ModuleType
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
