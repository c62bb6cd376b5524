"""Weights of an untrained network of BERT's family, from a seed."""

import torch
from torch import nn

INITIAL_SD = 0.02


def draw_weights(model: nn.Module, seed: int) -> None:
    """Draw the weights as BERT does before its training: normal, biases 0; the same seed, the same weights."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=INITIAL_SD, generator=generator)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
