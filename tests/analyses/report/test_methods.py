"""The paragraph of methods is true of the run, and cites by number what its list holds."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from analyses.report.methods import make_methods
from analyses.report.references import BY_KEY, Citations
from analyses.results.folder import Results, load_results
from encoders.dna.protocol import RcMode
from tests.analyses.run_folder import write_run_folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return load_results(write_run_folder(tmp_path_factory.mktemp("methods") / "run"))


def test_numbers_of_the_text_are_those_of_the_run(results: Results) -> None:
    text = " ".join(make_methods(results).paragraphs)
    summary = results.alignments[0].summary
    for number in (summary.dimensions.x_cca, summary.dimensions.y_cca, summary.held_out.n_splits):
        assert re.search(rf"\b{number}\b", text), number
    assert f"{summary.held_out.n_permutations} permutations" in text
    assert all(confound.column in text for confound in results.run.confounds)
    assert all(arm.label in text for arm in results.run.arms)
    assert f"over all {len(results.alignments)} pairs of encoder and brain view" in text
    assert "The link between genes and brain is simulated." in text


def test_every_number_in_brackets_is_a_reference_in_order_of_first_mention(results: Results) -> None:
    methods = make_methods(results)
    groups = re.findall(r"\[([\d, ]+)\]", " ".join(methods.paragraphs))
    cited = [int(number) for group in groups for number in group.split(",")]
    assert list(dict.fromkeys(cited)) == list(range(1, len(methods.references) + 1))
    assert methods.bibtex.count("\n@") + 1 == len(methods.references)


def test_what_was_not_done_is_not_said(results: Results) -> None:
    plain = replace(results, comparison=None, run=replace(results.run, planted=None, confounds=()))
    text = " ".join(make_methods(plain).paragraphs)
    assert "simulated" not in text
    assert "residual" not in text
    assert "hold together" not in text
    assert "p-values are corrected for being two tests" in text


def test_of_vectors_made_elsewhere_only_what_was_stated_is_said(results: Results) -> None:
    arm = results.run.arms[0]

    def text(rc_mode: RcMode) -> str:
        made = replace(arm, label="mine", spec=replace(arm.spec, family="precomputed", rc_mode=rc_mode))
        return " ".join(make_methods(replace(results, run=replace(results.run, arms=(made,)))).paragraphs)

    assert "The encoder was mine (vectors made elsewhere)." in text("forward")
    assert "The encoder was mine (vectors made elsewhere, averaged over both strands)." in text("average")


def test_one_feature_is_said_in_the_singular(results: Results) -> None:
    view = replace(results.run.views[0], n_features=1)
    text = " ".join(make_methods(replace(results, run=replace(results.run, views=(view,)))).paragraphs)
    assert f"Brain measures were {view.name} (1 feature)." in text


def test_a_free_permutation_cites_no_blocks(results: Results) -> None:
    alignments = tuple(
        replace(one, summary=replace(one.summary, in_sample=replace(one.summary.in_sample, scheme="within 4 blocks")))
        for one in results.alignments
    )
    blocks = BY_KEY["winkler2015"]
    assert blocks not in make_methods(results).references
    assert blocks in make_methods(replace(results, alignments=alignments)).references


@pytest.mark.parametrize("key", sorted(BY_KEY))
def test_each_work_has_an_entry_that_closes(key: str) -> None:
    work = BY_KEY[key]
    assert work.bibtex.count("{") == work.bibtex.count("}")
    assert work.bibtex.startswith(f"@{work.kind}{{{key},")
    assert (work.doi and re.fullmatch(r"10\.\d{4,}/\S+", work.doi)) or work.other or work.place
    assert str(work.year) in work.text


def test_a_work_keeps_its_number() -> None:
    cite = Citations()
    assert cite("theil1965") == "[1]"
    assert cite("huh2001", "theil1965") == "[1, 2]"
