"""The picture of the architecture, its tables, the pages of formats and of keys are those of the code as it is."""

import importlib.util
import re
import shlex
import subprocess
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


@pytest.mark.parametrize("name", ["commands", "results"])
def test_references_are_what_the_code_says(name: str) -> None:
    assert (DOCS / f"{name}.md").read_text("utf-8") == script(f"write_{name}").page(), "run make references"


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


def test_every_command_that_a_sentence_names_is_one() -> None:
    from typer.main import get_command

    from analyses.cli.app import app

    folders = [REPOSITORY / name for name in ("analyses", "encoders", "fusion", "configs", "docs")]
    texts = [one for folder in folders for one in folder.rglob("*") if one.suffix in {".py", ".html", ".md", ".yaml"}]
    named = {
        (path.name, found)
        for path in [*texts, REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"]
        for found in re.findall(r"[`“]genebrain ([a-z][^`”\n]*)[`”]", path.read_text("utf-8"))
    }
    assert len(named) > 30
    for page, words in named:
        group: Any = get_command(app)
        for word in words.split():
            if not hasattr(group, "commands"):
                break
            assert word in group.commands, f"{page}: genebrain {words}"
            group = group.commands[word]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources of the site as `make docs` lays them out, without executing notebooks."""
    builder, target = script("build_site"), tmp_path_factory.mktemp("site") / "source"
    builder.ALONE = ()
    builder.lay_out(target)
    return target


def test_every_page_is_on_the_site_once(site: Path) -> None:
    sections = script("build_site").read_sections()
    listed = [page for section in sections for page, _ in section.pages]
    assert len(listed) == len(set(listed))
    assert {DOCS / page.name for page in DOCS.glob("*.md")} - {DOCS / "README.md"} <= set(listed)
    assert {path.stem for path in (REPOSITORY / "notebooks").glob("*.ipynb")} == {
        path.stem for path in (site / "notebooks").glob("*.ipynb")
    }


def test_links_of_the_site_lead_to_its_pages_or_to_the_published_repository(site: Path) -> None:
    address = script("build_site").repository_address()
    for page in site.rglob("*.md"):
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
            if link.startswith(f"{address}/"):
                assert (REPOSITORY / link.removeprefix(f"{address}/").partition("/main/")[2]).exists(), (
                    page.name,
                    link,
                )
            elif not link.startswith("https://"):
                assert (page.parent / link).exists(), (page.name, link)


def test_every_public_name_is_in_the_api(site: Path) -> None:
    import fusion

    text = (site / "api_fusion.md").read_text("utf-8")
    assert [name for name in fusion.__all__ if f"   fusion.{name}\n" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_shell_can_read_what_pages_give_it(page: Path) -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    for block in blocks:
        read = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert read.returncode == 0, f"{read.stderr}{block}"


def test_code_of_pages_runs(tmp_path: Path) -> None:
    import yaml

    found = [
        (page.name, kind, code)
        for page in PAGES
        for kind, code in re.findall(r"^```(python|yaml)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    ]
    names: dict[str, Any] = {}
    for page, kind, code in found:
        if kind == "yaml":
            assert yaml.safe_load(code)
            continue
        compiled = compile(code, page, "exec")
        if page != "clusters.md":  # a cluster that it starts is not at hand
            exec(compiled, names)
    (tmp_path / "brains.txt").write_text("0012 1.5 2\n0013 -1 4\n")
    records = names["read_pairs"](tmp_path / "brains.txt", names["ImportOptions"]())  # of docs/extending.md
    assert records.ids == ("0012", "0013")
    assert records.values.tolist() == [[1.5, 2.0], [-1.0, 4.0]]
