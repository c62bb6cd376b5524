"""What moves of gene vectors do to canonical scores, through the weights of a fitted alignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fusion import FrozenAlignment
    from fusion.views.view import View


@dataclass(frozen=True, eq=False)
class ScoreEffects:
    """Of alleles on scores of unit variance.

    Attributes
    ----------
    effect : float64 [n_alleles, n_components]
        On the score, in its standard deviations, of one copy.
    share : float64 [n_alleles, n_components]
        Covariance of effect times copies with the score, over its variance; they sum to 1 where each copy of an allele
        does the same in everybody.
    weights : float64 [n_columns, n_components]
    """

    effect: np.ndarray
    share: np.ndarray
    weights: np.ndarray


def find_score_effects(
    model: FrozenAlignment,
    view: View,
    moves: np.ndarray,
    groups: np.ndarray,
    copies: np.ndarray,
    *,
    confounds: np.ndarray | None,
    n_components: int,
) -> ScoreEffects:
    """Effects of moves in single groups of columns, such as genes.

    Parameters
    ----------
    model : FrozenAlignment
        Fitted to `view`.
    view : View
        Its columns stand in groups of one width.
    moves : float64 [n_alleles, width]
        Of one copy.
    groups : int64 [n_alleles]
        The group that each moves in.
    copies : float64 [n_subjects, n_alleles]
    confounds : float64 [n_subjects, n_confounds], optional
        Removed from the scores.
    n_components : int
        Leading components, of those there are.
    """
    weights = model.x_weights[:, :n_components]
    scores = view.multiply(weights)
    columns = np.ones((len(scores), 1)) if confounds is None else np.column_stack([np.ones(len(scores)), confounds])
    basis, triangle = np.linalg.qr(columns)
    basis = basis[:, np.abs(np.diag(triangle)) > 1e-9 * np.abs(triangle).max()]
    scores = scores - basis @ (basis.T @ scores)
    by_group = weights.reshape(-1, moves.shape[1], weights.shape[1])
    effect = np.einsum("ah,ahk->ak", moves, by_group[groups])
    variance = (scores**2).sum(axis=0)
    covariance = effect * (copies.T @ scores)
    share = np.divide(covariance, variance, out=np.zeros_like(covariance), where=variance > 0)
    return ScoreEffects(effect, share, weights)


def order_shares(share: np.ndarray, is_told: np.ndarray) -> np.ndarray:
    """The largest share first, whatever its sign; equal ones in their order, int64 [n_told].

    Parameters
    ----------
    share : float64 [n_alleles]
    is_told : bool [n_alleles]
        Others are left out.
    """
    told = np.flatnonzero(is_told)
    return np.asarray(told[np.argsort(-np.abs(share[told]).round(12), kind="stable")])
