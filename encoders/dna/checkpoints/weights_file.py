"""A file of weights as tensors by name: what wraps them is taken off, what is no weights is named. Nothing is executed.

Trainers save more than weights, and wrap their names: a Lightning checkpoint holds them under ``state_dict``, DeepSpeed
under ``module``; DistributedDataParallel, FSDP and torch.compile each put a word into every name.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from encoders.claims import check_zip
from encoders.dna.checkpoints.pointers import refuse_pointer
from encoders.errors import InputError

_CONTAINERS = ("state_dict", "model_state_dict", "model", "module", "weights", "net", "network")
"""Under which trainers save the weights beside the state of training."""

_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""Words of the wrappers, which may stand anywhere in a name."""

_ADAPTERS = re.compile(
    r"(?:^|\.)(?:lora_|ia3_|vera_|hada_|lokr_|oft_|modules_to_save\.|original_module\.|base_layer\.|prompt_enc)"
)
_CLASS = re.compile(r"(?:GLOBAL|[Cc]lass|[Uu]nsupported global:) ([\w.]+\.\w+)")
_OF_THE_LIBRARY = re.compile(r"weights_only|trusted source|torch\.load")
"""What torch says of files with objects: its advice is to execute them."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a weights file by name, on the CPU, wrappers taken off.

    Raises
    ------
    InputError
        The file is damaged, a pointer to another, holds anything but tensors by name, or an adapter beside the weights.
    """
    refuse_pointer(path)
    weights = _unwrap(_find_tensors(_load(path), path), path)
    adapter = next((key for key in weights if _ADAPTERS.search(key)), None)
    if adapter is not None:
        raise InputError(
            f"Weights must be those of one network; {path} holds an adapter beside them ({adapter}) as of PEFT: merge "
            "it (merge_and_unload of PeftModel), save the model and give that folder."
        )
    return weights


def _load(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        check_zip(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except Exception as error:  # damage may break either library anywhere: there is no narrower class
        raise InputError(f"The weights file {path} cannot be read: {_why(error)}") from error


def _why(error: Exception) -> str:
    text = str(error)
    found = _CLASS.search(text)
    if found is not None:
        return (
            f"it holds more than tensors (an object of {found[1]}), which is never executed. Save the tensors alone: "
            "torch.save(model.state_dict(), path)."
        )
    said = next((line for line in text.splitlines() if line.strip() and not _OF_THE_LIBRARY.search(line)), "")
    shown = said.strip() or type(error).__name__
    return f"it is damaged or holds more than tensors ({shown[:200]}). Download it again."


def _find_tensors(content: Any, path: Path) -> dict[str, Tensor]:
    """The one dictionary of tensors in what a file holds."""
    while isinstance(content, Mapping) and not all(isinstance(value, Tensor) for value in content.values()):
        inside = [name for name in _CONTAINERS if _holds_tensors(content.get(name))]
        if len(inside) > 1:
            raise InputError(
                f"{path} holds several sets of weights, {', '.join(inside)}: save the one to be used alone."
            )
        if not inside:
            name = next(name for name, value in content.items() if not isinstance(value, Tensor))
            raise InputError(
                f"A weights file holds tensors by name; {path} has {name!r} of {type(content[name]).__name__}: "
                "save model.state_dict() alone."
            )
        content = content[inside[0]]
    if not isinstance(content, Mapping):
        what = "one tensor" if isinstance(content, Tensor) else f"an object of {type(content).__name__}"
        raise InputError(f"A weights file holds tensors by name; {path} holds {what}: save model.state_dict().")
    if not content or not all(isinstance(name, str) for name in content):
        what = "no tensor" if not content else "tensors without names"
        raise InputError(f"A weights file holds tensors by name; {path} holds {what}: save model.state_dict().")
    return dict(content)


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(one, Tensor | Mapping) for one in value.values())


def _unwrap(weights: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    unwrapped: dict[str, Tensor] = {}
    for key, tensor in weights.items():
        name = ".".join(word for word in key.split(".") if word not in _WRAPPERS)
        if name in unwrapped:
            raise InputError(f"{path} holds {name} twice, once as {key}: which of the two is meant is open.")
        unwrapped[name] = tensor
    return unwrapped
