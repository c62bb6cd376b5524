"""Functional connectivity by nilearn: from parcellated time series to one vector of edges per subject.

Tangent space (Varoquaux et al. 2010, doi:10.1007/978-3-642-15705-9_25) describes each subject by the deviation from a
group mean, so the mean has to come from training subjects alone: `tangent_vectors` takes them apart from the rest.
"""

from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Int64
from sklearn.base import BaseEstimator
from sklearn.covariance import EmpiricalCovariance, LedoitWolf

from encoders.brain.connectivity.edges import Edges, edge_names, fisher_z_of
from encoders.brain.connectivity.timeseries import TimeSeries
from encoders.errors import InputError

Kind = Literal["correlation", "partial", "covariance"]
Estimator = Literal["ledoit-wolf", "empirical"]
ReferenceRows = Int64[np.ndarray, " n_reference"]
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
