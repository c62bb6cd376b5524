"""Gradient checkpointing (https://arxiv.org/abs/1604.06174): layers are computed again for gradients, not kept."""

from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from encoders.dna.networks.caduceus import CaduceusModel
from encoders.errors import InputError


def checkpoint_layers(network: nn.Module) -> None:
    """Make the layers of a network forget, in place; what they give, and their gradients, stay the same."""
    for layer in layers_of(network):
        plain = layer.forward
        layer.forward = partial(_again, plain)


def _again(plain: Any, *inputs: Any, **settings: Any) -> Any:
    return checkpoint(plain, *inputs, use_reentrant=False, **settings)


def layers_of(network: nn.Module) -> list[nn.Module]:
    """Layers of a network that learns.

    Raises
    ------
    InputError
        It is none that is trained here.
    """
    of_network: Any = network
    if isinstance(network, CaduceusModel):
        return list(network.layers)
    encoder = getattr(of_network, "encoder", None)
    layers: Any = encoder["layer"] if isinstance(encoder, nn.ModuleDict) else getattr(encoder, "layer", None)
    if layers is None:
        raise InputError(f"Gradient checkpointing knows the networks trained here; {type(network).__name__} is none.")
    return list(layers)
