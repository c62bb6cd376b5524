"""Networks with the head of masked-language modelling, which learn; their layout is the published one.

BERT's head (DNABERT, DNABERT-2) is a layer, a norm, and the embedding as its decoder; Caduceus has the embedding alone,
and for PS that of the complements for the other strand, so that what is told of a sequence is what is told of its
reverse complement.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, linear

from encoders.dna.networks.caduceus import CaduceusModel
from encoders.errors import InputError
from encoders.training.masking.corruption import IGNORED

HEAD = "cls.predictions."
"""What published files write before the head of BERT."""

NORM_EPS = 1e-12
INITIAL_SD = 0.02


class BertHead(nn.Module):
    """Transform, norm and bias of BERT's head; the decoder is the embedding, which is the network's.

    Parameters
    ----------
    hidden_size, vocab_size : int
        Those of the network.
    """

    def __init__(self, hidden_size: int, vocab_size: int) -> None:
        super().__init__()
        dense = nn.Linear(hidden_size, hidden_size)
        nn.init.normal_(dense.weight, std=INITIAL_SD)
        nn.init.zeros_(dense.bias)
        norm = nn.LayerNorm(hidden_size, eps=NORM_EPS)
        self.transform = nn.ModuleDict({"dense": dense, "LayerNorm": norm})
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """Scores of the tokens, shape (..., vocab_size)."""
        normed = self.transform["LayerNorm"](gelu(self.transform["dense"](hidden)))
        return linear(normed, embedding, self.bias)


class MaskedLanguageModel(nn.Module):
    """A network and its head, as trainers call them.

    Parameters
    ----------
    network : nn.Module
        `MosaicBert`, `CaduceusModel`, or BertModel of transformers.
    seed : int
        Draws the head where the network needs one.
    """

    accepts_loss_kwargs = True
    """A trainer hands over the number of tokens to be told in all the batches of a step, on all processes."""

    def __init__(self, network: nn.Module, *, seed: int = 0) -> None:
        super().__init__()
        self.network = network
        self.head: BertHead | None = None
        if not isinstance(network, CaduceusModel):
            n_tokens, width = embedding_of(network).weight.shape
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(seed)
                self.head = BertHead(width, n_tokens)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
    ) -> dict[str, Tensor]:
        """Loss, and the scores at the tokens that are to be told.

        Parameters
        ----------
        input_ids, attention_mask, labels : int Tensor, shape (n_sequences, n_tokens)
            Padded on the right; -100 where there is nothing to be told.
        num_items_in_batch : Tensor or int, optional
            Tokens that the loss is a mean over; those of this batch if not given.

        Returns
        -------
        dict
            ``logits`` of shape (n_told, vocab_size), without labels of shape (n_sequences, n_tokens, vocab_size), and
            ``loss`` in nats.
        """
        hidden = last_hidden_state(self.network, input_ids, attention_mask)
        if labels is None:
            return {"logits": self._logits(hidden)}
        is_told = labels != IGNORED
        logits = self._logits(hidden[is_told])
        n_told = is_told.sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch)
        total = cross_entropy(logits.float() if logits.dtype.itemsize < 4 else logits, labels[is_told], reduction="sum")
        return {"loss": total / n_told.clamp(min=1).to(total.device), "logits": logits}

    def _logits(self, hidden: Tensor) -> Tensor:
        if isinstance(self.network, CaduceusModel):
            return self.network.logits(hidden)
        assert self.head is not None
        return self.head(hidden, embedding_of(self.network).weight)  # type: ignore[no-any-return]

    def head_weights(self) -> Iterator[tuple[str, Tensor]]:
        """Weights of the head under their published names, the decoder, which is the embedding, among them."""
        if self.head is None:
            return
        for key, weight in self.head.state_dict().items():
            yield f"{HEAD}{key}", weight
        yield f"{HEAD}decoder.bias", self.head.bias.detach().clone()
        yield f"{HEAD}decoder.weight", embedding_of(self.network).weight.detach().clone()

    def load_head(self, weights: Mapping[str, Tensor]) -> bool:
        """Take the head out of a published file; whether it has one.

        Raises
        ------
        InputError
            It has part of one, or one of another size.
        """
        if self.head is None or not any(key.startswith(HEAD) for key in weights):
            return False
        bias = weights.get(f"{HEAD}bias", weights.get(f"{HEAD}decoder.bias"))
        given = {key: bias if key == "bias" else weights.get(f"{HEAD}{key}") for key in self.head.state_dict()}
        for key, weight in self.head.state_dict().items():
            tensor = given[key]
            if tensor is None or tensor.shape != weight.shape:
                found = "lacks it" if tensor is None else f"has it in shape {tuple(tensor.shape)}"
                raise InputError(
                    f"A pretrained head needs {HEAD}{key} in shape {tuple(weight.shape)}; the file {found}: give the "
                    "checkpoint as it was published, or remove what is left of its head."
                )
        self.head.load_state_dict({key: tensor for key, tensor in given.items() if tensor is not None})
        return True


def embedding_of(network: nn.Module) -> nn.Embedding:
    """Embedding of the tokens."""
    if isinstance(network, CaduceusModel):
        return network.word_embedding
    found: Any = network
    embedding = found.embeddings.word_embeddings
    assert isinstance(embedding, nn.Embedding)
    return embedding


def last_hidden_state(network: nn.Module, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Token vectors of the last layer, shape (n_sequences, n_tokens, hidden_dim), with gradients."""
    of_network: Any = network
    if hasattr(network, "layer_state"):  # nothing is kept of the layers before
        layers = of_network.layers if isinstance(network, CaduceusModel) else of_network.encoder["layer"]
        state: Tensor = of_network.layer_state(input_ids, attention_mask, len(layers))
        return state
    last: Tensor = of_network(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
    return last
