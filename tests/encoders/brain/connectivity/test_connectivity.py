"""Connectivity equals nilearn's; tangent space knows the reference subjects alone; constant regions are counted."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nilearn.connectome import ConnectivityMeasure, sym_matrix_to_vec

from encoders.brain.connectivity.connectivity import connectivity_vectors, tangent_vectors
from encoders.brain.connectivity.images import extract_timeseries
from encoders.brain.connectivity.timeseries import TimeSeries, drop_constant_rois, read_timeseries
from encoders.brain.connectivity.visits import Visits
from encoders.errors import InputError

ROIS = ("A", "B", "C", "D", "E")


@pytest.fixture
def timeseries() -> TimeSeries:
    rng = np.random.default_rng(8)
    mixing = rng.normal(size=(11, 5, 5))
    series = tuple(rng.normal(size=(40 + 3 * i, 5)) @ mixing[i] for i in range(11))
    return TimeSeries(tuple(f"s{i:02d}" for i in range(11)), series, ROIS)


@pytest.mark.parametrize(("kind", "theirs"), [("correlation", "correlation"), ("partial", "partial correlation")])
def test_correlations_equal_nilearn(timeseries: TimeSeries, kind: str, theirs: str) -> None:
    expected = ConnectivityMeasure(kind=theirs, vectorize=True, discard_diagonal=True).fit_transform(
        list(timeseries.series)
    )
    raw, names = connectivity_vectors(timeseries, kind, fisher_z=False)  # type: ignore[arg-type] # parametrized
    np.testing.assert_allclose(raw, expected, rtol=0, atol=1e-12)
    z, _ = connectivity_vectors(timeseries, kind)  # type: ignore[arg-type] # parametrized
    np.testing.assert_allclose(np.tanh(z), expected, atol=1e-12)
    assert names[:3] == ("A--B", "A--C", "B--C")


def test_an_empirical_correlation_is_pearsons_and_names_say_which(timeseries: TimeSeries) -> None:
    raw, names = connectivity_vectors(timeseries, "correlation", fisher_z=False, estimator="empirical")
    for subject, series in enumerate(timeseries.series):
        matrix = pd.DataFrame(series, columns=list(ROIS)).corr()
        for edge, name in enumerate(names):
            first, second = name.split("--")
            assert raw[subject, edge] == pytest.approx(matrix.loc[first, second], abs=1e-12)


def test_tangent_equals_nilearn_fitted_on_the_training_subjects(timeseries: TimeSeries) -> None:
    train = np.array([0, 2, 3, 5, 7, 8])
    covariances, names = connectivity_vectors(timeseries, "covariance")
    assert len(names) == 15
    measure = ConnectivityMeasure(kind="tangent", vectorize=True)
    measure.fit([timeseries.series[row] for row in train])
    expected = measure.transform(list(timeseries.series))
    np.testing.assert_allclose(tangent_vectors(covariances, train), expected, rtol=0, atol=1e-9)


def test_held_out_subjects_do_not_move_the_tangent_space(timeseries: TimeSeries) -> None:
    train = np.arange(7)
    covariances, _ = connectivity_vectors(timeseries, "covariance")
    changed = covariances.copy()
    changed[7:] = changed[7:] * 9
    before, after = (tangent_vectors(of, train) for of in (covariances, changed))
    np.testing.assert_array_equal(before[:7], after[:7])
    everyone = tangent_vectors(covariances, np.arange(11)), tangent_vectors(changed, np.arange(11))
    assert np.abs(everyone[0][:7] - everyone[1][:7]).max() > 0.1


def test_covariances_that_are_singular_are_refused(timeseries: TimeSeries) -> None:
    singular = sym_matrix_to_vec(np.stack([np.ones((5, 5))] * 3))
    with pytest.raises(InputError, match="3 of 3 are not"):
        tangent_vectors(singular, np.arange(3))
    short = TimeSeries(timeseries.subject_ids, tuple(s[:4] for s in timeseries.series), ROIS)
    with pytest.raises(InputError, match="11 subjects have fewer"):
        connectivity_vectors(short, "partial", estimator="empirical")


def test_equal_regions_have_no_fisher_z(timeseries: TimeSeries) -> None:
    series = tuple(np.column_stack([s, s[:, 0]]) for s in timeseries.series)
    doubled = TimeSeries(timeseries.subject_ids, series, (*ROIS, "F"))
    with pytest.raises(InputError, match="'A--F' reach it"):
        connectivity_vectors(doubled, "correlation", estimator="empirical")


@pytest.mark.parametrize(
    ("rule", "rois", "n_subjects"),
    [("any", "ADE", 11), ("all", "ABCD", 8), ("0.1", "ABD", 10), ("0.3", "ABCD", 8)],
)
def test_constant_regions(timeseries: TimeSeries, rule: str, rois: str, n_subjects: int) -> None:
    series = [s.copy() for s in timeseries.series]
    for subject in range(11):
        if rule == "any":
            break
        series[subject][:, 4] = 7.1
    series[0][:, 1] = 0.1
    series[1][:, 2] = series[2][:, 2] = 3
    constant = TimeSeries(timeseries.subject_ids, tuple(series), ROIS)
    kept = drop_constant_rois(constant, rule)
    assert "".join(kept.roi_names) == rois
    assert len(kept.subject_ids) == n_subjects == len(kept.series)
    n_pairs = 3 if rule == "any" else 14
    assert f"{n_pairs} constant series" in kept.notes[-1]
    with pytest.raises(InputError, match="constant series in"):
        drop_constant_rois(constant, "refuse")
    with pytest.raises(InputError, match="any, all, refuse or a share"):
        drop_constant_rois(constant, "most")


def test_bad_series_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", s1=np.ones((9, 3)), s2=np.ones((9, 4)))
    with pytest.raises(InputError, match=r"'s2' has shape \(9, 4\)"):
        read_timeseries(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", s1=np.full((9, 3), np.nan))
    with pytest.raises(InputError, match="'s1' has missing or infinite"):
        read_timeseries(tmp_path / "b.npz")


def test_a_folder_of_text_files_names_the_regions(tmp_path: Path, timeseries: TimeSeries) -> None:
    for subject, series in zip(timeseries.subject_ids, timeseries.series, strict=True):
        pd.DataFrame(series, columns=list(ROIS)).to_csv(tmp_path / f"sub-{subject}_ts.tsv", sep="\t", index=False)
    read = read_timeseries(tmp_path, id_regex=r"sub-([^_]+)")
    assert (read.subject_ids, read.roi_names) == (timeseries.subject_ids, ROIS)
    for mine, theirs in zip(read.series, timeseries.series, strict=True):
        np.testing.assert_allclose(mine, theirs)


def test_abide_time_series(real_data: Path) -> None:
    read = read_timeseries(real_data / "brain" / "abide_aal116_timeseries_100subj.npz", strip_prefixes=("s",))
    listed = pd.read_csv(real_data / "brain" / "abide_aal116_timeseries_100subj.subjects.tsv", sep="\t", dtype=str)
    assert set(read.subject_ids) == set(listed["sub_id"])
    assert {len(series) for series in read.series} == {195, 205, 77}
    kept = drop_constant_rois(read)
    assert kept.notes[-1].startswith("36 constant series in 11 regions (rule 'any'): 11 of 116 regions left out")
    some = TimeSeries(kept.subject_ids[:9], kept.series[:9], kept.roi_names)
    edges, _ = connectivity_vectors(some, "correlation", fisher_z=False)
    expected = ConnectivityMeasure(kind="correlation", vectorize=True, discard_diagonal=True)
    np.testing.assert_allclose(edges, expected.fit_transform(list(some.series)), atol=1e-12)


# --- images ----------------------------------------------------------------------------------------------------------


def _write_images(folder: Path, n_timepoints: int = 80) -> tuple[list[Path], Path, Path]:
    """Two subjects, the first with two runs, in fMRIPrep's names."""
    import nibabel

    rng = np.random.default_rng(4)
    labels = np.zeros((6, 7, 8), dtype=np.int16)
    labels[1:3, 1:3, 1:3], labels[3:5, 3:5, 3:5], labels[1:3, 4:6, 5:7] = 1, 2, 5
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(labels, affine), folder / "atlas.nii.gz")
    (folder / "lut.tsv").write_text("index\tname\n1\tInsula L\n2\tInsula R\n5\tCuneus\n")
    images = []
    for stem in ("sub-01_task-rest_run-1", "sub-01_task-rest_run-2", "sub-02_task-rest_run-1"):
        image = folder / f"{stem}_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz"
        nibabel.save(
            nibabel.Nifti1Image(rng.normal(100, 5, size=(6, 7, 8, n_timepoints)).astype(np.float32), affine), image
        )
        motion = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
        names = [f"{m}{s}" for m in motion for s in ("", "_derivative1", "_power2", "_derivative1_power2")]
        names += [
            f"{m}{s}" for m in ("csf", "white_matter") for s in ("", "_derivative1", "_power2", "_derivative1_power2")
        ]
        names += ["cosine00", "cosine01", "framewise_displacement", "std_dvars"]
        table = pd.DataFrame(rng.normal(0, 0.05, size=(n_timepoints, len(names))), columns=names)
        table.to_csv(folder / f"{stem}_desc-confounds_timeseries.tsv", sep="\t", index=False)
        (folder / f"{stem}_desc-confounds_timeseries.json").write_text(json.dumps({}))
        images.append(image)
    return images, folder / "atlas.nii.gz", folder / "lut.tsv"


def test_images_become_series_of_regions(tmp_path: Path) -> None:
    import nibabel

    images, labels, lut = _write_images(tmp_path)
    with pytest.raises(InputError, match="several of '01': ask for its runs to be joined"):
        extract_timeseries(images, labels, lut=lut, confounds="none")
    read = extract_timeseries(images, labels, lut=lut, confounds="none", visits=Visits(join="runs"))
    assert read.notes == ("2 series of 1 subjects were joined end to end, as asked (join runs).",)
    assert read.subject_ids == ("01", "02")
    assert read.roi_names == ("Insula L", "Insula R", "Cuneus")
    assert [series.shape for series in read.series] == [(160, 3), (80, 3)]
    data = nibabel.load(images[2]).get_fdata()
    mask = nibabel.load(labels).get_fdata() == 5
    mean = data[mask].mean(axis=0)
    time = np.arange(80)
    straight = np.polyval(np.polyfit(time, mean, 1), time)
    assert np.corrcoef(read.series[1][:, 2], mean - straight)[0, 1] == pytest.approx(1, abs=1e-6)


def test_confounds_in_fmriprep_names_are_removed(tmp_path: Path) -> None:
    images, labels, _ = _write_images(tmp_path)
    read = extract_timeseries(images[:1], labels, confounds="simple")
    assert read.roi_names == ("roi1", "roi2", "roi5")
    table = pd.read_csv(tmp_path / "sub-01_task-rest_run-1_desc-confounds_timeseries.tsv", sep="\t")
    for name in ("trans_x", "rot_z", "csf", "cosine00"):
        straight = np.polyval(np.polyfit(np.arange(80), table[name], 1), np.arange(80))
        assert abs(np.corrcoef(read.series[0][:, 0], table[name] - straight)[0, 1]) < 1e-6
    images, labels, _ = _write_images(tmp_path, n_timepoints=20)
    with pytest.raises(InputError, match="28 confounds for 20 time points"):
        extract_timeseries(images[:1], labels)
    (tmp_path / "sub-02_task-rest_run-1_desc-confounds_timeseries.tsv").unlink()
    with pytest.raises(InputError, match="put the table and its json beside the image"):
        extract_timeseries(images[2:], labels)
