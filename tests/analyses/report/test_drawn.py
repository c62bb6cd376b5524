"""A report whose every input is as it was is not drawn twice; one of anything else is, as if for the first time."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyses.report import drawn
from analyses.report.page import make_report
from analyses.results.folder import load_results

ONE = "kmer-5__linked"


@pytest.fixture(scope="module", autouse=True)
def few_drawings() -> None:
    """None is copied here."""


@pytest.fixture
def folder(reported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(reported, tmp_path / "run"))


def times(folder: Path) -> dict[str, int]:
    """When each drawing and the page were written."""
    paths = [folder / "report.html", *(folder / "figures").glob("*.*")]
    return {path.name: path.stat().st_mtime_ns for path in paths}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in [folder / "report.html", *(folder / "figures").glob("*.*")]}


def drawn_afresh(folder: Path, elsewhere: Path) -> dict[str, bytes]:
    """The page and the drawings of a folder in which nothing was drawn before."""
    ignored = shutil.ignore_patterns(drawn.DRAWN, "figures", "report.html")
    copy = Path(shutil.copytree(folder, elsewhere, ignore=ignored))
    make_report(copy)
    return contents(copy)


def alignment_keys(folder: Path) -> dict[str, str]:
    results = load_results(folder)
    return {headline.alignment.name: drawn.alignment_key(results, headline) for headline in results.headlines()}


def in_json(name: str, *path: str | int, value: Any) -> Callable[[Path], None]:
    """Puts a value into a JSON file of the folder."""

    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        part = content
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
        (folder / name).write_text(json.dumps(content))

    return change


def other_draws(folder: Path) -> None:
    path = folder / "alignments" / ONE / "null_draws.npz"
    with np.load(path) as kept:
        draws = {name: kept[name] for name in kept.files}
    draws["held_out"][1:] *= 0.9
    np.savez(path, **draws)


CHANGES = {
    "the title": in_json("run.json", "title", value="Another title"),
    "what was planted": in_json("run.json", "planted", "genes", value=["GENE00"]),
    "a library that the results came from": in_json("env.json", "versions", "numpy", value="2.4.0"),
    "a corrected p": in_json("comparison.json", "rows", 0, "p_max_t", value=0.9),
    "a loading": in_json(f"alignments/{ONE}/alignment.json", "gene_loadings", 0, "loading", value=0.123),
    "the null": other_draws,
    "the configuration": lambda folder: (folder / "config" / "resolved.yaml").write_text("name: another\n"),
}


def test_what_is_drawn_stays(reported: Path) -> None:
    before = times(reported)
    assert make_report(reported) == reported / "report.html"
    assert times(reported) == before


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_input_belongs_to_what_is_drawn(change: Callable[[Path], None], folder: Path) -> None:
    before = drawn.page_key(folder)
    change(folder)
    assert drawn.page_key(folder) != before


def test_after_changes_all_is_as_where_nothing_was_drawn(folder: Path, tmp_path: Path) -> None:
    before, earlier = contents(folder), times(folder)
    for change in CHANGES.values():
        change(folder)
    make_report(folder)
    assert contents(folder) == drawn_afresh(folder, tmp_path / "afresh") != before
    redrawn = {name for name, time in times(folder).items() if earlier[name] != time}
    assert {name for name in earlier if name.startswith(ONE)} <= redrawn


def test_another_alignment_keeps_its_figures(folder: Path) -> None:
    keys = alignment_keys(folder)
    other_draws(folder)
    assert {name for name, key in alignment_keys(folder).items() if key != keys[name]} == {ONE}
    note = drawn.Drawn(folder)
    assert [note.find(name, key) is None for name, key in alignment_keys(folder).items()].count(True) == 1


def test_an_atlas_belongs_to_what_is_drawn(folder: Path, tmp_path: Path) -> None:
    places = tmp_path / "places.csv"
    settings = f"name: run\nbrain:\n  linked:\n    atlas: {{coordinates: {places}}}\n"
    (folder / "config" / "resolved.yaml").write_text(settings)
    pages, alignments = {drawn.page_key(folder)}, {alignment_keys(folder)[ONE]}
    for text in ("region,x,y,z\nroi00,1,2,3\n", "region,x,y,z\nroi00,1,2,4\n"):
        places.write_text(text)
        pages.add(drawn.page_key(folder))
        alignments.add(alignment_keys(folder)[ONE])
    assert len(pages) == len(alignments) == 3


def other_style(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    style = folder / drawn.STYLE.name
    style.write_text(drawn.STYLE.read_text() + "lines.linewidth: 3\n")
    monkeypatch.setattr(drawn, "STYLE", style)


def other_templates(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    templates = Path(shutil.copytree(drawn.TEMPLATES, folder / "templates"))
    with (templates / "report.html").open("a") as page:
        page.write("<!-- changed -->")
    monkeypatch.setattr(drawn, "TEMPLATES", templates)


def other_libraries(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    newer = drawn.library_versions(("matplotlib",)) | {"matplotlib": "99"}
    monkeypatch.setattr(drawn, "library_versions", lambda also: newer)


def other_sources(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(drawn, "code_version", lambda: "99")


@pytest.mark.parametrize("change", [other_style, other_templates, other_libraries, other_sources])
def test_whatever_draws_belongs_to_what_is_drawn(
    change: Callable[[pytest.MonkeyPatch, Path], None], monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    before = drawn.look(), drawn.page_key(folder), alignment_keys(folder)[ONE]
    with monkeypatch.context() as patched:
        drawn.look.cache_clear()
        change(patched, tmp_path)
        after = drawn.look(), drawn.page_key(folder), alignment_keys(folder)[ONE]
    drawn.look.cache_clear()
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert drawn.look() == before[0]


@pytest.mark.parametrize("name", [f"figures/{ONE}__held_out.svg", f"figures/{ONE}__held_out.csv", "report.html"])
@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("something else")])
def test_what_is_no_longer_what_was_drawn_is_not_found(
    name: str, spoil: Callable[[Path], object], folder: Path
) -> None:
    keys = {"report": drawn.page_key(folder), ONE: alignment_keys(folder)[ONE]}
    assert all(drawn.Drawn(folder).find(drawing, key) for drawing, key in keys.items())
    spoil(folder / name)
    assert drawn.Drawn(folder).find("report", keys["report"]) is None
    assert (drawn.Drawn(folder).find(ONE, keys[ONE]) is None) == name.startswith("figures/")


@pytest.mark.parametrize("note", ["{", "[]", '{"format": "2", "drawn": {}}', '{"format": "1", "drawn": {"report": 3}}'])
def test_a_damaged_note_is_none(note: str, folder: Path) -> None:
    (folder / drawn.DRAWN).write_text(note)
    assert drawn.Drawn(folder).find("report", drawn.page_key(folder)) is None


def test_anew_forgets_what_was_drawn(folder: Path) -> None:
    assert drawn.Drawn(folder).find("report", drawn.page_key(folder))
    assert drawn.Drawn(folder, anew=True).find("report", drawn.page_key(folder)) is None
