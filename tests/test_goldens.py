"""Files of an earlier version are read with equal content, or refused in one sentence that names both formats."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from analyses.privacy.hashes import keyed_hash
from analyses.results import load_results
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.comparisons import Comparison
from analyses.results.schema.experiments import RESULT_TYPES
from analyses.results.schema.runs import RunRecord
from analyses.results.serialisation import plain, read_result
from analyses.results.workspace import Workspace
from analyses.tracking.store import Ledger
from analyses.workflow.privacy_audit import audit_privacy
from encoders.brain.canonical_table import METADATA_KEY
from encoders.brain.tables import read_brain_table
from encoders.genome.windows.table import WindowTable
from encoders.store import EmbeddingStore
from fusion import FrozenAlignment
from fusion.permutation.result import PermutationTestCCA
from tests.conftest import REPOSITORY
from tests.goldens.write_goldens import SEQUENCES, SPEC, SUBJECTS, VECTORS

GOLDENS = REPOSITORY / "tests" / "goldens"
ALIGNMENT = "alignments/kmer-5__linked"
RHO, P = 0.287039, 0.001
CORRELATIONS, P_FWER = [0.4521913598033753, 0.19638747530599932], [0.4, 0.5]
WEIGHTS = (78, 68, 2560)
FROZEN_CORRELATIONS, FROZEN_SUM = [0.5827386727484665, 0.48847311939516735], 50.127289823511504
KEYED = "67becb4895a758e2"  # of SUBJ0000X under the key of the golden


@pytest.fixture
def goldens(tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(GOLDENS, tmp_path / "goldens"))


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


# Read with equal content ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [("run.json", RunRecord), ("comparison.json", Comparison), (f"{ALIGNMENT}/alignment.json", AlignmentSummary)],
)
@pytest.mark.parametrize("number", [3, 4, 5])
def test_results_lose_nothing(name: str, kind: type[Any], number: int) -> None:
    written = read(GOLDENS / f"results_{number}" / name)
    assert written.pop("format") == number
    assert plain(read_result(kind, GOLDENS / f"results_{number}" / name)) == written


@pytest.mark.parametrize("name", ["predict", "replicate"])
def test_results_of_experiments_lose_nothing(name: str) -> None:
    path = GOLDENS / "experiments_5" / f"{name}.json"
    written = read(path)
    assert written.pop("format") == 5
    assert plain(read_result(RESULT_TYPES[name], path)) == written


def test_frozen_weights_score_new_subjects_as_before() -> None:
    model = FrozenAlignment.load(GOLDENS / "weights_1" / "weights.npz")
    assert (model.n_subjects, len(model.y_columns), sum(n for _, n in model.x_columns)) == WEIGHTS
    assert model.x_weights.shape[1] == model.y_weights.shape[1] == len(model.correlations)
    np.testing.assert_allclose(model.correlations[:2], FROZEN_CORRELATIONS, atol=1e-12)
    np.testing.assert_allclose(np.abs(model.y_weights).sum(), FROZEN_SUM, rtol=1e-12)


def test_an_interval_that_is_none_stays_none() -> None:
    (row,) = load_results(GOLDENS / "results_4").table().to_dict("records")
    assert np.isnan(np.array([row["low"], row["high"]], dtype=float)).all()
    assert round(row["rho"], 6) == RHO


def test_what_confounds_took_stays_as_it_was_written() -> None:
    results = load_results(GOLDENS / "results_5")
    assert [(one.column, one.kind) for one in results.run.confounds][2:] == [
        ("age", "spline, df 4"),
        ("age x site", "product"),
    ]
    taken = results.alignments[0].summary.confounds
    assert taken is not None
    assert [(one.side, one.term, one.df, one.beyond) for one in taken] == [
        ("genes", "age x site", 7, 0.03125),
        ("brain", "age x site", 7, 0.03125),
    ]


def test_a_results_folder_holds_what_it_held() -> None:
    results = load_results(GOLDENS / "results_3")
    (row,) = results.table().to_dict("records")
    assert (row["arm"], row["view"], row["n_subjects"], row["x_cca"]) == ("kmer-5", "linked", 612, 31)
    assert (round(row["rho"], 6), row["p"]) == (RHO, P)
    assert results.run.cohort.exclusions[0].n == "<5"
    assert results.null_draws().shape == (4, 1)
    assert Workspace(GOLDENS / "results_3").seconds() == {"align": 12.5}


def test_folds_and_private_files_are_understood(goldens: Path) -> None:
    private = goldens / "results_3" / "private"
    key = bytes.fromhex((private / "id_key.txt").read_text())
    folds = read(goldens / "results_3" / "splits.json")["folds"]
    assert folds == {keyed_hash("SUBJ0000X", key): 1} == {KEYED: 1}
    private.chmod(0o700)
    audit = audit_privacy(goldens / "results_3", also=[goldens / "results_3" / "private"])
    assert len(audit.identities.ids) == 37
    assert {(Path(one.file).name, one.n) for one in audit.findings} == {("subjects.json", 37)}


def test_a_store_gives_its_vectors_and_takes_no_second_one(goldens: Path) -> None:
    store = EmbeddingStore(goldens / "store_1", SPEC)
    assert SPEC.fingerprint == "adcf4248ec96972736315e5e0cebf283"
    np.testing.assert_array_equal(store.read(["c", "a", "b"]), VECTORS[[2, 0, 1]])
    assert store.write(["a", "b", "c"], VECTORS) == 0


def test_a_window_table_gives_every_haplotype() -> None:
    table = WindowTable.load(GOLDENS / "windows_1")
    assert (table.subject_ids, table.sequences, table.strand) == (SUBJECTS, SEQUENCES, ("+", "-"))
    assert [table.haplotypes(window).tolist() for window in (0, 1)] == [[0, 0, 1, 0, 0, 0], [3, 3, 3, 3, 3, 2]]
    assert (table.weight.tolist(), table.start.tolist(), table.end.tolist()) == ([1.0, 0.25], [100, 7], [104, 11])
    assert table.events == {"missing_genotype": 3}
    assert table.settings == {"unit": "exon", "window": "510"}


def test_a_brain_table_gives_its_rows() -> None:
    table = read_brain_table(GOLDENS / "brain_1" / "brain.parquet", id_column="subject_id", drop_constant=False)
    assert (table.subject_ids, table.feature_names) == (SUBJECTS, ("lh", "rh"))
    np.testing.assert_array_equal(table.values, VECTORS[:, :2].astype(np.float64))


def test_an_archive_gives_its_result() -> None:
    found = PermutationTestCCA.load(GOLDENS / "archive_1" / "in_sample.npz")
    assert found.n_permutations == 9
    assert found.null_statistics.shape[0] == 10
    np.testing.assert_allclose(found.canonical_correlations, CORRELATIONS, atol=1e-12)
    assert found.p_fwer.tolist() == P_FWER


# Refused by name ------------------------------------------------------------------------------------------------------


def _change_json(path: Path, **values: object) -> None:
    path.write_text(json.dumps(read(path) | values), encoding="utf-8")


def _newer_results(root: Path) -> object:
    _change_json(root / "results_3" / "run.json", format=6)
    return load_results(root / "results_3")


def _newer_layout(root: Path) -> object:
    _change_json(root / "results_3" / "manifest.json", schema=2)
    return Workspace(root / "results_3").seconds()


def _newer_subjects(root: Path) -> object:
    _change_json(root / "results_3" / "private" / "subjects.json", format=2)
    return audit_privacy(root / "results_3")


def _newer_weights(root: Path) -> object:
    path = root / "weights_1" / "weights.npz"
    _change_record(path, schema=2)
    return FrozenAlignment.load(path)


def _change_record(path: Path, **values: object) -> None:
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays["record.json"] = np.array(json.dumps(json.loads(str(arrays["record.json"])) | values))
    np.savez(path, **arrays)


def _newer_experiment(root: Path) -> object:
    _change_json(root / "experiments_5" / "predict.json", format=6)
    return read_result(RESULT_TYPES["predict"], root / "experiments_5" / "predict.json")


def _newer_ledger(root: Path) -> object:
    (root / "tracking.json").write_text('{"format": {"version": "2"}}')
    return Ledger(root / "tracking.json", "sqlite:////x.db")


def _newer_store(root: Path) -> object:
    _change_json(root / "store_1" / SPEC.fingerprint / "spec.json", format_version=2)
    return EmbeddingStore(root / "store_1", SPEC).read(["a"])


def _newer_windows(root: Path) -> object:
    _change_json(root / "windows_1" / "table.json", format=2)
    return WindowTable.load(root / "windows_1")


def _newer_brain(root: Path) -> object:
    path = root / "brain_1" / "brain.parquet"
    table = pq.read_table(path)
    described = json.loads(table.schema.metadata[METADATA_KEY]) | {"format_version": 2}
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: json.dumps(described)}), path)
    return read_brain_table(path, id_column="subject_id")


def _newer_archive(root: Path) -> object:
    path = root / "archive_1" / "in_sample.npz"
    _change_record(path, schema=2)
    return PermutationTestCCA.load(path)


@pytest.mark.parametrize(
    ("change", "known", "came"),
    [
        (_newer_results, "format 5", "format 6"),
        (_newer_layout, "writes 1", "format 2"),
        (_newer_subjects, "format 1", "format 2"),
        (_newer_ledger, "format 1", "format 2"),
        (_newer_store, "format 1", "format 2"),
        (_newer_windows, "format 1", "format 2"),
        (_newer_brain, "format 1", "format 2"),
        (_newer_archive, "schema 1", "schema 2"),
        (_newer_weights, "schema 1", "schema 2"),
        (_newer_experiment, "format 5", "format 6"),
    ],
)
def test_a_newer_format_is_refused_with_both_numbers(
    goldens: Path, change: Callable[[Path], object], known: str, came: str
) -> None:
    with pytest.raises(ValueError, match=r"\.$") as refused:
        change(goldens)
    assert type(refused.value).__name__ == "InputError"
    assert known in str(refused.value)
    assert came in str(refused.value)
