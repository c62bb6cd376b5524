"""Brain views of a run: tables, connectivity of time series; tangent space, ComBat and normal scores left to folds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.design import make_design
from analyses.cohort.gaps import describe_filling
from analyses.cohort.levels import level_name
from analyses.config.brain_view import BrainViewConfig, ConnectivityConfig, HarmonizeConfig
from analyses.config.run_config import RunConfig
from analyses.errors import InputError
from encoders.brain.canonical_table import read_provenance
from encoders.brain.connectivity.connectivity import tangent_vectors
from encoders.brain.tables import BrainTable, read_brain_table
from fusion.arrays import row_index
from fusion.confounds.learned_view import LearnedView
from fusion.views.table_view import TableView

if TYPE_CHECKING:
    import pandas as pd

    from fusion.arrays import Rows
    from fusion.confounds.terms import Term
    from fusion.views.view import View


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
    from encoders.brain.connectivity.connectivity import connectivity_vectors
    from encoders.brain.connectivity.timeseries import drop_constant_rois, read_timeseries
    from encoders.brain.connectivity.visits import Visits

    read = read_timeseries(
        path,
        id_regex=settings.id_regex,
        strip_prefixes=settings.strip_prefixes,
        header=settings.header,
        visits=Visits(settings.session, settings.session_order, settings.join),
    )
    kept = drop_constant_rois(read, settings.constant_rois)
    kind = "covariance" if settings.kind == "tangent" else settings.kind
    edges, names = connectivity_vectors(kept, kind, fisher_z=settings.fisher_z, estimator=settings.estimator)
    dropped = [subject for subject in read.subject_ids if subject not in set(kept.subject_ids)]
    return BrainTable(
        subject_ids=kept.subject_ids,
        feature_names=names,
        values=edges,
        dropped_subjects=tuple((subject, "constant region") for subject in dropped),
        left_out=kept.left_out,
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
        return TangentView(table.values, table.subject_ids, table.feature_names)
    from fusion import TableView

    return TableView(table.values, table.subject_ids, table.feature_names)


def make_gapped_view(table: BrainTable, settings: BrainViewConfig, config: RunConfig, covariates: pd.DataFrame) -> View:
    """A table with missing values as a view, [n_subjects, n_features], that every fold deals with as ``nan`` says.

    Parameters
    ----------
    covariates : DataFrame [n_subjects, n_columns]
        Row i belongs to row i of the table.
    """
    import pandas as pd

    from fusion import ImputedView, Imputer, PairwiseCovariance, PairwiseView

    frame = pd.DataFrame(np.asarray(table.values), list(table.subject_ids), list(table.feature_names))
    confounds = (covariates, make_design(config)) if config.confounds else None
    impute = settings.impute
    if settings.nan == "pairwise":
        return PairwiseView(frame, confounds, covariance=PairwiseCovariance(max_missing=impute.max_missing))
    return ImputedView(frame, confounds, imputer=Imputer(impute.method, max_missing=impute.max_missing))


def learn_in_folds(view: View, settings: BrainViewConfig, config: RunConfig, covariates: pd.DataFrame) -> View:
    """The view behind what ``harmonize`` and ``normal_scores`` ask for, which every fold learns for itself.

    Parameters
    ----------
    view : View [n_subjects, n_features]
    covariates : DataFrame [n_subjects, n_columns]
        Row i belongs to row i of the view.
    """
    from fusion import ComBat, ConfoundDesign, CovBat, HarmonizedView, NormalScoresView

    if (harmonize := settings.harmonize) is not None:
        kept = confounds_kept(harmonize, config)
        combat = ComBat(
            parametric=harmonize.parametric,
            mean_only=harmonize.mean_only,
            reference=harmonize.reference,
            unseen=harmonize.unseen,
        )
        method = CovBat(combat=combat, explained=harmonize.explained) if harmonize.method == "covbat" else combat
        design = ConfoundDesign(kept, unseen=config.alignment.unseen_level)
        sites = covariates[harmonize.site].map(level_name).astype(str).to_numpy()
        view = HarmonizedView(view, sites, (covariates, design) if kept else None, combat=method)
    if settings.normal_scores:
        view = NormalScoresView(view, (covariates, make_design(config)) if config.confounds else None)
    return view


def confounds_kept(settings: HarmonizeConfig, config: RunConfig) -> list[Term]:
    """Confounds that harmonisation leaves in the view: of the columns named, or all that do not concern the site."""
    from fusion.confounds.terms import read_terms

    named = {column for column in config.confound_columns if column != settings.site}
    wanted = named if settings.keep is None else set(settings.keep)
    return [term for term in read_terms(config.confound_terms) if wanted.issuperset(term.columns)]


def describe_preparation(name: str, config: RunConfig, n_features: int) -> str:
    """What folds learn of a view besides its principal components, as a sentence; empty if nothing."""
    settings, parts = config.brain[name], []
    if settings.connectivity is not None and settings.connectivity.kind == "tangent":
        parts.append("tangent space")
    if settings.keeps_gaps:
        parts.append(describe_filling(settings, n_features))
    if settings.harmonize is not None:
        kept = ", ".join(confound.label for confound in confounds_kept(settings.harmonize, config))
        method = "CovBat" if settings.harmonize.method == "covbat" else "ComBat"
        parts.append(f"{method} over {settings.harmonize.site} ({f'keeping {kept}' if kept else 'keeping nothing'})")
    if settings.normal_scores:
        parts.append("normal scores of residuals")
    return f"{', '.join(parts)}: learnt in every fold from its training subjects" if parts else ""


class TangentView(LearnedView):
    """Covariances of subjects; as a view, their deviations from the mean of all its rows.

    A fold gets deviations, of all rows, from the mean of its training rows.

    Parameters
    ----------
    covariances : float array, shape (n_subjects, n_rois * (n_rois + 1) / 2)
        As `encoders.brain.connectivity.connectivity.connectivity_vectors` makes them.
    subject_ids : sequence of str, length n_subjects
    edges : sequence of str, length n_rois * (n_rois + 1) / 2
    """

    def __init__(self, covariances: np.ndarray, subject_ids: Sequence[str], edges: Sequence[str]) -> None:
        super().__init__(subject_ids, edges)
        self._covariances = np.asarray(covariances, dtype=np.float64)

    def fitted_on(self, rows: Rows) -> TableView:
        """Deviations of all subjects from the geometric mean covariance of these rows."""
        reference = row_index(rows, len(self.subject_ids))
        return TableView(tangent_vectors(self._covariances, reference), self.subject_ids, self.column_groups)

    def _restrict(self, index: np.ndarray) -> TangentView:
        return TangentView(self._covariances[index], [self.subject_ids[i] for i in index], self.column_groups)
