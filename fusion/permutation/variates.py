"""Both views ready for permutation: nuisance removed, whitened, ordered by canonical correlation."""

# ruff: noqa: F722

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.linalg
from jaxtyping import Float64
from numpy.typing import NDArray

from fusion.arrays import Matrix
from fusion.cca.dimensions import check_width
from fusion.cca.exact import canonical_rotations
from fusion.permutation.exchangeability import Blocks
from fusion.permutation.projections import HuhJhun, Identity, Injected, Projection, Theil, keep_rows, nuisance_basis
from fusion.permutation.statistics import TrailingVariates
from fusion.permutation.whitening import WhitenedView, project_columns, rotate_columns, whiten

Method = Literal["huh-jhun", "theil"]
Reference = Literal["data-space", "permcca"]


@dataclass(frozen=True)
class WhitenedViews:
    """Two views in the rows that are permuted.

    Attributes
    ----------
    x, y : WhitenedView
    projection : Projection
        Of the first view; `y_seen` is the second view's basis in the same rows.
    method : str
        How nuisance is removed, and how tested variates are later on.
    blocks : Blocks or None
        Of the projected rows.
    """

    x: WhitenedView
    y: WhitenedView
    projection: Projection
    y_seen: Matrix
    method: Method
    blocks: Blocks | None

    def without_columns(self) -> "WhitenedViews":
        """The same without its largest arrays, once variates were made of them."""
        return replace(
            self, x=self.x.without_columns(), y=self.y.without_columns(), y_seen=np.empty((0, self.y_seen.shape[1]))
        )

    @property
    def n_effective(self) -> int:
        """Rows less intercept and confounds (of the side that has more)."""
        n_nuisance = max(self.x.nuisance.shape[1], self.y.nuisance.shape[1])
        n_rows = self.projection.n_rows - int(self.remaining_mean.shape[1])
        return min(len(self.x.nuisance) - int(n_nuisance), n_rows)

    @property
    def remaining_mean(self) -> Matrix:
        """What the projection leaves of the intercept, [n_rows, 0 or 1]: both views are orthogonal to it."""
        mean = self.projection.apply(np.full((len(self.x.nuisance), 1), 1 / np.sqrt(len(self.x.nuisance))))
        norm = float(np.linalg.norm(mean))
        return mean / norm if norm > 1e-6 else mean[:, :0]

    @property
    def projection_name(self) -> str:
        """How nuisance was removed: the method, or "none" where there is only a mean."""
        return "none" if isinstance(self.projection, Identity) else self.method

    @property
    def scheme(self) -> str:
        """Which rows change places, in words."""
        if self.blocks is None:
            return "free permutation of rows"
        if self.blocks.mode == "nested":
            return f"nested blocks of {self.blocks.labels.shape[1]} levels"
        n_blocks = len(np.unique(self.blocks.labels))
        return f"rows within {n_blocks} blocks" if self.blocks.mode == "within" else f"{n_blocks} whole blocks"


@dataclass(frozen=True)
class OrderedVariates:
    """Canonical variates, the last tested first (see `statistics.TrailingVariates`), and the correlations."""

    first: Float64[np.ndarray, "n_rows rank_x"]
    second: Float64[np.ndarray, "n_rows rank_y"]
    correlations: Float64[np.ndarray, " K"]


def whiten_views(
    matrices: tuple[Matrix, Matrix],
    confounds: tuple[Matrix | None, Matrix | None],
    *,
    method: Method,
    blocks: Blocks | None = None,
    bases: tuple[Matrix | None, Matrix | None] | None = None,
    reference: Reference = "data-space",
) -> WhitenedViews:
    """Remove nuisance from both views and whiten what remains.

    Raises
    ------
    InputError
        If nothing remains of a view, or the ranks are so large that correlations are 1 by construction.
    """
    n_subjects = len(matrices[0])
    nuisance_x, nuisance_y = (nuisance_basis(n_subjects, side) for side in confounds)
    published = reference == "permcca"
    projection = _choose_projection(nuisance_x, method, blocks) if bases is None else _inject(bases[0], n_subjects)
    left_of_y = nuisance_remover(nuisance_y) if bases is None else subspace_keeper(bases[1])
    x = whiten(matrices[0], nuisance_x, projection.apply, projection.n_rows, keep_residual=published)
    y = whiten(matrices[1], nuisance_y, left_of_y, n_subjects, keep_residual=published)
    y_seen = y.basis.columns
    if not isinstance(projection, Identity):
        y_seen = project_columns(projection.apply, y_seen, projection.n_rows)
        y = y if published else y.without_columns()
    kept_blocks = blocks.take(projection.kept) if blocks is not None and isinstance(projection, Theil) else blocks
    views = WhitenedViews(x, y, projection, y_seen, method, kept_blocks)
    check_width(x.rank, y.rank, views.n_effective)
    return views


def nuisance_remover(nuisance: Matrix) -> Callable[[Matrix], Matrix]:
    """Residuals from orthonormal nuisance."""
    return lambda matrix: matrix - nuisance @ (nuisance.T @ matrix)


def subspace_keeper(basis: Matrix | None) -> Callable[[Matrix], Matrix]:
    """What lies in the span of orthonormal columns; everything for None."""
    return lambda matrix: matrix if basis is None else basis @ (basis.T @ matrix)


def _inject(basis: Matrix | None, n_subjects: int) -> Projection:
    return Identity(n_subjects) if basis is None else Injected(basis, n_subjects)


def _choose_projection(nuisance: Matrix, method: Method, blocks: Blocks | None) -> Projection:
    if nuisance.shape[1] == 1:
        return Identity(len(nuisance))
    if method == "huh-jhun":
        return HuhJhun(nuisance)
    return Theil(nuisance, keep_rows(nuisance, _whole(blocks)))


def _whole(blocks: Blocks | None) -> NDArray[np.int64] | None:
    return None if blocks is None else blocks.units


def order_variates(views: WhitenedViews, reference: Reference = "data-space") -> OrderedVariates:
    """Rotate both bases to canonical variates, complements first, in the rows that are permuted.

    Bases that have their rows in memory order are rotated where they are; of the others `WhitenedViews.without_columns`
    lets go.
    """
    left, correlations, right = canonical_rotations(views.x.basis.columns.T @ views.y_seen)
    if reference == "data-space":
        first = rotate_columns(views.x.basis.columns, left[:, ::-1])
        return OrderedVariates(first, rotate_columns(views.y_seen, right[:, ::-1]), correlations)
    k = len(correlations)
    first = _complete_in_coefficients(views.x, left[:, :k])
    second = _complete_in_coefficients(views.y, right[:, :k])
    return OrderedVariates(first, views.projection.apply(second), correlations)


def _complete_in_coefficients(side: WhitenedView, rotation: Matrix) -> Matrix:
    """Variates completed by the null space of their weights, as published: not invariant to recoding the columns."""
    if side.residual is None:
        raise ValueError("whiten_views keeps residuals with reference='permcca' only")
    weights, variates = side.basis.weights @ rotation, side.basis.columns @ rotation
    complement = side.residual @ scipy.linalg.null_space(weights.T)[:, : side.rank - rotation.shape[1]]
    ordered, _ = np.linalg.qr(np.hstack([complement, variates[:, ::-1]]))
    return np.asarray(ordered)


def trailing_blocks(variates: OrderedVariates, n_steps: int) -> TrailingVariates:
    """All of the first steps at once, permuting the same rows."""
    return TrailingVariates(variates.first, variates.second, n_steps)


def conditioned_block(views: WhitenedViews, variates: OrderedVariates, step: int) -> TrailingVariates:
    """One step (0-based) with the variates tested before it added to the nuisance.

    Each side's own variates join its nuisance. Those of the second view are orthogonal to its trailing block already,
    so only the rows of the first have to be projected once more.
    """
    if step == 0:
        return TrailingVariates(variates.first, variates.second, 1)
    n_rows = len(variates.first)
    tested = np.hstack([views.remaining_mean, variates.first[:, -step:]])
    kept = np.zeros(n_rows, dtype=bool)
    if views.method == "huh-jhun":
        projection: Projection = HuhJhun(tested)
        kept[: projection.n_rows] = True
    else:
        rows = keep_rows(tested, _whole(views.blocks))
        projection = Theil(tested, rows)
        kept[rows] = True
    first, second = (
        project_columns(projection.apply, side[:, :-step], projection.n_rows)
        for side in (variates.first, variates.second)
    )
    return TrailingVariates(first, second, n_steps=1, kept=kept)
