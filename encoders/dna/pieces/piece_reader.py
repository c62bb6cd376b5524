"""The pieces of a sequence, by any tokenizer of bases: the id of each and where it begins."""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64

from encoders.dna.tokenizers.kmer import KmerTokenizer, TokenIds
from encoders.dna.tokenizers.six_mer import NucleotideTransformerTokenizer
from encoders.dna.tokenizers.vocabulary import JsonTokenizer
from encoders.errors import InputError

Ids = Int64[np.ndarray, " n_pieces"]
Starts = Int64[np.ndarray, " n_pieces"]
MAX_K = 8


@runtime_checkable
class Encoding(Protocol):
    """From bases in upper case to token ids."""

    def encode(self, sequence: str) -> TokenIds:
        """Token ids, special tokens included."""
        ...


@dataclass(frozen=True)
class PieceReader:
    """A tokenizer as a reader of pieces.

    Parameters
    ----------
    name, label : str
        In files, and in tables and figures.
    tokenizer : Encoding
    texts : sequence of str
        Bases of each token by its id; a special token stands for one base that it cannot read.
    n_before, n_after : int
        Special tokens that the tokenizer puts around a sequence.
    overlap : bool
        Whether a piece begins at every base, so that the pieces cut nothing.
    """

    name: str
    label: str
    tokenizer: Encoding
    texts: tuple[str, ...]
    n_before: int
    n_after: int
    overlap: bool = False
    _lengths: Int64[np.ndarray, " n_tokens"] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lengths = [len(text) if set(text) <= set("ACGTN") else 1 for text in self.texts]
        object.__setattr__(self, "_lengths", np.array(lengths, dtype=np.int64))

    def read(self, sequence: str) -> tuple[Ids, Starts]:
        """Ids of the pieces, and where each begins (0-based).

        Raises
        ------
        InputError
            The pieces do not spell the sequence.
        """
        ids = self.tokenizer.encode(sequence)
        ids = ids[self.n_before : len(ids) - self.n_after]
        if self.overlap:
            return ids, np.arange(len(ids))
        ends = np.cumsum(self._lengths[ids])
        if len(ids) == 0 or ends[-1] != len(sequence):
            raise InputError(
                f"Pieces must spell the sequence that they are of; those of {self.label} spell "
                f"{int(ends[-1]) if len(ids) else 0} of {len(sequence)} bases: give a tokenizer of bases."
            )
        return ids, ends - self._lengths[ids]

    @property
    def lengths(self) -> Int64[np.ndarray, " n_tokens"]:
        """Bases of each token by its id."""
        return self._lengths

    @property
    def is_piece(self) -> np.ndarray:
        """Which tokens stand for known bases, bool [n_tokens]."""
        return np.array([text != "" and set(text) <= set("ACGT") for text in self.texts], dtype=bool)


def kmer_reader(k: int) -> PieceReader:
    """All overlapping k-mers, as DNABERT reads them.

    Raises
    ------
    InputError
        k is not from 1 to 8.
    """
    if not 1 <= k <= MAX_K:
        raise InputError(f"Overlapping k-mers need k from 1 to {MAX_K}; got {k}.")
    tokenizer = KmerTokenizer(k)
    return PieceReader("kmer", f"{k}-mer, overlapping", tokenizer, tokenizer.vocabulary(), 1, 1, overlap=True)


def six_mer_reader() -> PieceReader:
    """Six-mers side by side, as Nucleotide Transformer reads them: one base each before an N and at the end."""
    tokenizer = NucleotideTransformerTokenizer()
    return PieceReader("six-mer", "6-mer, side by side", tokenizer, tokenizer.vocabulary, 1, 0)


def bpe_reader(path: Path, label: str) -> PieceReader:
    """Pieces of a tokenizer.json.

    Raises
    ------
    InputError
        It cannot be read, or its ids have gaps.
    """
    tokenizer = JsonTokenizer(path)
    if tokenizer.ids != tuple(range(len(tokenizer.ids))):
        raise InputError(f"A tokenizer numbers its tokens from 0 without gaps; {path} does not: download it again.")
    return PieceReader("bpe", label, tokenizer, tokenizer.vocabulary, tokenizer.n_before, tokenizer.n_after)


def count_pieces(reader: PieceReader, sequences: Sequence[str]) -> Int64[np.ndarray, " n_tokens"]:
    """How often each token stands in some sequences."""
    counts = np.zeros(len(reader.texts), dtype=np.int64)
    for sequence in sequences:
        counts += np.bincount(reader.read(sequence)[0], minlength=len(counts))
    return counts
