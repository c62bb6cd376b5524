"""config.json and the other JSON files of a checkpoint: read, and held against what a network needs."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from encoders.dna.checkpoints.pointers import refuse_pointer
from encoders.errors import InputError

_LARGEST = 1e300
"""No setting of a network is near it, and whole numbers beyond are no floats."""


def read_json_object(path: Path) -> dict[str, Any]:
    """Contents of a JSON file.

    Raises
    ------
    InputError
        It is not JSON, or no object.
    """
    refuse_pointer(path)
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:  # no JSON, no text, numbers or brackets without end
        raise InputError(f"{path} is not JSON ({error}); download it again.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold one JSON object; got {type(content).__name__}.")
    return content


def check_keys(config: Mapping[str, Any], needed: Iterable[str], source: str, family: str) -> None:
    """Raise InputError where config.json lacks a key that shapes the networks of a family."""
    missing = [key for key in needed if key not in config]
    if missing:
        raise InputError(f"config.json of {source} lacks {', '.join(missing)}; it is not one of {family}.")


def check_whole_sizes(sizes: Mapping[str, Any], name: str) -> None:
    """Raise InputError where a size of a network is no positive whole number."""
    if not all(_is_size(size) for size in sizes.values()):
        raise InputError(f"The sizes of {name} must be positive whole numbers; got {dict(sizes)}.")


def check_numbers(values: Mapping[str, Any], name: str) -> None:
    """Raise InputError where a setting of a network is no finite number above 0."""
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LARGEST:
            raise InputError(f"{key} of {name} must be a number above 0; got {value!r}.")


def check_switches(values: Mapping[str, Any], name: str) -> None:
    """Raise InputError where a setting of a network that is on or off is neither."""
    for key, value in values.items():
        if not isinstance(value, bool):
            raise InputError(f"{key} of {name} must be true or false; got {value!r}.")


def check_transformer_sizes(sizes: Mapping[str, Any], name: str) -> None:
    """Raise InputError where no transformer can have these sizes, or heads would be of unequal width."""
    if not all(_is_size(size) for size in sizes.values()) or sizes["hidden_size"] % sizes["num_attention_heads"]:
        raise InputError(
            f"The sizes of {name} must be positive, and hidden_size a multiple of num_attention_heads; got {sizes}."
        )


def check_transformer_memory(sizes: Mapping[str, Any], name: str) -> None:
    """As `check_memory`, of a transformer; sizes that a file claims are first held against its tensors."""
    width, inner = sizes["hidden_size"], sizes["intermediate_size"]
    check_memory(sizes["num_hidden_layers"] * (4 * width**2 + 2 * width * inner), sizes, name)


def check_memory(n_weights: int, sizes: Mapping[str, Any], name: str) -> None:
    """Raise InputError where the weights of a network are more than the machine holds, before any is made.

    Parameters
    ----------
    n_weights : int
        Of its layers, 4 bytes each.
    sizes : mapping
        What they follow from.
    """
    held = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if 4 * n_weights > held:
        raise InputError(
            f"The weights of {name} must fit into the memory, {held / 2**30:,.0f} GB here; those of {dict(sizes)} take "
            f"{4 * n_weights // 2**30:,} GB: lower the sizes."
        )


def _is_size(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size > 0
