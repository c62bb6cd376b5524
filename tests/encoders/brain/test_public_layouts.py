"""Layouts of public brain tables, on simulated ones: what is read equals a plain reading, what is faulty is named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nilearn.connectome import ConnectivityMeasure

from encoders.brain import ImportOptions, read_brain_table, read_source
from encoders.brain.connectivity.connectivity import connectivity_vectors
from encoders.brain.connectivity.timeseries import drop_constant_rois, read_timeseries
from encoders.brain.records import one_row_per_subject
from encoders.errors import InputError
from encoders.tables import read_subject_table
from tests.encoders.brain.simulated_tables import (
    CONSTANT,
    REGIONS,
    write_aparc,
    write_phenotypes,
    write_thickness,
    write_timeseries,
)


def test_thickness_of_a_cohort_of_sites_equals_a_plain_reading(tmp_path: Path) -> None:
    path = write_thickness(tmp_path / "cohort.csv")
    records, _ = read_source(path)
    plain = pd.read_csv(path, dtype={"sub_id": str})
    assert records.ids == tuple(plain["sub_id"])
    assert len(records.names) == 2 * len(REGIONS) + 2 + len(CONSTANT)
    assert not {"age", "sex", "site", "eTIV", "lh_MeanThickness_thickness", "avg_en"} & set(records.names)
    np.testing.assert_array_equal(records.values, plain[list(records.names)].to_numpy())
    np.testing.assert_array_equal(records.covariates["eTIV"], plain["eTIV"])


def test_columns_of_a_cohort_are_chosen_and_constant_ones_are_named(tmp_path: Path) -> None:
    path = write_thickness(tmp_path / "cohort.csv")
    table = read_brain_table(path, id_column="sub_id", include=("*_thickness",), exclude=("*_MeanThickness_*",))
    plain = pd.read_csv(path)
    assert table.subject_ids == tuple(plain["sub_id"])
    names = [f"{hemisphere}_{region}_thickness" for hemisphere in ("lh", "rh") for region in REGIONS]
    assert list(table.feature_names) == names
    np.testing.assert_array_equal(table.values, plain[names].to_numpy())
    everything = read_brain_table(path, id_column="sub_id")
    assert set(everything.left_out) == {"age", "sex", "site", "eTIV", "avg_en"}  # facts, and the size of the head
    assert everything.dropped_constant == CONSTANT
    assert len(everything.feature_names) + len(CONSTANT) == plain.shape[1] - 1 - 5


def test_repeated_ids_are_refused_and_prefixes_taken_off(tmp_path: Path) -> None:
    thickness, ages = write_aparc(tmp_path / "aparc.csv", tmp_path / "ages.csv")
    records, _ = read_source(thickness, ImportOptions(strip_prefixes=("sub-",)))
    plain = pd.read_csv(thickness)
    assert records.ids == tuple(plain["participant_id"].str.removeprefix("sub-"))
    assert len(records.names) == 8
    np.testing.assert_array_equal(records.values, plain[list(records.names)].to_numpy())
    listed, _ = read_source(ages, ImportOptions(include=("age",)))
    with pytest.raises(InputError, match="repeats 'sub-IXI023', 'sub-IXI062'"):
        one_row_per_subject(listed)
    with pytest.raises(InputError, match="unique; got 'sub-IXI"):
        read_subject_table(ages, "participant_id")


def test_codes_of_missing_values_are_no_numbers(tmp_path: Path) -> None:
    path = write_phenotypes(tmp_path / "phenotypes.csv")
    records, _ = read_source(path, ImportOptions(include=("anat_*", "FIQ"), missing_codes=("-9999",)))
    plain = pd.read_csv(path)[list(records.names)].replace(-9999, np.nan)
    assert records.values.shape == (19, 4)
    assert records.ids[0] == "50002"
    assert np.isnan(records.values).sum() == 4
    np.testing.assert_array_equal(records.values, plain.to_numpy())


def test_time_series_of_three_lengths_and_constant_regions(tmp_path: Path) -> None:
    read = read_timeseries(write_timeseries(tmp_path / "series.npz"), strip_prefixes=("s",))
    assert set(read.subject_ids) == {str(number) for number in range(50_002, 50_019)}
    assert {len(series) for series in read.series} == {195, 205, 77}
    kept = drop_constant_rois(read)
    assert kept.notes[-1].startswith("16 constant series in 2 regions (rule 'any'): 2 of 9 regions left out")
    edges, _ = connectivity_vectors(kept, "correlation", fisher_z=False)
    expected = ConnectivityMeasure(kind="correlation", vectorize=True, discard_diagonal=True)
    np.testing.assert_allclose(edges, expected.fit_transform(list(kept.series)), atol=1e-12)
