"""Images of brains and of labels, as nibabel and nilearn read them."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np

from encoders.brain.connectivity.images import extract_timeseries
from tests.fuzz.reader import Files, Reader


def _images(folder: Path) -> Sequence[Files]:
    rng = np.random.default_rng(3)
    labels = np.zeros((4, 3, 5), dtype=np.int16)
    labels[1:3, :, 1:3] = 1
    labels[1:3, :, 3:] = 2
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), folder / "labels.nii")
    scan = rng.normal(100, 5, size=(4, 3, 5, 9)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(scan, np.eye(4)), folder / "scan.nii")
    image, parts = (folder / "scan.nii").read_bytes(), (folder / "labels.nii").read_bytes()
    return [
        {"sub-01_bold.nii": image, "labels.nii": parts},
        {"sub-01_bold.nii.gz": gzip.compress(image, mtime=0), "labels.nii.gz": gzip.compress(parts, mtime=0)},
    ]


def _read(folder: Path) -> object:
    labels = next(iter(folder.glob("labels*")), folder / "labels.nii")
    return extract_timeseries(sorted(folder.glob("sub-*")), labels, confounds="none")


READERS = (Reader("nifti", _images, _read, {".gz": "gzip/bytes", ".nii": "bytes"}, suite=60),)
