"""Token models as encoders: batches of like lengths, padded on the right, pooled without special tokens."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from encoders.dna.buckets import make_buckets
from encoders.dna.hygiene import check_sequences
from encoders.dna.pooling import pool
from encoders.dna.protocol import EncoderSpec, Vectors
from encoders.errors import InputError

TOKEN_BUDGET = {"cpu": 1024, "cuda": 65_536}
"""Tokens of a batch, padding included; larger batches only lose time on a CPU."""


class HiddenStates(Protocol):
    """What the forward pass of a token model returns: token vectors of the embedding layer and of every layer."""

    @property
    def last_hidden_state(self) -> Tensor:
        """Those of the last layer, shape (n_sequences, n_tokens, hidden_dim)."""
        ...

    @property
    def hidden_states(self) -> tuple[Tensor, ...]:
        """Those of the embedding layer and of every layer."""
        ...


class TokenEncoder:
    """A token model as an encoder.

    Parameters
    ----------
    model : nn.Module
        Filled; called with input_ids and attention_mask, it returns `HiddenStates`.
    encode : callable
        From bases to token ids, the first and the last of which are special tokens.
    spec : EncoderSpec
        `layer` counts from the embedding layer, 0.
    pad_id : int
        Token id of padding.
    device : torch.device
        Where the model goes.
    """

    def __init__(
        self,
        model: nn.Module,
        encode: Callable[[str], np.ndarray[Any, np.dtype[np.int64]]],
        spec: EncoderSpec,
        *,
        pad_id: int,
        device: torch.device,
    ) -> None:
        self.model = model.train(False).requires_grad_(False).to(device)
        self.spec = spec
        self._encode = encode
        self._pad_id = pad_id
        self._device = device

    def embed(self, sequences: Sequence[str]) -> Vectors:
        """Pooled vectors of the layer that the spec names. See `SequenceEncoder.embed`."""
        tokens = [torch.from_numpy(self._encode(bases)) for bases in check_sequences(sequences, self.spec)]
        vectors = np.empty((len(tokens), self.spec.hidden_dim), dtype=np.float32)
        for batch in make_buckets([len(ids) for ids in tokens], TOKEN_BUDGET[self._device.type]):
            vectors[batch] = self._forward([tokens[index] for index in batch])
        return vectors

    @torch.inference_mode()
    def _forward(self, tokens: list[Tensor]) -> Vectors:
        lengths = torch.tensor([len(ids) for ids in tokens])[:, None]
        input_ids = nn.utils.rnn.pad_sequence(tokens, batch_first=True, padding_value=self._pad_id)
        position = torch.arange(input_ids.shape[1])
        is_base = (position > 0) & (position < lengths - 1)
        output: HiddenStates = self.model(
            input_ids.to(self._device), attention_mask=(position < lengths).long().to(self._device)
        )
        pooled = pool(output.hidden_states[self.spec.layer], is_base.to(self._device), self.spec.pooling)
        vectors: Vectors = pooled.cpu().numpy()
        return vectors


def read_device(device: str) -> torch.device:
    """Device of a name, "auto" being the GPU where there is one.

    Raises
    ------
    InputError
        There is no such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.split(":")[0] not in TOKEN_BUDGET or (device != "cpu" and not torch.cuda.is_available()):
        raise InputError(f"device must be 'auto', 'cpu' or, where there is a GPU, 'cuda'; got {device!r}.")
    return torch.device(device)


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


def parameters_sha256(model: nn.Module) -> str:
    """Digest of a model's parameters, for one that no file holds."""
    digest = hashlib.sha256()
    for key, parameter in sorted(model.state_dict().items()):
        digest.update(key.encode() + parameter.numpy().tobytes())
    return digest.hexdigest()
