"""A researcher gets typed results and tables whose rows are those of the files."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyses.errors import InputError
from analyses.results import load_results
from analyses.results.schema.comparisons import ArmsDescription
from analyses.results.serialisation import read_result
from tests.analyses.example_alignment import FEATURES, GENES, N_COMPONENTS, N_PERMUTATIONS, N_SPLITS
from tests.analyses.run_folder import write_run_folder

BEFORE = Path(__file__).parent / "written_before_format"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run_folder(tmp_path_factory.mktemp("results") / "run")


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_table_has_a_row_per_arm_and_view_with_the_files_numbers(folder: Path) -> None:
    table = load_results(str(folder)).table()
    assert list(zip(table["arm"], table["view"], strict=True)) == [
        ("kmer-5", "linked"),
        ("kmer-5", "unlinked"),
        ("untrained-dnabert-3", "linked"),
        ("untrained-dnabert-3", "unlinked"),
    ]
    compared = read(folder / "comparison.json")["rows"]
    for row, of_all in zip(table.to_dict("records"), compared, strict=True):
        written = read(folder / "alignments" / f"{row['arm']}__{row['view']}" / "alignment.json")
        held_out = written["held_out"]
        assert [row["rho"], row["p"], row["null_q95"]] == [held_out[key][0] for key in ("rho", "p", "null_q95")]
        assert [row["low"], row["high"]] == of_all["interval_of_all"]
        assert row["p_corrected"] == of_all["p_max_t"]
        assert row["detectable"] == written["detectability"]["rho_c"]
        assert row["n_subjects"] == written["n"]["subjects"]


def test_without_a_comparison_p_is_corrected_over_components(tmp_path: Path) -> None:
    results = load_results(write_run_folder(tmp_path, compared=False))
    expected = [alignment.summary.held_out.p_fwer[0] for alignment in results.alignments]
    assert results.table()["p_corrected"].tolist() == expected
    assert not results.corrected_over_arms
    assert results.ranking().empty
    assert results.differences().empty


def test_loadings_and_folds_are_long_tables(folder: Path) -> None:
    results = load_results(folder)
    genes, features, folds = results.gene_loadings(), results.feature_loadings(), results.held_out_by_fold()
    assert len(genes) == 4 * len(GENES)
    assert len(features) == 4 * len(FEATURES)
    assert len(folds) == 4 * N_SPLITS * N_COMPONENTS
    saved = pd.read_csv(folder / "alignments" / "kmer-5__unlinked" / "gene_loadings.csv")
    own = genes.query("arm == 'kmer-5' and view == 'unlinked'").drop(columns=["arm", "view"])
    pd.testing.assert_frame_equal(own.reset_index(drop=True), saved)
    written = read(folder / "alignments" / "untrained-dnabert-3__linked" / "alignment.json")["held_out"]["rho_by_fold"]
    one = folds.query("arm == 'untrained-dnabert-3' and view == 'linked'").pivot(index="fold", columns="component")
    np.testing.assert_array_equal(one["rho"].to_numpy(), written)
    assert list(one.index) == [1, 2, 3, 4, 5]


def test_ranking_differences_and_null_draws(folder: Path) -> None:
    results = load_results(folder)
    ranking = results.ranking()
    assert ranking[["view", "rank"]].to_numpy().tolist() == [
        ["linked", 1],
        ["linked", 2],
        ["unlinked", 1],
        ["unlinked", 2],
    ]
    (difference,) = results.differences().to_dict("records")
    assert difference == read(folder / "comparison.json")["differences"][0]
    draws = results.null_draws(component=2)
    assert draws.shape == (N_PERMUTATIONS + 1, 4)
    with np.load(folder / "alignments" / "kmer-5__unlinked" / "null_draws.npz") as stored:
        np.testing.assert_array_equal(draws["kmer-5__unlinked"], stored["held_out"][:, 1])


def test_a_folder_from_before_the_format_is_loaded() -> None:
    (row,) = load_results(BEFORE).table().to_dict("records")
    assert (row["arm"], row["rho"], row["p_corrected"]) == ("kmer-5", 0.6554572865904472, 0.001)
    assert (row["x_cca"], row["y_cca"], row["n_effective"]) == (24, 23, 474)


def test_what_is_no_results_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run\.json does not exist"):
        load_results(tmp_path)


def test_properties_of_arms_are_flat_and_missing_ones_stay_missing(folder: Path) -> None:
    results = load_results(folder)
    assert results.comparison is not None
    assert results.arm_properties().empty
    known = read_result(ArmsDescription, BEFORE / "comparison" / "arms.json").arms
    elsewhere = replace(known[1], arm="made-elsewhere", rc_consistency=None, cost=None)
    described = replace(results, comparison=replace(results.comparison, arms=(known[0], elsewhere)))
    table = described.arm_properties().set_index("arm")
    assert table.loc["kmer-5", "cost.n_encoded"] == 282
    assert table.loc["kmer-5", "rc_consistency.median_cosine"] == 1.0
    assert pd.isna(table.loc["made-elsewhere", "cost.n_encoded"])
