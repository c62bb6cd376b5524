"""Examples of pretraining: each a function of its number alone, so that no process, batch or resumed run changes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from encoders.genome.sequences import reverse_complement
from encoders.training.masking.corruption import IGNORED, mask_tokens
from encoders.training.masking.lengths import LengthRule
from encoders.training.pretraining.genome import Stretches
from encoders.training.pretraining.learner import Learner

Example = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class MaskSchedule:
    """Share of tokens that are masked: one at first, another in the last part, as DNABERT was trained.

    Attributes
    ----------
    first, last : float
        Probability of a token to be chosen, before and in the last part.
    last_part : float
        Fraction of all steps that is the last part.
    """

    first: float = 0.15
    last: float = 0.2
    last_part: float = 1 / 6

    def share(self, progress: float) -> float:
        """Share at a fraction of all steps, from 0 to below 1."""
        return self.last if progress >= 1 - self.last_part else self.first


class PretrainingExamples(Dataset[Example]):
    """Masked sequences of a genome.

    Parameters
    ----------
    learner : Learner
        Gives tokens and the rule of masking.
    stretches : Stretches
        What is read.
    lengths : LengthRule
        Bases of a sequence.
    schedule : MaskSchedule
        Shares of masked tokens.
    n_examples : int
        Of the whole training: their place in it decides their share.
    strands : {"forward", "both"}
        Whether half of the sequences are read as their reverse complement.
    seed : int
        Of all draws.
    """

    def __init__(
        self,
        learner: Learner,
        stretches: Stretches,
        *,
        lengths: LengthRule,
        schedule: MaskSchedule,
        n_examples: int,
        strands: str,
        seed: int,
    ) -> None:
        self._learner, self._stretches = learner, stretches
        self._lengths, self._schedule = lengths, schedule
        self._n_examples, self._both, self._seed = n_examples, strands == "both", seed

    def __len__(self) -> int:
        return self._n_examples

    def __getitem__(self, index: int) -> Example:
        rng = np.random.default_rng([self._seed, index])
        sequence = self._stretches.draw(self._lengths.draw(rng), rng)
        if rng.random() < 0.5 and self._both:
            sequence = reverse_complement(sequence)
        share = self._schedule.share(index / self._n_examples)
        masked = mask_tokens(self._learner.encode(sequence), self._learner.rule, share, rng)
        return {"input_ids": torch.from_numpy(masked.input_ids), "labels": torch.from_numpy(masked.labels)}


@dataclass(frozen=True, slots=True)
class Padding:
    """Makes a batch of examples: padded on the right.

    Attributes
    ----------
    pad_id : int
        Token id of padding.
    """

    pad_id: int

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """Tensors of shape (n_sequences, n_tokens): input_ids, attention_mask, labels."""
        ids = [one["input_ids"] for one in examples]
        padded = pad_sequence(ids, batch_first=True, padding_value=self.pad_id)
        lengths = torch.tensor([len(one) for one in ids])
        labels = [one["labels"] for one in examples]
        return {
            "input_ids": padded,
            "attention_mask": (torch.arange(padded.shape[1]) < lengths[:, None]).long(),
            "labels": pad_sequence(labels, batch_first=True, padding_value=IGNORED),
        }
