"""Functional connectivity by nilearn: from images or parcellated time series to one vector of edges per subject.

Tangent space (Varoquaux et al. 2010, doi:10.1007/978-3-642-15705-9_25) describes each subject by the deviation from a
group mean, so the mean has to come from training subjects alone: `tangent_vectors` takes them apart from the rest.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Int64
from sklearn.base import BaseEstimator
from sklearn.covariance import EmpiricalCovariance, LedoitWolf

from encoders.brain.connectivity.edges import Edges, edge_names, fisher_z_of
from encoders.brain.connectivity.label_tables import read_lut
from encoders.brain.connectivity.timeseries import Series, TimeSeries
from encoders.errors import InputError

Kind = Literal["correlation", "partial", "covariance"]
Estimator = Literal["ledoit-wolf", "empirical"]
ReferenceRows = Int64[np.ndarray, " n_reference"]
Confounds = Literal["none", "simple", "scrubbing", "compcor"]
BIDS_SUBJECT = r"sub-(?P<id>[A-Za-z0-9]+)"
_NILEARN_KINDS = {"correlation": "correlation", "partial": "partial correlation", "covariance": "covariance"}


class _GivenCovariance(BaseEstimator):  # type: ignore[misc]
    """Passes covariance matrices that are known already through nilearn's estimator of them."""

    def fit(self, covariance: np.ndarray) -> "_GivenCovariance":
        self.covariance_ = covariance
        return self


def connectivity_vectors(
    timeseries: TimeSeries, kind: Kind, *, fisher_z: bool = True, estimator: Estimator = "ledoit-wolf"
) -> tuple[Edges, tuple[str, ...]]:
    """Connectivity of each subject by itself, as a vector.

    Parameters
    ----------
    timeseries : TimeSeries
        No constant region.
    kind : str
        ``correlation`` and ``partial`` (lower triangle), or ``covariance`` (with diagonal: what `tangent_vectors`
        takes).
    fisher_z : bool
        Correlations become atanh(r).
    estimator : str
        Of the covariance over time: ``ledoit-wolf`` (shrunk, nilearn's default) or ``empirical``.

    Returns
    -------
    edges : float64 array, shape (n_subjects, n_edges)
        In nilearn's order (`nilearn.connectome.sym_matrix_to_vec`).
    names : tuple of str, length n_edges
        ``A--B``.

    Raises
    ------
    InputError
        Two regions with the same series under ``fisher_z``, or fewer time points than an inverse needs.
    """
    from nilearn.connectome import ConnectivityMeasure

    if kind not in get_args(Kind):
        raise InputError(f"The kind of connectivity is correlation, partial or covariance; got {kind!r}.")
    _check_length(timeseries, kind, estimator)
    measure = ConnectivityMeasure(
        cov_estimator=_covariance(estimator),
        kind=_NILEARN_KINDS[kind],
        vectorize=True,
        discard_diagonal=kind != "covariance",
    )
    edges = np.asarray(measure.fit_transform(list(timeseries.series)), dtype=np.float64)
    names = edge_names(timeseries.roi_names, diagonal=kind == "covariance")
    if kind == "covariance" or not fisher_z:
        return edges, names
    return fisher_z_of(edges, names), names


def tangent_vectors(covariances: Edges, reference: ReferenceRows) -> Edges:
    """Deviations from the geometric mean covariance of the reference subjects.

    Parameters
    ----------
    covariances : float64 array, shape (n_subjects, n_rois * (n_rois + 1) / 2)
        As `connectivity_vectors` makes them of kind ``covariance``.
    reference : int array, shape (n_reference,)
        Rows that the mean is fitted on: the training subjects.

    Returns
    -------
    float64 array, shape (n_subjects, n_rois * (n_rois + 1) / 2)
        With diagonal, in nilearn's order.

    Raises
    ------
    InputError
        A covariance that is not positive definite.
    """
    from nilearn.connectome import ConnectivityMeasure, vec_to_sym_matrix

    matrices = vec_to_sym_matrix(np.asarray(covariances, dtype=np.float64))
    smallest = np.linalg.eigvalsh(matrices)[:, 0]
    if (smallest <= 0).any():
        raise InputError(
            f"Tangent space needs positive definite covariances; {np.count_nonzero(smallest <= 0)} of {len(matrices)} "
            "are not: use the ledoit-wolf estimator, or leave out constant regions."
        )
    measure = ConnectivityMeasure(cov_estimator=_GivenCovariance(), kind="tangent", vectorize=True)
    measure.fit([matrices[row] for row in reference])
    return np.asarray(measure.transform(list(matrices)), dtype=np.float64)


def _covariance(estimator: Estimator) -> Any:
    return (
        LedoitWolf(store_precision=False) if estimator == "ledoit-wolf" else EmpiricalCovariance(store_precision=False)
    )


def _check_length(timeseries: TimeSeries, kind: Kind, estimator: Estimator) -> None:
    n_rois = len(timeseries.roi_names)
    short = [i for i, s in zip(timeseries.subject_ids, timeseries.series, strict=True) if len(s) <= n_rois]
    if kind != "correlation" and estimator == "empirical" and short:
        raise InputError(
            f"An empirical covariance of {n_rois} regions needs more than {n_rois} time points to be inverted; "
            f"{len(short)} subjects have fewer: use the ledoit-wolf estimator."
        )


def extract_timeseries(
    images: Sequence[Path],
    labels: Path,
    *,
    lut: Path | None = None,
    confounds: Confounds = "simple",
    id_regex: str | None = None,
    filters: Mapping[str, float | None] | None = None,
) -> TimeSeries:
    """Mean signal of each label over time, cleaned of confounds; runs of a subject are joined end to end.

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
        Searched in the file names; default BIDS, ``sub-<id>``.
    filters : mapping, optional
        ``high_pass`` and ``low_pass`` (Hz), and ``t_r`` (s), which they need.

    Raises
    ------
    InputError
        No image, an image without id or confounds, two label images that disagree.
    """
    if not images:
        raise InputError("Connectivity of images needs at least one 4D image; none was given.")
    runs: dict[str, list[Series]] = {}
    names: tuple[str, ...] | None = None
    for image in images:
        match = re.search(id_regex or BIDS_SUBJECT, image.name)
        if match is None:
            raise InputError(
                f"Each image name must hold a subject by {id_regex or BIDS_SUBJECT!r}; {image.name} does not: adapt it."
            )
        series, found = _extract(image, labels, confounds, filters or {})
        if names is not None and found != names:
            raise InputError(
                f"Every image must hold the same labels; {image.name} lacks some of the first: resample it."
            )
        names = found
        runs.setdefault(match["id"] if "id" in match.groupdict() else match[min(match.re.groups, 1)], []).append(series)
    named = {} if lut is None else read_lut(lut).set_index("index")["name"].to_dict()
    roi_names = tuple(str(named.get(int(label), f"roi{label}")) for label in names or ())
    return TimeSeries(tuple(runs), tuple(np.concatenate(series) for series in runs.values()), roi_names)


def _extract(
    image: Path, labels: Path, confounds: Confounds, filters: Mapping[str, float | None]
) -> tuple[Series, tuple[str, ...]]:
    """Series of one run, standardised so that runs can be joined, and the labels found."""
    from nilearn.maskers import NiftiLabelsMasker

    table, sample_mask = _confounds_of(image, confounds)
    masker = NiftiLabelsMasker(str(labels), standardize="zscore_sample", detrend=True, **filters)
    series = masker.fit_transform(str(image), confounds=table, sample_mask=sample_mask)
    return np.asarray(series, dtype=np.float64), tuple(str(int(label)) for label in _labels_of(masker))


def _labels_of(masker: Any) -> list[Any]:
    regions: dict[Any, Any] = masker.region_ids_
    return [label for key, label in regions.items() if key != "background"]


def _confounds_of(image: Path, strategy: Confounds) -> tuple[Any, Any]:
    if strategy == "none":
        return None, None
    from nilearn.interfaces.fmriprep import load_confounds_strategy

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
