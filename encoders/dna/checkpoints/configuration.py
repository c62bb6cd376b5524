"""config.json and the other JSON files of a checkpoint: read, and held against what a network needs."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from encoders.errors import InputError


def read_json_object(path: Path) -> dict[str, Any]:
    """Contents of a JSON file.

    Raises
    ------
    InputError
        It is not JSON, or no object.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
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
    if not all(isinstance(size, int) and size > 0 for size in sizes.values()):
        raise InputError(f"The sizes of {name} must be positive whole numbers; got {dict(sizes)}.")


def check_transformer_sizes(sizes: Mapping[str, Any], name: str) -> None:
    """Raise InputError where no transformer can have these sizes, or heads would be of unequal width."""
    if min(sizes.values()) < 1 or sizes["hidden_size"] % sizes["num_attention_heads"]:
        raise InputError(
            f"The sizes of {name} must be positive, and hidden_size a multiple of num_attention_heads; got {sizes}."
        )
