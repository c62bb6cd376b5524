"""The section about one arm: a registered encoder and its settings."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from analyses.config.names import Name
from analyses.config.section import Section

Options = dict[str, bool | int | float | str]

PRECOMPUTED = "precomputed"
"""Vectors that were made elsewhere take the place of an encoder."""


def _first_seed() -> Options:
    return {"seed": 0}


class EncoderConfig(Section):
    """One arm: a registered encoder and its settings.

    ``encoder: precomputed`` takes vectors that exist, one file or folder a gene under ``source``. ``source: untrained``
    asks for the same network with random weights; ``untrained`` then says its seed and size, and
    is without effect once ``source`` names a checkpoint.
    """

    name: Name
    """Name of the arm, in tables, figures and folders."""
    encoder: str
    """Registered encoder (`genebrain encoders` lists them), or precomputed for vectors that exist."""
    source: str | None = None
    """Checkpoint: a folder, a hub id (read from the cache, else downloaded), or untrained for random weights; for
    precomputed the folder of vectors."""
    revision: str | None = None
    """Commit of a hub checkpoint."""
    rc: Literal["forward", "average", "equivariant"] = "forward"
    """How two strands are read: forward alone, the average of both, or equivariant for networks that are so by
    construction."""
    pooling: Literal["mean", "cls", "max"] = "mean"
    """How tokens become a window's vector: mean over tokens, the cls token, or max."""
    layer: int = -1
    """Hidden layer the vectors are taken from; -1 is the last."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the network; bfloat16 is faster where the processor or GPU has it, and less exact."""
    options: Options = Field(default_factory=dict)
    """Settings of the encoder itself, such as k of a k-mer spectrum."""
    untrained: Options = Field(default_factory=_first_seed)
    """Seed and size of a network with random weights (source: untrained)."""

    @field_validator("name")
    @classmethod
    def _usable_as_folder(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", value):
            raise ValueError("must consist of letters, digits, '.' and '-' (it names a folder)")
        return value
