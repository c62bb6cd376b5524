"""Untrained twins: the network of a trained arm, of the same sizes, with random weights."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from analyses.config.encoder import PRECOMPUTED, EncoderConfig, Options

UNTRAINED = "untrained:"
UNTRAINED_SOURCE = "untrained"


def is_trained(config: EncoderConfig) -> bool:
    """Whether an arm has weights that were trained."""
    is_network = config.encoder != PRECOMPUTED and not config.encoder.startswith(UNTRAINED)
    return is_network and config.source not in (None, UNTRAINED_SOURCE)


def make_twin(config: EncoderConfig) -> EncoderConfig:
    """The same network with random weights: of the sizes that ``untrained:`` gives, else of those of the checkpoint."""
    given = {key: value for key, value in config.untrained.items() if key != "seed"}
    kept = {key: value for key, value in config.options.items() if key != "accept_license"}  # of weights
    options: Options = {**kept, "seed": config.untrained.get("seed", 0), **(given or _sizes(config))}
    # byte pairs are the checkpoint's; other tokenizers are made
    source = config.source if config.encoder == "dnabert2" and Path(str(config.source)).is_dir() else None
    changes = {"name": f"untr-{config.name}", "encoder": f"{UNTRAINED}{config.encoder}", "source": source}
    return config.model_copy(update=changes | {"revision": None, "options": options})


def _sizes(config: EncoderConfig) -> Options:
    """Sizes of a checkpoint in a folder that its untrained twin can be told; none where they are not known."""
    from encoders.dna.catalog import CARDS
    from encoders.dna.checkpoints.configuration import read_json_object

    path = Path(str(config.source)) / "config.json"
    if config.encoder not in CARDS or not path.is_file():
        return {}
    module = import_module(f"encoders.dna.models.{CARDS[config.encoder].module}")
    known: dict[str, int] = getattr(module, "BASE_SIZES", None) or getattr(module, "PUBLISHED_SIZES", {})
    read = read_json_object(path)
    nested = read.get("ssm_cfg")  # Caduceus keeps sizes of its mixers there
    every: dict[str, Any] = {**(nested if isinstance(nested, dict) else {}), **read}
    told = {key: every.get(key) for key in known}
    return {key: value for key, value in told.items() if isinstance(value, int)}
