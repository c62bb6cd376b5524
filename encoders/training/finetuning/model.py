"""A network with a linear head on its pooled token vectors, which learns a task."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from encoders.dna.networks.caduceus import CaduceusModel
from encoders.dna.token_models.pooling import pool
from encoders.errors import InputError
from encoders.training.pretraining.heads import INITIAL_SD, embedding_of, last_hidden_state
from encoders.training.tasks.card import TaskKind

Pooling = Literal["mean", "cls"]


class FinetunedModel(nn.Module):
    """What is told of a sequence, and its loss.

    Parameters
    ----------
    network : nn.Module
        `MosaicBert`, `CaduceusModel` or BertModel.
    kind : {"binary", "multiclass", "multilabel", "regression"}
        Of the task.
    n_outputs : int
        Classes; 1 of a regression.
    seed : int
        Draws the head.
    frozen : bool
        Whether the head alone learns.
    pooling : {"mean", "cls"}
        Of token vectors: the mean over tokens of bases, or the vector of [CLS].
    weights : Tensor of shape (n_outputs,) or None
        Of the loss of each class; of a multi-label task that of its presence.
    consistency : float or None
        Weight of the difference between both strands, where both are read.
    """

    accepts_loss_kwargs = True

    def __init__(
        self,
        network: nn.Module,
        kind: TaskKind,
        n_outputs: int,
        *,
        seed: int,
        frozen: bool = False,
        pooling: Pooling = "mean",
        weights: Tensor | None = None,
        consistency: float | None = None,
    ) -> None:
        super().__init__()
        if pooling == "cls" and isinstance(network, CaduceusModel):
            raise InputError("Caduceus reads bases alone and has no [CLS] token; set pooling: mean.")
        self._pooling = pooling
        self.network = network.requires_grad_(False) if frozen else network
        width = embedding_of(network).weight.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.classifier = nn.Linear(width, n_outputs)
            nn.init.normal_(self.classifier.weight, std=INITIAL_SD)
            nn.init.zeros_(self.classifier.bias)
        self._kind, self._frozen, self._consistency = kind, frozen, consistency
        self.register_buffer("class_weights", weights, persistent=False)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        is_base: Tensor,
        labels: Tensor | None = None,
        other_input_ids: Tensor | None = None,
        other_attention_mask: Tensor | None = None,
        other_is_base: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
    ) -> dict[str, Tensor]:
        """Scores, and the loss where labels are given.

        Parameters
        ----------
        input_ids, attention_mask, is_base : Tensor, shape (n_sequences, n_tokens)
            Padded on the right; True where a token is none of padding and special tokens.
        labels : Tensor
            Classes, shape (n_sequences,); 0 and 1, shape (n_sequences, n_outputs); or values, shape (n_sequences,).
        other_input_ids, other_attention_mask, other_is_base : Tensor, shape (n_sequences, n_other_tokens)
            The reverse complements; the loss is then that of both strands and of their difference.
        num_items_in_batch : Tensor or int, optional
            Labels that the loss is a mean over.

        Returns
        -------
        dict
            ``logits`` of shape (n_sequences, n_outputs); ``loss``.
        """
        logits = self._score(input_ids, attention_mask, is_base)
        if labels is None:
            return {"logits": logits}
        n = torch.as_tensor(labels.numel() if num_items_in_batch is None else num_items_in_batch).to(logits.device)
        total = self._loss(logits, labels)
        if other_input_ids is not None:
            assert other_attention_mask is not None
            assert other_is_base is not None
            assert self._consistency is not None
            other = self._score(other_input_ids, other_attention_mask, other_is_base)
            total = (total + self._loss(other, labels)) / 2 + self._consistency * self._difference(logits, other)
        return {"loss": total / n, "logits": logits}

    def _score(self, input_ids: Tensor, attention_mask: Tensor, is_base: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self._frozen):
            hidden = last_hidden_state(self.network, input_ids, attention_mask)
            if isinstance(self.network, CaduceusModel) and self.network.shape.rcps:
                forward, reverse = hidden.chunk(2, dim=-1)
                hidden = (forward + reverse.flip(-1)) / 2
            pooled = pool(hidden, is_base, self._pooling)
        scores: Tensor = self.classifier(pooled)
        return scores.float() if scores.dtype.itemsize < 4 else scores

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        weights = self.get_buffer("class_weights") if self.class_weights is not None else None
        if self._kind == "regression":
            return mse_loss(logits[:, 0], labels.to(logits.dtype), reduction="sum")
        if self._kind == "multilabel":
            wanted = labels.to(logits.dtype)
            return binary_cross_entropy_with_logits(logits, wanted, pos_weight=weights, reduction="sum")
        return cross_entropy(logits, labels, weight=weights, reduction="sum")

    def _difference(self, one: Tensor, other: Tensor) -> Tensor:
        """Sum over sequences: Jeffreys divergence of what is told, or the squared difference of values."""
        if self._kind == "regression":
            return (one - other).square().sum()
        if self._kind == "multilabel":
            return ((one.sigmoid() - other.sigmoid()) * (one - other)).sum() / 2
        p, q = one.log_softmax(-1), other.log_softmax(-1)
        return ((p.exp() - q.exp()) * (p - q)).sum() / 2


def told(logits: Tensor, kind: TaskKind) -> Tensor:
    """Probabilities of classes, or values, of scores."""
    if kind == "regression":
        return logits[:, 0]
    return logits.sigmoid() if kind == "multilabel" else logits.softmax(-1)


def mean_loss(logits: Tensor, labels: Tensor, kind: TaskKind) -> float:
    """Loss without weights of classes, a mean over labels: what early stopping looks at."""
    if kind == "regression":
        return float(mse_loss(logits[:, 0], labels.to(logits.dtype)))
    if kind == "multilabel":
        return float(binary_cross_entropy_with_logits(logits, labels.to(logits.dtype)))
    return float(cross_entropy(logits, labels))


def balanced_weights(counts: Tensor, n: int, kind: TaskKind) -> Tensor:
    """Weights by which every class counts alike; of a multi-label task absent over present.

    Parameters
    ----------
    counts : Tensor, shape (n_classes,)
        Training sequences of each class.
    n : int
        Training sequences.
    kind : str
        Of the task.

    Raises
    ------
    InputError
        It is a regression, which has no classes.
    """
    if kind == "regression":
        raise InputError("class_weights are for classes; the task is a regression: set class_weights: none.")
    return (n - counts) / counts if kind == "multilabel" else n / (len(counts) * counts)
