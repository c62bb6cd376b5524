"""Canonical k-mer frequencies: the encoder without weights, and the baseline every trained model must beat."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from jaxtyping import Int64

from encoders.dna.protocol import EncoderSpec, Vectors
from encoders.dna.registry import EncoderRequest, register_encoder
from encoders.dna.sequence_check import check_sequences
from encoders.errors import InputError
from encoders.genome.sequences import reverse_complement

MAX_K = 8
_UNKNOWN = 4
_BASE_CODES = np.full(256, _UNKNOWN, dtype=np.int64)
_BASE_CODES[np.frombuffer(b"ACGT", np.uint8)] = np.arange(4)

Counts = Int64[np.ndarray, " hidden_dim"]


class KmerSpectrum:
    """Relative frequency of each k-mer, a k-mer and its reverse complement counted as one.

    The columns are the canonical k-mers (the first of the two in alphabetical order), sorted; `kmers` names them.
    K-mers with an N in them are left out of the count. Exactly reverse-complement invariant.

    Parameters
    ----------
    k : int
        Length of the k-mers, 1 to 8.
    """

    def __init__(self, k: int = 5) -> None:
        if not 1 <= k <= MAX_K:
            raise InputError(f"kmer-spectrum needs k from 1 to {MAX_K}; got {k}.")
        every_kmer = ["".join(letters) for letters in product("ACGT", repeat=k)]
        canonical = [min(kmer, reverse_complement(kmer)) for kmer in every_kmer]
        self.kmers: tuple[str, ...] = tuple(sorted(set(canonical)))
        column_of = {kmer: column for column, kmer in enumerate(self.kmers)}
        self._columns = np.array([column_of[kmer] for kmer in canonical])
        self._places = 4 ** np.arange(k - 1, -1, -1)
        self.spec = EncoderSpec(
            name="kmer-spectrum",
            family="k-mer frequencies",
            label=f"kmer-{k}",
            hidden_dim=len(self.kmers),
            tokenizer_version="canonical-kmer-1",
            min_bp=k,
            rc_mode="invariant",
            options=(("k", str(k)),),
        )

    def embed(self, sequences: Sequence[str]) -> Vectors:
        """Frequencies of the canonical k-mers; each row sums to 1. See `SequenceEncoder.embed`."""
        cleaned = check_sequences(sequences, self.spec)
        vectors = np.zeros((len(cleaned), self.spec.hidden_dim), dtype=np.float32)
        for row, bases in zip(vectors, cleaned, strict=True):
            counts = self._count(bases)
            row[:] = counts / counts.sum()
        return vectors

    def _count(self, bases: str) -> Counts:
        codes = _BASE_CODES[np.frombuffer(bases.encode(), np.uint8)]
        windows = np.lib.stride_tricks.sliding_window_view(codes, self.spec.min_bp)
        known = windows[(windows != _UNKNOWN).all(axis=1)]
        return np.bincount(self._columns[known @ self._places], minlength=self.spec.hidden_dim)


@register_encoder("kmer-spectrum")
def load_kmer_spectrum(request: EncoderRequest) -> KmerSpectrum:
    """Builder of the registry; the option is `k`."""
    request.check_no_network()
    return KmerSpectrum(**request.read_options({"k": 5}))
