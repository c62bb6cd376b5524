"""LateFusion: each side embedded on its own, then aligned; applied to new subjects, saved without pickle."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from fusion.archive import read_archive, write_archive
from fusion.cca import CanonicalCorrelation
from fusion.dimensions import Dimensions, settle_dimensions
from fusion.errors import InputError
from fusion.fold_embedding import Scaling, scale_pair
from fusion.loadings import feature_loadings, group_loadings
from fusion.matrices import Matrix, as_matrix, check_same_subjects
from fusion.pca import ViewPCA
from fusion.resampling import paired_correlations
from fusion.views import View, as_view

if TYPE_CHECKING:
    import pandas as pd

KIND = "LateFusion"


@dataclass(frozen=True)
class EmbeddingMap:
    """Residualisation, scaling and PCA as one affine map of features and confounds.

    Attributes
    ----------
    weights : float64 array, shape [n_features, n_components]
    intercept : float64 array, shape [n_components]
    confound_weights : float64 array, shape [n_confounds, n_components]
    """

    weights: Matrix
    intercept: Matrix
    confound_weights: Matrix

    @classmethod
    def of(cls, pca: ViewPCA, n_confounds: int) -> Self:
        """Read the map off a fitted PCA: where zero features go, for zero and for unit confounds."""
        probes = np.vstack([np.zeros(n_confounds), np.eye(n_confounds)])
        origin = np.zeros((len(probes), pca.components_.shape[1]))
        images = pca.transform(origin, confounds=probes)
        return cls(pca.components_.T / pca.scale_[:, np.newaxis], images[0], images[1:] - images[0])

    def apply(self, view: View, confounds: Matrix) -> Matrix:
        """Embedding of any rows, [n_subjects, n_components]."""
        if view.shape[1] != len(self.weights):
            raise InputError(f"LateFusion was fitted on {len(self.weights)} features; this view has {view.shape[1]}.")
        embedded: Matrix = view.multiply(self.weights) + self.intercept + confounds @ self.confound_weights
        return embedded


class LateFusion(BaseEstimator):  # type: ignore[misc]
    """Embed two views separately (confounds, scale, PCA), align the leading components by exact CCA.

    Parameters
    ----------
    n_components : int
        Canonical components kept, at most the smaller number of dimensions.
    x_dimensions, y_dimensions : int or "auto"
        Leading components of each embedding that CCA takes; "auto" by `fusion.dimensions.choose_dimensions`.
    pca_components : int
        Size of each embedding, at most the rank.
    scale : bool or pair of bool
        Unit variance per column before PCA.
    min_ratio : float
        Of "auto": effective subjects per dimension.

    Attributes
    ----------
    canonical_correlations_ : float64 array, shape [n_components_]
        In sample.
    dimensions_, embedding_dimensions_ : tuple of int
        Components of x and y that CCA took; that the embeddings have.
    n_effective_ : int
        Subjects less intercept and confounds.
    x_map_, y_map_ : EmbeddingMap
    x_weights_, y_weights_ : float64 arrays, shape [dimensions, n_components_]
        From embeddings to scores, which have unit variance in the training rows.
    """

    def __init__(
        self,
        n_components: int = 3,
        *,
        x_dimensions: Dimensions = "auto",
        y_dimensions: Dimensions = "auto",
        pca_components: int = 512,
        scale: Scaling = True,
        min_ratio: float = 10,
    ) -> None:
        self.n_components = n_components
        self.x_dimensions = x_dimensions
        self.y_dimensions = y_dimensions
        self.pca_components = pca_components
        self.scale = scale
        self.min_ratio = min_ratio

    def fit(self, x: Any, y: Any, confounds: Any = None) -> Self:
        """Fit on subjects that are in both views, in the same order.

        Parameters
        ----------
        x, y : fusion view, DataFrame or array, shapes [n_subjects, n_x] and [n_subjects, n_y]
        confounds : array or DataFrame of numbers, shape [n_subjects, n_confounds], optional
            Without intercept; encode categories with a fitted ConfoundDesign.
        """
        check_same_subjects(x=x, y=y, confounds=confounds)
        views = as_view(x), as_view(y)
        self.n_confounds_ = 0 if confounds is None else as_matrix(confounds, "confounds").shape[1]
        z = self._confounds(confounds, views[0].shape[0])
        fitted = [
            ViewPCA(self.pca_components, confounds=z, scale=scale).fit(view)
            for view, scale in zip(views, scale_pair(self.scale), strict=True)
        ]
        self.x_map_, self.y_map_ = (EmbeddingMap.of(pca, self.n_confounds_) for pca in fitted)
        self.embedding_dimensions_ = fitted[0].n_components_, fitted[1].n_components_
        self.x_sd_, self.y_sd_ = (np.sqrt(pca.explained_variance_) for pca in fitted)
        self.n_effective_ = int(views[0].shape[0] - 1 - fitted[0].n_confounds_)
        wanted = self.x_dimensions, self.y_dimensions
        self.dimensions_ = settle_dimensions(
            self.n_effective_, self.embedding_dimensions_, wanted, min_ratio=self.min_ratio
        )
        embedded = [pca.transform(view)[:, :k] for pca, view, k in zip(fitted, views, self.dimensions_, strict=True)]
        cca = CanonicalCorrelation(min(self.n_components, *self.dimensions_)).fit(*embedded)
        self.x_weights_, self.y_weights_ = cca.x_weights_, cca.y_weights_
        self.canonical_correlations_ = cca.canonical_correlations_
        self.n_components_ = len(cca.canonical_correlations_)
        return self

    def transform(self, x: Any, y: Any = None, confounds: Any = None) -> Matrix | tuple[Matrix, Matrix]:
        """Aligned scores of x, or of both views, [n_subjects, n_components_] each."""
        x_embedding, y_embedding = self._embed(x, y, confounds)
        x_scores: Matrix = x_embedding[:, : self.dimensions_[0]] @ self.x_weights_
        if y_embedding is None:
            return x_scores
        y_scores: Matrix = y_embedding[:, : self.dimensions_[1]] @ self.y_weights_
        return x_scores, y_scores

    def concatenate(self, x: Any, y: Any, confounds: Any = None) -> Matrix:
        """Both embeddings side by side (``fusion_concat_gene_brain_*_v1``), unit variance in the training rows."""
        x_embedding, y_embedding = self._embed(x, y, confounds)
        return np.hstack([x_embedding / self.x_sd_, y_embedding / self.y_sd_])

    def score(self, x: Any, y: Any, confounds: Any = None) -> Matrix:
        """Correlation of every component's scores in these rows, [n_components_]."""
        x_scores, y_scores = self.transform(x, y, confounds)
        return paired_correlations(x_scores, y_scores)

    def loadings(
        self, x: Any, y: Any, confounds: Any = None, *, component: int = 0
    ) -> tuple["pd.DataFrame", "pd.DataFrame"]:
        """What the scores of these rows are made of, for x and for y.

        Per gene for views whose columns form groups (`fusion.group_loadings`), per feature otherwise
        (`fusion.feature_loadings`).
        """
        z = self._confounds(confounds, as_view(x).shape[0])
        tables = []
        for view, scores in zip((as_view(x), as_view(y)), self.transform(x, y, confounds), strict=True):
            grouped = len(set(view.column_groups)) < len(view.column_groups)
            describe = group_loadings if grouped else feature_loadings
            tables.append(describe(view, scores, confounds=z, component=component))
        return tables[0], tables[1]

    def save(self, path: Path | str) -> Path:
        """Write parameters and maps (no subjects) to one ``.npz``."""
        check_is_fitted(self)
        arrays = {name: getattr(self, name) for name in ARRAYS}
        for side in ("x", "y"):
            made: EmbeddingMap = getattr(self, f"{side}_map_")
            arrays |= {f"{side}_map_{name}": value for name, value in vars(made).items()}
        record = {"parameters": self.get_params(), "fitted": {name: getattr(self, name) for name in NUMBERS}}
        return write_archive(path, KIND, arrays, record)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what `save` wrote."""
        arrays, record = read_archive(path, KIND)
        made = cls(**record["parameters"])
        for name in ARRAYS:
            setattr(made, name, arrays[name])
        for name, value in record["fitted"].items():
            setattr(made, name, tuple(value) if isinstance(value, list) else value)
        for side in ("x", "y"):
            parts = {name: arrays[f"{side}_map_{name}"] for name in EmbeddingMap.__dataclass_fields__}
            setattr(made, f"{side}_map_", EmbeddingMap(**parts))
        return made

    def _embed(self, x: Any, y: Any, confounds: Any) -> tuple[Matrix, Any]:
        check_is_fitted(self)
        check_same_subjects(x=x, y=y, confounds=confounds)
        view = as_view(x)
        z = self._confounds(confounds, view.shape[0])
        return self.x_map_.apply(view, z), None if y is None else self.y_map_.apply(as_view(y), z)

    def _confounds(self, confounds: Any, n_subjects: int) -> Matrix:
        z = np.zeros((n_subjects, 0)) if confounds is None else as_matrix(confounds, "confounds")
        if z.shape[1] != self.n_confounds_:
            raise InputError(f"LateFusion was fitted with {self.n_confounds_} confound columns; got {z.shape[1]}.")
        return z


ARRAYS = ("x_sd_", "y_sd_", "x_weights_", "y_weights_", "canonical_correlations_")
NUMBERS = ("n_confounds_", "n_effective_", "n_components_", "dimensions_", "embedding_dimensions_")
