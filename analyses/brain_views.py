"""Brain views of a run: tables as they are, connectivity made of time series, tangent space left to the folds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from analyses.config import ConnectivityConfig
from analyses.errors import InputError
from encoders.brain.canonical import read_provenance
from encoders.brain.tables import BrainTable, read_brain_table

if TYPE_CHECKING:
    from fusion.views import View


def read_connectivity_view(path: Path, settings: ConnectivityConfig, *, id_column: str) -> BrainTable:
    """Edges of every subject; for tangent space, covariances, of which `make_brain_view` makes the view.

    Parameters
    ----------
    path : Path
        Time series, or the table that ``genebrain brain connectivity --kind covariance`` writes.

    Raises
    ------
    InputError
        A table that does not hold covariances; and what reading and computing refuse.
    """
    if path.suffix == ".parquet":
        return _read_covariances(path, settings, id_column)
    from encoders.brain.connectivity import connectivity_vectors
    from encoders.brain.timeseries import drop_constant_rois, read_timeseries

    read = read_timeseries(path, id_regex=settings.id_regex, strip_prefixes=settings.strip_prefixes)
    kept = drop_constant_rois(read, settings.constant_rois)
    kind = "covariance" if settings.kind == "tangent" else settings.kind
    edges, names = connectivity_vectors(kept, kind, fisher_z=settings.fisher_z, estimator=settings.estimator)
    dropped = [subject for subject in read.subject_ids if subject not in set(kept.subject_ids)]
    return BrainTable(
        subject_ids=kept.subject_ids,
        feature_names=names,
        values=edges,
        dropped_subjects=tuple((subject, "constant region") for subject in dropped),
    )


def _read_covariances(path: Path, settings: ConnectivityConfig, id_column: str) -> BrainTable:
    described = (read_provenance(path) or {}).get("connectivity", {})
    if settings.kind != "tangent" or described.get("kind") != "covariance":
        raise InputError(
            f"connectivity: {settings.kind} is made of time series, and tangent also of a table of covariances; {path} "
            f"holds {described.get('kind', 'other features')}: name the time series, run `genebrain brain connectivity "
            "--kind covariance`, or leave connectivity out if the table is ready as it is."
        )
    return read_brain_table(path, id_column=id_column, drop_constant=False)


def make_brain_view(table: BrainTable, connectivity: ConnectivityConfig | None) -> View:
    """A table as a view, [n_subjects, n_features]."""
    if connectivity is not None and connectivity.kind == "tangent":
        from analyses.tangent_view import TangentView

        return TangentView(table.values, table.subject_ids, table.feature_names)
    from fusion import TableView

    return TableView(table.values, table.subject_ids, table.feature_names)
