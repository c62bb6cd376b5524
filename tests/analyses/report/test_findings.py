"""The sentences follow the numbers: found, not found, a control that should have stayed silent."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyses.errors import InputError
from analyses.formats import format_number, format_p
from analyses.report.findings import answer, planted_ranks
from analyses.results.folder import load_results
from tests.analyses.run_folder import write_run_folder


def edit(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_found_link_is_said_first_with_value_interval_null_and_p(tmp_path: Path) -> None:
    results = load_results(write_run_folder(tmp_path))
    headline = results.headlines()[0]
    first, *rest = answer(results)
    null = headline.summary.held_out.null_q95[0]
    assert first.startswith(
        "Genes (kmer-5) and brain (linked) align beyond chance in subjects that took no part in fitting"
    )
    for value in (headline.rho, *headline.interval, null):
        assert format_number(value) in first
    assert f"corrected p = {format_p(headline.p_corrected)}" in first
    assert any("negative control, which holds no link, is not significant" in sentence for sentence in rest)
    assert any("random weights" in sentence for sentence in rest)
    interpretation = headline.summary.interpretation
    assert interpretation is not None
    assert interpretation.split_half is not None
    said = next(sentence for sentence in rest if "random halves" in sentence)
    assert format_number(interpretation.split_half.x_loadings.median) in said
    assert said.count("may be read") == 2


def test_a_side_whose_loadings_do_not_return_in_halves_is_not_to_be_read(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path)

    def forget(facts: dict[str, Any]) -> None:
        facts["interpretation"]["split_half"]["x_loadings"] |= {"median": 0.7, "null_q95": 0.8}
        facts["interpretation"]["split_half"]["y_loadings"] |= {"median": 0.7, "null_q95": 0.3}

    edit(folder / "alignments" / "kmer-5__linked" / "alignment.json", forget)
    said = next(sentence for sentence in answer(load_results(folder)) if "random halves" in sentence)
    assert "0.70 for genes (noise: below 0.80 in 95 % of halves; within noise, so not to be read)" in said
    assert "0.70 for brain (noise: below 0.30 in 95 % of halves; may be read)" in said


def test_a_side_of_one_dimension_has_no_pattern_to_be_judged(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path)

    def narrow(facts: dict[str, Any]) -> None:
        facts["dimensions"]["y_cca"] = 1
        facts["interpretation"]["split_half"]["y_loadings"] |= {"median": 1.0, "null_q95": 1.0}

    edit(folder / "alignments" / "kmer-5__linked" / "alignment.json", narrow)
    sentences = answer(load_results(folder))
    said = next(sentence for sentence in sentences if "random halves" in sentence)
    assert "for genes" in said
    assert "for brain" not in said
    assert any(sentence.startswith("One dimension of brain entered") for sentence in sentences)


@pytest.mark.parametrize("rho", [0.99998, 1.0, 0.0004, 0.001])
def test_a_correlation_for_which_no_study_can_be_planned_is_reported_all_the_same(tmp_path: Path, rho: float) -> None:
    folder = write_run_folder(tmp_path, compared=False)

    def move(facts: dict[str, Any]) -> None:
        facts["held_out"]["rho"][0] = rho

    for path in (folder / "alignments").glob("*__linked/alignment.json"):
        edit(path, move)
    first, *rest = answer(load_results(folder))
    assert f"held-out ρ₁ = {format_number(rho)}" in first
    assert not any("within 10 % of the truth" in sentence for sentence in rest)


def test_many_weak_links_are_said_to_be_the_trace_s(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path, planted=False)

    def spread(facts: dict[str, Any]) -> None:
        facts["held_out"]["trace"] |= {"value": 0.31, "null_q95": 0.08, "p": 0.001, "p_corrected": [0.4, 0.002]}

    (folder / "comparison.json").unlink(missing_ok=True)
    (folder / "comparison" / "arms.json").unlink(missing_ok=True)
    edit(folder / "alignments" / "kmer-5__linked" / "alignment.json", spread)
    results = load_results(folder)
    first, second, *_ = answer(results)
    assert "a held-out trace of 0.31 (95 % point of its null 0.08, corrected p = 0.002)" in first
    assert first.startswith("Genes (kmer-5) and brain (linked) align beyond chance")
    assert "many weak links together" in second


def test_a_null_result_says_what_could_have_been_found(tmp_path: Path) -> None:
    sentences = answer(load_results(write_run_folder(tmp_path, planted=False)))
    assert sentences[0].startswith("No alignment of genes and brain beyond chance was found")
    assert any("below a correlation of about 0.23" in sentence for sentence in sentences)
    said = "the held-out tests, corrected as here, would find a single link of {} in 80 % of studies"
    assert any(said.format("0.37") in sentence for sentence in sentences)
    alone = answer(load_results(write_run_folder(tmp_path / "alone", planted=False, compared=False)))
    assert any(said.format("0.31") in sentence for sentence in alone)
    assert not any("Roy" in sentence for sentence in [*sentences, *alone])
    assert not any("simulated" in sentence for sentence in sentences)


def test_a_significant_control_raises_caution(tmp_path: Path) -> None:
    def alarm(comparison: dict[str, Any]) -> None:
        comparison["rows"][1]["p_max_t"] = 0.004

    edit(write_run_folder(tmp_path) / "comparison.json", alarm)
    assert any(sentence.startswith("Caution") for sentence in answer(load_results(tmp_path)))


def test_significance_is_judged_after_correction_over_arms_and_views(tmp_path: Path) -> None:
    def weaken(comparison: dict[str, Any]) -> None:
        for row in comparison["rows"]:
            row["p_max_t"] = 0.2

    edit(write_run_folder(tmp_path) / "comparison.json", weaken)
    assert answer(load_results(tmp_path))[0].startswith("No alignment")


def test_without_a_comparison_the_missing_correction_is_said(tmp_path: Path) -> None:
    sentences = answer(load_results(write_run_folder(tmp_path, compared=False)))
    assert any("not over encoders and views" in sentence for sentence in sentences)


def test_planted_items_carry_their_rank_in_every_arm(tmp_path: Path) -> None:
    results = load_results(write_run_folder(tmp_path))
    items = planted_ranks(results)
    assert [item.name for item in items[:2]] == ["COMT", "GRIN2B"]
    assert all(set(item.ranks) <= {1, 2} for item in items[:2])
    assert {item.n for item in items} == {11, 29}
    assert planted_ranks(load_results(write_run_folder(tmp_path / "null", planted=False))) == []


def test_a_planted_gene_outside_the_panel_has_no_rank(tmp_path: Path) -> None:
    edit(write_run_folder(tmp_path) / "run.json", lambda run: run["planted"]["genes"].append("TP53"))
    assert planted_ranks(load_results(tmp_path))[2].ranks == (None, None)


def test_a_missing_alignment_is_named(tmp_path: Path) -> None:
    (write_run_folder(tmp_path) / "alignments" / "kmer-5__linked" / "alignment.json").unlink()
    with pytest.raises(InputError, match=r"kmer-5__linked/alignment\.json does not exist"):
        load_results(tmp_path)


@pytest.mark.parametrize(
    ("p", "text"), [(0.001, "0.001"), (0.58, "0.58"), (0.0002, "0.0002"), (None, "–"), (1.0, "1.00")]
)
def test_p_is_never_shown_as_zero(p: float | None, text: str) -> None:
    assert format_p(p) == text


@pytest.mark.parametrize(("value", "text"), [(-0.002, "0.00"), (-0.31, "−0.31"), (3049, "3\u202f049"), (None, "–")])
def test_numbers_carry_a_real_minus_and_no_negative_zero(value: float | None, text: str) -> None:
    assert format_number(value) == text
