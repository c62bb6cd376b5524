"""An encoder of another package, right and broken in one place each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from encoders import EncoderSpec
from encoders.dna.registry import EncoderRequest
from encoders.dna.sequence_check import check_sequences

PAD, CLS, SEP = range(3)
SPEC = EncoderSpec(
    name="tiny", family="third party", label="tiny", hidden_dim=5, tokenizer_version="1", min_bp=1, max_bp=210, layer=1
)


@dataclass
class Output:
    hidden_states: tuple[Tensor, Tensor]

    @property
    def last_hidden_state(self) -> Tensor:
        return self.hidden_states[-1]


class Network(nn.Module):
    """Each token beside the mean of all tokens."""

    hears_mask = True

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.words = nn.Embedding(8, 5)
        self.mix = nn.Linear(10, 5)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Output:
        words = self.words(input_ids)
        weight = (attention_mask if self.hears_mask else torch.ones_like(attention_mask))[..., None].float()
        context = (words * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
        return Output((words, torch.tanh(self.mix(torch.cat([words, context.expand_as(words)], dim=-1)))))


class Tiny:
    n_special_pooled = 0
    spec = SPEC

    def __init__(self, request: EncoderRequest) -> None:
        request.read_options({})
        self.model = Network().requires_grad_(False)

    def embed(self, sequences: Sequence[str]) -> np.ndarray:
        bases = [self.cut(one) for one in check_sequences(sequences, self.spec)]
        vectors = np.empty((len(bases), 5), np.float32)
        if bases:
            ids = [torch.tensor([CLS, *("ACGTN".index(base) + 3 for base in one), SEP]) for one in bases]
            padded = nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=PAD)
            hidden = self.model(padded, attention_mask=(padded != PAD).long()).last_hidden_state
            for row, one in enumerate(ids):
                inside = 1 - self.n_special_pooled
                vectors[row] = hidden[row, inside : len(one) - inside].mean(0)
        return vectors

    def cut(self, bases: str) -> str:
        return bases


class MaskIgnored(Tiny):
    def __init__(self, request: EncoderRequest) -> None:
        super().__init__(request)
        self.model.hears_mask = False


class SpecialsPooled(Tiny):
    n_special_pooled = 1


class StrandsClaimed(Tiny):
    spec = replace(SPEC, rc_mode="invariant")


class Noisy(Tiny):
    def embed(self, sequences: Sequence[str]) -> np.ndarray:
        vectors = super().embed(sequences)
        noise = np.random.default_rng().normal(size=vectors.shape)
        return (vectors + 1e-7 * noise).astype(np.float32)


class Truncating(Tiny):
    def cut(self, bases: str) -> str:
        return bases[:170]
