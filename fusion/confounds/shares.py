"""How much of a view every confound explains, alone and beyond the others."""

# ruff: noqa: F722

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix
from fusion.confounds.basis import ConfoundBasis, independent_columns
from fusion.confounds.terms import Term
from fusion.parallel import one_blas_thread, tiled
from fusion.views.view import View

ROUNDING = 1e-7
"""Of a column's length: what other terms leave of it below this is rounding."""

TOGETHER = "all together"


@dataclass(frozen=True, slots=True)
class ConfoundShare:
    """What one term explains of a view.

    Attributes
    ----------
    term : str
        Its label; of all terms `TOGETHER`.
    df, df_beyond : int
        Independent columns of the term (of a product with the terms that it is made of), and of what the other terms
        leave of them.
    alone, beyond : float
        Shares of the view's variance, 0 to 1. By chance alone a share is df / (n - 1) on average.
    """

    term: str
    df: int
    alone: float
    df_beyond: int
    beyond: float


def confound_shares(
    view: View, columns: Mapping[Term, Float64[np.ndarray, "n_subjects _"]], *, scale: bool
) -> tuple[ConfoundShare, ...]:
    """Return the share of a view's variance that every term explains, and all of them together in the last place.

    The view is taken before anything is removed and with all its columns: the components that enter CCA are those of
    what is left. Shares beyond others are of type II: those of a term beyond all that are no product of it, so that
    they do not depend on where amounts have their zero or on which level is the first; a product alone is taken with
    the terms that it is made of, for the same reason.

    Parameters
    ----------
    view : View of shape (n_subjects, n_columns)
    columns : mapping of Term to float64 array of shape (n_subjects, n_columns_of_term)
        As `ConfoundDesign.by_term` gives them.
    scale : bool
        Whether all columns of the view count alike, as where the PCA scales them; else by their variance.

    References
    ----------
    Langsrud (2003), doi:10.1023/A:1023260610025.
    """
    if not columns:
        return ()
    bases: list[tuple[str, Matrix, Matrix]] = []
    with one_blas_thread():
        for term, own in columns.items():
            parts = [values for other, values in columns.items() if term.is_product and term.holds(other)]
            others = [values for other, values in columns.items() if other != term and not other.holds(term)]
            bases.append((term.label, _basis(np.hstack([own, *parts])), _rest(own, others)))
    axes = [*(part for _, *pair in bases for part in pair), _basis(np.hstack(list(columns.values())))]
    with tiled():
        explained = _weights(view, scale=scale) @ np.square(view.multiply_transposed(np.hstack(axes)))
    ends = np.cumsum([part.shape[1] for part in axes])
    *sums, taken = [float(part.sum()) for part in np.split(explained, ends[:-1])]
    rank = axes[-1].shape[1]
    return (
        *(
            ConfoundShare(label, alone.shape[1], sums[2 * k], beyond.shape[1], sums[2 * k + 1])
            for k, (label, alone, beyond) in enumerate(bases)
        ),
        ConfoundShare(TOGETHER, rank, taken, rank, taken),
    )


def _weights(view: View, *, scale: bool) -> Matrix:
    """What a unit of a column's sum of squares is of the whole; nothing for a column that is constant."""
    n = view.shape[0]
    moments = view.residual_moments(np.full((n, 1), 1 / np.sqrt(n)))
    tolerance = max(1e-20, (8 * float(np.finfo(view.dtype).eps)) ** 2)
    varies = moments.residual_squares > tolerance * n * moments.mean_square
    squares = np.where(varies, moments.residual_squares, 1.0)
    return np.where(varies, 1 / squares / varies.sum() if scale else 1 / squares[varies].sum(), 0.0)


def _basis(columns: Matrix) -> Matrix:
    """Orthonormal axes of the centred columns, [n_subjects, rank]."""
    return np.asarray(ConfoundBasis.of(columns)(columns)[:, 1:])


def _rest(own: Matrix, others: list[Matrix]) -> Matrix:
    """Orthonormal axes of what an intercept and other columns leave of these, [n_subjects, rank]."""
    table = np.hstack([np.zeros((len(own), 0)), *others])
    known = ConfoundBasis.of(table)(table)
    rest = own - own.mean(axis=0)
    sizes = np.linalg.norm(rest, axis=0)
    for _ in range(2):  # once more, since rounding of the first is as large as what nearly collinear columns leave
        rest = rest - known @ (known.T @ rest)
    rest = rest[:, np.linalg.norm(rest, axis=0) > ROUNDING * np.maximum(sizes, np.finfo(float).tiny)]
    kept = rest[:, independent_columns(rest, rest)] if rest.shape[1] else rest
    return np.asarray(np.linalg.qr(kept).Q)
