"""`genebrain brain`: import, describe and connectivity from the command line, on made and on real tables."""

import functools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from encoders.brain import read_brain_table
from encoders.brain.canonical_table import read_provenance
from encoders.brain.connectivity.connectivity import connectivity_vectors
from encoders.brain.connectivity.timeseries import drop_constant_rois, read_timeseries
from tests.analyses.commands import Command
from tests.encoders.brain.simulated_tables import write_aparc, write_phenotypes, write_thickness, write_timeseries

Answer = Callable[..., tuple[int, str, str]]


@pytest.fixture
def brain(genebrain: Command, capsys: pytest.CaptureFixture[str]) -> Answer:
    """Exit code, output and error text of one `genebrain brain` command."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = genebrain("brain", *arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def _hemispheres(folder: Path) -> list[Path]:
    paths = []
    for hemisphere, subjects in (("lh", ("01", "02", "03")), ("rh", ("03", "01", "04", "05"))):
        frame = pd.DataFrame({f"{hemisphere}.aparc.thickness": [f"sub-{s}" for s in subjects]})
        frame[f"{hemisphere}_insula_thickness"] = [int(s) + 0.5 for s in subjects]
        frame["eTIV"] = [1e6 + int(s) for s in subjects]
        paths.append(folder / f"{hemisphere}.txt")
        frame.to_csv(paths[-1], sep="\t", index=False)
    return paths


@pytest.mark.parametrize("command", ["import", "describe"])
@pytest.mark.parametrize("name", ["brain.csv", "brain.csv.gz", "brain.parquet"])
def test_a_table_is_parsed_once(
    brain: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    frame = pd.DataFrame({"eid": ["0012", "0007", "0031"], "26755-2.0": [1.5, 2, 4], "26756-2.0": [3.25, 7, 5]})
    source, output, parsed = tmp_path / name, tmp_path / "out" / "table.parquet", []
    if name.endswith(".parquet"):
        frame.to_parquet(source)
    else:
        frame.to_csv(source, index=False)
    with monkeypatch.context() as patch:
        for reader in (pd.read_csv, pd.read_parquet):
            count = functools.partial(lambda read, *args, **more: parsed.append(read) or read(*args, **more), reader)
            patch.setattr(pd, reader.__name__, count)
        code, out, err = brain(command, source, *(("--output", output) if command == "import" else ()))
    assert (code, len(parsed)) == (0, 1), err
    assert "a UK Biobank table: 2 columns" in out
    if command == "import":
        table = read_brain_table(output)
        assert (table.subject_ids, table.values.tolist()) == (
            ("0012", "0007", "0031"),
            frame.iloc[:, 1:].values.tolist(),
        )


def test_import_joins_tables_and_prints_who_is_left_out(brain: Answer, tmp_path: Path) -> None:
    paths = _hemispheres(tmp_path)
    output = tmp_path / "brain.parquet"
    code, out, _ = brain("import", *paths, "--output", output, "--strip-prefix", "sub-")
    assert code == 0
    assert "lh.txt is a FreeSurfer table" in out
    lines = [line.split() for line in out.splitlines()]
    assert ["lh.txt", "3", "2", "1", "not", "in", "rh.txt"] in lines
    assert ["rh.txt", "4", "2", "2", "not", "in", "lh.txt"] in lines
    assert "sub-" not in out.replace("prefix (sub-)", "")  # no subject is named
    table = read_brain_table(output)
    assert table.subject_ids == ("01", "03")
    np.testing.assert_array_equal(table.values, [[1.5, 1.5], [3.5, 3.5]])
    described = read_provenance(output)
    assert described is not None
    assert [source["path"] for source in described["sources"]] == [str(path) for path in paths]
    assert described["options"] == {"strip_prefixes": ["sub-"], "nan": "refuse"}


def test_import_prints_json(brain: Answer, tmp_path: Path) -> None:
    code, out, _ = brain("import", *_hemispheres(tmp_path), "--output", tmp_path / "b.parquet", "--json")
    summary = json.loads(out)
    assert (code, summary["n_subjects"], summary["n_features"]) == (0, 2, 2)
    assert summary["overlap"][1]["dropped"] == {"not in lh.txt": 2}


def test_nothing_is_written_where_something_is_wrong(brain: Answer, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("eid,a\n01,1\n01,2\n")
    code, _, err = brain("import", tmp_path / "t.csv", "--output", tmp_path / "b.parquet")
    assert code == 2
    assert "repeats '01'" in err
    assert "Traceback" not in err
    assert not (tmp_path / "b.parquet").exists()


def test_import_warns_of_codes_for_missing_values(brain: Answer, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("eid,a\n01,1\n02,-9\n03,1.5\n")
    code, out, _ = brain("import", tmp_path / "t.csv", "--output", tmp_path / "b.parquet")
    assert code == 0
    assert "1 features seem to hold codes for missing values: a (-9)" in out
    again = (
        "import",
        tmp_path / "t.csv",
        "--output",
        tmp_path / "b.parquet",
        "--missing",
        "-9",
        "--nan",
        "drop-subjects",
    )
    code, out, _ = brain(*again)
    assert code == 0
    assert "seem to hold" not in out
    assert read_brain_table(tmp_path / "b.parquet").subject_ids == ("01", "03")


def test_describe_counts_without_naming(brain: Answer, tmp_path: Path) -> None:
    text = "eid,a,b,c,d,site\n001,1.5,-9,7,,x\n001,2.5,3,7,4,y\n1002.0,2,3.5,7,inf,y\n,2,4,7,5,y\n"
    (tmp_path / "t.csv").write_text(text)
    code, out, _ = brain("describe", tmp_path / "t.csv")
    assert code == 0
    for sentence in (
        "4 rows, 2 distinct subjects (column 'eid')",
        "1 ids repeat",
        "1 rows have no id",
        "1 ids are floating-point numbers",
        "4 numeric columns, 1 missing values",
        "1 columns of text: site",
        "1 constant columns: c",
        "1 columns with infinite values: d",
        "b (-9)",
    ):
        assert sentence in out
    assert "001" not in out
    _, out, _ = brain("describe", tmp_path / "t.csv", "--show-ids", "--json")
    assert json.loads(out)["examples"] == {"ids": ["001", "1002.0", ""], "repeated": ["001"], "floats": ["1002.0"]}


def test_describe_reads_what_import_wrote(brain: Answer, tmp_path: Path) -> None:
    brain("import", *_hemispheres(tmp_path), "--output", tmp_path / "b.parquet")
    code, out, _ = brain("describe", tmp_path / "b.parquet", "--json")
    summary = json.loads(out)
    assert (code, summary["n_subjects"], summary["n_numeric"]) == (0, 2, 2)
    assert {group["group"] for group in summary["groups"]} == {"lh_*_thickness", "rh_*_thickness"}


def _assert_overlap_is_counted(brain: Answer, thickness: Path, ages: Path) -> None:
    code, out, _ = brain("describe", thickness, "--against", ages, "--json")
    left, right = json.loads(out)["overlap"]
    here, there = pd.read_csv(thickness)["participant_id"], pd.read_csv(ages)["participant_id"]
    both = len(set(here) & set(there))
    assert code == 0
    assert 0 < both < len(here) < len(there)
    assert (left["n"], left["in_all"], right["n"]) == (len(here), both, there.nunique())
    assert left["dropped"] == {f"not in {ages.name}": len(here) - both}
    assert right["n_repeated_rows"] == len(there) - there.nunique() > 0


def _assert_imported_and_read_back(brain: Answer, path: Path, output: Path, n_constant: int) -> str:
    code, out, _ = brain("import", path, "--output", output)
    assert code == 0
    assert f"{n_constant} features are constant" in out
    table, plain = read_brain_table(output), pd.read_csv(path)
    assert len(table.dropped_constant) == n_constant
    np.testing.assert_array_equal(table.values, plain[list(table.feature_names)].to_numpy(dtype=np.float32))
    return out


def _assert_connectivity_is_written(brain: Answer, path: Path, output: Path, rule: str) -> str:
    code, out, _ = brain(
        "connectivity", "--timeseries", path, "--strip-prefix", "s", "--constant-rois", rule, "--output", output
    )
    assert code == 0
    table = read_brain_table(output)
    kept = drop_constant_rois(read_timeseries(path, strip_prefixes=("s",)), rule)
    edges, names = connectivity_vectors(kept, "correlation")
    assert (table.subject_ids, table.feature_names) == (kept.subject_ids, names)
    np.testing.assert_array_equal(table.values, edges.astype(np.float32))
    return out


def test_tables_that_do_not_match_one_to_one_are_counted(brain: Answer, tmp_path: Path) -> None:
    _assert_overlap_is_counted(brain, *write_aparc(tmp_path / "thickness.csv", tmp_path / "ages.csv"))


def test_constant_columns_and_codes_of_missing_values_are_described(brain: Answer, tmp_path: Path) -> None:
    code, out, _ = brain("describe", write_thickness(tmp_path / "cohort.csv"), "--json")
    summary = json.loads(out)
    assert (code, summary["n_subjects"], len(summary["constant_columns"])) == (0, 27, 3)
    code, out, _ = brain("describe", write_phenotypes(tmp_path / "phenotypes.csv"), "--json")
    summary = json.loads(out)
    assert (code, summary["n_subjects"], summary["suspected_codes"]) == (0, 19, {"FIQ": [-9999]})


def test_a_cohort_of_sites_is_imported_and_read_back(brain: Answer, tmp_path: Path) -> None:
    path = write_thickness(tmp_path / "cohort.csv")
    out = _assert_imported_and_read_back(brain, path, tmp_path / "cohort.parquet", 3)
    assert "27 subjects x 17 features" in out


def test_connectivity_without_regions_that_are_constant_too_often(brain: Answer, tmp_path: Path) -> None:
    path = write_timeseries(tmp_path / "series.npz")
    out = _assert_connectivity_is_written(brain, path, tmp_path / "conn.parquet", "0.1")
    assert "16 constant series in 2 regions (rule '0.1'): 1 of 9 regions left out" in out
    assert "16 of 17 subjects x 28 edges" in out


def test_real_tables_are_described_and_imported(brain: Answer, real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "brain"
    expected = {"fcon1000.csv": 1078, "ABIDE_Phenotypic_V1_0b_preprocessed1.csv": 1112, "IXI_aparc_thickness.csv": 576}
    for name, n in expected.items():
        code, out, _ = brain("describe", folder / name, "--json")
        summary = json.loads(out)
        assert (code, summary["n_subjects"]) == (0, n)
        if name == "fcon1000.csv":
            assert len(summary["constant_columns"]) == 4
        if name.startswith("ABIDE"):
            assert summary["suspected_codes"]["FIQ"] == [-9999]
    _assert_overlap_is_counted(brain, folder / "IXI_aparc_thickness.csv", folder / "IXI_age_gender.csv")
    out = _assert_imported_and_read_back(brain, folder / "fcon1000.csv", tmp_path / "fcon.parquet", 4)
    assert "1078 subjects x 193 features" in out


def test_connectivity_of_real_time_series(brain: Answer, real_data: Path, tmp_path: Path) -> None:
    path = real_data / "brain" / "abide_aal116_timeseries_100subj.npz"
    out = _assert_connectivity_is_written(brain, path, tmp_path / "conn.parquet", "0.02")
    assert "36 constant series in 11 regions (rule '0.02'): 5 of 116 regions left out" in out
    assert "98 of 100 subjects x 6105 edges" in out


def test_tangent_space_is_not_learnt_from_everyone_unasked(brain: Answer, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    np.savez(tmp_path / "ts.npz", **{f"s{i}": rng.normal(size=(30, 3)) for i in range(11)})
    command = (
        "connectivity",
        "--timeseries",
        tmp_path / "ts.npz",
        "--kind",
        "tangent",
        "--output",
        tmp_path / "t.parquet",
    )
    code, _, err = brain(*command)
    assert code == 2
    assert "learnt from training subjects; --fit-on was not given" in err
    (tmp_path / "train.txt").write_text("\n".join(f"s{i}" for i in range(7)))
    assert brain(*command, "--fit-on", tmp_path / "train.txt")[0] == 0
    assert read_brain_table(tmp_path / "t.parquet").values.shape == (11, 6)


@pytest.mark.parametrize("command", ["import", "describe", "connectivity"])
def test_help_teaches(brain: Answer, command: str) -> None:
    code, out, _ = brain(command, "--help")
    assert code == 0
    assert "--id-regex" in out
