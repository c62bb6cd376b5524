"""Token models as encoders: batches of like lengths, padded on the right, pooled without special tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from encoders.dna.batching import make_buckets
from encoders.dna.networks.linears import read_dtype, use_fast_linears
from encoders.dna.networks.product_libraries import runtime
from encoders.dna.protocol import EncoderSpec, Vectors
from encoders.dna.reverse_complement import canonical_strand
from encoders.dna.sequence_check import check_sequences
from encoders.dna.token_models.long_sequences import Window, WindowPlan, stitch
from encoders.dna.token_models.pooling import pool
from encoders.errors import InputError

TOKEN_BUDGET = {"cpu": 1024, "cuda": 65_536}
"""Tokens of a batch, padding included; larger batches only lose time on a CPU."""

BATCH_BP = {"cpu": 16_384, "cuda": 1_048_576}
"""Base pairs that are best handed over at once: enough for several batches of like lengths."""


@runtime_checkable
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


@dataclass(frozen=True, slots=True)
class Part:
    """What one row of a batch reads: token ids, special ones included, and which of them count."""

    ids: Tensor
    first: int
    last: int


class TokenEncoder:
    """A token model as an encoder.

    Parameters
    ----------
    model : nn.Module
        Filled; called with input_ids and attention_mask, it returns `HiddenStates`. Where it has a method
        ``layer_state(input_ids, attention_mask, layer)``, that is called for the vectors of one layer. Its linear
        layers are replaced by fast ones in the number format of the spec.
    encode : callable
        From bases to token ids, special tokens included.
    spec : EncoderSpec
        `layer` counts from the embedding layer, 0.
    pad_id : int
        Token id of padding.
    device : torch.device
        Where the model goes.
    plan : WindowPlan or None
        Windows in which long sequences are read; None: the spec's `max_bp` refuses them.
    """

    n_special = (1, 1)
    """Special tokens that `encode` puts before and after those of the bases."""

    float32_layers: tuple[str, ...] = ()
    """Linear layers whose products are float32 in any case."""

    def __init__(
        self,
        model: nn.Module,
        encode: Callable[[str], np.ndarray[Any, np.dtype[np.int64]]],
        spec: EncoderSpec,
        *,
        pad_id: int,
        device: torch.device,
        plan: WindowPlan | None = None,
    ) -> None:
        dtype = read_dtype(spec.dtype, device, spec.name)
        model = use_fast_linears(model, dtype, keep_float32=self.float32_layers)
        self.model = model.train(False).requires_grad_(False).to(device)
        self.spec = spec
        self.encode = encode
        self.pad_id = pad_id
        self._device = device
        self._dtypes = (dtype, torch.float32) if self.float32_layers else (dtype,)
        self._plan = plan

    @property
    def batch_bp(self) -> int:
        """Base pairs that are best handed over at once."""
        return BATCH_BP[self._device.type]

    @property
    def runtime(self) -> dict[str, str]:
        """What decides the last bits of the vectors and is not in the spec."""
        return runtime(self._device, self._dtypes)

    def embed(self, sequences: Sequence[str]) -> Vectors:
        """Pooled vectors of the layer that the spec names. See `SequenceEncoder.embed`."""
        read = [self._read(bases) for bases in check_sequences(sequences, self.spec)]
        parts = [part for _, parts in read for part in parts]
        vectors = np.empty((len(parts), self.spec.hidden_dim), dtype=np.float32)
        for batch in make_buckets([len(part.ids) for part in parts], TOKEN_BUDGET[self._device.type]):
            vectors[batch] = self._forward([parts[index] for index in batch])
        if len(parts) == len(read):
            return vectors
        ends = np.cumsum([len(windows) for windows, _ in read])
        rows = np.split(vectors, ends[:-1])
        stitched = (stitch(part, windows, self.spec.pooling) for part, (windows, _) in zip(rows, read, strict=True))
        return np.stack(list(stitched))

    def _read(self, bases: str) -> tuple[list[Window], list[Part]]:
        """Windows of a sequence and what they read; of a long one, both strands are read as one of them if possible."""
        before, after = self.n_special
        ids = torch.from_numpy(self.encode(bases))
        n_tokens = len(ids) - before - after
        if self._plan is None or n_tokens <= self._plan.max_tokens - before - after:
            return [Window(0, n_tokens, 0, n_tokens)], [Part(ids, before, before + n_tokens)]
        if self.spec.rc_mode == "equivariant":  # windows are not: those of the other strand would begin elsewhere
            ids = torch.from_numpy(self.encode(canonical_strand(bases)))
        head, body, tail = ids[:before], ids[before : before + n_tokens], ids[before + n_tokens :]
        windows = self._plan.windows(n_tokens, before + after)
        parts = [
            Part(
                torch.cat([head, body[window.start : window.end], tail]),
                before + window.first - window.start,
                before + window.last - window.start,
            )
            for window in windows
        ]
        return windows, parts

    @torch.inference_mode()
    def _forward(self, parts: list[Part]) -> Vectors:
        lengths, first, last = (
            torch.tensor(column, device=self._device)[:, None]
            for column in zip(*((len(part.ids), part.first, part.last) for part in parts), strict=True)
        )
        padded = nn.utils.rnn.pad_sequence([part.ids for part in parts], batch_first=True, padding_value=self.pad_id)
        input_ids = padded.to(self._device)
        position = torch.arange(input_ids.shape[1], device=self._device)
        hidden = self._token_vectors(input_ids, (position < lengths).long())
        pooled = pool(hidden, (position >= first) & (position < last), self.spec.pooling)
        vectors: Vectors = pooled.float().cpu().numpy()
        return vectors

    def _token_vectors(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Vectors of the layer that is pooled, shape (n_sequences, n_tokens, hidden_dim)."""
        one_layer: Callable[[Tensor, Tensor, int], Tensor] | None = getattr(self.model, "layer_state", None)
        if one_layer is not None:
            return one_layer(input_ids, attention_mask, self.spec.layer)
        output: HiddenStates = self.model(input_ids, attention_mask=attention_mask)
        return output.hidden_states[self.spec.layer]


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
