"""Builds the pages, the notebooks and the Python API as a site that asks nothing of the network.

``make docs`` runs it. Sources are laid out in build/docs/source, so that the pages themselves stay readable where they
lie: sections and their order are those of README.md beside this file, links between pages lead to pages of the site,
and links to other files of the repository to where it is published. A warning is an error.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

DOCS = Path(__file__).resolve().parent
REPOSITORY = DOCS.parent
NOTEBOOKS = REPOSITORY / "notebooks"
FACES = (("fusion", "fusion"), ("encoders", "encoders"), ("analyses.results", "analyses/results"))
"""Packages whose public names are documented, and the folders of their stubs."""
ALONE = ("05_why_naive_permutation_fails", "06_add_your_encoder")
"""Notebooks that need nothing: they are executed for the site. The others read results; see `_execute`."""

_ALIASES = {"Metrics", "ExperimentResult"}

_ROW = re.compile(r"^\| \[[^]]*\]\(([^)]+)\) \| (.+) \|$", re.MULTILINE)
_LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)#]+)(#[^)]*)?\)")


@dataclass(frozen=True)
class Section:
    """A section of the site: its title, what it is for, and its pages with what each is for."""

    title: str
    purpose: str
    pages: tuple[tuple[Path, str], ...]

    @property
    def name(self) -> str:
        """File of its own page."""
        return f"section_{self.title.lower()}"


def read_sections(readme: Path = DOCS / "README.md") -> tuple[Section, ...]:
    """The sections that the list of pages names."""
    found = []
    for part in readme.read_text("utf-8").split("\n## ")[1:]:
        title, _, rest = part.partition("\n")
        pages = tuple(((readme.parent / link).resolve(), what) for link, what in _ROW.findall(rest))
        found.append(Section(title.strip(), rest.split("|")[0].strip(), pages))
    return tuple(found)


def staged_name(page: Path) -> str:
    """Name of a page's source within the site, without its ending: unlike files of two folders do not meet."""
    relative = page.relative_to(DOCS) if page.is_relative_to(DOCS) else page.relative_to(REPOSITORY)
    return "_".join(relative.with_suffix("").parts).lower().removeprefix("tests_").replace("_results_", "_")


def lay_out(target: Path) -> None:
    """Write all sources of the site into a folder."""
    sections = read_sections()
    pages = [page for section in sections for page, _ in section.pages]
    names = {page: staged_name(page) for page in pages} | {
        notebook: f"notebooks/{notebook.stem}" for notebook in sorted(NOTEBOOKS.glob("*.ipynb"))
    }
    (target / "_static").mkdir(parents=True)
    shutil.copy(DOCS / "site" / "site.css", target / "_static")
    shutil.copy(DOCS / "site" / "conf.py", target)
    for picture in (*DOCS.glob("*.png"), *DOCS.glob("*.svg"), *REPOSITORY.glob("tests/benchmarks/results/*.svg")):
        shutil.copy(picture, target)
    for page in pages:
        (target / f"{names[page]}.md").write_text(_relinked(page, names), encoding="utf-8")
    for section in sections:
        (target / f"{section.name}.md").write_text(_section_page(section, names), encoding="utf-8")
    _lay_out_notebooks(target / "notebooks")
    _lay_out_api(target)
    (target / "index.md").write_text(_front_page(sections), encoding="utf-8")


def _relinked(page: Path, names: dict[Path, str]) -> str:
    """A page whose links hold in the site."""
    text = page.read_text("utf-8")
    if page.name == "CHANGELOG.md":
        text = text.replace("<!-- towncrier release notes start -->", _unreleased())

    def lead(found: re.Match[str]) -> str:
        opening, link, anchor = found[1], found[2], found[3] or ""
        path = (page.parent / link).resolve()
        if path.suffix in (".png", ".svg"):
            return f"{opening}{path.name})"
        if path in names:
            return f"{opening}{names[path]}.md{anchor})"
        if path == DOCS / "README.md":
            return f"{opening}index.md)"
        kind = "tree" if path.is_dir() else "blob"
        return f"{opening}{repository_address()}/{kind}/main/{path.relative_to(REPOSITORY)}{anchor})"

    return _LINK.sub(lead, text)


def repository_address() -> str:
    """Where the repository is published."""
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["urls"]["Repository"])


def _unreleased() -> str:
    """Changes that no release has collected yet."""
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "Unreleased", "--date", "", "--dir"]
    drafted = subprocess.run([*command, str(REPOSITORY)], capture_output=True, text=True, check=True).stdout
    start = drafted.index("## Unreleased") if "## Unreleased" in drafted else drafted.index("# ")
    lines = drafted[start:].splitlines()
    return "\n".join(["## Unreleased", *(re.sub(r"^#+ ", "### ", line) for line in lines[1:])])


def _section_page(section: Section, names: dict[Path, str]) -> str:
    entries = "\n".join(names[page] for page, _ in section.pages)
    rows = "\n".join(f"- [](./{names[page]}.md): {what}" for page, what in section.pages)
    return f"# {section.title}\n\n{section.purpose}\n\n{rows}\n\n```{{toctree}}\n:hidden:\n\n{entries}\n```\n"


def _front_page(sections: tuple[Section, ...]) -> str:
    """What the repository's own first page says before its instructions, then where everything is."""
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    opening = readme.split("\n## ")[0].partition("\n")[2].strip()
    listed = "\n".join(f"- **[{section.title}]({section.name}.md).** {section.purpose}" for section in sections)
    more = (
        "- **[Notebooks](notebooks/index.md).** Results read and questions answered, a cell at a time.\n"
        "- **[Python API](api.md).** Every public name, from its docstring."
    )
    order = [*(section.name for section in sections[:3]), "notebooks/index", "api"]
    order += [section.name for section in sections[3:]]
    picture = "![The first screen of the demo's report](report.png)"
    tree = "\n".join(order)
    return (
        f"# gene-brain-fusion\n\n{opening}\n\n{picture}\n\n{listed}\n{more}\n\n"
        f"```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
    )


def _lay_out_notebooks(target: Path) -> None:
    target.mkdir()
    found = sorted(NOTEBOOKS.glob("*.ipynb"))
    for notebook in found:
        _execute(notebook, target / notebook.name)
    entries = "\n".join(notebook.stem for notebook in found)
    text = (
        "# Notebooks\n\nThey lie in `notebooks/`, and the tests execute them. Open one with `jupyter lab notebooks/`\n"
        "(`.venv/bin/pip install jupyterlab` first), or in any editor that shows notebooks.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{entries}\n```\n"
    )
    (target / "index.md").write_text(text, encoding="utf-8")


def _execute(notebook: Path, target: Path) -> None:
    """A copy with its outputs, where what it reads is at hand: the demo's results, if `make demo` was run."""
    import nbformat
    from nbclient import NotebookClient

    read = nbformat.read(notebook, as_version=4)
    read.metadata.language_info["pygments_lexer"] = "ipython3"  # which knows lines that begin with !
    has_results = (REPOSITORY / "results" / "demo" / "report.html").is_file()
    if notebook.stem in ALONE or (has_results and notebook.stem.startswith(("01", "02"))):
        # A kernel warns of its connection, which does not leave this machine.
        quiet = ["--IPKernelApp.log_level=40"]
        NotebookClient(read, kernel_name="python3", timeout=1800, extra_arguments=quiet).execute(cwd=str(NOTEBOOKS))
    nbformat.write(read, target)


def public_names(face: str) -> Iterator[tuple[str, str]]:
    """Module within its package, and name, of everything that a stub offers."""
    stub = (REPOSITORY / face / "__init__.pyi").read_text("utf-8")
    yield from re.findall(r"^from \.([\w.]+) import \w+ as (\w+)$", stub, re.MULTILINE)


def _lay_out_api(target: Path) -> None:
    """One page a package: public names by wing, each with a page made from its docstring."""
    pages = []
    for package, folder in FACES:
        wings: dict[str, list[str]] = {}
        for module, name in public_names(folder):
            if not callable(getattr(import_module(f"{package}.{module}"), name)) or name in _ALIASES:
                continue  # a constant, or a type by another name
            wings.setdefault(module.split(".")[0], []).append(f"{package}.{name}")
        parts = [f"# {package}\n"]
        for wing, names in wings.items():
            listed = "\n".join(f"   {name}" for name in names)
            parts.append(f"## {wing}\n\n```{{eval-rst}}\n.. autosummary::\n   :toctree: generated\n\n{listed}\n```\n")
        page = f"api_{package.replace('.', '_')}"
        (target / f"{page}.md").write_text("\n".join(parts), encoding="utf-8")
        pages.append(page)
    listed = "\n".join(pages)
    text = (
        "# Python API\n\nPublic names are those that a package itself offers, such as `fusion.cross_validated_cca`;\n"
        "where they are defined may change. `fusion` is statistics on numpy arrays and needs no torch; `encoders`\n"
        "turns sequences into vectors; `analyses.results` reads what a run wrote.\n\n"
        f"```{{toctree}}\n:maxdepth: 2\n\n{listed}\n```\n"
    )
    (target / "api.md").write_text(text, encoding="utf-8")


def build(folder: Path) -> Path:
    """Lay out and build anew; the first page of the site.

    Raises
    ------
    SystemExit
        Sphinx warned of something.
    """
    source, html = folder / "source", folder / "html"
    for part in (source, html):
        shutil.rmtree(part, ignore_errors=True)
    lay_out(source)
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "-b", "html"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([*command, str(source), str(html)], env=environment, check=False)
    if done.returncode:
        sys.exit(f"make docs: Sphinx found something wrong, said above; sources are in {source}.")
    return html / "index.html"


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    sys.stdout.write(f"{build(REPOSITORY / 'build' / 'docs')}\n")
