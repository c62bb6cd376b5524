"""Views with gaps: every fold fills them, or takes covariances pair by pair, by its training rows."""

import numpy as np
import pandas as pd
from sklearn.base import clone

from fusion.arrays import Rows, ViewLike, row_index
from fusion.confounds.coding import ConfoundCoding, Confounds, ConfoundsLike
from fusion.confounds.learned_view import LearnedView
from fusion.missing_values.gaps import read_gapped
from fusion.missing_values.imputer import Imputer
from fusion.missing_values.pairwise import PairwiseCovariance
from fusion.subject_rows import check_same_subjects
from fusion.views.table_view import TableView
from fusion.views.view import View


class _GappedView(LearnedView):
    """A table with NaN where nothing was measured, and what deals with that in every fold.

    Parameters
    ----------
    table : DataFrame or array, shape [n_subjects, n_features]
    confounds : DataFrame, (DataFrame, ConfoundDesign) or array, shape [n_subjects, n_confounds], optional
    estimator : Imputer or PairwiseCovariance
        Cloned and fitted in every fold.
    """

    def __init__(self, table: ViewLike, confounds: ConfoundsLike, estimator: Imputer | PairwiseCovariance) -> None:
        self.values, ids, names = read_gapped(table)
        super().__init__(ids, names)
        self.confounds, self.estimator = Confounds.of(confounds), estimator
        check_same_subjects(table=table, confounds=self.confounds.given)

    def fitted_on(self, rows: Rows) -> View:
        """All subjects, without gaps, by what these rows teach; the table as it is where it has none."""
        if not np.isnan(self.values).any():
            return TableView(self.values, self.subject_ids, self.column_groups)
        index = row_index(rows, len(self.subject_ids))
        coding = ConfoundCoding.learn(self.confounds.take(index))
        z = coding.encode(self.confounds, len(self.values), type(self).__name__)
        named = self._named()
        estimator = clone(self.estimator).fit(named.iloc[index], confounds=z[index])
        return TableView(estimator.transform(named, z), self.subject_ids, self.column_groups)

    def _named(self) -> pd.DataFrame:
        """The values, columns by name where names are unique, so that a refusal can name one."""
        names = list(self.column_groups) if len(set(self.column_groups)) == len(self.column_groups) else None
        return pd.DataFrame(self.values, list(self.subject_ids), names)

    def _restrict(self, index: np.ndarray) -> LearnedView:
        taken = object.__new__(type(self))
        LearnedView.__init__(taken, [self.subject_ids[i] for i in index], self.column_groups)
        taken.values, taken.confounds, taken.estimator = self.values[index], self.confounds.take(index), self.estimator
        return taken


class ImputedView(_GappedView):
    """A table whose missing values every fold fills in by what its training rows teach (`fusion.Imputer`).

    Of a row only what was measured of it, its confounds and the training rows decide what is filled in, nothing of the
    other view: a permutation moves rows with their gaps, and stays valid. Give the confounds to the test as well.
    Held in memory.

    Parameters
    ----------
    table : DataFrame or array, shape [n_subjects, n_features]
        NaN where nothing was measured.
    confounds : DataFrame, (DataFrame, ConfoundDesign) or array, shape [n_subjects, n_confounds], optional
    imputer : Imputer, optional
        Cloned and fitted in every fold.

    Raises
    ------
    InputError
        A subject without any value; in a fold, a feature with too few.

    Examples
    --------
    >>> import numpy as np
    >>> brain = np.random.default_rng(0).standard_normal((37, 5))
    >>> brain[:9, 2] = np.nan
    >>> ImputedView(brain).fitted_on(np.arange(5, 37)).shape
    (37, 5)
    """

    def __init__(self, table: ViewLike, confounds: ConfoundsLike = None, *, imputer: Imputer | None = None) -> None:
        super().__init__(table, confounds, imputer or Imputer())


class PairwiseView(_GappedView):
    """A table with gaps whose covariances every fold takes over the training rows that have both columns.

    For views in which nothing is to be imputed (`fusion.PairwiseCovariance`): what is missing adds nothing to a
    subject's scores. Give the confounds to the test as well. Held in memory.

    Parameters
    ----------
    table : DataFrame or array, shape [n_subjects, n_features]
        NaN where nothing was measured.
    confounds : DataFrame, (DataFrame, ConfoundDesign) or array, shape [n_subjects, n_confounds], optional
    covariance : PairwiseCovariance, optional

    Examples
    --------
    >>> import numpy as np
    >>> brain = np.random.default_rng(0).standard_normal((37, 5))
    >>> brain[:9, 2] = np.nan
    >>> PairwiseView(brain).shape
    (37, 5)
    """

    def __init__(
        self, table: ViewLike, confounds: ConfoundsLike = None, *, covariance: PairwiseCovariance | None = None
    ) -> None:
        super().__init__(table, confounds, covariance or PairwiseCovariance())
