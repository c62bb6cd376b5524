"""Views whose columns are learnt: every fold learns them anew, from its training rows alone."""

# ruff: noqa: F722

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64
from sklearn.base import clone

from fusion.arrays import LabelsLike, Matrix, Positions, Rows, ViewLike, dense, row_index
from fusion.confounds.coding import ConfoundCoding, Confounds, ConfoundsLike
from fusion.confounds.combat import ComBat
from fusion.confounds.covbat import CovBat
from fusion.confounds.residualize import Residualizer
from fusion.subject_rows import check_same_subjects
from fusion.views.moments import Moments
from fusion.views.table_view import TableView
from fusion.views.view import View, as_view


class LearnedView(ABC):
    """Base of views that say what a set of training rows teaches.

    As a view it is what all its rows teach, for whole-cohort use. A fold calls `fitted_on`.

    Parameters
    ----------
    subject_ids : sequence of str, length n_subjects
    column_groups : sequence of str, length n_columns
    """

    def __init__(self, subject_ids: Sequence[str], column_groups: Sequence[str]) -> None:
        self.subject_ids, self.column_groups = tuple(subject_ids), tuple(column_groups)
        self._parent: tuple[LearnedView, Positions] | None = None

    @abstractmethod
    def fitted_on(self, rows: Rows) -> View:
        """All subjects, in columns that these rows taught."""

    @abstractmethod
    def _restrict(self, index: Positions) -> "LearnedView":
        """The same of these rows, nothing learnt yet."""

    def take(self, rows: Rows) -> View:
        """These rows, in the columns that all rows of this view taught; folds of them learn their own."""
        if rows is None:
            return self
        index = row_index(rows, len(self.subject_ids))
        taken = self._restrict(index)
        taken._parent = self, index
        return taken

    @cached_property
    def _learnt(self) -> View:
        if self._parent is None:
            return self.fitted_on(np.arange(len(self.subject_ids)))
        view, index = self._parent
        return view._learnt.take(index)

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_subjects, n_columns)``."""
        return len(self.subject_ids), len(self.column_groups)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Always float64."""
        return np.dtype(np.float64)

    def multiply(self, matrix: Float64[np.ndarray, "n_columns k"]) -> Float64[np.ndarray, "n_subjects k"]:
        """Return ``X @ matrix``."""
        return self._learnt.multiply(matrix)

    def multiply_transposed(self, matrix: Float64[np.ndarray, "n_subjects k"]) -> Float64[np.ndarray, "n_columns k"]:
        """Return ``X.T @ matrix``."""
        return self._learnt.multiply_transposed(matrix)

    def column_moments(
        self, rows: Rows = None
    ) -> tuple[Float64[np.ndarray, " n_columns"], Float64[np.ndarray, " n_columns"]]:
        """Return mean and variance (divisor n) of every column."""
        return self._learnt.column_moments(rows)

    def residual_moments(self, basis: Float64[np.ndarray, "n_subjects rank"]) -> Moments:
        """Return the moments of every column against an orthonormal basis of [1, confounds]."""
        return self._learnt.residual_moments(basis)

    def column_blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Yield ``(columns, X[:, columns])`` in float64."""
        return self._learnt.column_blocks()


class HarmonizedView(LearnedView):
    """A table without its sites: every fold fits ComBat or CovBat on its training rows and applies it to all.

    Give it to `cross_validated_cca` with the site among the confounds as well: the test has to know what was removed.
    Held in memory, like what ComBat works on.

    Parameters
    ----------
    view : View, DataFrame or array, shape [n_subjects, n_features]
        May itself be a view that folds learn.
    sites : labels, shape [n_subjects]
    covariates : DataFrame, (DataFrame, ConfoundDesign) or array, shape [n_subjects, n_covariates], optional
        What must survive: see `fusion.ComBat.fit`.
    combat : ComBat or CovBat, optional
        Cloned and fitted in every fold. Folds that are stratified by site know every site; for folds of whole sites
        say ``ComBat(unseen="pooled")``.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> site = np.repeat([0, 1], [24, 13])
    >>> brain = rng.standard_normal((37, 5)) * (1 + site[:, None])
    >>> learnt = HarmonizedView(brain, site).fitted_on(np.arange(2, 37))
    >>> learnt.shape
    (37, 5)
    """

    def __init__(
        self,
        view: ViewLike,
        sites: LabelsLike | None,
        covariates: ConfoundsLike = None,
        *,
        combat: ComBat | CovBat | None = None,
    ) -> None:
        self.view = as_view(view)
        super().__init__(self.view.subject_ids, self.view.column_groups)
        check_same_subjects(view=view, sites=sites)
        self.sites = np.asarray(sites, dtype=object).ravel()
        self.covariates, self.combat = Confounds.of(covariates), combat or ComBat()
        check_same_subjects(view=view, sites=self.sites, covariates=self.covariates.given)

    def fitted_on(self, rows: Rows) -> View:
        """All subjects, brought together by what these rows say of their sites."""
        index = row_index(rows, len(self.subject_ids))
        values = dense(fitted_on(self.view, index))
        combat: ComBat | CovBat = clone(self.combat)
        combat.fit(values[index], sites=self.sites[index], covariates=self.covariates.take(index))
        harmonized = combat.transform(values, self.sites, self.covariates)
        return TableView(harmonized, self.subject_ids, self.column_groups)

    def _restrict(self, index: Positions) -> "LearnedView":
        covariates = self.covariates.take(index)
        return type(self)(self.view.take(index), self.sites[index], covariates, combat=self.combat)


class NormalScoresView(LearnedView):
    """Normal scores of residuals: every fold removes confounds, then ranks, by its training rows.

    For heavy tails. Ranks can correlate with the confounds again, so give the confounds to the alignment as well
    (Sofer et al. 2019, doi:10.1002/gepi.22188). Held in memory.

    Parameters
    ----------
    view : View, DataFrame or array, shape [n_subjects, n_features]
        May itself be a view that folds learn.
    confounds : DataFrame, (DataFrame, ConfoundDesign) or array, shape [n_subjects, n_confounds], optional

    Examples
    --------
    >>> import numpy as np
    >>> wild = np.random.default_rng(0).standard_cauchy((41, 3))
    >>> bool(abs(np.vstack([block for _, block in NormalScoresView(wild).column_blocks()])).max() < 3)
    True
    """

    def __init__(self, view: ViewLike, confounds: ConfoundsLike = None) -> None:
        self.view = as_view(view)
        super().__init__(self.view.subject_ids, self.view.column_groups)
        self.confounds = Confounds.of(confounds)
        check_same_subjects(view=view, confounds=self.confounds.given)

    def fitted_on(self, rows: Rows) -> View:
        """All subjects, as scores among the residuals of these rows."""
        index = row_index(rows, len(self.subject_ids))
        values = dense(fitted_on(self.view, index))
        coding = ConfoundCoding.learn(self.confounds.take(index))
        z = coding.encode(self.confounds, len(values), "NormalScoresView") if self.confounds.given else None
        residualizer = Residualizer(normal_scores=True)
        residualizer.fit(values[index], confounds=None if z is None else z[index])
        return TableView(residualizer.transform(values, z), self.subject_ids, self.column_groups)

    def _restrict(self, index: Positions) -> "LearnedView":
        return type(self)(self.view.take(index), self.confounds.take(index))


def fitted_on(view: View, train: Rows) -> View:
    """The view in the columns that these rows teach; of a view that learns nothing, the view."""
    learn = getattr(view, "fitted_on", None)
    learnt: View = view if learn is None else learn(train)
    return learnt
