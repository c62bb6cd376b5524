"""Pseudo-log-likelihoods of masked models, by the head that a checkpoint was pretrained with.

The sum over tokens of log p(token | the others), each masked in turn (Salazar et al. 2020,
https://doi.org/10.18653/v1/2020.acl-main.240). Tokens that share bases with the one in question are masked with it:
its neighbours would spell it out, which pretraining on contiguous spans does not let them either. In Caduceus a token
is a base; the other strand of PS holds the mask's complement, which is the mask, so that neither strand tells it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear

from encoders.dna.checkpoints.files import find_checkpoint
from encoders.dna.checkpoints.filling import published_names
from encoders.dna.checkpoints.weights_file import read_weights
from encoders.dna.networks.caduceus import CaduceusModel
from encoders.dna.protocol import SequenceEncoder
from encoders.dna.sequence_check import check_sequences
from encoders.dna.tokenizers import single_base
from encoders.dna.tokenizers.own_tokens import own_tokens
from encoders.dna.verification.seen_tokens import innermost, network
from encoders.errors import InputError

OF_BERT = ("DNABERT", "DNABERT-2")
FAMILIES = (*OF_BERT, "Caduceus")
PREFIX, EMBEDDING = "bert.", "embeddings.word_embeddings.weight"
_HEAD = "cls.predictions."
_KEYS = {
    "dense_weight": f"{_HEAD}transform.dense.weight",
    "dense_bias": f"{_HEAD}transform.dense.bias",
    "norm_weight": f"{_HEAD}transform.LayerNorm.weight",
    "norm_bias": f"{_HEAD}transform.LayerNorm.bias",
}
_BIASES = (f"{_HEAD}decoder.bias", f"{_HEAD}bias")
NORM_EPS = 1e-12
MASK = "[MASK]"
_MASK_ID = 4
"""Of both families, where the checkpoint lists no tokens."""

TOKENS_AT_ONCE = 4096


class MaskedModel:
    """A network with its masked-language head.

    Parameters
    ----------
    encoder : SequenceEncoder
        DNABERT, DNABERT-2 or Caduceus with the weights of a checkpoint.

    Raises
    ------
    InputError
        It is another encoder, has random weights, or its checkpoint has no head; the sentence says which.
    """

    def __init__(self, encoder: SequenceEncoder) -> None:
        spec, model = encoder.spec, network(encoder)
        if spec.family not in FAMILIES or model is None:
            known = f"{', '.join(FAMILIES[:-1])} and {FAMILIES[-1]}"
            raise InputError(f"Pseudo-log-likelihoods are those of {known}; got {spec.label}.")
        if not spec.trained or spec.source is None:
            raise InputError(f"Pseudo-log-likelihoods need a pretrained head; {spec.label} has random weights.")
        self._model, self._encoder, self.spec = model, innermost(encoder), spec
        self._logits: Callable[[Tensor], Tensor]
        if isinstance(model, CaduceusModel):  # its head has the weights of its embedding
            width = model.word_embedding.weight.dtype
            self._logits, self._mask_id = lambda hidden: model.logits(hidden.to(width)), single_base.MASK
        else:
            self._logits, self._mask_id = _bert_head(spec.source, spec.revision, spec.label)

    def log_likelihood(self, sequence: str) -> float:
        """Pseudo-log-likelihood of a sequence as it is given, in nats.

        Raises
        ------
        InputError
            The encoder refuses the sequence.
        """
        (bases,) = check_sequences([sequence], self._encoder.spec)
        of_encoder: Any = self._encoder  # its own tokens, as it reads them
        ids = torch.from_numpy(of_encoder.encode(bases))
        before, after = of_encoder.n_special
        # Tokens between the special ones; of overlapping k-mers those that share bases stand within k - 1 places.
        reach = self.spec.min_bp - 1
        inner = range(before, len(ids) - after)
        total = 0.0
        at_once = max(1, TOKENS_AT_ONCE // len(ids))
        for first in range(inner.start, inner.stop, at_once):
            places = list(range(first, min(first + at_once, inner.stop)))
            total += float(self._log_p(ids, places, reach, inner).sum())
        return total

    @torch.inference_mode()
    def _log_p(self, ids: Tensor, places: list[int], reach: int, inner: range) -> Tensor:
        """Log-probability of the token at each place, itself and its neighbours masked."""
        rows = ids.repeat(len(places), 1)
        for row, place in zip(rows, places, strict=True):
            row[max(inner.start, place - reach) : min(inner.stop, place + reach + 1)] = self._mask_id
        device = next(self._model.parameters()).device
        rows = rows.to(device)
        hidden = self._model(rows, attention_mask=torch.ones_like(rows)).last_hidden_state
        at = torch.tensor(places, device=device)
        logits = self._logits(hidden[torch.arange(len(places), device=device), at].float()).float()
        log_p = logits.log_softmax(dim=-1).double()
        return log_p[torch.arange(len(places), device=device), ids.to(device)[at]]


def _bert_head(source: str, revision: str | None, label: str) -> tuple[Callable[[Tensor], Tensor], int]:
    """From hidden states to logits, and the number of the mask."""
    checkpoint = find_checkpoint(source, revision)
    weights = published_names(read_weights(checkpoint.weights), embedding=EMBEDDING, prefix=PREFIX)
    listed = own_tokens(checkpoint)
    mask_id = _MASK_ID if listed is None else listed[1].get(MASK, _MASK_ID)
    return partial(_bert_logits, _read_head(weights, label)), mask_id


def _bert_logits(weights: Mapping[str, Tensor], hidden: Tensor) -> Tensor:
    head = {name: tensor.to(hidden.device) for name, tensor in weights.items()}
    dense = gelu(linear(hidden, head["dense_weight"], head["dense_bias"]))
    normed = layer_norm(dense, dense.shape[-1:], head["norm_weight"], head["norm_bias"], NORM_EPS)
    return linear(normed, head["decoder"], head["bias"])


def _read_head(weights: Mapping[str, Tensor], label: str) -> dict[str, Tensor]:
    missing = [key for key in _KEYS.values() if key not in weights]
    bias = next((weights[key] for key in _BIASES if key in weights), None)
    if missing or bias is None:
        raise InputError(
            f"Pseudo-log-likelihoods need a pretrained head; the checkpoint of {label} lacks "
            f"{missing[0] if missing else _BIASES[0]}. Give the checkpoint as it was published."
        )
    embedding = weights[f"{PREFIX}{EMBEDDING}"]
    decoder = weights.get(f"{_HEAD}decoder.weight", embedding)
    found = {name: weights[key] for name, key in _KEYS.items()} | {"decoder": decoder, "bias": bias}
    return {name: tensor.float() for name, tensor in found.items()}
