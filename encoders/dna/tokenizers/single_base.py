"""One token per base, numbered as Caduceus numbers them; no file is needed."""

import math

import numpy as np

from encoders.dna.tokenizers.kmer import TokenIds
from encoders.errors import InputError

SPECIAL_TOKENS = ("[CLS]", "[SEP]", "[BOS]", "[MASK]", "[PAD]", "[RESERVED]", "[UNK]")
CLS, SEP, BOS, MASK, PAD, RESERVED, UNK = range(7)
BASES = "ACGTN"
"""The published order of the bases; N is a token of its own, which training has seen."""

VERSION = "base-acgtn-1"
VOCABULARY_SIZE = len(SPECIAL_TOKENS) + len(BASES)

_IDS = np.full(256, UNK, dtype=np.int64)
_IDS[np.frombuffer(BASES.encode(), np.uint8)] = np.arange(len(SPECIAL_TOKENS), VOCABULARY_SIZE)
_COMPLEMENTS = dict(zip("ACGT", "TGCA", strict=True))


def encode_bases(sequence: str) -> TokenIds:
    """Token ids of a sequence, without special tokens.

    The published tokenizer appends [SEP]: it would stand at the end of one strand and at the start of the other, and
    a sequence and its reverse complement would no longer be the same thing to the network.
    A letter other than upper-case A, C, G, T, N is [UNK]: cleaning sequences is the caller's part.

    Examples
    --------
    >>> from encoders.dna.tokenizers.single_base import encode_bases
    >>> encode_bases("ACGTNx").tolist()
    [7, 8, 9, 10, 11, 6]
    """
    ids: TokenIds = _IDS[np.frombuffer(sequence.encode(), np.uint8)]
    return ids


def embedding_rows(vocabulary_size: int, multiple: int, name: str) -> int:
    """Rows of the embedding of a network: its vocabulary, filled up to a multiple.

    Raises
    ------
    InputError
        The vocabulary is smaller than that of this tokenizer.
    """
    if vocabulary_size < VOCABULARY_SIZE:
        raise InputError(
            f"The tokenizer of single bases has {VOCABULARY_SIZE} tokens; the vocabulary of {name} has "
            f"{vocabulary_size}. It belongs to another tokenizer."
        )
    return math.ceil(vocabulary_size / multiple) * multiple


def complement_ids(vocabulary_size: int = VOCABULARY_SIZE) -> list[int]:
    """Id of the complement of each token; all but A, C, G and T, also ids beyond the vocabulary, are their own.

    Examples
    --------
    >>> from encoders.dna.tokenizers.single_base import complement_ids
    >>> complement_ids()[7:]
    [10, 9, 8, 7, 11]
    """
    complements = list(range(vocabulary_size))
    for base, other in _COMPLEMENTS.items():
        complements[_IDS[ord(base)]] = int(_IDS[ord(other)])
    return complements
