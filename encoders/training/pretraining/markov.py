"""Markov chains of bases: what the loss of a model is held against.

A chain of order k tells a hidden base from the k bases on either side: its probability given both flanks is that of the
whole, divided by the sum over what might stand there. A network that is no better has learnt no more than counts of
(k + 1)-mers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

PSEUDO_COUNT = 0.5
"""Of every base after every word: an unseen word is unlikely, not impossible."""

AT_ONCE = 2**22
"""Values that the sum over hidden bases holds at once."""

_CODES = np.full(256, -1, dtype=np.int64)
_CODES[np.frombuffer(b"ACGT", np.uint8)] = np.arange(4)

Codes = Int64[np.ndarray, " _n_bases"]
LogP = Float64[np.ndarray, "n_words 4"]


def base_codes(sequence: str) -> Codes:
    """A, C, G, T as 0 to 3; anything else -1."""
    codes: Codes = _CODES[np.frombuffer(sequence.encode(), np.uint8)]
    return codes


@dataclass(frozen=True)
class MarkovChain:
    """A chain of one order, fitted.

    Attributes
    ----------
    order : int
        Bases before a base that decide its probability.
    log_p : float64 array, shape (4 ** order, 4)
        Natural logarithm of the probability of a base after each word.
    """

    order: int
    log_p: LogP

    def log_conditional(self, before: Sequence[Codes], hidden: Sequence[Codes], after: Sequence[Codes]) -> np.ndarray:
        """Log-probability of hidden bases given the bases on both sides, in nats.

        Parameters
        ----------
        before, hidden, after : sequence of int64 arrays
            Of each place: `order` bases at least before, the hidden ones, `order` at least after.

        Returns
        -------
        float64 array, shape (n_places,)
        """
        found = np.empty(len(hidden))
        lengths = np.array([len(one) for one in hidden])
        for length in np.unique(lengths):
            places = np.flatnonzero(lengths == length)
            for part in np.array_split(places, max(1, -(-len(places) * 4**self.order // AT_ONCE))):
                k = self.order
                left = np.stack([before[one][len(before[one]) - k :] for one in part])
                right = np.stack([after[one][:k] for one in part])
                found[part] = self._of_length(left, np.stack([hidden[one] for one in part]), right)
        return found

    def _of_length(self, left: np.ndarray, hidden: np.ndarray, right: np.ndarray) -> np.ndarray:
        k, n = self.order, hidden.shape[1]
        text = np.concatenate([left, hidden, right], axis=1)
        words = np.lib.stride_tricks.sliding_window_view(text, k + 1, axis=1) @ (4 ** np.arange(k, -1, -1))
        told: np.ndarray = self.log_p.reshape(-1)[words].sum(axis=1)
        if k == 0:
            return told
        p = np.exp(self.log_p).reshape(4, -1, 4)
        at = np.zeros((len(left), 4**k))
        at[np.arange(len(left)), left @ (4 ** np.arange(k - 1, -1, -1))] = 1
        log_scale = np.zeros(len(left))
        for step in range(n + k):
            moved = np.einsum("pfr,frb->prb", at.reshape(len(left), 4, -1), p)
            if step >= n:  # here the base is known
                moved *= (right[:, step - n, None] == np.arange(4))[:, None]
            at = moved.reshape(len(left), -1)
            total = at.sum(axis=1)
            at /= total[:, None]
            log_scale += np.log(total)
        return told - log_scale


def fit_chains(texts: Iterable[str], orders: Sequence[int]) -> list[MarkovChain]:
    """Chains of both strands, from one count of the longest words.

    Parameters
    ----------
    texts : iterable of str
        Known bases; neighbouring pieces overlap by the largest order, and no more, so that every word counts once.
    orders : sequence of int
        Orders, each from 0.
    """
    longest = max(orders) + 1
    places = 4 ** np.arange(longest - 1, -1, -1)
    counts = np.zeros(4**longest)
    for text in texts:
        codes = base_codes(text)
        if len(codes) >= longest:
            words = np.lib.stride_tricks.sliding_window_view(codes, longest) @ places
            counts += np.bincount(words, minlength=4**longest)
    counts += counts[_reverse_complements(longest)]
    chains = []
    for order in orders:
        of_order = counts.reshape(-1, 4 ** (order + 1)).sum(axis=0).reshape(-1, 4) + PSEUDO_COUNT
        chains.append(MarkovChain(order, np.log(of_order / of_order.sum(axis=1, keepdims=True))))
    return chains


def _reverse_complements(length: int) -> np.ndarray:
    """Number of the reverse complement of each word."""
    words, turned = np.arange(4**length), np.zeros(4**length, dtype=np.int64)
    for _ in range(length):
        turned = turned * 4 + 3 - words % 4
        words //= 4
    return turned
