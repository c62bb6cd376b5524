"""Parcellated time series: one array of time points x regions per subject, and regions that carry no signal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64

from encoders.brain.connectivity.regions import match_regions, set_aside
from encoders.brain.connectivity.series_files import SUFFIXES, read_series_file
from encoders.brain.connectivity.visits import Visits, one_series_per_subject
from encoders.brain.ids import clean_ids
from encoders.brain.layouts.array_files import load_npz
from encoders.brain.sessions import check_visits_in_ids
from encoders.errors import InputError
from encoders.tables.quoting import quote_some

Series = Float64[np.ndarray, "_n_timepoints n_rois"]
Constant = Bool[np.ndarray, "n_subjects n_rois"]
ROI_NAMES = ("roi_names", "rois", "labels", "feature_names")
_FEWEST = 3
_RELATIVE = 1e-10  # of the largest value: below this a spread is rounding


@dataclass(frozen=True)
class TimeSeries:
    """Time series of every subject.

    Attributes
    ----------
    subject_ids : tuple of str
        Unique.
    series : tuple of float64 arrays, each of shape (n_timepoints, n_rois)
        Numbers of time points may differ.
    roi_names : tuple of str
    notes : tuple of str
        What was left out, and how many.
    left_out : mapping of str to str
        Columns that are no regions, and what each is.
    """

    subject_ids: tuple[str, ...]
    series: tuple[np.ndarray, ...]
    roi_names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        repeated = sorted({i for i in self.subject_ids if self.subject_ids.count(i) > 1})
        if repeated:
            raise InputError(
                f"Subject ids must be unique; the time series repeat {quote_some(repeated)}: keep one each."
            )
        for subject, series in zip(self.subject_ids, self.series, strict=True):
            _check_series(subject, series, len(self.roi_names))


def _check_series(subject: str, series: np.ndarray, n_rois: int) -> None:
    if series.ndim != 2 or series.shape[1] != n_rois:
        raise InputError(
            f"Every subject needs time points x {n_rois} regions; {subject!r} has shape {series.shape}: use one "
            "parcellation (and transpose arrays of regions x time points)."
        )
    if len(series) < _FEWEST:
        raise InputError(f"At least {_FEWEST} time points are needed; {subject!r} has {len(series)}: leave it out.")
    if not np.isfinite(series).all():
        raise InputError(f"Time series must be finite; {subject!r} has missing or infinite values: clean or drop it.")


def read_timeseries(
    path: Path,
    *,
    id_regex: str | None = None,
    strip_prefixes: Sequence[str] = (),
    header: bool | None = None,
    visits: Visits | None = None,
) -> TimeSeries:
    """Read an npz keyed by subject, or a folder with one npy, csv, tsv, txt or 1D file per subject.

    Columns are regions by their names: an array of names (``roi_names``) in the npz, or a header in each text file.
    Where nothing names them they are ``roi1, ...`` in the order of the columns.

    Parameters
    ----------
    id_regex, strip_prefixes
        See `encoders.brain.import_options.ImportOptions`.
    header : bool, optional
        Whether the first row of text files names the regions; found out for each file if None.
    visits : Visits, optional
        What is done with several series of a subject; groups of the expression tell sessions and runs.

    Raises
    ------
    InputError
        Nothing to read, arrays of another shape, values that are not finite, ids that are odd or repeated, files that
        name other regions, or some that name them beside some that do not.
    """
    if not path.exists():
        raise InputError(f"Time series are required at {path}; there is no such file or folder: check the path.")
    notes: tuple[str, ...] = ()
    if path.is_dir():
        arrays, names, raw = _read_folder(path, header, use_path=id_regex is not None)
        notes = _unread(path)
    elif path.suffix == ".npz":
        arrays, names, raw = _read_archive(path)
    else:
        raise InputError(f"Time series are an .npz keyed by subject or a folder of files; got {path}: convert it.")
    if not arrays:
        others = "".join(f" ({note})" for note in notes)
        raise InputError(f"{path} must hold the time series of a subject; it holds none{others}: convert or name them.")
    odd = [name for name, array in zip(raw, arrays, strict=True) if array.dtype.kind not in "fiu"]
    if odd:
        raise InputError(f"Time series are numbers; {path} holds other arrays under {quote_some(odd)}: leave them out.")
    ids = clean_ids(raw, path, regex=id_regex, strip_prefixes=strip_prefixes)
    check_visits_in_ids(ids.ids, path)
    n_rois = arrays[0].shape[-1] if arrays[0].ndim else 0
    for subject, array in zip(ids.ids, arrays, strict=True):
        _check_series(subject, np.asarray(array, dtype=np.float64), n_rois)
    floats = [np.asarray(array, dtype=np.float64) for array in arrays]
    subjects, series, told = one_series_per_subject(ids.ids, ids.keys, floats, visits or Visits(), source=path)
    kept, rois, left_out = set_aside(series, names)
    if names is None:
        notes += (f"Nothing names the regions: they are roi1 to roi{len(rois)} in the order of the columns.",)
    return TimeSeries(subjects, tuple(kept), rois, (*ids.notes, *notes, *told), left_out)


def _read_archive(path: Path) -> tuple[list[np.ndarray], tuple[str, ...] | None, list[str]]:
    stored = load_npz(path, allow_pickle=False)
    key = next((key for key in ROI_NAMES if key in stored), None)
    names = None if key is None else tuple(str(name) for name in stored.pop(key).ravel())
    arrays = list(stored.values())
    n_rois = {array.shape[-1] for array in arrays if array.ndim}
    if names is not None and arrays and n_rois != {len(names)}:
        raise InputError(
            f"{path} must name each of its regions once; {key} has {len(names)} names for {sorted(n_rois)} columns: "
            "correct the names, or leave them out."
        )
    if names is not None and len(set(names)) < len(names):
        raise InputError(f"Names of regions must be unique; {key} of {path} repeats some: rename them.")
    return arrays, names, list(stored)


def _read_folder(
    path: Path, header: bool | None, *, use_path: bool
) -> tuple[list[np.ndarray], tuple[str, ...] | None, list[str]]:
    found = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    files = [read_series_file(file, header=header) for file in found]
    arrays, names = match_regions(files, path) if files else ([], None)
    return arrays, names, [str(file.relative_to(path)) if use_path else file.stem for file in found]


def _unread(path: Path) -> tuple[str, ...]:
    others = [file for file in path.rglob("*") if file.is_file() and file.suffix not in SUFFIXES]
    kinds = ", ".join(sorted({file.suffix or "no suffix" for file in others}))
    return (f"{len(others)} files of other kinds were not read ({kinds}).",) if others else ()


def constant_rois(series: Sequence[Series]) -> Constant:
    """Which region has no variance over time in which subject."""
    spread = np.array([np.ptp(one, axis=0) for one in series])
    size = np.array([np.abs(one).max(axis=0) for one in series])
    return np.asarray(spread <= _RELATIVE * size)


def drop_constant_rois(timeseries: TimeSeries, rule: str = "any") -> TimeSeries:
    """Leave out regions without variance, then the subjects that still have one.

    Parameters
    ----------
    rule : str
        ``any``: regions constant in any subject go, all subjects stay. ``all``: only regions constant in every subject
        go. A number from 0 to 1: regions constant in more than this share of subjects go. Under the last two, subjects
        with a constant region among those kept are left out. ``refuse``: stop where there is any.

    Raises
    ------
    InputError
        Another rule, constant regions under ``refuse``, fewer than two regions or no subject left.
    """
    constant = constant_rois(timeseries.series)
    if not constant.any():
        return timeseries
    share = constant.mean(axis=0)
    pairs = f"{constant.sum()} constant series in {np.count_nonzero(share)} regions"
    if rule == "refuse":
        raise InputError(f"Regions must vary over time; there are {pairs}: choose a rule that leaves some out.")
    dropped = np.asarray(share > 0 if rule == "any" else share == 1 if rule == "all" else share > _share(rule))
    keep = np.asarray(~constant[:, ~dropped].any(axis=1))
    if np.count_nonzero(~dropped) < 2 or not keep.any():
        raise InputError(
            f"At least two regions and one subject must be left; the rule {rule!r} leaves {np.count_nonzero(~dropped)} "
            f"regions and {np.count_nonzero(keep)} subjects ({pairs}): choose another rule."
        )
    gone = [name for name, out in zip(timeseries.roi_names, dropped, strict=True) if out]
    note = (
        f"{pairs} (rule {rule!r}): {len(gone)} of {len(share)} regions left out ({quote_some(gone) or 'none'}), "
        f"{np.count_nonzero(~keep)} of {len(keep)} subjects left out."
    )
    return replace(
        timeseries,
        subject_ids=tuple(i for i, kept in zip(timeseries.subject_ids, keep, strict=True) if kept),
        series=tuple(s[:, ~dropped] for s, kept in zip(timeseries.series, keep, strict=True) if kept),
        roi_names=tuple(name for name, out in zip(timeseries.roi_names, dropped, strict=True) if not out),
        notes=(*timeseries.notes, note),
    )


def _share(rule: str) -> float:
    try:
        share = float(rule)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise InputError(f"The rule for constant regions is any, all, refuse or a share from 0 to 1; got {rule!r}.")
    return share
