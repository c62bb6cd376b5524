"""Two small towers for each of many pairs of views, as stacks of matrices that are multiplied together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

#: The learned temperature divides cosines by at least this, so that no exponential leaves float32.
LOWEST_TEMPERATURE = 1 / 30


@dataclass
class Tower:
    """Projector of one view: a linear map beside a hidden layer, then unit length.

    Attributes
    ----------
    into, shift, out, straight : Tensor
        Shapes [n_models, n_columns, hidden], [n_models, 1, hidden], [n_models, hidden, width] and [n_models, n_columns,
        width].
    """

    into: Tensor
    shift: Tensor
    out: Tensor
    straight: Tensor

    @classmethod
    def drawn(
        cls, n_models: int, n_columns: int, *, hidden: int, width: int, rng: np.random.Generator, device: torch.device
    ) -> Tower:
        """Weights at random, the same in every model and on every device."""

        def draw(*shape: int, scale: float) -> Tensor:
            values = (rng.standard_normal(shape) * scale).astype(np.float32)
            return torch.from_numpy(values).to(device).repeat(n_models, 1, 1)

        return cls(
            draw(n_columns, hidden, scale=n_columns**-0.5),
            draw(1, hidden, scale=0.5),
            draw(hidden, width, scale=hidden**-0.5),
            draw(n_columns, width, scale=n_columns**-0.5),
        )

    @property
    def weights(self) -> list[Tensor]:
        """What is learnt."""
        return [self.into, self.shift, self.out, self.straight]

    def __call__(self, rows: Tensor) -> Tensor:
        """Rows [n_models, n_rows, n_columns] as unit vectors [n_models, n_rows, width]."""
        return torch.nn.functional.normalize(self.project(rows), dim=-1)

    def project(self, rows: Tensor) -> Tensor:
        """The same before they are brought to unit length."""
        hidden = torch.relu(torch.baddbmm(self.shift, rows, self.into))
        return hidden @ self.out + rows @ self.straight


def info_nce(x: Tensor, y: Tensor, log_scale: Tensor) -> Tensor:
    """Symmetric InfoNCE of every model, [n_models]: each row's partner against all other rows, both ways.

    Parameters
    ----------
    x, y : Tensor, shape [n_models, n_rows, width]
        Unit vectors.
    log_scale : Tensor, shape [n_models, 1, 1]
        Logarithm of the inverse temperature.

    References
    ----------
    van den Oord, Li & Vinyals (2018), arXiv:1807.03748; both ways with a learned temperature: Radford et al. (2021),
    arXiv:2103.00020.
    """
    scale = log_scale.exp().clamp(max=1 / LOWEST_TEMPERATURE)
    logits = (x * scale) @ y.transpose(1, 2)
    powers = (logits - scale).exp()  # cosines are at most 1, so this is at most 1: one exponential serves both ways
    both = powers.sum(2).log() + powers.sum(1).log()
    own = logits.diagonal(dim1=1, dim2=2)
    return (both / 2 - own).mean(1) + scale[:, 0, 0]


def whitening(rows: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Mean and weights W that whiten rows, [n_models, 1, width] and [n_models, width, width].

    W' (C + ridge mean(diag C) I) W = I, C the covariance of the rows.
    """
    mean = rows.mean(1, keepdim=True)
    centred = rows - mean
    covariance = centred.transpose(1, 2) @ centred / (rows.shape[1] - 1)
    scale = covariance.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1e-12)
    unit = torch.eye(rows.shape[2], device=rows.device)
    factor = torch.linalg.cholesky(covariance + ridge * scale[:, None, None] * unit)
    weights = torch.linalg.solve_triangular(factor, unit.expand_as(factor), upper=False)
    return mean, weights.transpose(1, 2)


def cross_covariance(rows: tuple[Tensor, Tensor], whitened: tuple[tuple[Tensor, Tensor], ...]) -> Tensor:
    """Of two views' rows once both are whitened, [n_models, width, width]."""
    x, y = ((side - mean) @ weights for side, (mean, weights) in zip(rows, whitened, strict=True))
    return x.transpose(1, 2) @ y / (x.shape[1] - 1)


def total_correlation(x: Tensor, y: Tensor, ridge: float) -> Tensor:
    """Sum of the canonical correlations of every model's rows, [n_models], covariances with a ridge.

    References
    ----------
    Andrew, Arora, Bilmes & Livescu (2013), Proceedings of Machine Learning Research 28(3), 1247-1255.
    """
    found = cross_covariance((x, y), (whitening(x, ridge), whitening(y, ridge)))
    total: Tensor = torch.linalg.svdvals(found).sum(1)
    return total
