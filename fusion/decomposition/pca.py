"""PCA of a view: residualised and scaled inside the operator, fitted on training rows, applied to any."""

# ruff: noqa: F722

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from jaxtyping import Float64
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from fusion.arrays import ArrayLike, Matrix, Rows, ViewLike, column_slices, row_index, stores_parameters
from fusion.confounds.basis import ConfoundBasis, check_confounds
from fusion.decomposition.compressed_view import CompressedView
from fusion.decomposition.loadings import group_loadings, structure_correlations
from fusion.decomposition.residual_view import ResidualView
from fusion.decomposition.subspace import leading_triplets
from fusion.errors import InputError
from fusion.parallel import subtract_product, tiled
from fusion.subject_rows import check_same_subjects
from fusion.views.factored_view import FactoredView
from fusion.views.view import View, as_view

_FITTED = (
    "n_components_requested_",
    "n_components_",
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "mean_",
    "scale_",
    "n_constant_columns_",
    "n_train_",
    "n_confounds_",
    "residual_",
)


class ViewPCA(BaseEstimator):  # type: ignore[misc]
    """Residualise on [1, confounds], scale by residual SD, reduce: exact, without building the dense matrix.

    Parameters
    ----------
    n_components : int
        Requested; capped at the rank and at ``n_train - 1 - R`` (R independent confounds).
    confounds : float array of shape (n_subjects, n_confounds), optional
        One row per subject of the view given to `fit`, training or not, without intercept. Coefficients come from
        the training rows only.
    scale : bool
        Divide each column by its training residual standard deviation.
    random_state : int
        Start of the iteration that very large views need; results do not depend on it beyond `residual_`.

    Attributes
    ----------
    n_components_requested_, n_components_ : int
        What was asked for and what the training rows can carry.
    components_ : float64 array of shape (n_components, n_columns)
        Orthonormal axes in residualised, scaled units; the first of the largest entries of each is positive.
    explained_variance_, explained_variance_ratio_ : float64 arrays of shape (n_components,)
        Variances of the training scores (divisor ``n_train - 1 - R``), and their share of the total.
    mean_, scale_ : float64 arrays of shape (n_columns,)
        Training means, and divisors.
    n_constant_columns_ : int
        Columns dropped because nothing but rounding is left once confounds are removed.
    n_train_, n_confounds_ : int
        Training subjects, and independent confounds among them.
    residual_ : float
        Largest ``||X'u - s v|| / s`` over components, measured on the data: how exact the decomposition is. No
        singular value is further than this share of itself from an exact one.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((37, 16))
    >>> pca = ViewPCA(n_components=512).fit(x, rows=np.arange(30))
    >>> pca.n_components_, pca.transform(x, rows=[30, 31]).shape
    (16, (2, 16))
    """

    @stores_parameters
    def __init__(
        self,
        n_components: int = 512,
        confounds: ArrayLike | None = None,
        scale: bool = True,
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.confounds = confounds
        self.scale = scale
        self.random_state = random_state

    def fit(self, view: ViewLike, rows: Rows = None) -> "ViewPCA":
        """Fit on the training rows of a view.

        Parameters
        ----------
        view : View, DataFrame or float array, of shape (n_subjects, n_columns)
        rows : index, mask or slice of training rows, optional
            Default all.

        Raises
        ------
        InputError
            No degree of freedom left, no column that varies, confounds that do not match the view.
        numpy.linalg.LinAlgError
            A very large view on which the iteration did not converge.
        """
        given, view = view, as_view(view)
        if self.n_components < 1:
            raise InputError(f"ViewPCA needs n_components of at least 1; got {self.n_components}.")
        index = row_index(rows, view.shape[0])
        Z = check_confounds(self.confounds, view.shape[0])
        check_same_subjects(view=given, confounds=self.confounds)
        with tiled():
            residual = ResidualView(view if rows is None else view.take(index), Z[index], scale=self.scale)
            self._decompose(residual)
        self.n_components_requested_, self.n_components_ = self.n_components, len(self.components_)
        self.mean_, self.scale_ = residual.mean, residual.scale
        self.n_constant_columns_ = int(residual.constant.sum())
        self.n_train_, self.n_confounds_ = len(index), residual.basis.rank
        self._basis = residual.basis
        self._rows_by_id = {subject: i for i, subject in enumerate(view.subject_ids)}
        return self

    def _decompose(self, residual: ResidualView) -> None:
        dof, width = residual.basis.degrees_of_freedom, int((~residual.constant).sum())
        compressed = CompressedView(residual) if isinstance(residual.view, FactoredView) else None
        operator = compressed or residual
        k = min(self.n_components, dof, width, operator.shape[1])
        triplets = leading_triplets(operator, k, self.random_state)
        axes = triplets.right if compressed is None else compressed.expand(triplets.right)
        axes[residual.constant] = 0  # exactly: values of held-out rows may be large there
        axes *= _signs(axes)
        self.components_ = axes.T
        self.residual_ = triplets.residual
        self.explained_variance_ = triplets.singular_values**2 / dof
        kept = ~residual.constant
        total = float(np.square(residual.residual_sd[kept] / residual.scale[kept]).sum())
        self.explained_variance_ratio_ = self.explained_variance_ / total
        self._intercepts = np.zeros((len(residual.coefficients), len(self.components_)))
        for columns in column_slices(0, len(axes), axes.shape[1]):  # a block at a time: the axes are large
            self._intercepts += residual.coefficients[:, columns] @ (axes[columns] / residual.scale[columns, None])

    def transform(
        self, view: ViewLike, rows: Rows = None, *, confounds: ArrayLike | None = None
    ) -> Float64[np.ndarray, "n_rows n_components"]:
        """Return scores, with the training coefficients, scales and axes.

        Parameters
        ----------
        view : View, DataFrame or float array, of shape (n_subjects, n_columns)
        rows : index, mask or slice, optional
            Default all.
        confounds : float array of shape (n_subjects, n_confounds), optional
            Of the subjects of this view. Default: those given at construction, found by subject id.

        Returns
        -------
        float64 array of shape (n_rows, n_components_)

        Raises
        ------
        InputError
            Another number of columns, or a subject whose confounds are not known.
        """
        check_is_fitted(self)
        given, view = view, as_view(view)
        if view.shape[1] != self.components_.shape[1]:
            raise InputError(f"ViewPCA was fitted on {self.components_.shape[1]} columns; got {view.shape[1]}.")
        index = row_index(rows, view.shape[0])
        chosen = view if rows is None else view.take(index)
        if confounds is None:
            Z = self._known_confounds(chosen)
        else:
            Z = check_confounds(confounds, view.shape[0], n_columns=len(self._basis.mean))[index]
            check_same_subjects(view=given, confounds=confounds)
        with tiled():
            scores: Matrix = chosen.multiply(self.components_.T / self.scale_[:, None])
            subtract_product(scores, self._basis(Z), self._intercepts)
        return scores

    def fit_transform(self, view: ViewLike, rows: Rows = None) -> Float64[np.ndarray, "n_rows n_components"]:
        """Fit on the training rows and return their scores."""
        return self.fit(view, rows).transform(view, rows)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what `transform` needs, as arrays: no subject id, no confound value."""
        check_is_fitted(self)
        return {name: np.asarray(getattr(self, name)) for name in _FITTED} | {
            "intercepts": self._intercepts,
            "confound_mean": self._basis.mean,
            "confound_continuation": self._basis.continuation,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "ViewPCA":
        """Make a fitted estimator from :meth:`to_arrays`; it needs confounds at every `transform`, if it had any."""
        pca = cls(n_components=int(arrays["n_components_requested_"]))
        for name in _FITTED:
            value = arrays[name]
            setattr(pca, name, value if np.ndim(value) else value.item())
        pca._basis = ConfoundBasis(arrays["confound_mean"], arrays["confound_continuation"], pca.n_train_)
        pca._intercepts = arrays["intercepts"]
        pca._rows_by_id = {}
        return pca

    def structure_correlations(
        self, view: ViewLike, scores: ArrayLike, rows: Rows = None
    ) -> Float64[np.ndarray, "n_columns n_scores"]:
        """See :func:`fusion.decomposition.loadings.structure_correlations`; the confounds are this estimator's."""
        chosen = as_view(view).take(rows)
        return structure_correlations(chosen, scores, confounds=self._known_confounds(chosen))

    def group_loadings(
        self, view: ViewLike, scores: ArrayLike, rows: Rows = None, *, component: int = 0
    ) -> pd.DataFrame:
        """See :func:`fusion.decomposition.loadings.group_loadings`; the confounds are this estimator's."""
        chosen = as_view(view).take(rows)
        return group_loadings(chosen, scores, confounds=self._known_confounds(chosen), component=component)

    def _known_confounds(self, view: View) -> Matrix:
        """Return the confounds of these subjects from those given at construction."""
        if len(self._basis.mean) == 0:
            return check_confounds(None, view.shape[0])
        unknown = [subject for subject in view.subject_ids if subject not in self._rows_by_id]
        if unknown:
            raise InputError(
                f"ViewPCA was fitted with confounds and {len(unknown)} subjects, such as {unknown[0]!r}, were not in "
                "the view it was fitted on: pass their confounds to transform."
            )
        Z = check_confounds(self.confounds, len(self._rows_by_id))
        return Z[[self._rows_by_id[subject] for subject in view.subject_ids]]


def _signs(axes: Matrix) -> Matrix:
    """Signs that make the first of the largest entries positive; entries equal to rounding count as equally large."""
    largest = np.maximum(axes.max(axis=0), -axes.min(axis=0))
    signs = np.zeros(axes.shape[1])
    for rows in column_slices(0, len(axes), axes.shape[1]):
        near = np.abs(axes[rows]) >= (1 - 1e-6) * largest
        first = axes[rows][near.argmax(axis=0), np.arange(axes.shape[1])]
        signs = np.where((signs == 0) & near.any(axis=0), np.sign(first), signs)
    return signs


Scaling = bool | tuple[bool, bool]


def scale_pair(scale: Scaling) -> tuple[bool, bool]:
    """Whether columns of x and of y get unit variance."""
    return (scale, scale) if isinstance(scale, bool) else scale
