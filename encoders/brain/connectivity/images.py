"""Time series of regions out of images, by nilearn: cleaned of confounds, sessions and runs told apart."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from encoders.brain.connectivity.label_tables import read_lut
from encoders.brain.connectivity.timeseries import Series, TimeSeries
from encoders.brain.connectivity.visits import Visits, one_series_per_subject
from encoders.damage import refused_if_damaged
from encoders.errors import InputError

Confounds = Literal["none", "simple", "scrubbing", "compcor"]
BIDS_NAME = r"sub-(?P<id>[A-Za-z0-9]+)"
_ENTITY = re.compile(r"(?:^|[_/])([a-zA-Z]+)-([A-Za-z0-9+]+)")
_KEYS = {"ses": "session", "run": "run"}


@dataclass(frozen=True)
class _Image:
    """A file, and whose scan of which visit it is by its name."""

    path: Path
    subject: str
    keys: Mapping[str, str]
    others: Mapping[str, str] = field(default_factory=dict)  # task, space, echo, ... of a BIDS name


def extract_timeseries(
    images: Sequence[Path],
    labels: Path,
    *,
    lut: Path | None = None,
    confounds: Confounds = "simple",
    id_regex: str | None = None,
    filters: Mapping[str, float | None] | None = None,
    visits: Visits | None = None,
) -> TimeSeries:
    """Mean signal of each label over time, cleaned of confounds.

    Parameters
    ----------
    images : sequence of Path
        4D images; with confounds, in fMRIPrep's names with the table and json beside them.
    labels : Path
        3D image of whole numbers, 0 outside.
    lut : Path, optional
        Table with the columns ``index`` and ``name``; else labels are ``roi<number>``.
    confounds : str
        Strategy of `nilearn.interfaces.fmriprep.load_confounds_strategy`, or ``none``.
    id_regex : str, optional
        Searched in the file names, with groups ``id``, ``session`` and ``run``; default BIDS, ``sub-``, ``ses-``,
        ``run-``.
    filters : mapping, optional
        ``high_pass`` and ``low_pass`` (Hz), and ``t_r`` (s), which they need.
    visits : Visits, optional
        What is done with several images of a subject: nothing is joined unasked.

    Raises
    ------
    InputError
        No image, an image without id or confounds or that cannot be read, two label images that disagree; several
        sessions or runs of a subject without a word on them, or images that differ in task, space or the like.
    """
    if not images:
        raise InputError("Connectivity of images needs at least one 4D image; none was given.")
    named = [_name_parts(image, id_regex) for image in images]
    _check_alike(named)
    ids = [image.subject for image in named]
    keys = {key: [image.keys.get(key, "") for image in named] for key in _KEYS.values()}
    keys = {key: found for key, found in keys.items() if any(found)}
    # On series of no length first: a choice that is lacking is said before hours of reading.
    one_series_per_subject(ids, keys, [np.zeros((1, 0))] * len(ids), visits or Visits(), source="--images")
    runs, names = _extract_all(images, labels, confounds, filters or {})
    subjects, series, notes = one_series_per_subject(ids, keys, runs, visits or Visits(), source="--images")
    by_number = {} if lut is None else read_lut(lut).set_index("index")["name"].to_dict()
    roi_names = tuple(str(by_number.get(int(label), f"roi{label}")) for label in names)
    return TimeSeries(subjects, series, roi_names, notes)


def _name_parts(image: Path, id_regex: str | None) -> _Image:
    try:
        match = re.search(id_regex or BIDS_NAME, image.name)
    except re.error as error:
        raise InputError(
            f"The id expression must be a regular expression; {id_regex!r} is not: {error}: correct it."
        ) from error
    if match is None:
        raise InputError(
            f"Each image name must hold a subject by {id_regex or BIDS_NAME!r}; {image.name} does not: adapt it."
        )
    groups = match.groupdict()
    subject = groups["id"] if "id" in groups else match[min(match.re.groups, 1)]
    entities = {key.lower(): value for key, value in _ENTITY.findall(image.name) if key != "sub"}
    keys = {_KEYS[key]: value for key, value in entities.items() if key in _KEYS}
    keys |= {key: value for key, value in groups.items() if key in _KEYS.values() and value is not None}
    return _Image(image, subject, keys, {key: value for key, value in entities.items() if key not in _KEYS})


def _check_alike(images: Sequence[_Image]) -> None:
    """Scans of one subject differ in session and run alone: tasks, spaces and echoes are never one series."""
    first: dict[str, _Image] = {}
    for image in images:
        other = first.setdefault(image.subject, image)
        differing = [key for key in {*image.others, *other.others} if image.others.get(key) != other.others.get(key)]
        if differing:
            raise InputError(
                f"Images of one subject must differ in session and run alone; {other.path.name} and {image.path.name} "
                f"differ in {', '.join(sorted(differing))}: give images of one kind."
            )


def _extract_all(
    images: Sequence[Path], labels: Path, confounds: Confounds, filters: Mapping[str, float | None]
) -> tuple[list[Series], tuple[str, ...]]:
    _check_labels(labels)
    runs: list[Series] = []
    names: tuple[str, ...] | None = None
    for image in images:
        series, found = _extract(image, labels, confounds, filters)
        if names is not None and found != names:
            raise InputError(
                f"Every image must hold the same labels; {image.name} lacks some of the first: resample it."
            )
        names = found
        runs.append(series)
    return runs, names or ()


def _check_labels(labels: Path) -> None:
    import nibabel

    with refused_if_damaged(labels, "a 3D image of labels"):
        image: Any = nibabel.load(labels)
        values = np.asarray(image.dataobj)
        values = values[..., 0] if values.ndim == 4 and values.shape[3] == 1 else values
        is_whole = bool((values % 1 == 0).all()) and bool(values.any())
    if values.ndim != 3 or not is_whole:
        what = "no whole numbers, or zeros alone" if values.ndim == 3 else f"shape {values.shape}"
        raise InputError(f"Labels are a 3D image of whole numbers, 0 outside; {labels} has {what}: name another.")


def _extract(
    image: Path, labels: Path, confounds: Confounds, filters: Mapping[str, float | None]
) -> tuple[Series, tuple[str, ...]]:
    """Series of one run, standardised so that runs can be joined, and the labels found."""
    import nibabel
    from nilearn.maskers import NiftiLabelsMasker

    with refused_if_damaged(image, "a 4D image"):
        loaded: Any = nibabel.load(image)
    if len(loaded.shape) != 4 or loaded.shape[3] < 2:
        raise InputError(f"A 4D image is needed for time series; {image} has shape {loaded.shape}: name the scan.")
    table, sample_mask = _confounds_of(image, confounds)
    masker = NiftiLabelsMasker(str(labels), standardize="zscore_sample", detrend=True, **filters)
    with refused_if_damaged(image, "a 4D image that nilearn can read"):
        series = masker.fit_transform(str(image), confounds=table, sample_mask=sample_mask)
    return np.asarray(series, dtype=np.float64), tuple(str(int(label)) for label in _labels_of(masker))


def _labels_of(masker: Any) -> list[Any]:
    regions: dict[Any, Any] = masker.region_ids_
    return [label for key, label in regions.items() if key != "background"]


def _confounds_of(image: Path, strategy: Confounds) -> tuple[Any, Any]:
    if strategy == "none":
        return None, None
    from nilearn.interfaces.fmriprep import load_confounds_strategy

    with refused_if_damaged(image, "an image whose table of confounds can be read"):
        try:
            table, sample_mask = load_confounds_strategy(str(image), denoise_strategy=strategy)
        except (ValueError, FileNotFoundError) as error:
            raise InputError(
                f"Confounds of {image.name} are looked for by fMRIPrep's names ({str(error).splitlines()[0]}): put the "
                "table and its json beside the image, or choose confounds none."
            ) from error
    if table is not None and table.shape[1] >= len(table):
        raise InputError(
            f"Confounds must be fewer than time points; {image.name} has {table.shape[1]} confounds for {len(table)} "
            "time points: choose another strategy, or leave out this run."
        )
    return table, sample_mask
