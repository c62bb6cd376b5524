"""Residualisation, scaling and PCA of one view as one affine map of its features and confounds."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from fusion.arrays import Matrix
from fusion.decomposition.pca import ViewPCA
from fusion.errors import InputError
from fusion.views.view import View


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
