"""What a model tells of hidden bases that it was not trained on, beside what Markov chains tell of the same bases.

One span is hidden at a time, with known bases on both sides. Of overlapping k-mers a span of k tokens hides one base:
each of the k tokens gives its odds of the four k-mers that the visible bases allow, and the model's probability is
their mean. Of single bases it is the odds of A, C, G and T at the place. A piece of BPE hides all of its bases; the
model is shown where it begins and ends, which a chain is not shown, and its loss is divided by their number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor, nn

from encoders.dna.batching import make_buckets
from encoders.training.masking.corruption import IGNORED
from encoders.training.pretraining.examples import Padding
from encoders.training.pretraining.genome import Stretches
from encoders.training.pretraining.learner import Learner
from encoders.training.pretraining.markov import MarkovChain, base_codes

BATCH_TOKENS = 8192
FEWEST_WINDOWS = 5
"""Sequences from which an interval over them is given."""


@dataclass(frozen=True, slots=True)
class HiddenPlace:
    """One span that is hidden: tokens `first` to `end` of window `window`, bases `start` to `stop`; ends exclusive."""

    window: int
    first: int
    end: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """Losses over all hidden places.

    Attributes
    ----------
    nats_per_token : float
        Cross-entropy of the hidden tokens: that of training, with the spans apart from one another.
    nats_per_base : float
        Cross-entropy of the hidden bases; ln 4 = 1.386 is knowing nothing.
    by_window : float64 array, shape [n_windows]
        Nats of all hidden bases of a sequence.
    """

    nats_per_token: float
    nats_per_base: float
    by_window: NDArray[np.float64]


class Validation:
    """Hidden places of held-out sequences, the same ones for all who are judged.

    Parameters
    ----------
    learner : Learner
        Gives tokens; its model is judged by `judge`.
    stretches : Stretches
        Held out.
    n_windows : int
        Sequences.
    length : int
        Bases of each.
    flank : int
        Known bases on each side of a hidden span at least.
    seed : int
        Draws sequences and places.
    """

    def __init__(
        self, learner: Learner, stretches: Stretches, *, n_windows: int, length: int, flank: int, seed: int
    ) -> None:
        rng = np.random.default_rng([seed, 2**32])  # no example of the training has this number
        self._learner = learner
        self.sequences = [stretches.draw(length, rng) for _ in range(n_windows)]
        self._ids = [learner.encode(sequence) for sequence in self.sequences]
        self.places = [place for window in range(n_windows) for place in self._choose(window, max(flank, 1), rng)]

    def _choose(self, window: int, flank: int, rng: np.random.Generator) -> list[HiddenPlace]:
        """As many places as fit with a flank between them; the first at random."""
        span, before = self._learner.rule.span, self._learner.n_before
        bases, ids = self._learner.base_spans(self._ids[window]), self._ids[window]
        n_bases, places, last = len(self.sequences[window]), [], flank + int(rng.integers(span + flank))
        for first in range(before, len(ids) - before - span + 1):
            # The one base that all tokens of the span share, or all of a lone token.
            start, stop = int(bases[first + span - 1, 0]), int(bases[first, 1])
            outer = int(bases[first, 0]), int(bases[first + span - 1, 1])
            if start >= last and outer[0] >= flank and outer[1] <= n_bases - flank:
                places.append(HiddenPlace(window, first, first + span, start, stop))
                last = outer[1] + flank
        return places

    @property
    def n_bases(self) -> int:
        """Hidden bases."""
        return sum(place.stop - place.start for place in self.places)

    def judge_chain(self, chain: MarkovChain) -> NDArray[np.float64]:
        """Nats of all hidden bases of each sequence by a Markov chain, [n_windows]."""
        codes = [base_codes(sequence) for sequence in self.sequences]
        k = chain.order
        log_p = chain.log_conditional(
            [codes[one.window][one.start - k : one.start] for one in self.places],
            [codes[one.window][one.start : one.stop] for one in self.places],
            [codes[one.window][one.stop : one.stop + k] for one in self.places],
        )
        return self._by_window(self.places, -np.asarray(log_p))

    def difference(
        self, model: NDArray[np.float64], chain: NDArray[np.float64]
    ) -> tuple[float, tuple[float, float] | None]:
        """Nats per base of a model less those of a chain, and its 95 % interval; None of a single sequence.

        Sequences are drawn, not bases: those of one sequence are told by the same repeats. Student's t of a ratio's
        linearised residuals.

        Parameters
        ----------
        model, chain : float64 array, shape [n_windows]
            `Judgement.by_window`, and what `judge_chain` gives.
        """
        n_bases = self._by_window(self.places, np.array([place.stop - place.start for place in self.places]))
        read = n_bases > 0
        gained, n_windows = (model - chain)[read], int(read.sum())
        found = float(gained.sum() / n_bases.sum())
        if n_windows < FEWEST_WINDOWS:
            return found, None
        residual = gained - found * n_bases[read]
        error = np.sqrt(n_windows / (n_windows - 1) * (residual**2).sum()) / n_bases.sum()
        reach = float(stats.t.ppf(0.975, n_windows - 1) * error)
        return found, (found - reach, found + reach)

    def _by_window(self, places: Sequence[HiddenPlace], values: NDArray[Any]) -> NDArray[np.float64]:
        windows = np.array([place.window for place in places], dtype=np.intp)
        return np.bincount(windows, values, minlength=len(self.sequences)).astype(np.float64)

    @torch.no_grad()
    def judge(self, model: nn.Module) -> Judgement:
        """Losses of a `MaskedLanguageModel` as it is now; dropout is off meanwhile."""
        was_training, device = model.training, next(model.parameters()).device
        model.train(False)
        of_window: list[list[HiddenPlace]] = [[] for _ in self.sequences]
        for place in self.places:
            of_window[place.window].append(place)
        masked = [self._mask(window, of_window[window]) for window in range(len(self._ids))]
        of_tokens, by_window = 0.0, np.zeros(len(self.sequences))
        for batch in make_buckets([len(ids) for ids in self._ids], BATCH_TOKENS):
            inputs = Padding(self._learner.pad_id)([masked[one] for one in batch])
            logits = model(**{key: value.to(device) for key, value in inputs.items()})["logits"]
            log_p = logits.double().log_softmax(-1).cpu()
            told = inputs["labels"][inputs["labels"] != IGNORED]
            of_token = log_p[torch.arange(len(told)), told]
            of_tokens -= float(of_token.sum())
            places = [place for one in batch for place in of_window[one]]
            by_window -= self._by_window(places, self._of_bases(log_p, of_token, told, places).numpy())
        model.train(was_training)
        n_tokens = sum(place.end - place.first for place in self.places)
        return Judgement(of_tokens / n_tokens, float(by_window.sum() / self.n_bases), by_window)

    def _mask(self, window: int, places: Sequence[HiddenPlace]) -> dict[str, Tensor]:
        read, labels = self._ids[window].copy(), np.full_like(self._ids[window], IGNORED)
        for place in places:
            tokens = slice(place.first, place.end)
            labels[tokens] = read[tokens]
            read[tokens] = self._learner.rule.mask_id
        return {"input_ids": torch.from_numpy(read), "labels": torch.from_numpy(labels)}

    def _of_bases(self, log_p: Tensor, of_token: Tensor, told: Tensor, places: Sequence[HiddenPlace]) -> Tensor:
        """Log-probability of each place's bases; rows of a place lie together, in the order of the places."""
        rule = self._learner.rule
        if self._learner.tokens_of is not None:
            return of_token.reshape(len(places), rule.span).sum(1)
        # Of the i-th token of a span the hidden base is the (span - 1 - i)-th letter: the digit of 4^i in its number.
        weight = 4 ** torch.arange(rule.span).repeat(len(places))
        number = told - rule.first_id
        digit = number // weight % 4
        others = (number - digit * weight)[:, None] + torch.arange(4) * weight[:, None] + rule.first_id
        odds = log_p.gather(1, others).log_softmax(-1)[torch.arange(len(told)), digit]
        return torch.logsumexp(odds.reshape(len(places), rule.span), 1) - math.log(rule.span)
