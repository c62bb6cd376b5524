"""Images of several sessions, runs and tasks are told apart; what is no image is refused in a sentence."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from encoders.brain.connectivity.images import extract_timeseries
from encoders.brain.connectivity.visits import Visits
from encoders.errors import InputError

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    values = np.zeros((4, 5, 6), dtype=np.int16)
    values[:1], values[1:2], values[3:] = 1, 2, 7
    nibabel.save(nibabel.Nifti1Image(values, AFFINE), tmp_path / "labels.nii.gz")
    return tmp_path / "labels.nii.gz"


def _scan(folder: Path, name: str, n: int = 12) -> Path:
    rng = np.random.default_rng(len(name) + n)
    values = rng.normal(100, 5, size=(4, 5, 6, n)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(values, AFFINE), folder / name)
    return folder / name


def test_two_sessions_are_not_one(tmp_path: Path, labels: Path) -> None:
    names = ("sub-01_ses-2_bold.nii.gz", "sub-01_ses-10_bold.nii.gz", "sub-02_ses-2_bold.nii.gz")
    scans = [_scan(tmp_path, name, 12 + i) for i, name in enumerate(names)]
    with pytest.raises(InputError, match="several of '01': choose session first, last, joined"):
        extract_timeseries(scans, labels, confounds="none")
    last = extract_timeseries(scans, labels, confounds="none", visits=Visits("last"))
    assert [len(series) for series in last.series] == [13, 14]
    joined = extract_timeseries(scans, labels, confounds="none", visits=Visits(join="sessions"))
    assert [len(series) for series in joined.series] == [25, 14]
    own = extract_timeseries(
        scans, labels, confounds="none", id_regex=r"(?P<id>sub-\d+)_ses-(?P<session>\d+)", visits=Visits("2")
    )
    assert own.subject_ids == ("sub-01", "sub-02")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("sub-1_task-rest_bold.nii", "sub-1_task-nback_bold.nii"), "differ in task"),
        (("sub-1_run-1_space-T1w_bold.nii", "sub-1_run-1_space-MNI_bold.nii"), "differ in space"),
        (("sub-1_run-1_bold.nii", "sub-1_run-1_boldcopy.nii"), "repeats '1 / 1'"),
        (("sub-1_echo-1_bold.nii", "sub-1_echo-2_bold.nii"), "differ in echo"),
    ],
)
def test_other_images_of_a_subject_are_never_joined(
    tmp_path: Path, labels: Path, names: tuple[str, str], said: str
) -> None:
    scans = [_scan(tmp_path, name) for name in names]
    with pytest.raises(InputError, match=said):
        extract_timeseries(scans, labels, confounds="none", visits=Visits(join="sessions"))


def test_what_is_no_image_is_refused(tmp_path: Path, labels: Path) -> None:
    scan = _scan(tmp_path, "sub-1_bold.nii.gz")
    whole = scan.read_bytes()
    for content in (b"", b"no image", whole[: len(whole) // 2], whole[:200]):
        scan.write_bytes(content)
        with pytest.raises(InputError, match=r"sub-1_bold\.nii\.gz must be a 4D image"):
            extract_timeseries([scan], labels, confounds="none")
    with pytest.raises(InputError, match=r"absent\.nii must be a 4D image"):
        extract_timeseries([tmp_path / "sub-1_absent.nii"], labels, confounds="none")
    flat = tmp_path / "sub-1_T1w.nii"
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 5, 6)), AFFINE), flat)
    with pytest.raises(InputError, match=r"has shape \(4, 5, 6\)"):
        extract_timeseries([flat], labels, confounds="none")
    good = _scan(tmp_path, "sub-2_bold.nii.gz")
    with pytest.raises(InputError, match="Labels are a 3D image of whole numbers"):
        extract_timeseries([good], good, confounds="none")
    labels.write_bytes(labels.read_bytes()[:50])
    with pytest.raises(InputError, match="must be a 3D image of labels"):
        extract_timeseries([good], labels, confounds="none")
