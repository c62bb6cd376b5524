"""Low-rank changes of a network's matrices (LoRA, https://arxiv.org/abs/2106.09685), by the library peft."""

from typing import Any

import torch
from torch import nn

from encoders.dna.networks.caduceus import CaduceusModel
from encoders.dna.networks.mosaic_bert import MosaicBert
from encoders.errors import InputError


def lora_targets(network: nn.Module) -> list[str]:
    """Names of the layers that are changed: those of attention, and of Caduceus those that choose and give out."""
    if isinstance(network, CaduceusModel):
        return ["x_proj", "out_proj"]  # in_proj is read as a matrix, not called, so that a change would not be seen
    if isinstance(network, MosaicBert):
        return ["Wqkv"]
    return ["query", "key", "value"]


def add_lora(network: nn.Module, *, rank: int, alpha: float, dropout: float, seed: int) -> nn.Module:
    """Put low-rank changes beside the layers of a network, in place; they alone learn.

    Parameters
    ----------
    network : nn.Module
        Learns.
    rank : int
        Rank of each change.
    alpha : float
        A change is scaled by ``alpha / rank``.
    dropout : float
        Share of inputs of a change that are left out.
    seed : int
        Draws one factor; the other is 0, so that nothing is changed at first.

    Raises
    ------
    InputError
        The rank is larger than a layer.
    """
    from peft import LoraConfig, inject_adapter_in_model

    smallest = min(
        min(module.weight.shape)
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and name.rpartition(".")[2] in lora_targets(network)
    )
    if rank > smallest:
        raise InputError(f"lora.rank must be at most {smallest}, the smallest side of a layer; got {rank}: lower it.")
    scale: Any = alpha  # the library divides it by the rank, whole number or not
    config = LoraConfig(r=rank, lora_alpha=scale, lora_dropout=dropout, target_modules=lora_targets(network))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        changed: nn.Module = inject_adapter_in_model(config, network)
    return changed


def merge_lora(network: nn.Module) -> nn.Module:
    """Add the changes to the matrices and take the adapters off, in place.

    Raises
    ------
    InputError
        A merged matrix would hold a value that is no number.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, BaseTunerLayer):
                try:
                    child.merge(safe_merge=True)
                except ValueError as error:
                    raise InputError(f"Low-rank changes must be numbers; those of {name} are not ({error}).") from error
                module.register_module(name, child.get_base_layer())
    return network
