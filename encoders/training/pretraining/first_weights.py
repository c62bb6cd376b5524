"""Random weights from which a narrow BERT leaves the plateau of its first steps sooner.

BERT tells words by their frequency alone until heads have found the neighbours of a mask. Drawn as published, with a
standard deviation of 0.02 made for a width of 768, the queries and keys of a narrow network have products near 0, and
their gradients lie below the epsilon of AdamW; and positions, drawn one by one, do not say that two are neighbours.
"""

import math

import torch
from torch import Tensor, nn

from encoders.training.pretraining.heads import MaskedLanguageModel, embedding_of

PUBLISHED_WIDTH = 768
WAVES = 2.0
"""Size of positions beside that of words: heads see the place first."""


def begin_to_learn(model: MaskedLanguageModel) -> None:
    """Scale the random weights of a BERT with absolute positions by its width, and make its positions waves, in place.

    Products then have the size that they have at the published width, where nothing but the positions changes. The
    layout stays the same, and positions are learnt on as all weights are.

    References
    ----------
    Waves: Vaswani et al. 2017, doi:10.48550/arXiv.1706.03762.
    """
    width = embedding_of(model.network).weight.shape[1]
    scale = math.sqrt(PUBLISHED_WIDTH / width)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                module.weight *= scale
        positions: Tensor = model.network.embeddings.position_embeddings.weight  # type: ignore[union-attr, assignment]
        sd = float(embedding_of(model.network).weight.std())
        positions.copy_(WAVES * sd * position_waves(*positions.shape))


def position_waves(n_positions: int, width: int) -> Tensor:
    """Sines and cosines of unit variance, of 2 positions to all of them a wave, shape (n_positions, width)."""
    n_waves = -(-width // 2)
    frequency = math.pi * float(n_positions) ** (-torch.arange(n_waves) / n_waves)
    angle = torch.arange(n_positions)[:, None] * frequency
    return math.sqrt(2) * torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :width]
