"""Deep CCA: two towers whose outputs correlate as much as they can, for many permutations at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from analyses.alignment.contrastive import ContrastiveMethod, Pair
from analyses.alignment.towers import Tower, cross_covariance, total_correlation, whitening


@dataclass(frozen=True)
class DeepCCAMethod(ContrastiveMethod):
    """Deep CCA of frozen vectors; trained as the contrastive towers are, which say what the other attributes mean.

    The loss is the negative sum of the canonical correlations of a batch. The epoch is the one in which rows that
    nothing is fitted to agree most: whitened as the fitted rows are, their cross-covariance is held against that of the
    fitted ones (as in the held-out trace), since correlations of few rows by themselves are large without any link.

    Attributes
    ----------
    width : int
        Fewer than of contrastive towers: every dimension is whitened.
    ridge : float
        Added to covariances, as a share of their mean variance.

    References
    ----------
    Andrew, Arora, Bilmes & Livescu (2013), Proceedings of Machine Learning Research 28(3), 1247-1255.
    """

    width: int = 4
    ridge: float = 0.1

    def told(self, tower: Tower, rows: Tensor) -> Tensor:
        """What a tower says of rows, of any length."""
        return tower.project(rows)

    def loss(self, x: Tensor, y: Tensor, log_scale: Tensor) -> Tensor:
        """Negative total correlation."""
        return -total_correlation(x, y, self.ridge)

    def judge(self, fitted: Pair, judged: Pair, log_scale: Tensor) -> Tensor:
        """Negative agreement of the cross-covariances of fitted and other rows, whitened as the fitted ones are."""
        whitened = tuple(whitening(side, self.ridge) for side in fitted)
        known, new = (cross_covariance(pair, whitened) for pair in (fitted, judged))
        agreement: Tensor = torch.einsum("mij,mij->m", known, new)
        return -agreement
