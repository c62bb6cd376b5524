"""Columns of time series as regions: matched by name across subjects, without those that are none."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from encoders.brain.connectivity.series_files import SeriesFile
from encoders.brain.headers.choice import find_facts
from encoders.errors import InputError
from encoders.tables.quoting import quote_some

_FEWEST = 5  # time points at which steps can be told to be equal
_RELATIVE = 1e-6  # of a step: below this, steps are equal


def match_regions(files: Sequence[SeriesFile], source: Path) -> tuple[list[np.ndarray], tuple[str, ...] | None]:
    """Columns of every file in the order of the first, by their names.

    Parameters
    ----------
    files : sequence of SeriesFile
    source : Path
        Their folder, for messages.

    Returns
    -------
    values : list of arrays, each of shape (n_timepoints, n_rois)
    names : tuple of str, or None
        None where no file names its regions.

    Raises
    ------
    InputError
        A file that names other regions than the first, or repeats one; files with and without names.
    """
    unnamed = [file.path.name for file in files if file.names is None]
    if len(unnamed) == len(files):
        return [file.values for file in files], None
    if unnamed:
        raise InputError(
            f"All files of {source} must name their regions, or none: {quote_some(unnamed)} of {len(files)} have no "
            "names. Give each a header, or none."
        )
    first = files[0].names or ()
    _check_names(files[0], first, files[0].path.name)
    matched = []
    for file in files:
        names = file.names or ()
        _check_names(file, first, files[0].path.name)
        column = {name: i for i, name in enumerate(names)}
        matched.append(file.values[:, [column[name] for name in first]])
    return matched, first


def _check_names(file: SeriesFile, first: Sequence[str], first_file: str) -> None:
    names = list(file.names or ())
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"Names of regions must be unique; {file.path} repeats {quote_some(repeated)}: rename them.")
    if "" in names:
        raise InputError(f"Every region of {file.path} needs a name; column {names.index('') + 1} has none: name it.")
    lacking, more = [n for n in first if n not in names], [n for n in names if n not in first]
    if lacking or more:
        parts = [f"lacks {quote_some(lacking)}"] if lacking else []
        parts += [f"has {quote_some(more)} besides"] if more else []
        raise InputError(
            f"Every file must hold the same regions by name; {file.path} {' and '.join(parts)}, compared with "
            f"{first_file}: use one parcellation for all."
        )


def set_aside(
    series: Sequence[np.ndarray], names: Sequence[str] | None
) -> tuple[list[np.ndarray], tuple[str, ...], dict[str, str]]:
    """Leave out columns that are no regions: motion and time by name, and those that rise by equal steps in everybody.

    Parameters
    ----------
    series : sequence of float64 arrays, each of shape (n_timepoints, n_rois)
    names : sequence of str, length n_rois, or None

    Returns
    -------
    series : list of arrays, each of shape (n_timepoints, n_kept)
    names : tuple of str, length n_kept
        ``roi1, ...`` where there were none.
    left_out : dict of str to str
        Columns that are no regions, and what each is.
    """
    n_rois = series[0].shape[1]
    facts = {} if names is None else find_facts(names)
    if len(facts) == n_rois:
        facts = {}  # an atlas of such words
    known = tuple(names) if names is not None else tuple(f"column {i + 1}" for i in range(n_rois))
    counts = np.all([_rises_by_equal_steps(one) for one in series], axis=0)
    if counts.sum() < n_rois:
        facts |= {known[i]: "a count of time points" for i in np.flatnonzero(counts).tolist()}
    keep = [i for i, name in enumerate(known) if name not in facts]
    kept = tuple(known[i] for i in keep) if names is not None else tuple(f"roi{i + 1}" for i in range(len(keep)))
    return [one[:, keep] for one in series], kept, facts


def _rises_by_equal_steps(series: np.ndarray) -> np.ndarray:
    if len(series) < _FEWEST:
        return np.zeros(series.shape[1], dtype=bool)
    steps = np.diff(series, axis=0)
    first = np.abs(steps[0])
    return np.asarray((first > 0) & (np.ptp(steps, axis=0) <= _RELATIVE * first))
