"""FreeSurfer, ENIGMA and UK Biobank tables against a plain pandas reading, real tables, and the canonical form."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from encoders.brain import ImportOptions, read_brain_table, read_source, write_canonical
from encoders.brain.canonical_table import fingerprint, read_provenance
from encoders.brain.completeness import join_records
from encoders.brain.records import one_row_per_subject
from encoders.errors import InputError

REGIONS = ("bankssts", "cuneus", "insula")
SUBJECTS = ("sub-01", "sub-02", "sub-10", "sub-11", "sub-12")


def _aparc(folder: Path, hemisphere: str, separator: str = "\t") -> Path:
    """As aparcstats2table writes it, global columns last."""
    rng = np.random.default_rng(ord(hemisphere[0]))
    frame = pd.DataFrame({f"{hemisphere}.aparc.thickness": SUBJECTS})
    for region in REGIONS:
        frame[f"{hemisphere}_{region}_thickness"] = rng.uniform(1.5, 3.5, len(SUBJECTS)).round(3)
    frame[f"{hemisphere}_MeanThickness_thickness"] = 2.4
    frame["BrainSegVolNotVent"] = 1.1e6
    frame["eTIV"] = [1.5e6, 1.6e6, 1.4e6, 1.7e6, 1.55e6]
    path = folder / f"{hemisphere}.aparc.thickness.txt"
    frame.to_csv(path, sep=separator, index=False)
    return path


@pytest.mark.parametrize("separator", ["\t", ",", ";", " "])
def test_freesurfer_tables_equal_a_plain_reading(tmp_path: Path, separator: str) -> None:
    path = _aparc(tmp_path, "lh", separator)
    records, detection = read_source(path)
    plain = pd.read_csv(path, sep=separator, index_col=0, dtype={0: str})
    assert detection.layout == "freesurfer"
    assert "'lh.aparc.thickness' stands over the subjects" in detection.sentence
    assert records.ids == tuple(plain.index)
    assert records.names == tuple(f"lh_{region}_thickness" for region in REGIONS)
    np.testing.assert_array_equal(records.values, plain[list(records.names)].to_numpy())
    np.testing.assert_array_equal(records.covariates["eTIV"], plain["eTIV"].to_numpy())


def test_hemispheres_are_joined_on_subjects(tmp_path: Path) -> None:
    parts = [read_source(_aparc(tmp_path, hemisphere))[0] for hemisphere in ("lh", "rh")]
    order = np.array([4, 0, 2])
    joined = join_records(parts, [order, order])
    plain = [pd.read_csv(tmp_path / f"{h}.aparc.thickness.txt", sep="\t", index_col=0) for h in ("lh", "rh")]
    both = plain[0].join(plain[1][[f"rh_{region}_thickness" for region in REGIONS]]).iloc[order]
    assert joined.ids == tuple(both.index)
    assert len(joined.names) == 6
    np.testing.assert_array_equal(joined.values, both[list(joined.names)].to_numpy())
    with pytest.raises(InputError, match="eTIV must be the same in every table"):
        join_records(parts, [order, order[::-1]])


def test_segmentation_tables_are_recognised(tmp_path: Path) -> None:
    text = (
        "Measure:volume\tLeft-Hippocampus\tMaskVol\tEstimatedTotalIntraCranialVol\n01\t4000.5\t2\t3\n02\t4100\t2\t4\n"
    )
    (tmp_path / "aseg.txt").write_text(text)
    records, detection = read_source(tmp_path / "aseg.txt")
    assert (detection.layout, records.ids, records.names) == ("freesurfer", ("01", "02"), ("Left-Hippocampus",))
    assert records.covariates["eTIV"].tolist() == [3, 4]


def test_enigma(tmp_path: Path) -> None:
    text = "SubjID,L_bankssts_thickavg,R_bankssts_thickavg,LThickness,ICV\n01,2.5,2.6,2.4,1.5e6\n02,2.7,2.8,2.5,1.6e6\n"
    (tmp_path / "CorticalMeasuresENIGMA_ThickAvg.csv").write_text(text)
    records, detection = read_source(tmp_path / "CorticalMeasuresENIGMA_ThickAvg.csv")
    assert detection.layout == "enigma"
    assert records.names == ("L_bankssts_thickavg", "R_bankssts_thickavg")
    np.testing.assert_array_equal(records.values, [[2.5, 2.6], [2.7, 2.8]])
    assert records.covariates["eTIV"].tolist() == [1.5e6, 1.6e6]


def _stats(path: Path, thickness: dict[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{name:30s} 1300 900 2100 {value:.3f} 0.5 0.1 0.02 10 1.0\n" for name, value in thickness.items())
    path.write_text(
        "# Title Segmentation Statistics\n"
        "# Measure Cortex, NumVert, Number of Vertices, 130000, unitless\n"
        "# Measure EstimatedTotalIntraCranialVol, eTIV, Estimated Total Intracranial Volume, 1604025.500000, mm^3\n"
        "# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv FoldInd CurvInd\n" + rows
    )


def test_stats_folders(tmp_path: Path) -> None:
    for i, subject in enumerate(("sub-01", "sub-02")):
        _stats(tmp_path / subject / "stats" / "lh.aparc.stats", {"bankssts": 2.5 + i, "cuneus": 2.1})
        _stats(tmp_path / subject / "stats" / "rh.aparc.stats", {"bankssts": 2.6} | ({"cuneus": 2.2} if i else {}))
    records, detection = read_source(tmp_path, ImportOptions(strip_prefixes=("sub-",)))
    assert (detection.layout, records.ids) == ("stats", ("01", "02"))
    frame = pd.DataFrame(records.values, columns=list(records.names))
    assert frame["lh_bankssts_thickness"].tolist() == [2.5, 3.5]
    assert np.isnan(frame["rh_cuneus_thickness"][0])
    assert frame["rh_cuneus_thickness"][1] == 2.2
    assert records.covariates["eTIV"].tolist() == [1604025.5, 1604025.5]
    area, _ = read_source(tmp_path, ImportOptions(measure="area", stats_files=("lh.aparc.stats",)))
    assert area.names == ("lh_bankssts_area", "lh_cuneus_area")
    assert (area.values == 900).all()
    (tmp_path / "sub-02" / "stats" / "rh.aparc.stats").unlink()
    with pytest.raises(InputError, match=r"sub-02/stats/rh\.aparc\.stats is missing"):
        read_source(tmp_path)


@pytest.mark.parametrize(
    "columns",
    [
        ("31-0.0", "26755-2.0", "26755-3.0", "26756-2.0", "26756-3.0"),
        ("p31_i0", "p26755_i2", "p26755_i3", "p26756_i2", "p26756_i3"),
        ("f.31.0.0", "f.26755.2.0", "f.26755.3.0", "f.26756.2.0", "f.26756.3.0"),
    ],
)
def test_biobank(tmp_path: Path, columns: tuple[str, ...]) -> None:
    frame = pd.DataFrame({"eid": ["1000012", "1000023"]})
    for j, column in enumerate(columns):
        frame[column] = [float(j), j + 0.5]
    frame.to_csv(tmp_path / "ukb.csv", index=False)
    dictionary = tmp_path / "Data_Dictionary_Showcase.tsv"
    dictionary.write_text("Path\tFieldID\tField\nx\t26755\tMean thickness of insula (left)\nx\t26756\tArea\n")
    with pytest.raises(InputError, match="has instances 2, 3: choose one"):
        read_source(tmp_path / "ukb.csv")
    records, detection = read_source(tmp_path / "ukb.csv", ImportOptions(instance=2))
    assert (detection.layout, records.ids) == ("ukb", ("1000012", "1000023"))
    assert records.names == (columns[1], columns[3])
    np.testing.assert_array_equal(records.values, [[1, 3], [1.5, 3.5]])
    options = ImportOptions(instance=3, dictionary=str(dictionary), fields=("*thickness*",))
    titled, _ = read_source(tmp_path / "ukb.csv", options)
    assert titled.names == ("Mean thickness of insula (left)",)
    with pytest.raises(InputError, match="'99\\*' matches none"):
        read_source(tmp_path / "ukb.csv", ImportOptions(instance=2, fields=("99*",)))


# --- canonical form --------------------------------------------------------------------------------------------------


def test_the_canonical_table_keeps_names_ids_covariates_and_origin(tmp_path: Path) -> None:
    source = _aparc(tmp_path, "lh")
    records, _ = read_source(source)
    output = tmp_path / "out" / "brain.parquet"
    write_canonical(output, records, {"sources": [{"path": str(source), "sha256": fingerprint(source)}]})
    table = read_brain_table(output)
    assert table.subject_ids == SUBJECTS
    assert table.feature_names == records.names
    np.testing.assert_array_equal(table.values, records.values.astype(np.float32))
    assert pd.read_parquet(output)["eTIV"].tolist() == records.covariates["eTIV"].tolist()
    described = read_provenance(output)
    assert described is not None
    assert described["sources"][0]["sha256"] == fingerprint(source)
    again, _ = read_source(output)
    assert again.names == records.names
    assert [path.name for path in output.parent.iterdir()] == ["brain.parquet"]
    with pytest.raises(InputError, match=r"is a \.parquet file"):
        write_canonical(tmp_path / "x.csv", records, {})


# --- real tables -----------------------------------------------------------------------------------------------------


def test_fcon1000_equals_a_plain_reading(real_data: Path) -> None:
    path = real_data / "brain" / "fcon1000.csv"
    records, _ = read_source(path)
    plain = pd.read_csv(path, dtype={"sub_id": str})
    assert records.ids == tuple(plain["sub_id"])
    assert len(records.names) == 193
    assert not {"age", "sex", "site", "eTIV", "lh_MeanThickness_thickness", "avg_en"} & set(records.names)
    np.testing.assert_array_equal(records.values, plain[list(records.names)].to_numpy())
    np.testing.assert_array_equal(records.covariates["eTIV"], plain["eTIV"])


def test_ixi_equals_a_plain_reading_and_its_repeated_ids_are_refused(real_data: Path) -> None:
    path = real_data / "brain" / "IXI_aparc_thickness.csv"
    records, _ = read_source(path, ImportOptions(strip_prefixes=("sub-",)))
    plain = pd.read_csv(path)
    assert records.ids == tuple(plain["participant_id"].str.removeprefix("sub-"))
    assert len(records.names) == 68
    np.testing.assert_array_equal(records.values, plain[list(records.names)].to_numpy())
    ages, _ = read_source(real_data / "brain" / "IXI_age_gender.csv", ImportOptions(include=("age",)))
    with pytest.raises(InputError, match="repeats 'sub-IXI219', 'sub-IXI237', 'sub-IXI251' and 22 more"):
        one_row_per_subject(ages)


def test_abide_phenotypes(real_data: Path) -> None:
    path = real_data / "brain" / "ABIDE_Phenotypic_V1_0b_preprocessed1.csv"
    options = ImportOptions(include=("anat_*", "FIQ"), missing_codes=("-9999",))
    records, _ = read_source(path, options)
    plain = pd.read_csv(path)[list(records.names)].replace(-9999, np.nan)
    assert records.values.shape == (1112, 7)
    assert records.ids[0] == "50002"
    np.testing.assert_array_equal(records.values, plain.to_numpy())
