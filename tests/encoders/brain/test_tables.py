"""Brain tables: ids survive as text, every omission is named, bad input is refused in one sentence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from encoders.brain import read_brain_table
from encoders.errors import InputError
from encoders.tables import read_subject_table

WriteTable = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteTable:
    def write(text: str, name: str = "brain.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


# --- ids -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "t.parquet"])
def test_leading_zeros_survive_in_every_format(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"subject_id": ["0012", "12", "007"], "a": [1.5, 2.5, 3.0]})
    path = tmp_path / name
    if name.endswith("parquet"):
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, sep="\t" if "tsv" in name else ",")
    assert read_brain_table(path).subject_ids == ("0012", "12", "007")


def test_ids_may_be_the_index_of_a_parquet_file_and_integers_become_text(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": [1.0, 2.0]}, index=pd.Index([1001, 1002], name="eid")).to_parquet(path)
    assert read_brain_table(path, id_column="eid").subject_ids == ("1001", "1002")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject_id,a\n1001.0,2\n1002.0,3\n", "floating-point numbers; got '1001.0', '1002.0'"),
        ("subject_id,a\n1e+06,2\n1002,3\n", "floating-point numbers; got '1e\\+06'"),
        ("subject_id,a\n007,2\n007,3\n", "unique; got '007'"),
        ("subject_id,a\n007,2\n,3\n", "present in every row; got 'row 2'"),
        ("subject_id,a\n 007,2\n", "white space; got ' 007'"),
        ("subjectid,a\n007,2\n", "needs a column 'subject_id'.*nearest: subjectid"),
        ("subject_id,a,a\n007,2,3\n", "repeats 'a'"),
        ("subject_id,a\n007,2,3\n008,3,4\n", "Expected 2 fields in line 2"),
        ("subject_id,a\n007,2\n008,3,4\n", "Expected 2 fields in line 3"),
        ("subject_id,a\n", "at least one row"),
        ("", "it is empty"),
    ],
)
def test_bad_tables_are_refused_with_the_example(write: WriteTable, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_subject_table(write(text))


def test_float_ids_in_parquet_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"subject_id": [1001.0, 1002.0], "a": [1.0, 2.0]}).to_parquet(path)
    with pytest.raises(InputError, match=r"floating-point numbers; got '1001\.0'"):
        read_subject_table(path)


@pytest.mark.parametrize("separator", ["\t", ","])
def test_an_unknown_suffix_is_read_by_its_header(write: WriteTable, separator: str) -> None:
    text = f"sample{separator}pop\nS1{separator}GBR\nS2{separator}FIN\n"
    assert read_subject_table(write(text, "samples.panel"), "sample").frame["pop"].tolist() == ["GBR", "FIN"]


def test_missing_unknown_and_broken_files_are_refused(tmp_path: Path, write: WriteTable) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_subject_table(tmp_path / "absent.csv")
    (tmp_path / "t.xlsx").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(InputError, match=r"it is an Excel or zip file: export it as csv"):
        read_subject_table(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="must be a parquet file"):
        read_subject_table(write("x", "t.parquet"))


def test_a_byte_order_mark_is_not_part_of_the_first_name(write: WriteTable) -> None:
    assert list(read_subject_table(write("\ufeffsubject_id,a\n01,2\n")).frame.index) == ["01"]


# --- features ------------------------------------------------------------------------------------------------------


def test_patterns_select_in_file_order(write: WriteTable) -> None:
    path = write("subject_id,lh_b,age,lh_a,rh_a\n1,1,30,3,4\n2,5,31,7,9\n")
    table = read_brain_table(path, include=("rh_*", "lh_*"), exclude=("*_b",))
    assert table.feature_names == ("lh_a", "rh_a")
    np.testing.assert_array_equal(table.values, [[3, 4], [7, 9]])


@pytest.mark.parametrize("option", ["include", "exclude"])
def test_a_pattern_that_matches_nothing_names_near_columns(write: WriteTable, option: str) -> None:
    path = write("subject_id,lh_insula_thickness,lh_area\n1,1,2\n2,5,3\n")
    with pytest.raises(InputError, match=rf"{option} must match.*'lh_insula_thick'.*nearest: lh_insula_thickness"):
        read_brain_table(path, **{option: ("lh_insula_thick",)})  # type: ignore[arg-type]


def test_text_columns_are_named(write: WriteTable) -> None:
    path = write("subject_id,a,shape,colour\n1,1,round,x\n2,5,long,y\n")
    with pytest.raises(InputError, match=r"2 that are not: 'shape' \(e\.g\. 'round'\), 'colour'"):
        read_brain_table(path)
    assert read_brain_table(path, exclude=("shape", "col*")).feature_names == ("a",)


def test_columns_that_are_no_features_are_left_out_and_named(write: WriteTable) -> None:
    path = write("subject_id,Age,lh_a,siteID,meanFD,silence\n1,30,1,7,.1,2\n2,31,5,8,.3,9\n3,40,2,7,.2,4\n")
    table = read_brain_table(path)
    assert table.feature_names == ("lh_a", "silence")
    assert table.left_out == {
        "Age": "an age",
        "siteID": "a site or scanner",
        "meanFD": "of motion or scan quality",
    }
    assert read_brain_table(path, include=("*a", "s*")).feature_names == ("lh_a", "silence")
    assert read_brain_table(path, include=("lh_*", "Age")).feature_names == ("Age", "lh_a")
    with pytest.raises(InputError, match=r"none is left beside Age \(an age\)"):
        read_brain_table(path, exclude=("lh_a", "silence"))


def test_instances_of_uk_biobank_are_not_put_side_by_side(write: WriteTable) -> None:
    header = "participant.eid,participant.p21003_i2,participant.p26755_i2,participant.p26755_i3"
    path = write(f"{header}\n1000000,60,2.0,2.5\n1000001,61,2.1,2.6\n1000002,58,2.4,2.5\n")
    with pytest.raises(InputError, match=r"features of instances 2, 3 \(UK Biobank\): choose one by include"):
        read_brain_table(path, id_column="participant.eid")
    table = read_brain_table(path, id_column="participant.eid", include=("*_i2",))
    assert table.feature_names == ("participant.p26755_i2",)
    assert set(table.left_out) == {"participant.p21003_i2"}


def test_infinite_values_are_refused(write: WriteTable) -> None:
    with pytest.raises(InputError, match=r"'b' in .* infinite"):
        read_brain_table(write("subject_id,a,b\n1,1,inf\n2,5,1\n"))


GAPS = "subject_id,a,b,constant,empty\n01,1,,7,\n02,2,4,7,\n03,3,8,,\n04,,9,7,\n"


def test_missing_values_are_refused_with_column_and_count(write: WriteTable) -> None:
    with pytest.raises(InputError, match=r"2 features with some: 'a' \(1\), 'b' \(1\)"):
        read_brain_table(write(GAPS))


def test_dropping_subjects_names_them(write: WriteTable) -> None:
    table = read_brain_table(write(GAPS), nan="drop-subjects")
    assert table.subject_ids == ("02", "03")  # a gap in a constant column costs nobody
    assert table.dropped_subjects == (("01", "missing brain value"), ("04", "missing brain value"))
    assert table.dropped_constant == ("constant", "empty")
    np.testing.assert_array_equal(table.values, [[2, 4], [3, 8]])


def test_filling_with_the_mean_keeps_everybody(write: WriteTable) -> None:
    table = read_brain_table(write(GAPS), nan="mean")
    assert len(table.subject_ids) == 4
    np.testing.assert_allclose(table.values, [[1, 7], [2, 4], [3, 8], [2, 9]])


def test_constant_columns_stay_on_request(write: WriteTable) -> None:
    path = write("subject_id,a,constant\n1,1,7\n2,5,7\n")
    assert read_brain_table(path, drop_constant=False).feature_names == ("a", "constant")
    assert read_brain_table(path).dropped_constant == ("constant",)


def test_nothing_left_is_refused(write: WriteTable) -> None:
    with pytest.raises(InputError, match="0 subjects and 0 features"):
        read_brain_table(write("subject_id,a,b\n1,1,\n2,,5\n3,,6\n4,2,\n"), nan="drop-subjects")
    with pytest.raises(InputError, match="nan must be one of refuse"):
        read_brain_table(write(GAPS), nan="zero")  # type: ignore[arg-type]


# --- embeddings as vectors -----------------------------------------------------------------------------------------


def test_a_vector_column_becomes_features_and_stays_float32(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    vectors = np.random.default_rng(7).normal(size=(37, 16)).astype(np.float32)
    ids = [f"{i:04d}" for i in range(37)]
    pd.DataFrame({"eid": ids, "source_model": "m", "vector": list(vectors)}).to_parquet(path, index=False)
    table = read_brain_table(path, id_column="eid")
    assert table.feature_names == tuple(f"v{i}" for i in range(16))
    assert table.values.dtype == np.float32
    np.testing.assert_array_equal(table.values, vectors)


def test_vectors_of_unequal_length_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"subject_id": ["a", "b"], "vector": [[1.0, 2.0], [3.0]]}).to_parquet(path, index=False)
    with pytest.raises(InputError, match="subject 'b' has 1 values where the first has 2"):
        read_brain_table(path)


# --- real tables ---------------------------------------------------------------------------------------------------


def test_fcon1000(real_data: Path) -> None:
    path = real_data / "brain" / "fcon1000.csv"
    table = read_brain_table(path, id_column="sub_id", include=("*_thickness",), exclude=("*_MeanThickness_*",))
    assert table.values.shape == (1078, 148)  # Destrieux: 74 regions in each hemisphere
    assert table.subject_ids[0] == "AnnArbor_a_sub04111"
    assert table.values[0, 0] == pytest.approx(2.297)
    assert read_brain_table(path, id_column="sub_id").left_out["site"] == "a site or scanner"
    table = read_brain_table(path, id_column="sub_id", exclude=("age", "sex", "site"))
    assert len(table.dropped_constant) == 4
    assert set(table.left_out) == {
        "eTIV", "EstimatedTotalIntraCranialVol", "BrainSegVol-to-eTIV", "MaskVol-to-eTIV", "avg_en",
        "SurfaceHoles", "lhSurfaceHoles", "rhSurfaceHoles",
    }  # fmt: skip
    assert len(table.feature_names) + len(table.dropped_constant) == 222 - 4 - 8


def test_ixi(real_data: Path) -> None:
    path = real_data / "brain" / "IXI_aparc_thickness.csv"
    table = read_brain_table(path, id_column="participant_id", exclude=("*_MeanThickness_*",))
    assert table.values.shape == (576, 69)  # two means and the head size are no regions
    assert set(table.left_out) == {"eTIV"}
    assert table.subject_ids[:2] == ("sub-IXI002", "sub-IXI012")
    with pytest.raises(InputError, match="unique; got 'sub-IXI219'"):
        read_subject_table(real_data / "brain" / "IXI_age_gender.csv", "participant_id")
