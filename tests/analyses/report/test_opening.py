"""The first screen says at most three sentences and four figures, each true of its run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analyses.formats import format_number, format_p
from analyses.report.attention import gather_attention
from analyses.report.findings import answer
from analyses.report.opening import make_opening
from analyses.results.folder import Results, load_results
from analyses.results.schema.comparisons import ArmDifference, ArmProperties
from tests.analyses.run_folder import write_run_folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return load_results(write_run_folder(tmp_path_factory.mktemp("opening") / "run"))


def compared(results: Results, *pairs: tuple[str, str, float, float], rc_modes: tuple[str, str]) -> Results:
    """With its two arms described, and their differences (view, arm first, difference, corrected p)."""
    assert results.comparison is not None
    names = [arm.name for arm in results.run.arms]
    arms = tuple(
        ArmProperties(
            arm=arm.name, arm_label=arm.label, rc_mode=mode, hidden_dim=8, trained=True, rc_consistency=None, cost=None
        )
        for arm, mode in zip(results.run.arms, rc_modes, strict=True)
    )
    differences = tuple(
        ArmDifference(
            arm_a=first,
            arm_b=next(name for name in names if name != first),
            view=view,
            difference=value,
            interval=(value - 0.1, value + 0.2),
            p=p / 2,
            p_corrected=p,
        )
        for view, first, value, p in pairs
    )
    return replace(
        results, comparison=replace(results.comparison, arms=arms, alike=(), stability=(), differences=differences)
    )


def test_at_most_three_sentences_open_and_none_is_lost_or_said_twice(results: Results) -> None:
    opening = make_opening(results)
    assert len(opening.sentences) == 3
    assert opening.sentences[0] == answer(results)[0]
    assert opening.sentences[1].startswith("The link is simulated")
    assert sorted([*opening.sentences, *opening.in_full]) == sorted(answer(results))


def test_cells_hold_the_best_and_the_control(results: Results) -> None:
    best, contrast, training, control = make_opening(results).cells
    headline = max((one for one in results.headlines() if one.summary.view == "linked"), key=lambda one: one.rho)
    assert (best.value, best.is_beyond_chance) == (headline.summary.arm_label, True)
    assert format_number(headline.rho) in best.detail
    assert f"corrected p = {format_p(headline.p_corrected)}" in best.detail
    assert (contrast.value, training.value) == ("not asked", "not asked")
    assert (control.value, control.is_beyond_chance) == ("silent", False)
    n_controls = sum(one.summary.role == "negative control" for one in results.headlines())
    assert control.detail.startswith("smallest corrected p = " if n_controls > 1 else "corrected p = ")


def test_the_best_encoder_is_the_one_that_the_first_sentence_names(results: Results) -> None:
    """One that passes by its trace alone does not come before one that passes by its component."""
    assert results.comparison is not None
    weak, strong = sorted((row for row in results.comparison.rows if row.view == "linked"), key=lambda row: row.rho)
    both = {weak.arm: (0.01, 0.5), strong.arm: (0.4, 0.001)}
    rows = tuple(
        replace(row, p_of_both=both[row.arm], trace=0.3) if row.view == "linked" else row
        for row in results.comparison.rows
    )
    odd = make_opening(replace(results, comparison=replace(results.comparison, rows=rows)))
    assert odd.cells[0].value == weak.arm_label
    assert odd.sentences[0].startswith(f"Genes ({weak.arm_label}) and brain (linked)")


def test_a_null_has_no_best_encoder(tmp_path: Path) -> None:
    best, *_ = make_opening(load_results(write_run_folder(tmp_path, planted=False))).cells
    assert (best.value, best.is_beyond_chance) == ("none beyond chance", False)
    assert best.detail.startswith("largest is ")


def test_the_surest_contrast_is_shown_in_its_own_direction(results: Results) -> None:
    averaged, equivariant = (arm.name for arm in results.run.arms)
    asked = compared(
        results,
        ("linked", averaged, 0.05, 0.01),
        ("unlinked", averaged, 0.9, 0.001),  # a control is nobody's question
        rc_modes=("average", "equivariant"),
    )
    cell = make_opening(asked).cells[1]
    assert (cell.value, cell.is_beyond_chance) == ("−0.050", True)
    label = next(arm.label for arm in results.run.arms if arm.name == equivariant)
    assert cell.detail.startswith(f"{label} − ")
    assert "−0.250 to 0.050" in cell.detail
    within = compared(results, ("linked", averaged, 0.05, 0.2), rc_modes=("average", "equivariant"))
    assert make_opening(within).cells[1].value == "−0.050, within chance"


def test_a_control_that_speaks_is_said_before_all_but_the_first_sentence(results: Results) -> None:
    assert results.comparison is not None
    rows = tuple(replace(row, p_max_t=0.004) if row.role != "test" else row for row in results.comparison.rows)
    alarmed = replace(results, comparison=replace(results.comparison, rows=rows))
    opening = make_opening(alarmed)
    assert opening.sentences[1].startswith("Caution")
    assert opening.cells[3].value == "significant"


def test_each_flag_and_warning_is_gathered_once_with_where_it_applies(results: Results) -> None:
    summaries = [one.summary for one in results.alignments]
    marked = [
        replace(one, summary=replace(summary, flags=("low",) if i < 2 else (), warnings=("thin",)))
        for i, (one, summary) in enumerate(zip(results.alignments, summaries, strict=True))
    ]
    flag, warning = gather_attention(replace(results, alignments=tuple(marked)))
    assert (flag.sentence, flag.is_flag, len(flag.alignments)) == ("low", True, 2)
    assert (warning.sentence, warning.is_flag, len(warning.alignments)) == ("thin", False, len(summaries))
