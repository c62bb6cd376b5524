"""Weights into a network: found under whatever names a file has them, and every one accounted for.

A network inside another is known by the name of its embedding: what stands before it there stands before all its keys.
What lies beside the network is a head; it is named and left out.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch

import torch
from torch import Tensor, nn

from encoders.errors import InputError

_PRETRAINING_HEADS = ("cls.*", "lm_head.*", "head.*", "decoder.*", "pooler.*", "contact_head.*", "*.lm_head.*")
"""Published with a network and never meant for its vectors, so nothing is said of them."""

_HEAD = re.compile(
    r"(?:\w+_)?(?:cls|classif\w*|heads?\d*|scores?|pooler|decoder|predictions?|predictor|regress\w*|fc\d*|linear\d*|mlp|"
    r"dense\d*|proj\w*|out\w*|qa\w*|dropout|loss\w*|criterion|metrics?|logits?)"
)
"""What people call what they train on top of a network; any other key beside it is refused, as it may be part of it."""

_READ_AS_FLOAT = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
_LOG = logging.getLogger(__name__)


def published_names(weights: Mapping[str, Tensor], *, embedding: str | Sequence[str], prefix: str) -> dict[str, Tensor]:
    """Weights under the names that published files have: `prefix` before the network's keys, nothing before the heads'.

    Parameters
    ----------
    weights : mapping of str to Tensor
        Contents of a file.
    embedding : str or sequence of str
        Key of the network's embedding; of several, the file has one.
    prefix : str
        What published files write before each of the network's keys.

    Raises
    ------
    InputError
        The file holds the network twice.
    """
    sought = [embedding] if isinstance(embedding, str) else list(embedding)
    found = {key.removesuffix(name) for key in weights for name in sought if key == name or key.endswith(f".{name}")}
    if len(found) > 1:
        places = " and ".join(repr(place) for place in sorted(found))
        raise InputError(
            f"Every key must be known, and a file hold one network; this one holds it twice, under {places}: save the "
            "one to be used alone."
        )
    if not found:
        return dict(weights)  # what is missing is named where the network is filled
    (before,) = found
    outer = before.removesuffix(prefix)
    if before.endswith(prefix):
        named = {key.removeprefix(outer): tensor for key, tensor in weights.items()}
    else:
        named = {_of_network(key, before, prefix): tensor for key, tensor in weights.items()}
    if len(named) < len(weights):
        raise InputError(
            f"Every key must be known; this file holds some twice, with {before or prefix!r} before them and without: "
            "which of the two is meant is open."
        )
    return named


def _of_network(key: str, before: str, prefix: str) -> str:
    is_head = _is_head(key, prefix) if before == "" else not key.startswith(before)
    return key if is_head else prefix + key.removeprefix(before)


def fill_strictly(model: nn.Module, weights: Mapping[str, Tensor], *, prefix: str, unused: Sequence[str]) -> None:
    """Fill every parameter of a model from a file, or refuse.

    Parameters
    ----------
    model : nn.Module
        Filled in place.
    weights : mapping of str to Tensor
        Contents of the file, under `published_names`.
    prefix : str
        What stands before each of the model's keys.
    unused : sequence of str
        Patterns of keys, without the prefix, that the file may hold and the model does not need.

    Raises
    ------
    InputError
        A key is missing, is neither the model's nor a head's nor declared unused, has another shape, or holds no
        numbers of the kind that is needed; it is named.
    """
    parameters = model.state_dict()
    _refuse("lacks", [prefix + key for key in parameters if prefix + key not in weights])
    beside = [key for key in weights if key.removeprefix(prefix) not in parameters]
    _refuse("has, beside the same with another beginning,", [key for key in parameters if prefix and key in weights])
    heads = [key for key in beside if not key.startswith(prefix) and _is_head(key, prefix)]
    unknown = [key for key in beside if key not in heads and not _is_declared(key.removeprefix(prefix), unused)]
    _refuse("has, unknown to the model,", unknown)
    for key, parameter in parameters.items():
        given = weights[prefix + key]
        if given.shape != parameter.shape:
            found, needed = tuple(given.shape), tuple(parameter.shape)
            _refuse(f"has, in shape {found} where config.json means {needed},", [prefix + key])
        _check_numbers(prefix + key, given, parameter)
    _name_heads(heads)
    model.load_state_dict({key: weights[prefix + key] for key in parameters})


def _is_declared(key: str, unused: Sequence[str]) -> bool:
    return any(fnmatch(key, pattern) for pattern in unused)


def _is_head(key: str, prefix: str) -> bool:
    """Whether a key outside the network is a head's; one beside the network in what wraps it counts as well."""
    words, outer = key.split("."), prefix.split(".")[:-1]
    while outer and len(words) > 1 and words[0] == outer[0]:
        words, outer = words[1:], outer[1:]
    return len(words) > 1 and _HEAD.fullmatch(words[0]) is not None


def _check_numbers(key: str, given: Tensor, parameter: Tensor) -> None:
    """Integers and 8-bit floats are quantized weights, which are nothing without their scales."""
    is_float = parameter.dtype.is_floating_point
    if is_float != (given.dtype in _READ_AS_FLOAT) or given.dtype.is_complex or given.is_meta:
        needed = "floating-point numbers" if is_float else "whole numbers"
        raise InputError(
            f"Weights must be {needed} of the network itself; {key} is {str(given.dtype).removeprefix('torch.')}, as "
            "quantized or damaged weights are: give the weights before quantization."
        )


def _name_heads(keys: Sequence[str]) -> None:
    """Say which heads are left out, those of pretraining excepted."""
    heads = [key for key in keys if not _is_declared(key, _PRETRAINING_HEADS)]
    if heads:
        names = ", ".join(dict.fromkeys(key.partition(".")[0] for key in heads))
        _LOG.warning("left out: %s (%d tensors), beside the network; vectors are the network's.", names, len(heads))


def _refuse(what: str, keys: Sequence[str]) -> None:
    if keys:
        others = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        raise InputError(
            f"Every weight must come from the file, and every key of the file must be known; this one {what} "
            f"{keys[0]}{others}. It is not a checkpoint of this model."
        )


def check_sizes_in_file(sizes: Mapping[str, object], weights: Mapping[str, Tensor], source: str) -> None:
    """Refuse sizes of a network that no tensor of its file has, before memory is asked for.

    Raises
    ------
    InputError
        A size is larger than every dimension of every tensor, and than the number of tensors.
    """
    largest = max((max(tensor.shape, default=0) for tensor in weights.values()), default=0)
    most = max(largest, len(weights))
    for name, size in sizes.items():
        if isinstance(size, int) and size > most:
            raise InputError(
                f"config.json of {source} has {name} {size}, and no tensor of its weights is that large: they belong "
                "to different models."
            )
