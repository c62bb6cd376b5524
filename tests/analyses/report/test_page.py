"""The page is whole, stands alone, puts the answer first and holds no subject."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analyses.errors import InputError
from analyses.figures.canvas import FOLLOWING
from analyses.formats import format_number
from analyses.report.page import make_report
from tests.analyses.example_alignment import GENES
from tests.analyses.pages import check_page
from tests.analyses.run_folder import SUBJECTS, write_run_folder

VOID = {"meta", "br", "path", "use", "rect", "link", "img", "hr", "input"}


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_run_folder(tmp_path_factory.mktemp("report") / "run")
    make_report(folder)
    return folder


@pytest.fixture(scope="module")
def page(run_folder: Path) -> str:
    return (run_folder / "report.html").read_text(encoding="utf-8")


def test_the_page_says_nothing_twice_and_opens_with_three_sentences(page: str) -> None:
    check_page(page)


def test_a_sentence_that_is_said_twice_is_found() -> None:
    twice = "<p>All of it was said here before.</p><table><tr><td>All of it was said here before.</td></tr></table>"
    check_page(f"<div class='answer'><p>One.</p></div>{twice}")
    with pytest.raises(AssertionError, match="said here before"):
        check_page(f"<div class='answer'><p>One.</p></div>{twice}<li>All of it was said here before.</li>")


def test_nothing_is_loaded_from_outside(page: str) -> None:
    assert len(page.encode()) < 5_000_000
    assert not re.findall(r"<(?:script [^>]|link|iframe|img|object|embed)\b", page)
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", page)
    assert not re.findall(r"@import|url\((?!#)", page)


def test_the_answer_comes_before_every_table(page: str) -> None:
    body = page[page.index("<body>") :]
    assert body.index("held-out ρ₁ = ") < body.index("<table>")
    assert body.index("align beyond chance") < body.index("in-sample r₁")


def test_methods_references_and_bibtex_are_there_to_paste(page: str) -> None:
    assert "@article{hotelling1936" in page
    assert "doi:10.1016/j.neuroimage.2020.117065" in page


def test_drawings_headings_and_regions_have_names_for_those_who_hear_the_page(page: str) -> None:
    assert page.count('<svg role="img" aria-label="') == page.count("<svg")
    assert not re.findall(r"<th\b(?![^>]*\bscope=)", page[page.index("<main>") : page.index("<script>")])
    assert page.count("<main>") == page.count('<nav aria-label="Contents">') == page.count("<h1>") == 1


def test_a_mark_says_what_it_is_while_a_pointer_rests_on_it(page: str) -> None:
    assert re.search(r"<title>lh_roi\d\d_thickness: −?0\.\d\d \(95 % interval ", page)
    assert "<title>kmer-5: 0." in page
    assert "hint: " not in page


def test_drawings_follow_the_colours_of_the_page(page: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    used = {name for one in drawings for name in re.findall(r": var\(--(\w+)\)", one)}
    assert {"paper", "ink", "grey", "blue"} <= used
    for colour in FOLLOWING:
        assert not re.search(rf"(fill|stroke): {colour}", " ".join(drawings), re.IGNORECASE)
    light, dark = (set(re.findall(r"--(\w+):", block)) for block in re.findall(r":root \{(.*?)\}", page, re.DOTALL)[:2])
    assert used <= light & dark


def test_features_and_columns_that_are_none_are_listed(page: str) -> None:
    assert "lh_insula_thickness, v1 to v28." in page
    assert "<dt>Left out</dt><dd>siteID (a site or scanner), age (an age).</dd>" in page


def test_every_arm_and_view_is_in_the_table_with_its_null(run_folder: Path, page: str) -> None:
    for path in run_folder.glob("alignments/*/alignment.json"):
        facts = json.loads(path.read_text())
        shown = (facts["held_out"]["rho"][0], facts["held_out"]["null_q95"][0], facts["in_sample"]["null_q95_r1"])
        assert all(f">{format_number(value, 3)}<" in page for value in shown)
    assert "negative control</span>" in page
    assert "untrained dnabert-3" in page


def test_tags_are_closed_and_no_two_figures_share_an_identifier(page: str) -> None:
    class Balance(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open_tags: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in VOID:
                self.open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in VOID:
                assert self.open_tags.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open_tags == []
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', page)) <= set(identifiers)


def test_each_figure_is_inline_with_the_numbers_behind_it(run_folder: Path, page: str) -> None:
    drawings = sorted(run_folder.glob("figures/*.svg"))
    assert len(drawings) == 1 + 4 * 5
    assert page.count("<svg") == len(drawings)
    assert all(path.with_suffix(".csv").is_file() and f"figures/{path.stem}.csv" in page for path in drawings)
    assert all(gene in page for gene in GENES)


def test_the_null_behind_a_figure_leaves_the_observed_value_out(run_folder: Path) -> None:
    with np.load(run_folder / "alignments" / "kmer-5__linked" / "null_draws.npz") as draws:
        observed, *null = draws["held_out"][:, 0]
    shown = pd.read_csv(run_folder / "figures" / "kmer-5__linked__held_out.csv")["null_rho_1"]
    np.testing.assert_allclose(shown, null)
    assert observed not in list(shown)


def test_stability_power_and_unseen_levels_are_said(page: str) -> None:
    assert page.count("genes, loadings") == 4
    assert "4 subjects have a confound level" in page
    assert "80 % (Roy) from" in page
    assert "explains" in page


def test_a_run_of_an_older_version_is_still_reported(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path / "old")
    for path in folder.glob("alignments/*/alignment.json"):
        facts = json.loads(path.read_text())
        del facts["interpretation"], facts["held_out"]["n_unseen_levels"], facts["detectability"]["power_at_rho_c"]
        del facts["held_out"]["trace"]
        for row in [*facts["gene_loadings"], *facts["roi_loadings"]]:
            del row["lo"], row["hi"]
        path.write_text(json.dumps(facts))
    assert "cosine between random halves" not in make_report(folder).read_text(encoding="utf-8")


def test_without_confounds_no_projection_is_named(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path / "free")
    path = folder / "alignments" / "kmer-5__linked" / "alignment.json"
    facts = json.loads(path.read_text())
    assert f"{facts['in_sample']['projection'].title()} projection" in make_report(folder).read_text(encoding="utf-8")
    for path in folder.glob("alignments/*/alignment.json"):
        facts = json.loads(path.read_text())
        facts["in_sample"]["projection"] = "none"
        path.write_text(json.dumps(facts))
    assert "projection," not in make_report(folder).read_text(encoding="utf-8")


def test_tied_components_and_dependence_of_any_form_are_shown(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path / "tied")
    path = folder / "alignments" / "kmer-5__linked" / "alignment.json"
    facts = json.loads(path.read_text())
    angle = {"median": 17.5, "upper": 27.3}
    facts["interpretation"]["tied"] = {"canonical_correlations": [0.57, 0.53], "genes": angle, "brain": angle}
    for row in [*facts["gene_loadings"], *facts["roi_loadings"]]:
        row |= {"lo": None, "hi": None, "communality": 0.123, "communality_lo": 0.042, "communality_hi": 0.204}
    test = {"value": 0.0721, "null_q95": 0.0333, "p": 0.004, "p_corrected": 0.009, "n_permutations": 199}
    facts["dependence"] = [{"name": name, **test} for name in ("rv", "hsic")]
    path.write_text(json.dumps(facts))
    page = make_report(folder).read_text(encoding="utf-8")
    beside = page[page.index("Dependence of any form") : page.index("Between the embeddings that CCA takes")]
    assert ("RV coefficient" in beside, "HSIC" in beside, "distance correlation" in beside) == (True, True, False)
    assert beside.count("0.072") == 2
    section = page[page.index("What the first 2 components span together") :]
    section = section[: section.index("Dimensions and detectability")]
    assert section.count("sure to 27.3°") == 2
    assert section.count("0.04 to 0.20") == sum(min(12, len(facts[side])) for side in ("gene_loadings", "roi_loadings"))
    assert page.count("are too near one another to be told apart, see below") == 1


def test_no_subject_is_named(page: str) -> None:
    assert not [subject for subject in SUBJECTS if subject in page]


def test_the_same_results_give_the_same_bytes(tmp_path: Path, page: str) -> None:
    assert make_report(write_run_folder(tmp_path)).read_text(encoding="utf-8") == page


def test_a_null_run_without_comparison_is_reported_too(tmp_path: Path) -> None:
    page = make_report(write_run_folder(tmp_path, planted=False, compared=False)).read_text(encoding="utf-8")
    assert "No alignment of genes and brain beyond chance was found" in page
    assert "so this ranking carries no finding" in page
    assert "What was planted" not in page


def test_text_from_outside_is_escaped(tmp_path: Path) -> None:
    run = json.loads((write_run_folder(tmp_path) / "run.json").read_text())
    run["title"] = "<script>alert(1)</script>"
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert "<script>alert" not in make_report(tmp_path).read_text(encoding="utf-8")


def test_a_report_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    old = make_report(write_run_folder(tmp_path)).read_bytes()
    (tmp_path / "env.json").unlink()
    with pytest.raises(InputError, match=r"env\.json"):
        make_report(tmp_path)
    assert (tmp_path / "report.html").read_bytes() == old
    assert not list(tmp_path.glob(".*"))
