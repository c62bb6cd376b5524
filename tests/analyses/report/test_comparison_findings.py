"""What is said of the leader of a comparison is what its places and its interval hold."""

from dataclasses import replace
from pathlib import Path

import pytest

from analyses.report.comparison_findings import comparison_sentences
from analyses.report.findings import answer
from analyses.results.folder import load_results
from analyses.results.schema.comparisons import Comparison, ComparisonRow
from analyses.results.workspace import Workspace
from tests.analyses.run_folder import write_run_folder


def _row(arm: str, rho: float, places: tuple[float, float], *, p: float = 0.002) -> ComparisonRow:
    return ComparisonRow(
        arm=arm,
        arm_label=arm,
        view="thickness",
        trained=True,
        role="test",
        rho=rho,
        interval=(rho - 0.05, rho + 0.05),
        p=p,
        p_max_t=p,
        in_sample_r1=0.5,
        x_cca=7,
        rank=1,
        rank_interval=places,
        interval_of_all=(rho - 0.11, rho + 0.12),
    )


def _leader(*rows: ComparisonRow) -> str:
    ranked = tuple(replace(row, rank=place) for place, row in enumerate(rows, start=1))
    comparison = Comparison(metric="held-out rho_1", rows=ranked, differences=(), n_permutations=99, note="")
    return comparison_sentences(comparison, {})[0]


def test_a_leader_of_equals_is_not_called_the_best() -> None:
    said = _leader(_row("a", 0.4, (1, 3)), _row("b", 0.38, (1, 3)), _row("c", 0.33, (1, 3)), _row("d", 0.1, (4, 4)))
    assert said.startswith("With thickness, a has the largest held-out ρ₁, 0.40 (95 % interval 0.29 to 0.52, corrected")
    assert said.endswith(
        "2 of the 3 others cannot be told from the best (b, c), so which of these 3 is the best is open."
    )


def test_a_leader_that_beats_every_other_is_the_best() -> None:
    said = _leader(_row("a", 0.6, (1, 1)), _row("b", 0.38, (2, 3)), _row("c", 0.33, (2, 3)))
    assert said.endswith("it is better than each of the 2 others beyond chance.")


def test_an_order_without_a_link_is_one_of_noise() -> None:
    assert "order of noise" in _leader(_row("a", 0.1, (1, 2), p=0.4), _row("b", 0.0, (1, 2), p=0.9))


def test_the_headline_s_interval_is_the_one_that_holds_for_the_largest(tmp_path: Path) -> None:
    results = load_results(write_run_folder(tmp_path))
    headline = results.headlines()[0]
    row = results.comparison.rows[0] if results.comparison else None
    assert row is not None
    assert headline.interval == row.interval_of_all != row.interval
    said = "Each p and each interval is corrected over the 2 pairs of encoder and view, those of the 2 with a negative "
    assert f"{said}control among themselves." in answer(results)


def test_places_and_intervals_of_an_earlier_version_are_not_passed_on(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path)
    comparison = load_results(folder).comparison
    assert comparison is not None
    earlier = replace(comparison, rows=tuple(replace(row, interval_of_all=None, p_best=0.5) for row in comparison.rows))
    Workspace(folder).write_result("comparison.json", earlier)
    assert any(
        "too narrow for the largest of 4: run “genebrain compare” again" in said
        for said in answer(load_results(folder))
    )
    assert "not computed validly" in _leader(replace(_row("a", 0.4, (1, 1)), interval_of_all=None))


@pytest.mark.parametrize("n", [2, 3])
def test_an_alignment_that_is_picked_among_uncompared_ones_is_said_to_have_too_narrow_an_interval(
    tmp_path: Path, n: int
) -> None:
    folder = write_run_folder(tmp_path, compared=False)
    run = load_results(folder).run
    Workspace(folder).write_result("run.json", replace(run, alignments=run.alignments[:n]))
    assert any(f"too narrow for the largest of {n}" in sentence for sentence in answer(load_results(folder)))
