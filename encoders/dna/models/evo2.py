"""Evo 2 (https://doi.org/10.1101/2025.02.18.638918) by the user's own installation of the package `evo2`.

This is an adapter and nothing else: the network, its weights and its CUDA kernels are those of that package
(Apache-2.0), which needs an NVIDIA GPU. It was written from the documented call of the package, ``model(input_ids,
return_embeddings=True, layer_names=[...])`` and ``model.tokenizer.tokenize(sequence)``, and was not run against it:
check the first vectors of a new installation against the package's own before a study relies on them.

One token per base, causal; the vector is the mean over bases of a named inner layer, by default the one that its
authors recommend. Sequences are read one at a time, so nothing is ever padded.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from encoders.dna.protocol import EncoderSpec, Vectors
from encoders.dna.registry import EncoderRequest, register_encoder
from encoders.dna.sequence_check import check_sequences
from encoders.errors import InputError

DEFAULT_MODEL = "evo2_7b"
DEFAULT_LAYER = "blocks.28.mlp.l3"
MAX_TOKENS = 8192
"""Default of the option max_tokens: a bound on memory; the long-context models read more."""

_PROBE = "ACGT"


class Evo2Encoder:
    """A loaded Evo 2 as an encoder.

    Parameters
    ----------
    model : callable
        With the documented call of ``evo2.Evo2`` and its ``tokenizer.tokenize``.
    model_name, layer_name : str
        Name of the model, and of the layer whose vectors are pooled.
    source : str or None
        File of the weights, where it is not the package that found them.
    max_tokens : int
        Longest sequence, in base pairs.
    device : str
        Where token ids go.
    """

    def __init__(
        self,
        model: Any,
        model_name: str = DEFAULT_MODEL,
        layer_name: str = DEFAULT_LAYER,
        *,
        source: str | None = None,
        max_tokens: int = MAX_TOKENS,
        device: str = "cuda:0",
    ) -> None:
        self._model, self._layer_name, self._device = model, layer_name, device
        self.spec = EncoderSpec(
            name="evo2",
            family="Evo 2",
            label=f"{model_name} {layer_name}",
            hidden_dim=self._token_vectors(_PROBE).shape[-1],
            tokenizer_version="evo2-package-1",
            min_bp=1,
            max_bp=max_tokens,
            source=source or f"the package evo2: {model_name}",
            dtype="that of the package",
            license="Apache-2.0",
            options=(("layer_name", layer_name), ("model", model_name)),
        )

    def embed(self, sequences: Sequence[str]) -> Vectors:
        """Mean over bases of the named layer. See `SequenceEncoder.embed`."""
        vectors = np.empty((len(sequences), self.spec.hidden_dim), dtype=np.float32)
        for row, bases in enumerate(check_sequences(sequences, self.spec)):
            vectors[row] = self._token_vectors(bases).mean(axis=0)
        return vectors

    @torch.inference_mode()
    def _token_vectors(self, bases: str) -> np.ndarray:
        """Vectors of the layer, float32, shape (n_bases, hidden_dim)."""
        ids = torch.tensor(self._model.tokenizer.tokenize(bases), dtype=torch.int)[None].to(self._device)
        _, layers = self._model(ids, return_embeddings=True, layer_names=[self._layer_name])
        if self._layer_name not in layers:
            raise InputError(f"Evo 2 returned no layer {self._layer_name!r}; set the option layer_name to one it has.")
        found = layers[self._layer_name].float().cpu().numpy()
        if found.shape[:2] != (1, len(bases)):
            raise InputError(
                f"Evo 2 must return one vector per base, shape (1, {len(bases)}, hidden_dim); got {found.shape}. This "
                "release of the package evo2 is not the documented one."
            )
        vectors: np.ndarray = found[0]
        return vectors


@register_encoder("evo2")
def load_evo2(request: EncoderRequest) -> Evo2Encoder:
    """Builder of the registry; options are ``model``, ``layer_name`` and ``max_tokens``, `source` a file of weights."""
    words, request = request.take_texts({"model": DEFAULT_MODEL, "layer_name": DEFAULT_LAYER})
    max_tokens = request.read_options({"max_tokens": MAX_TOKENS})["max_tokens"]
    only = EncoderRequest(request.name)
    for setting in ("revision", "pooling", "layer", "dtype"):
        value, allowed = getattr(request, setting), getattr(only, setting)
        if value != allowed:
            raise InputError(
                f"evo2 pools the mean of the option layer_name as its package computes it: {setting} must be "
                f"{allowed!r}; got {value!r}."
            )
    if request.source is not None and not Path(request.source).expanduser().is_file():
        raise InputError(f"The source of evo2 is a file of weights of its package; there is no {request.source}.")
    if find_spec("evo2") is None:
        raise InputError("evo2 needs its own package, which is not installed: pip install evo2 (NVIDIA GPU needed).")
    if not torch.cuda.is_available() or request.device == "cpu":
        raise InputError(f"evo2 needs an NVIDIA GPU; device {request.device!r} gives none here.")
    path = None if request.source is None else str(Path(request.source).expanduser())
    model = import_module("evo2").Evo2(words["model"], local_path=path)
    device = "cuda:0" if request.device in ("auto", "cuda") else request.device
    return Evo2Encoder(
        model, str(words["model"]), str(words["layer_name"]), source=path, max_tokens=max_tokens, device=device
    )
