"""Spec and label of a token model: whose weights it has, and what was asked of them."""

import hashlib
from collections.abc import Mapping
from typing import Any

from torch import nn

from encoders.dna.catalog import RANDOM_WEIGHTS
from encoders.dna.checkpoints.files import Checkpoint
from encoders.dna.protocol import EncoderSpec
from encoders.dna.registry import EncoderRequest
from encoders.errors import InputError


def checkpoint_weights(checkpoint: Checkpoint, license_name: str) -> dict[str, Any]:
    """What a spec says of weights out of a file."""
    return {
        "source": checkpoint.source,
        "revision": checkpoint.revision,
        "weights_sha256": checkpoint.weights_sha256,
        "license": license_name,
    }


def random_weights(model: nn.Module, tokenizer_source: str | None = None) -> dict[str, Any]:
    """What a spec says of weights that were drawn; the source is that of the tokenizer's files."""
    return {
        "source": tokenizer_source,
        "weights_sha256": parameters_sha256(model),
        "trained": False,
        "license": RANDOM_WEIGHTS,
    }


def parameters_sha256(model: nn.Module) -> str:
    """Digest of a model's parameters, for one that no file holds."""
    digest = hashlib.sha256()
    for key, parameter in sorted(model.state_dict().items()):
        digest.update(key.encode() + parameter.numpy().tobytes())
    return digest.hexdigest()


def check_no_checkpoint(request: EncoderRequest, *, takes_source: bool = False) -> None:
    """Refuse a checkpoint where random weights were asked for.

    Raises
    ------
    InputError
        A revision is set, or a source where it names no files of a tokenizer.
    """
    if request.revision is None and (takes_source or request.source is None):
        return
    which = "revision" if takes_source else "source and revision"
    raise InputError(f"{request.name} has random weights, so {which} must not be set.")


def make_spec(
    request: EncoderRequest,
    weights: Mapping[str, Any],
    settings: Mapping[str, object],
    *,
    n_layers: int,
    shown: str | None = None,
    **of_the_model: Any,
) -> EncoderSpec:
    """Spec of a token model, with a label that names what differs from the mean over the last layer.

    Parameters
    ----------
    request : EncoderRequest
        Gives name, pooling, layer and number format.
    weights : mapping
        As of `checkpoint_weights` or `random_weights`.
    settings : mapping
        What shapes the network; its values go into the options of the spec as text.
    n_layers : int
        Layers beside the embedding layer.
    shown : str or None
        Beginning of the label; None: the name asked for.
    **of_the_model
        Further fields of `EncoderSpec`.

    Raises
    ------
    InputError
        There is no such layer.
    """
    layer = read_layer(request.layer, n_layers, shown or request.name)
    label = shown or request.name.replace(":", " ")
    label += "" if request.pooling == "mean" else f" {request.pooling}"
    label += "" if layer == n_layers else f" layer {layer}"
    return EncoderSpec(
        name=request.name,
        label=label,
        pooling=request.pooling,
        layer=layer,
        dtype=request.dtype,
        options=tuple(sorted((key, str(value)) for key, value in settings.items())),
        **weights,
        **of_the_model,
    )


def read_layer(layer: int, n_layers: int, name: str) -> int:
    """Number of a layer, counted from the embedding layer, 0; negative ones count from the last, -1.

    Raises
    ------
    InputError
        There is no such layer.
    """
    if not -n_layers - 1 <= layer <= n_layers:
        raise InputError(f"{name} has layers 0 (embedding) to {n_layers}; got layer {layer}.")
    return layer % (n_layers + 1)
