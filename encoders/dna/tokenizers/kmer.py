"""Overlapping k-mers as DNABERT numbers them; the vocabulary is generated, no file is needed."""

from itertools import product

import numpy as np
from jaxtyping import Int64

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(5)
BASES = "ATCG"
"""The published order of the bases, which is not alphabetical."""

TokenIds = Int64[np.ndarray, " _n_tokens"]

_UNKNOWN = 4
_BASE_CODES = np.full(256, _UNKNOWN, dtype=np.int64)
_BASE_CODES[np.frombuffer(BASES.encode(), np.uint8)] = np.arange(4)


class KmerTokenizer:
    """All L - k + 1 overlapping k-mers of a sequence, between [CLS] and [SEP].

    A k-mer with any letter but upper-case A, C, G, T is [UNK]: cleaning sequences is the caller's part.

    Parameters
    ----------
    k : int
        Length of a k-mer.
    """

    pad_id = PAD

    def __init__(self, k: int) -> None:
        self.k = k
        self.version = f"kmer-{k}-atcg-1"
        self.vocabulary_size = len(SPECIAL_TOKENS) + 4**k
        self._places = 4 ** np.arange(k - 1, -1, -1)

    def vocabulary(self) -> tuple[str, ...]:
        """Tokens in the order of their ids."""
        return (*SPECIAL_TOKENS, *map("".join, product(BASES, repeat=self.k)))

    def encode(self, sequence: str) -> TokenIds:
        """Token ids; [CLS][SEP] alone where the sequence is shorter than k.

        Examples
        --------
        >>> from encoders.dna.tokenizers.kmer import KmerTokenizer
        >>> KmerTokenizer(3).encode("ACGTN").tolist()
        [2, 16, 50, 1, 3]
        """
        codes = _BASE_CODES[np.frombuffer(sequence.encode(), np.uint8)]
        if len(codes) < self.k:
            return np.array([CLS, SEP])
        kmers = np.lib.stride_tricks.sliding_window_view(codes, self.k)
        is_known = (kmers != _UNKNOWN).all(axis=1)
        ids = np.where(is_known, len(SPECIAL_TOKENS) + kmers @ self._places, UNK)
        return np.concatenate([[CLS], ids, [SEP]])
