"""Sequences of a labelled set as a trainer reads them: in an order, and on a strand, that their number decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from encoders.dna.batching import make_buckets
from encoders.genome.sequences import reverse_complement
from encoders.training.pretraining.learner import Learner
from encoders.training.tasks.labelled import LabelledSequences

Example = Mapping[str, Tensor]
BATCH_TOKENS = 8192


class FinetuningExamples(Dataset[Example]):
    """Passes over training sequences, each in an order of its own.

    Parameters
    ----------
    learner : Learner
        Gives tokens.
    train : LabelledSequences
        Sequences and labels; values of a regression are standardised.
    n_examples : int
        Of all passes.
    strands : {"forward", "augment", "consistency"}
        One strand, one that is drawn, or both.
    seed : int
        Of orders and strands.
    """

    def __init__(self, learner: Learner, train: LabelledSequences, *, n_examples: int, strands: str, seed: int) -> None:
        self._learner, self._train, self._n_examples = learner, train, n_examples
        self._strands, self._seed = strands, seed
        self._order = lru_cache(maxsize=2)(self._draw_order)

    def __len__(self) -> int:
        return self._n_examples

    def _draw_order(self, number: int) -> np.ndarray:
        return np.random.default_rng([self._seed, number]).permutation(len(self._train))

    def __getitem__(self, index: int) -> Example:
        number, place = divmod(index, len(self._train))
        row = int(self._order(number)[place])
        sequence = self._train.sequences[row]
        if self._strands == "augment" and np.random.default_rng([self._seed, index, 1]).random() < 0.5:
            sequence = reverse_complement(sequence)
        example = {"input_ids": torch.from_numpy(self._learner.encode(sequence))}
        if self._strands == "consistency":
            example["other_ids"] = torch.from_numpy(self._learner.encode(reverse_complement(sequence)))
        return example | {"labels": torch.as_tensor(self._train.labels[row])}


@dataclass(frozen=True, slots=True)
class SequencePadding:
    """Makes a batch: padded on the right, and which tokens are those of bases.

    Attributes
    ----------
    pad_id : int
        Token id of padding.
    n_before : int
        Special tokens before those of bases, and after them.
    """

    pad_id: int
    n_before: int

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """Tensors of shape (n_sequences, n_tokens), and labels; those of the other strand begin with ``other_``."""
        batch = self.inputs([one["input_ids"] for one in examples])
        if "labels" in examples[0]:
            batch["labels"] = torch.stack([one["labels"] for one in examples])
        if "other_ids" in examples[0]:
            batch |= {f"other_{key}": one for key, one in self.inputs([one["other_ids"] for one in examples]).items()}
        return batch

    def inputs(self, ids: Sequence[Tensor]) -> dict[str, Tensor]:
        """input_ids, attention_mask and is_base."""
        padded = pad_sequence(list(ids), batch_first=True, padding_value=self.pad_id)
        lengths = torch.tensor([len(one) for one in ids])[:, None]
        place = torch.arange(padded.shape[1])
        is_base = (place >= self.n_before) & (place < lengths - self.n_before)
        return {"input_ids": padded, "attention_mask": (place < lengths).long(), "is_base": is_base}


@torch.no_grad()
def score(model: nn.Module, learner: Learner, sequences: Sequence[str], *, both_strands: bool) -> Tensor:
    """Scores of sequences, shape (n_sequences, n_outputs), in float64 on the CPU; dropout is off meanwhile.

    Parameters
    ----------
    model : FinetunedModel
        As it is now.
    learner : Learner
        Gives tokens.
    sequences : sequence of str
        In any order of lengths.
    both_strands : bool
        Whether scores are the mean of both strands.
    """
    was_training, device = model.training, next(model.parameters()).device
    model.train(False)
    total: Tensor | None = None
    padding = SequencePadding(learner.pad_id, learner.n_before)
    for turned in (False, True)[: 1 + both_strands]:
        ids = [torch.from_numpy(learner.encode(reverse_complement(one) if turned else one)) for one in sequences]
        found: dict[int, Tensor] = {}
        for batch in make_buckets([len(one) for one in ids], BATCH_TOKENS):
            inputs = {key: one.to(device) for key, one in padding.inputs([ids[i] for i in batch]).items()}
            found |= dict(zip(batch, model(**inputs)["logits"].double().cpu(), strict=True))
        scores = torch.stack([found[index] for index in range(len(ids))])
        total = scores if total is None else (total + scores) / 2
    model.train(was_training)
    assert total is not None
    return total
