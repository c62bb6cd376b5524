"""LateFusion: each side embedded on its own, then aligned; applied to new subjects, saved without pickle."""

# ruff: noqa: F722

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64
from sklearn.base import BaseEstimator, clone
from sklearn.utils import TransformerTags
from sklearn.utils.validation import check_is_fitted

from fusion.archive import load_archive, write_archive
from fusion.arrays import (
    LabelsLike,
    Matrix,
    Real,
    Scores,
    ViewLike,
    check_columns,
    column_names,
    dense,
    stores_parameters,
)
from fusion.cca.base import TwoViewAligner, paired_correlations
from fusion.cca.dimensions import Dimensions, settle_dimensions
from fusion.cca.exact import CanonicalCorrelation
from fusion.confounds.coding import ConfoundCoding, Confounds, ConfoundsLike
from fusion.confounds.combat import ComBat
from fusion.decomposition.loadings import feature_loadings, group_loadings
from fusion.decomposition.pca import Scaling, ViewPCA, scale_pair
from fusion.errors import InputError
from fusion.late_fusion.embedding import Concatenation, EmbeddingMap
from fusion.late_fusion.inputs import read_x, read_y
from fusion.late_fusion.record import from_parts, to_parts
from fusion.subject_rows import check_same_subjects
from fusion.views.view import TableView, View

KIND = "LateFusion 2"


class LateFusion(BaseEstimator):  # type: ignore[misc]
    """Embed two views separately (sites, confounds, scale, PCA) and align their leading components.

    Parameters
    ----------
    n_components : int
        Canonical components kept, at most the smaller number of dimensions.
    x_dimensions, y_dimensions : int or "auto"
        Leading components of each embedding that the alignment takes; "auto" by
        `fusion.cca.dimensions.choose_dimensions`.
    pca_components : int
        Size of each embedding, at most the rank.
    scale : bool or pair of bool
        Unit variance per column before PCA.
    min_ratio : float
        Of "auto": effective subjects per dimension.
    estimator : CanonicalCorrelation, RidgeCCA or SparseCCA, optional
        The alignment, exact CCA by default; cloned, with `n_components` from here.
    harmonize : ComBat, optional
        Removes sites from y (the brain side) before confounds, which it keeps as covariates until they are removed.

    Attributes
    ----------
    canonical_correlations_ : float64 array, shape [n_components]
        In sample.
    dimensions_, embedding_dimensions_ : tuple of int
        Components of x and y that the alignment took; that the embeddings have.
    n_effective_ : int
        Subjects less intercept and confounds.
    x_map_, y_map_ : EmbeddingMap
    x_weights_, y_weights_ : float64 arrays, shape [dimensions, n_components]
        From embeddings to scores, which have unit variance in the training rows.
    x_loadings_, y_loadings_ : float64 arrays, shape [dimensions, n_components]
        Correlations of embedding dimensions with the scores; `loadings` maps back to genes and regions.
    concatenation_ : Concatenation
        Name of the recipe, columns requested and effective.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> genes, brain, age = rng.standard_normal((97, 24)), rng.standard_normal((97, 11)), rng.standard_normal(97)
    >>> fusion = LateFusion(n_components=2).fit(genes[:70], brain[:70], age[:70])
    >>> fusion.transform(genes[70:], brain[70:], age[70:])[1].shape
    (27, 2)
    """

    @stores_parameters
    def __init__(
        self,
        n_components: int = 3,
        *,
        x_dimensions: Dimensions = "auto",
        y_dimensions: Dimensions = "auto",
        pca_components: int = 512,
        scale: Scaling = True,
        min_ratio: Real = 10,
        estimator: TwoViewAligner | None = None,
        harmonize: ComBat | None = None,
    ) -> None:
        self.n_components = n_components
        self.x_dimensions = x_dimensions
        self.y_dimensions = y_dimensions
        self.pca_components = pca_components
        self.scale = scale
        self.min_ratio = min_ratio
        self.estimator = estimator
        self.harmonize = harmonize

    def fit(
        self, x: ViewLike, y: ViewLike | None, confounds: ConfoundsLike = None, *, sites: LabelsLike | None = None
    ) -> "LateFusion":
        """Fit on subjects that are in both views, in the same order.

        Parameters
        ----------
        x, y : fusion view, DataFrame or array, shapes [n_subjects, n_x] and [n_subjects, n_y]
        confounds : DataFrame, (DataFrame, ConfoundDesign) or array, shape [n_subjects, n_confounds], optional
            Without intercept. Categories of a table become dummies whose levels are frozen here.
        sites : labels, shape [n_subjects], optional
            For `harmonize`, and only with it.
        """
        if y is None:
            raise InputError("LateFusion requires y to be passed, but the target y is None.")
        view = read_x(self, x, reset=True)
        confounds = Confounds.of(confounds)
        check_same_subjects(x=x, y=y, confounds=confounds.given, sites=sites)
        self.x_columns_, self.y_columns_ = column_names(x), column_names(y)
        self.coding_ = ConfoundCoding.learn(confounds)
        self.n_confounds_ = self.coding_.n_given
        z = self.coding_.encode(confounds, view.shape[0], "LateFusion")
        views = view, self._fit_harmonized(read_y(y), sites, z)
        self._align(self._fit_embeddings(views, z))
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        # Not by TransformerMixin, whose wrapping of `transform` forbids the name x: frames come from `scores_frame`.
        tags.transformer_tags = TransformerTags()
        return tags

    def transform(
        self,
        x: ViewLike,
        y: ViewLike | None = None,
        confounds: ConfoundsLike = None,
        *,
        sites: LabelsLike | None = None,
    ) -> Scores | tuple[Scores, Scores]:
        """Aligned scores of x, or of both views, ``[n_subjects, n_components_]``; `sites` where y is harmonised."""
        confounds = Confounds.of(confounds)
        if y is None:
            return self.x_scores(x, confounds)
        check_same_subjects(x=x, y=y, confounds=confounds.given, sites=sites)
        return self.x_scores(x, confounds), self.y_scores(y, confounds, sites=sites)

    def x_scores(self, x: ViewLike, confounds: ConfoundsLike = None) -> Scores:
        """Aligned scores of any rows of the first view, ``[n_subjects, n_components_]``."""
        scores: Matrix = self._embed_x(x, Confounds.of(confounds))[:, : self.dimensions_[0]] @ self.x_weights_
        return scores

    def y_scores(self, y: ViewLike, confounds: ConfoundsLike = None, *, sites: LabelsLike | None = None) -> Scores:
        """Aligned scores of any rows of the second view, ``[n_subjects, n_components_]``."""
        scores: Matrix = self._embed_y(y, Confounds.of(confounds), sites)[:, : self.dimensions_[1]] @ self.y_weights_
        return scores

    def fit_transform(
        self, x: ViewLike, y: ViewLike, confounds: ConfoundsLike = None, *, sites: LabelsLike | None = None
    ) -> Scores:
        """Fit and return the scores of x."""
        confounds = Confounds.of(confounds)
        return self.fit(x, y, confounds, sites=sites).x_scores(x, confounds)

    def concatenate(
        self, x: ViewLike, y: ViewLike, confounds: ConfoundsLike = None, *, sites: LabelsLike | None = None
    ) -> Float64[np.ndarray, "n_subjects n_columns"]:
        """Both embeddings side by side (`concatenation_`), each column of unit variance in the training rows."""
        confounds = Confounds.of(confounds)
        check_same_subjects(x=x, y=y, confounds=confounds.given, sites=sites)
        return np.hstack([self._embed_x(x, confounds) / self.x_sd_, self._embed_y(y, confounds, sites) / self.y_sd_])

    def scores_frame(
        self, x: ViewLike, y: ViewLike, confounds: ConfoundsLike = None, *, sites: LabelsLike | None = None
    ) -> pd.DataFrame:
        """Aligned scores of both views with subject ids, in columns ``x_1``, ``y_1`` and so on."""
        columns = [f"{side}_{k}" for side in "xy" for k in range(1, self.n_components_ + 1)]
        x_scores, y_scores = self.transform(x, y, confounds, sites=sites)
        scores = np.hstack([x_scores, y_scores])
        return pd.DataFrame(scores, pd.Index(read_x(self, x, reset=False).subject_ids, name="subject_id"), columns)

    def concatenation_frame(
        self, x: ViewLike, y: ViewLike, confounds: ConfoundsLike = None, *, sites: LabelsLike | None = None
    ) -> pd.DataFrame:
        """Concatenation with subject ids and named columns; ``attrs["recipe"]`` says how many were requested."""
        values = self.concatenate(x, y, confounds, sites=sites)
        index = pd.Index(read_x(self, x, reset=False).subject_ids, name="subject_id")
        frame = pd.DataFrame(values, index, list(self.concatenation_.columns))
        frame.attrs["recipe"] = self.concatenation_.description
        return frame

    def score(
        self, x: ViewLike, y: ViewLike, confounds: ConfoundsLike = None, *, sites: LabelsLike | None = None
    ) -> Float64[np.ndarray, " K"]:
        """Correlation of every component's scores in these rows, ``[n_components_]``."""
        x_scores, y_scores = self.transform(x, y, confounds, sites=sites)
        return paired_correlations(x_scores, y_scores)

    def loadings(
        self,
        x: ViewLike,
        y: ViewLike,
        confounds: ConfoundsLike = None,
        *,
        sites: LabelsLike | None = None,
        component: int = 0,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What the scores of these rows are made of, for x and for y.

        Per gene for views whose columns form groups (`fusion.group_loadings`), per feature otherwise
        (`fusion.feature_loadings`).
        """
        check_is_fitted(self)
        view, confounds = read_x(self, x, reset=False), Confounds.of(confounds)
        z = self.coding_.encode(confounds, view.shape[0], "LateFusion")
        views = view, self._harmonized(read_y(y), sites, z)
        tables = []
        for side, scores in zip(views, self.transform(x, y, confounds, sites=sites), strict=True):
            grouped = len(set(side.column_groups)) < len(side.column_groups)
            describe = group_loadings if grouped else feature_loadings
            tables.append(describe(side, scores, confounds=z, component=component))
        return tables[0], tables[1]

    def save(self, path: Path | str) -> Path:
        """Write parameters and maps (no subjects) to one ``.npz``."""
        check_is_fitted(self)
        return write_archive(path, KIND, *to_parts(self))

    @classmethod
    def load(cls, path: Path | str) -> "LateFusion":
        """Read what `save` wrote."""
        return load_archive(path, KIND, partial(from_parts, cls))

    @property
    def concatenation_(self) -> Concatenation:
        """Recipe of `concatenate`."""
        check_is_fitted(self)
        return Concatenation((self.pca_components, self.pca_components), self.embedding_dimensions_)

    def _fit_harmonized(self, view: View, sites: LabelsLike | None, z: Matrix) -> View:
        if self.harmonize is None:
            self.harmonize_ = None
        else:
            combat = clone(self.harmonize)
            self.harmonize_ = combat.fit(dense(view), sites=sites, covariates=z if z.shape[1] else None)
        return self._harmonized(view, sites, z)

    def _harmonized(self, view: View, sites: LabelsLike | None, z: Matrix) -> View:
        if self.harmonize_ is None:
            if sites is not None:
                raise InputError(
                    "LateFusion takes sites only to harmonize them: pass harmonize=ComBat() or leave them."
                )
            return view
        values = self.harmonize_.transform(dense(view), sites, z if z.shape[1] else None)
        return TableView(values, view.subject_ids, view.column_groups)

    def _fit_embeddings(self, views: tuple[View, View], z: Matrix) -> list[Matrix]:
        fitted = [
            ViewPCA(self.pca_components, confounds=z, scale=scale).fit(view)
            for view, scale in zip(views, scale_pair(self.scale), strict=True)
        ]
        self.x_map_, self.y_map_ = (EmbeddingMap.of(pca, z.shape[1]) for pca in fitted)
        self.embedding_dimensions_ = fitted[0].n_components_, fitted[1].n_components_
        self.x_sd_, self.y_sd_ = (np.sqrt(pca.explained_variance_) for pca in fitted)
        self.n_effective_ = int(views[0].shape[0] - 1 - fitted[0].n_confounds_)
        self.dimensions_ = self._dimensions()
        return [pca.transform(view)[:, :k] for pca, view, k in zip(fitted, views, self.dimensions_, strict=True)]

    def _dimensions(self) -> tuple[int, int]:
        p, q = self.x_dimensions, self.y_dimensions
        penalised = self.estimator is not None and not isinstance(self.estimator, CanonicalCorrelation)
        if penalised and isinstance(p, int) and isinstance(q, int) and min(p, q) > 0:
            # A penalty keeps correlations below 1 whatever the width, so only the embeddings bound the wishes.
            return min(p, self.embedding_dimensions_[0]), min(q, self.embedding_dimensions_[1])
        return settle_dimensions(self.n_effective_, self.embedding_dimensions_, (p, q), min_ratio=self.min_ratio)

    def _align(self, embedded: list[Matrix]) -> None:
        aligner = CanonicalCorrelation() if self.estimator is None else clone(self.estimator)
        aligner.set_params(n_components=min(self.n_components, *self.dimensions_)).fit(*embedded)
        scores = aligner.transform(*embedded)
        weights = (aligner.x_weights_, aligner.x_scale_), (aligner.y_weights_, aligner.y_scale_)
        self.x_weights_, self.y_weights_ = (
            w / scale[:, np.newaxis] / side.std(axis=0, ddof=1)
            for (w, scale), side in zip(weights, scores, strict=True)
        )
        self.x_loadings_, self.y_loadings_ = aligner.x_loadings_, aligner.y_loadings_
        self.canonical_correlations_ = aligner.canonical_correlations_
        self.n_components_ = len(self.canonical_correlations_)

    def _embed_x(self, x: ViewLike, confounds: Confounds) -> Matrix:
        check_is_fitted(self)
        view = read_x(self, x, reset=False)
        check_columns(x, self.x_columns_, "x")
        check_same_subjects(x=x, confounds=confounds.given)
        return self.x_map_.apply(view, self.coding_.encode(confounds, view.shape[0], "LateFusion"))

    def _embed_y(self, y: ViewLike, confounds: Confounds, sites: LabelsLike | None) -> Matrix:
        check_is_fitted(self)
        view = read_y(y)
        check_columns(y, self.y_columns_, "y")
        check_same_subjects(y=y, confounds=confounds.given, sites=sites)
        z = self.coding_.encode(confounds, view.shape[0], "LateFusion")
        return self.y_map_.apply(self._harmonized(view, sites, z), z)
