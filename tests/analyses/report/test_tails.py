"""The report tells the fitted p beside the counted one, why there is none, and nothing where none was asked for."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyses.report.page import make_report
from analyses.report.tails import format_tail, tail_rows
from analyses.results.folder import load_results
from analyses.results.schema.tails import FittedTail
from analyses.tracking.alignment import make_metrics, make_tags
from tests.analyses.run_folder import write_run_folder

FITTED = FittedTail(
    p=2.3e-5, interval=(7e-6, 8e-5), method="pearson III", goodness=0.4, shape=0.0, n_fitted=999, n_exceeding=0
)
REFUSED = FittedTail(p=None, interval=(None, None), method="", n_fitted=0, n_exceeding=3, refusal="Values repeat.")
ALIGNMENT = "alignments/kmer-5__linked/alignment.json"


def edited(folder: Path, change: Callable[[Any], None]) -> Path:
    path = folder / ALIGNMENT
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run_folder(tmp_path / "run", compared=False)


def test_the_page_has_the_fit_beside_the_counted_p(folder: Path) -> None:
    page = make_report(folder).read_text("utf-8")
    assert "p of fitted tails" in page
    assert "All verdicts are those of the counted p" in page
    assert 'class="meta">fit ' in page


def test_the_page_says_why_there_is_no_fit(folder: Path) -> None:
    def refuse(content: Any) -> None:
        content["held_out"]["tails"][0] = {"p": None, "interval": [None, None], "method": "", "n_fitted": 0} | {
            "n_exceeding": 2,
            "refusal": "Permuted values <repeat>.",
        }

    page = make_report(edited(folder, refuse)).read_text("utf-8")
    assert "Permuted values &lt;repeat&gt;." in page


def test_where_nothing_is_fitted_one_line_says_why_instead_of_a_table(folder: Path) -> None:
    refused = {"p": None, "interval": [None, None], "method": "", "n_fitted": 0, "n_exceeding": 2}
    for path in folder.glob("alignments/*/alignment.json"):
        content = json.loads(path.read_text("utf-8"))
        for part in (content["held_out"], content["in_sample"]):
            part["tails"] = [{**refused, "refusal": "Too few permutations."} for _ in part.get("tails", ())]
        content["held_out"]["trace"].pop("tails_corrected", None)
        content["held_out"]["trace"]["tail"] = {**refused, "refusal": "Too few permutations."}
        content["held_out"].pop("tails_corrected", None)
        path.write_text(json.dumps(content), "utf-8")
    page = make_report(folder).read_text("utf-8")
    assert "p of fitted tails" not in page
    assert page.count("No law is fitted to the tails of these nulls. Too few permutations.</p>") == 1


def test_a_folder_without_tails_has_no_word_of_them(folder: Path) -> None:
    for path in folder.glob("alignments/*/alignment.json"):
        content = json.loads(path.read_text("utf-8"))
        del content["held_out"]["tails"], content["held_out"]["trace"]["tails_corrected"]
        path.write_text(json.dumps(content), "utf-8")
    page = make_report(folder).read_text("utf-8")
    assert "p of fitted tails" not in page
    assert "fit: p of a law" not in page


def test_rows_are_the_p_values_that_few_permutations_decide(folder: Path) -> None:
    results = load_results(folder)
    headline = next(one for one in results.headlines() if one.alignment.name == "kmer-5__linked")
    shown = replace(headline, tail_corrected=FITTED, trace_tail_corrected=replace(REFUSED, n_exceeding=10))
    tests = [row.test for row in tail_rows(shown)]
    assert tests == ["held-out, component 1", "held-out, component 1, corrected"]
    assert format_tail(FITTED) == "2.3e-05"
    assert format_tail(replace(FITTED, is_least=True)) == "≤ 2.3e-05"
    assert format_tail(REFUSED) == format_tail(None) == ""


def test_tracking_has_the_fitted_p_or_says_that_there_is_none(folder: Path) -> None:
    results = load_results(folder)
    headline = next(one for one in results.headlines() if one.alignment.name == "kmer-5__linked")
    shown = replace(headline, tail=FITTED, tail_corrected=REFUSED, trace_tail_corrected=FITTED)
    metrics = {name: value for name, value, _ in make_metrics(shown)}
    assert metrics["perm/p_fitted_1"] == metrics["perm/p_fitted_corrected_trace"] == 2.3e-5
    assert "perm/p_fitted_corrected_1" not in metrics
    tags = [make_tags(results, one, "0")["p_fitted"] for one in results.alignments]
    assert "pearson III" in tags
    assert any(tag.startswith("none: ") and tag.endswith("sure enough.") for tag in tags)
