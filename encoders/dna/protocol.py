"""What an encoder is: a frozen description of its vectors, and one method."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

FORMAT_VERSION = 1
"""Raised when the code changes the vectors of an unchanged setting, so that no old vector is taken for a new one."""

RcMode = Literal["forward", "average", "equivariant", "invariant"]

Vectors = Float32[np.ndarray, "n_sequences hidden_dim"]


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """Everything that decides the vectors of an encoder, and the words to show for it.

    Attributes
    ----------
    name, family, label : str
        Registry name, model family, and the short name shown in tables and figures.
    hidden_dim : int
        Length of a vector.
    source, revision : str or None
        Where the weights were found: a folder or a hub id, and the hub commit.
    weights_sha256 : str or None
        SHA-256 of the weights file; of the generated parameters for an untrained model; None without weights.
    tokenizer_version : str
        Version of the rule that turns bases into tokens.
    pooling : str
        How token vectors become one vector.
    layer : int
        Layer that is pooled: 0 is the embedding layer, n the output of the n-th block.
    rc_mode : {"forward", "average", "equivariant", "invariant"}
        "forward" reads the sequence as given; under the other three a sequence and its reverse complement have
        one vector.
    dtype : str
        Number format of the computation.
    max_bp, min_bp : int or None, int
        Longest (None: no limit) and shortest sequence that is read, in base pairs.
    trained : bool
        False for a control with random weights.
    license : str
        Licence of the weights.
    options : tuple of (str, str)
        Further settings that decide the vectors, sorted by name.
    """

    name: str
    family: str
    label: str
    hidden_dim: int
    tokenizer_version: str
    min_bp: int
    max_bp: int | None = None
    source: str | None = None
    revision: str | None = None
    weights_sha256: str | None = None
    pooling: str = "mean"
    layer: int = 0
    rc_mode: RcMode = "forward"
    dtype: str = "float32"
    trained: bool = True
    license: str = "not applicable: no weights"
    options: tuple[tuple[str, str], ...] = ()

    @property
    def fingerprint(self) -> str:
        """32 hex digits over all that decides the vectors; the words shown and, for weights whose digest is known,
        the place they were found at do not."""
        settings = self.to_dict() | {"format_version": FORMAT_VERSION}
        del settings["label"], settings["license"]
        if self.weights_sha256 is not None:
            del settings["source"]
        text = json.dumps(settings, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def reads_both_strands(self) -> bool:
        """Whether a sequence and its reverse complement have one vector."""
        return self.rc_mode != "forward"

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return asdict(self) | {"options": dict(self.options)}


@runtime_checkable
class SequenceEncoder(Protocol):
    """Anything with these two names is an encoder; nothing needs to be inherited."""

    @property
    def spec(self) -> EncoderSpec:
        """Description of the vectors."""
        ...

    def embed(self, sequences: Sequence[str]) -> Vectors:
        """One vector per sequence, in the order given.

        Raises
        ------
        InputError
            A sequence is empty, shorter than ``spec.min_bp`` or longer than ``spec.max_bp`` (nothing is ever
            truncated), holds a letter that is no base, or can mostly not be read (N).
        """
        ...
