"""Names of columns tell what is no feature: as people, programs and the archives of known cohorts write them."""

from pathlib import Path

import nilearn
import pandas as pd
import pytest

from encoders.brain import ImportOptions, read_source
from encoders.brain.headers.biobank import Field, find_fields
from encoders.brain.headers.choice import choose_columns, describe_facts, find_facts
from encoders.brain.headers.roles import role_of
from encoders.brain.records import one_row_per_subject
from encoders.errors import InputError

NO_FEATURES = {
    "an id": "SUB_ID subjectID scan_id IMAGEUID File.Name RID participant BIDS_ID loni_uid",
    "an age": "weeks_ga Age_yrs AgeAtScan interview_age age2 date_of_birth scan_age AGE_AT_MPRAGE ageYears birth_year",
    "a sex": "Sex M/F GENDER PTGENDER sex_at_birth is_male sex_code demo_sex_v2 Sex.M",
    "a site or scanner": "site siteID SITE_ID sitenum Scanner scanner_manufacturer mri_info_deviceserialnumber batch "
    "MagneticFieldStrength head_coil FLDSTRENG assessment_centre",
    "a time or visit": "scan_date MRIdate good_time num_good_frames n_volumes visit VISCODE2 eventname session run "
    "days_since_baseline acq_time update_stamp Month scan_number delay bids_session",
    "of motion or scan quality": "meanFD mean_fd FD_mean framewise_displacement_mean fd_power max_motion dvars SNR "
    "tsnr_mean qc_pass QC_rating euler_number EulerNumber lhSurfaceHoles trans_x rot_z rsfmri_c_ngd_meanmotion "
    "percent_censored anat_qi1 lhDefectHoles visual_qc is_outlier RelMeanRMSMotion usable",
    "a head size": "TIV ICV EstimatedTotalIntraCranialVol total_intracranial_volume FS_IntraCranial_Vol HeadSize TBV",
    "clinical or of behaviour": "diagnosis DX_GROUP FIQ handedness years_of_education BMI MMSE APOE4 ADOS_TOTAL group",
    "a family": "family Family_Status zygosity",
}


@pytest.mark.parametrize(
    ("said", "name"), [(said, name) for said, names in NO_FEATURES.items() for name in names.split()]
)
def test_names_that_are_no_features(said: str, name: str) -> None:
    assert role_of(name) == said


FEATURES = (
    "lh_bankssts_thickness rh_G&S_cingul-Ant_thickness Left-Hippocampus 3rd-Ventricle CSF average_thickness "
    "FA_body_of_corpus_callosum FD_ATR_left language_network--visual_network motor--attention Brain-Stem v0 roi1 "
    "7Networks_LH_Vis_1--7Networks_RH_Limbic_3 smri_thick_cdk_banksstslh rsfmri_c_ngd_ad_ngd_cgc group7 batch12 "
    "window3 L_MT_ROI total_volume mean_thickness brain_age arterial_transit_time PC1 ICA_12 S_temporal_sup"
)


@pytest.mark.parametrize("name", FEATURES.split())
def test_names_that_are_features(name: str) -> None:
    assert role_of(name) is None


def test_no_region_of_a_real_table_is_taken_for_a_fact(real_data: Path) -> None:
    for name in ("fcon1000.csv", "IXI_aparc_thickness.csv"):
        header = (real_data / "brain" / name).read_text(encoding="utf-8").partition("\n")[0].split(",")
        facts = find_facts(header)
        assert not [n for n in facts if n.endswith(("_thickness", "_area")) or n.startswith(("Left-", "Right-", "CC_"))]


def test_no_region_of_an_atlas_is_taken_for_a_fact() -> None:
    regions: set[str] = set()
    for table in Path(nilearn.__file__).parent.rglob("*.csv"):
        cells = pd.read_csv(table, dtype=str, header=None, on_bad_lines="skip", encoding_errors="replace")
        regions |= {cell for cell in cells.iloc[1:].to_numpy().ravel() if isinstance(cell, str) and 1 < len(cell) < 60}
    assert len(regions) > 500
    assert {name: said for name in regions if (said := role_of(name)) is not None} == {}


@pytest.mark.parametrize(
    ("column", "field", "instance", "array"),
    [
        ("26755-2.0", "26755", 2, 0),
        ("f.26755.3.1", "26755", 3, 1),
        ("X26755.2.0", "26755", 2, 0),
        ("n_26755_2_0", "26755", 2, 0),
        ("mean_thickness_of_insula_f26755_2_0", "26755", 2, 0),
        ("p26755_i2", "26755", 2, 0),
        ("participant.p25752_i2_a7", "25752", 2, 7),
        ("participant.p22009_a3", "22009", None, 3),
        ("participant.p31", "31", None, 0),
        ("Area of insula (left) | Instance 2", "Area of insula (left)", 2, 0),
    ],
)
def test_fields_of_uk_biobank(column: str, field: str, instance: int | None, array: int) -> None:
    assert Field.parse(column) == Field(column, field, instance, array)


def test_columns_that_only_look_like_fields() -> None:
    assert find_fields(["id", "x_10_20_30", "x_11_20_30"]) == []
    assert find_fields(["id", "p1", "p2"]) == []
    assert [f.column for f in find_fields(["eid", "p31", "p26755_i2", "note"])] == ["p31", "p26755_i2"]


def _read(folder: Path, text: str, **options: object) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, str]]:
    (folder / "t.csv").write_text(text)
    chosen = ImportOptions(**options)  # type: ignore[arg-type] # options vary by test
    records = one_row_per_subject(read_source(folder / "t.csv", chosen)[0], session=chosen.session)
    return records.ids, records.names, dict(records.left_out)


def test_a_header_of_the_research_analysis_platform(tmp_path: Path) -> None:
    text = (
        "participant.eid,participant.p31,participant.p21003_i2,participant.p25741_i2,participant.p26755_i2,"
        "participant.p26755_i3,participant.p26521_i2\n1000000,Male,60,.1,2,2.5,1.5e6\n1000001,Female,61,.2,3,3.5,1.6e6\n"
    )
    with pytest.raises(InputError, match="has instances 2, 3: choose one"):
        _read(tmp_path, text)
    ids, names, left_out = _read(tmp_path, text, instance=3)
    assert (ids, names) == (("1000000", "1000001"), ("participant.p26755_i3",))
    assert left_out["participant.p21003_i2"] == left_out["participant.p26521_i2"] == "no measure of a brain image"
    assert left_out["participant.p26755_i2"] == "instance 2"
    assert _read(tmp_path, text, fields=("21003",))[1] == ("participant.p21003_i2",)
    assert _read(tmp_path, text, include=("*_i2",))[1] == ("participant.p26755_i2",)
    assert _read(tmp_path, text, include=("*p21003*",))[1] == ("participant.p21003_i2",)


@pytest.mark.parametrize("prefix", ["participant_", "Participant.", "PARTICIPANT_", ""])
def test_other_spellings_of_that_header_are_its_fields(tmp_path: Path, prefix: str) -> None:
    names = [f"{prefix}{name}" for name in ("eid", "p26755_i2", "p26755_i3", "p21003_i2")]
    header = ",".join(name.upper() if prefix.isupper() else name for name in names)
    text = f"{header}\n1000000,2,2.5,60\n1000001,3,3.5,61\n"
    with pytest.raises(InputError, match="has instances 2, 3: choose one"):
        _read(tmp_path, text)
    ids, features, left_out = _read(tmp_path, text, instance=3)
    assert ids == ("1000000", "1000001")
    assert [name.casefold() for name in features] == [f"{prefix}p26755_i3".casefold()]
    assert "no measure of a brain image" in left_out.values()


def test_titles_as_a_header(tmp_path: Path) -> None:
    text = "Participant ID,Sex,Age when attended assessment centre | Instance 2,Area of insula | Instance 2\n7,M,60,2\n"
    ids, names, left_out = _read(tmp_path, text)
    assert (ids, names) == (("7",), ("Area of insula | Instance 2",))
    assert set(left_out) == {"Sex", "Age when attended assessment centre | Instance 2"}


ABCD = (
    "subjectkey,src_subject_id,interview_age,sex,eventname,smri_thick_cdk_banksstslh,smri_vol_scs_intracranialv,"
    "imgincl_t1w_include\n"
    '"The identifier, global","Subject ID as in the lab",Age in months,Sex,The event,Thickness in mm,mm^3,1 = yes\n'
    "NDAR_1,NDAR_1,120,M,baseline_year_1_arm_1,2.5,1.5e6,1\n"
    "NDAR_1,NDAR_1,144,M,2_year_follow_up_y_arm_1,2.7,1.5e6,1\n"
    "NDAR_2,NDAR_2,121,F,baseline_year_1_arm_1,2.9,1.4e6,0\n"
)


def test_abcd(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has several of 'NDAR_1': choose session first, last"):
        _read(tmp_path, ABCD)
    ids, names, left_out = _read(tmp_path, ABCD, session="baseline_year_1_arm_1")
    assert (ids, names) == (("NDAR_1", "NDAR_2"), ("smri_thick_cdk_banksstslh",))
    assert left_out["smri_vol_scs_intracranialv"] == "a head size"
    assert left_out["imgincl_t1w_include"] == "of motion or scan quality"


def test_adni(tmp_path: Path) -> None:
    text = (
        "RID,PTID,COLPROT,VISCODE,SITE,EXAMDATE,AGE,PTGENDER,APOE4,CDRSB,ADAS11,Hippocampus,Hippocampus_bl,ICV,M\n"
        "2,011_S_0002,ADNI1,bl,11,2005-09-08,74,Male,0,0,10,8336,8336,1.9e6,0\n"
        "3,011_S_0003,ADNI1,bl,11,2005-09-12,81,Male,1,4,22,5319,5319,1.7e6,0\n"
    )
    ids, names, left_out = _read(tmp_path, text)
    assert (ids, names) == (("011_S_0002", "011_S_0003"), ("Hippocampus",))
    assert left_out["Hippocampus_bl"].startswith("a value at baseline")
    assert set(left_out) >= {"RID", "COLPROT", "VISCODE", "SITE", "EXAMDATE", "APOE4", "CDRSB", "ADAS11", "ICV", "M"}


def test_hcp(tmp_path: Path) -> None:
    text = (
        "Subject,Release,Acquisition,Gender,Age,PMAT24_A_CR,FS_IntraCranial_Vol,FS_L_Bankssts_Thck,FS_R_Cuneus_Area\n"
        "100206,S900,Q11,M,26-30,20,1.8e6,2.8,1500\n100307,Q1,Q01,F,26-30,17,1.5e6,2.7,1400\n"
    )
    ids, names, left_out = _read(tmp_path, text)
    assert (ids, names) == (("100206", "100307"), ("FS_L_Bankssts_Thck", "FS_R_Cuneus_Area"))
    assert left_out["PMAT24_A_CR"] == "no measure of FreeSurfer"


def test_a_pattern_takes_facts_only_where_it_is_about_them() -> None:
    names = ["site", "surface", "anat_snr", "anat_cnr", "age"]
    facts = find_facts(names)
    assert choose_columns(names, facts, ["*"]).taken == ["surface"]
    assert choose_columns(["site", "surface"], facts, ["s*"]).taken == ["surface"]
    about = choose_columns(["anat_snr", "anat_cnr", "surface"], facts, ["anat_*", "surface"])
    assert about.taken == ["anat_snr", "anat_cnr", "surface"]
    assert describe_facts(about.asked_for) == "anat_snr, anat_cnr (of motion or scan quality)"
