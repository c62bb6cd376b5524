"""Parcellated time series: one array of time points x regions per subject, and regions that carry no signal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64

from encoders.brain.ids import clean_ids, quote_some
from encoders.brain.layouts.array_files import load_npy, load_npz
from encoders.errors import InputError

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
    """

    subject_ids: tuple[str, ...]
    series: tuple[np.ndarray, ...]
    roi_names: tuple[str, ...]
    notes: tuple[str, ...] = ()

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


def read_timeseries(path: Path, *, id_regex: str | None = None, strip_prefixes: Sequence[str] = ()) -> TimeSeries:
    """Read an npz keyed by subject, or a folder with one npy, csv, tsv or txt file per subject.

    An array of names (``roi_names``) in the npz, or a header in the text files, names the regions; else ``roi1, ...``.

    Raises
    ------
    InputError
        Nothing to read, arrays of another shape, values that are not finite, ids that are odd or repeated.
    """
    if not path.exists():
        raise InputError(f"Time series are required at {path}; there is no such file or folder: check the path.")
    if path.is_dir():
        arrays, names, raw = _read_folder(path, use_path=id_regex is not None)
    elif path.suffix == ".npz":
        stored = load_npz(path, allow_pickle=False)
        key = next((key for key in ROI_NAMES if key in stored), None)
        names = None if key is None else tuple(str(name) for name in stored.pop(key).ravel())
        arrays, raw = list(stored.values()), list(stored)
    else:
        raise InputError(f"Time series are an .npz keyed by subject or a folder of files; got {path}: convert it.")
    if not arrays:
        raise InputError(f"{path} must hold the time series of at least one subject; it holds none.")
    odd = [name for name, array in zip(raw, arrays, strict=True) if array.dtype.kind not in "fiu"]
    if odd:
        raise InputError(f"Time series are numbers; {path} holds other arrays under {quote_some(odd)}: leave them out.")
    ids = clean_ids(raw, path, regex=id_regex, strip_prefixes=strip_prefixes)
    n_rois = arrays[0].shape[-1] if arrays[0].ndim else 0
    if names is None or len(names) != n_rois:
        names = tuple(f"roi{i + 1}" for i in range(n_rois))
    series = tuple(np.asarray(array, dtype=np.float64) for array in arrays)
    return TimeSeries(ids.ids, series, names, ids.notes)


def _read_folder(path: Path, *, use_path: bool) -> tuple[list[np.ndarray], tuple[str, ...] | None, list[str]]:
    from encoders.brain.spreadsheets import parse_numbers, read_spreadsheet

    files = sorted(file for file in path.rglob("*") if file.suffix in (".npy", ".csv", ".tsv", ".txt"))
    arrays: list[np.ndarray] = []
    names: tuple[str, ...] | None = None
    for file in files:
        if file.suffix == ".npy":
            arrays.append(load_npy(file, allow_pickle=False))
            continue
        sheet = read_spreadsheet(file)
        columns = [parse_numbers(sheet.frame[name], sheet.decimal) for name in sheet.names]
        odd = [cell for _, cells in columns for cell in cells]
        if odd:
            raise InputError(f"Time series must be numbers under a header of regions; {file} holds {quote_some(odd)}.")
        arrays.append(np.column_stack([values.to_numpy() for values, _ in columns]))
        names = tuple(sheet.names)
    return arrays, names, [str(file.relative_to(path)) if use_path else file.stem for file in files]


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
