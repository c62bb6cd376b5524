"""Folds whose views are residualised, scaled, reduced and whitened by their training rows."""

# ruff: noqa: F722

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Matrix, Positions
from fusion.cca.exact import basis_weights, canonical_rotations, make_basis
from fusion.confounds.coding import Confounds
from fusion.confounds.learned_view import fitted_on
from fusion.decomposition.pca import Scaling, ViewPCA, scale_pair
from fusion.permutation.statistics import permuted_products
from fusion.views.view import View


@dataclass(frozen=True)
class FoldEmbedding:
    """One fold's views after confounds, scaling and PCA, all of them fitted on its training rows.

    Attributes
    ----------
    train, test : int arrays
        Rows of the cohort.
    x, y : float64 arrays, shape [n_subjects, n_components]
        All rows, training and test.
    nuisance : float64 array, shape [n_subjects, 1 + R], or None
        Intercept and confounds, orthonormal in the training rows; None without confounds.
    y_loadings : float64 array, shape [n_y, n_components]
        Covariances of the scaled columns of y with the components in the training rows: what components of folds are
        matched by.
    """

    train: Int64[np.ndarray, " n_train"]
    test: Int64[np.ndarray, " n_test"]
    x: Float64[np.ndarray, "n_subjects P"]
    y: Float64[np.ndarray, "n_subjects Q"]
    nuisance: Float64[np.ndarray, "n_subjects rank"] | None
    y_loadings: Float64[np.ndarray, "n_y Q"]

    @property
    def widths(self) -> tuple[int, int]:
        """Components available of x and y."""
        return self.x.shape[1], self.y.shape[1]

    @property
    def n_effective(self) -> int:
        """Training rows less intercept and confounds."""
        return len(self.train) - (1 if self.nuisance is None else int(self.nuisance.shape[1]))

    def whiten(self, p: int, q: int, *, canonical: bool = False) -> "FoldEmbedding":
        """Keep the leading p and q components, whitened by the training rows.

        Parameters
        ----------
        p, q : int
        canonical : bool
            Turn them to the canonical axes of the training rows, whose cross-product is then diagonal, largest first.
        """
        views = self.x[:, :p], self.y[:, :q]
        x_weights, y_weights = (basis_weights(view, self.train) for view in views)
        if canonical:
            product = x_weights.T @ training_product(*views, self.train) @ y_weights
            left, _, right = canonical_rotations(product)
            x_weights, y_weights = x_weights @ left, y_weights @ right
        x, y = views[0] @ x_weights, views[1] @ y_weights
        return replace(self, x=x, y=y, y_loadings=self.y_loadings[:, :q] @ y_weights)

    def residualise(self, matrix: Float64[np.ndarray, "n_subjects k"]) -> Float64[np.ndarray, "n_subjects k"]:
        """Remove intercept and confounds from all rows by the coefficients of the training rows."""
        if self.nuisance is None:
            return np.asarray(matrix - matrix[self.train].mean(axis=0))
        residual: Matrix = matrix - self.nuisance @ (self.nuisance[self.train].T @ matrix[self.train])
        return residual


def embed_folds(
    views: tuple[View, View],
    confounds: Confounds,
    folds: Iterable[tuple[Positions, Positions]],
    *,
    n_components: int,
    scale: Scaling = True,
) -> list[FoldEmbedding]:
    """Fit confounds, scaling and PCA in every training fold and apply them to its test rows.

    Parameters
    ----------
    views : pair of View
    confounds : Confounds
    folds : Folds, or pairs of training and test rows
    n_components : int
        At most so many of each view.
    scale : bool or pair of bool
    """
    return list(each_embedded(views, confounds, folds, n_components=n_components, scale=scale))


def each_embedded(
    views: tuple[View, View],
    confounds: Confounds,
    folds: Iterable[tuple[Positions, Positions]],
    *,
    n_components: int,
    scale: Scaling = True,
) -> Iterator[FoldEmbedding]:
    """`embed_folds` one after another: of a large cohort not all of them have room."""
    settings = [(n_components, one) for one in scale_pair(scale)]
    for train, test in folds:
        yield _embed(views, confounds.coded(train), train, test, settings)


def _embed(
    views: tuple[View, View],
    confounds: Matrix | None,
    train: Positions,
    test: Positions,
    settings: Sequence[tuple[int, bool]],
) -> FoldEmbedding:
    views = fitted_on(views[0], train), fitted_on(views[1], train)
    x_pca, y_pca = (
        ViewPCA(n_components, confounds=confounds, scale=scale).fit(view, rows=train)
        for view, (n_components, scale) in zip(views, settings, strict=True)
    )
    return FoldEmbedding(
        train,
        test,
        x_pca.transform(views[0]),
        y_pca.transform(views[1]),
        fold_nuisance(confounds, train),
        y_pca.components_.T * y_pca.explained_variance_,
    )


def fold_nuisance(confounds: Matrix | None, train: Positions) -> Matrix | None:
    """Intercept and confounds of all rows in coordinates that are orthonormal in the training rows."""
    if confounds is None:
        return None
    centred = confounds - confounds[train].mean(axis=0)
    basis = make_basis(centred[train], np.linalg.norm(confounds[train], axis=0))
    intercept = np.full((len(confounds), 1), 1 / np.sqrt(len(train)))
    return np.hstack([intercept, centred @ basis.weights])


def training_product(
    x: Float64[np.ndarray, "n_subjects P"], y: Float64[np.ndarray, "n_subjects Q"], train: Positions
) -> Float64[np.ndarray, "P Q"]:
    """X'Y of the training rows, which are gathered some at a time."""
    (product,) = permuted_products(x, train, y[train])
    return np.ascontiguousarray(product)
