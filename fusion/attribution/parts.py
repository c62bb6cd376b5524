"""A fold's scores as a sum over blocks of columns: what each gene or region brings along the axes of the whole view."""

# ruff: noqa: F722

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Positions
from fusion.cca.exact import make_basis
from fusion.confounds.coding import Confounds
from fusion.confounds.learned_view import fitted_on
from fusion.cross_validation.fold_embedding import FoldEmbedding, fold_nuisance
from fusion.decomposition.pca import ViewPCA
from fusion.views.view import View

Blocks = Mapping[str, Int64[np.ndarray, " n_block"]]
"""Columns of every block by its name; blocks may overlap."""


@dataclass(frozen=True)
class Part:
    """What one block brings to the scores: ``columns @ weights``.

    Attributes
    ----------
    columns : float64 array, shape [n_subjects, k]
        Free of confounds by the training rows; k is the smaller number of the block's columns and of axes.
    weights : float64 array, shape [k, P]
    """

    columns: Float64[np.ndarray, "n_subjects k"]
    weights: Float64[np.ndarray, "k P"]

    @property
    def scores(self) -> Float64[np.ndarray, "n_subjects P"]:
        """Along every axis, [n_subjects, P]."""
        return np.asarray(self.columns @ self.weights)


@dataclass(frozen=True)
class FoldParts:
    """One fold: everything fitted on its training rows.

    Attributes
    ----------
    fold : FoldEmbedding
        ``x`` are scores along the leading axes of the whole view, ``y`` whitened by the training rows.
    parts : tuple of Part
        One a block.
    """

    fold: FoldEmbedding
    parts: tuple[Part, ...]


def split_scores(view: View, pca: ViewPCA, blocks: Sequence[Positions], n_axes: int) -> list[Part]:
    """Parts of the leading scores, confounds and means not yet removed.

    Parameters
    ----------
    view : View
    pca : ViewPCA
        Fitted on some rows of it.
    blocks : sequence of int arrays
        Columns, ascending.
    n_axes : int
        P.
    """
    axes = pca.components_[:n_axes].T / pca.scale_[:, np.newaxis]
    narrow = [len(block) < n_axes for block in blocks]
    sizes = [len(block) if is_narrow else n_axes for block, is_narrow in zip(blocks, narrow, strict=True)]
    found = [np.zeros((view.shape[0], size)) for size in sizes]
    for columns, values in view.column_blocks():
        for block, is_narrow, target in zip(blocks, narrow, found, strict=True):
            first, last = np.searchsorted(block, (columns.start, columns.stop))
            if first < last:
                inside = values[:, block[first:last] - columns.start]
                if is_narrow:
                    target[:, first:last] = inside
                else:
                    target += inside @ axes[block[first:last]]
    identity = np.eye(n_axes)
    return [
        Part(columns, axes[block] if is_narrow else identity)
        for block, is_narrow, columns in zip(blocks, narrow, found, strict=True)
    ]


def embed_parts(
    views: tuple[View, View],
    confounds: Confounds,
    rows: tuple[Positions, Positions],
    blocks: Sequence[Positions],
    dimensions: tuple[int, int],
    scale: tuple[bool, bool],
) -> FoldParts:
    """Fit confounds, scaling and PCA to the training rows, and split the scores of x.

    Parameters
    ----------
    views : pair of View
        x, whose blocks are told apart, and y.
    confounds : Confounds
    rows : pair of int arrays
        Training and test rows.
    blocks : sequence of int arrays
    dimensions : pair of int
        Leading axes of x and y.
    scale : pair of bool
    """
    train, test = rows
    coded = confounds.coded(train)
    x, y = fitted_on(views[0], train), fitted_on(views[1], train)
    x_pca, y_pca = (
        ViewPCA(size, confounds=coded, scale=one).fit(view, rows=train)
        for view, size, one in zip((x, y), dimensions, scale, strict=True)
    )
    nuisance = fold_nuisance(coded, train)
    if nuisance is None:
        nuisance = np.full((x.shape[0], 1), 1 / np.sqrt(len(train)))
    fold = FoldEmbedding(train, test, x_pca.transform(x), y_pca.transform(y), nuisance, np.zeros((0, dimensions[1])))
    y_weights = make_basis(fold.y[train]).weights
    fold = replace(fold, y=fold.y @ y_weights, y_loadings=fold.y_loadings[:, : y_weights.shape[1]])
    parts = split_scores(x, x_pca, blocks, fold.x.shape[1])
    return FoldParts(fold, tuple(replace(part, columns=fold.residualise(part.columns)) for part in parts))
