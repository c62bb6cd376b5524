"""Residualisation, scaling and PCA of one view as one affine map of its features and confounds."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

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

    weights: Float64[np.ndarray, "n_features n_components"]
    intercept: Float64[np.ndarray, " n_components"]
    confound_weights: Float64[np.ndarray, "n_confounds n_components"]

    @classmethod
    def of(cls, pca: ViewPCA, n_confounds: int) -> "EmbeddingMap":
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


@dataclass(frozen=True, slots=True)
class Concatenation:
    """What was asked for and what the training subjects could carry.

    Attributes
    ----------
    requested, effective : tuple of int
        Components of genes and of the brain.

    Examples
    --------
    >>> Concatenation((512, 512), (512, 180)).name
    'fusion_concat_gene_brain_1024_v1'
    >>> Concatenation((512, 512), (512, 180)).description
    'fusion_concat_gene_brain_1024_v1: 1024 columns requested (512 gene + 512 brain), 692 effective (512 + 180)'
    """

    requested: tuple[int, int]
    effective: tuple[int, int]

    @property
    def name(self) -> str:
        """Name of the recipe: it says the columns requested, which a smaller cohort may not reach."""
        return f"fusion_concat_gene_brain_{sum(self.requested)}_v1"

    @property
    def description(self) -> str:
        """Name, columns requested and columns there are."""
        (gene, brain), (has_gene, has_brain) = self.requested, self.effective
        return (
            f"{self.name}: {gene + brain} columns requested ({gene} gene + {brain} brain), "
            f"{has_gene + has_brain} effective ({has_gene} + {has_brain})"
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns there are: ``gene_pc1 ... brain_pc1 ...``."""
        sides = zip(("gene", "brain"), self.effective, strict=True)
        return tuple(f"{side}_pc{j}" for side, width in sides for j in range(1, width + 1))
