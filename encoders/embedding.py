"""From distinct sequences to stored vectors: the only loop that keeps a device busy.

A sequence with nothing to read - shorter than the encoder's k-mer (a haplotype that lost the window), or with more
than half of its k-mers unknown (an assembly gap) - is never embedded. `read_embeddings` gives it the zero vector,
"nothing there", and the report counts it.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from encoders.dna.batching import make_buckets, split_long
from encoders.dna.protocol import EncoderSpec, SequenceEncoder, Vectors
from encoders.dna.reverse_complement import canonical_strand
from encoders.dna.sequence_check import REFUSE_ABOVE, read_bases, unknown_fraction
from encoders.dna.verification.verify import prove_once
from encoders.errors import InputError
from encoders.genome.sequences import sequence_id
from encoders.store import EmbeddingStore

Progress = Callable[[int, int], object]

BATCH_BP = 16_384
"""Base pairs handed over at once to an encoder that does not say what suits it, as `batch_bp`."""


@dataclass(frozen=True, slots=True)
class EmbedReport:
    """What one run of `embed_missing` found and did.

    Attributes
    ----------
    n_distinct, n_cached, n_encoded : int
        Distinct readable sequences or segments (both strands as one where the encoder reads both), how many of them
        were in the store, and how many were computed now.
    n_forward_passes : int
        Batches handed to the encoder.
    n_too_short, n_unreadable : int
        Distinct sequences that stand for "nothing there": shorter than `min_bp`; mostly N.
    n_ambiguous_bases : int
        Ambiguity codes other than N, over the distinct sequences, that were read as N.
    n_split : int
        Distinct sequences longer than `max_bp` (an insertion outgrew its window), read in segments and averaged.
    runtime : dict of str to str
        What decides the last bits of the vectors beside the setting, as the encoder tells it: device, threads, and
        the library of its products. Vectors made with another differ by less than 2e-5 and share the store.
    seconds : float
        Wall time.
    """

    n_distinct: int
    n_cached: int
    n_encoded: int
    n_forward_passes: int
    n_too_short: int
    n_unreadable: int
    n_ambiguous_bases: int
    n_split: int
    runtime: dict[str, str]
    seconds: float


def embed_missing(
    encoder: SequenceEncoder,
    sequences: Sequence[str],
    store: EmbeddingStore,
    *,
    batch_bp: int | None = None,
    shard_size: int = 512,
    progress: Progress | None = None,
) -> EmbedReport:
    """Embed the sequences that the store does not hold yet, and store them shard by shard.

    Parameters
    ----------
    encoder : SequenceEncoder
        Any encoder.
    sequences : sequence of str
        Any order, repeats allowed.
    store : EmbeddingStore
        Store of this encoder's setting.
    batch_bp : int or None
        Most base pairs, padding included, that are handed to the encoder at once; None: what it says suits it.
    shard_size : int
        Sequences per shard: the most work that a killed run loses.
    progress : callable or None
        Called with (sequences done, sequences to do) after every batch.

    Raises
    ------
    InputError
        The store belongs to another setting, a sequence holds a letter that is no base, or a checkpoint that this
        store sees for the first time does not give the vectors published for it (`encoders.dna.verification.verify`).
    """
    if store.spec.fingerprint != encoder.spec.fingerprint:
        raise InputError(f"The store given is that of {store.spec.label}; the encoder is {encoder.spec.label}.")
    start = time.perf_counter()
    found = _Inventory(sequences, encoder.spec)
    keys = store.missing(found.bases_of)
    keys.sort(key=lambda key: (-len(found.bases_of[key]), key))
    if keys:
        prove_once(encoder, store.folder.parent)
    suits: int = getattr(encoder, "batch_bp", BATCH_BP)
    batches = _Batches(encoder, found.bases_of, batch_bp or suits, progress, n_to_do=len(keys))
    with _all_cores():
        for first in range(0, len(keys), shard_size):
            asked = keys[first : first + shard_size]
            shard = store.missing(asked)  # another process may have been here since
            batches.count_done(len(asked) - len(shard))
            store.write(shard, batches.embed(shard))
    return EmbedReport(
        n_distinct=len(found.bases_of),
        n_cached=len(found.bases_of) - batches.n_encoded,
        n_encoded=batches.n_encoded,
        n_forward_passes=batches.n_forward_passes,
        n_too_short=found.n_too_short,
        n_unreadable=found.n_unreadable,
        n_ambiguous_bases=found.n_ambiguous_bases,
        n_split=found.n_split,
        runtime=dict(getattr(encoder, "runtime", {})),
        seconds=time.perf_counter() - start,
    )


def missing_sequences(spec: EncoderSpec, sequences: Sequence[str], store: EmbeddingStore) -> list[str]:
    """What `embed_missing` would hand to an encoder of this setting: distinct, readable, and not in the store.

    Raises
    ------
    InputError
        As `embed_missing`.
    """
    found = _Inventory(sequences, spec)
    return [found.bases_of[key] for key in store.missing(found.bases_of)]


def readable_sequences(spec: EncoderSpec, sequences: Sequence[str]) -> list[str]:
    """What `embed_missing` would hand to an encoder of this setting where no store holds anything yet."""
    return list(_Inventory(sequences, spec).bases_of.values())


def read_embeddings(sequences: Sequence[str], store: EmbeddingStore) -> Vectors:
    """Stored vectors of these sequences, in their order; zeros where there is nothing to read.

    Raises
    ------
    InputError
        A readable sequence has no stored vector.
    """
    spec = store.spec
    segments = [_segments(read_bases(sequence)[0], spec) for sequence in sequences]
    keys = [_key(segment, spec) for parts in segments for segment in parts]
    vectors = np.zeros((len(keys), spec.hidden_dim), dtype=np.float32)
    rows = [row for row, key in enumerate(keys) if key is not None]
    vectors[rows] = store.read([key for key in keys if key is not None])
    if len(keys) == len(segments):
        return vectors
    first = np.cumsum([0, *map(len, segments)])
    whole = [_join(vectors[a:b], parts, spec) for a, b, parts in zip(first, first[1:], segments, strict=False)]
    joined: Vectors = np.stack(whole)
    return joined


def _segments(bases: str, spec: EncoderSpec) -> list[str]:
    """The sequence as it is read: both strands of it give the same segments where the encoder reads both."""
    oriented = canonical_strand(bases) if spec.reads_both_strands else bases
    return split_long(oriented, max_bp=spec.max_bp, min_bp=spec.min_bp)


def _join(vectors: Vectors, segments: list[str], spec: EncoderSpec) -> np.ndarray:
    """Mean of the segments' vectors, weighted by their numbers of k-mers."""
    n_kmers = np.array([len(segment) - spec.min_bp + 1 for segment in segments])
    joined: np.ndarray = vectors[0] if len(segments) == 1 else (n_kmers @ vectors / n_kmers.sum()).astype(np.float32)
    return joined


class _Inventory:
    """Distinct sequences of a request by store key, and the count of those that cannot be read."""

    def __init__(self, sequences: Sequence[str], spec: EncoderSpec) -> None:
        self.bases_of: dict[str, str] = {}
        self.n_too_short = self.n_unreadable = self.n_ambiguous_bases = self.n_split = 0
        for sequence in dict.fromkeys(sequences):
            bases, n_ambiguous = read_bases(sequence)
            self.n_ambiguous_bases += n_ambiguous
            segments = _segments(bases, spec)
            self.n_split += len(segments) > 1
            for segment in segments:
                self._add(segment, spec)

    def _add(self, bases: str, spec: EncoderSpec) -> None:
        key = _key(bases, spec)
        if key is not None:
            self.bases_of[key] = canonical_strand(bases) if spec.reads_both_strands else bases
        elif len(bases) < spec.min_bp:
            self.n_too_short += 1
        else:
            self.n_unreadable += 1


class _Batches:
    """Hands sequences to the encoder in batches of like lengths, and counts."""

    def __init__(
        self,
        encoder: SequenceEncoder,
        bases_of: Mapping[str, str],
        batch_bp: int,
        progress: Progress | None,
        *,
        n_to_do: int,
    ) -> None:
        self._encoder, self._bases_of, self._batch_bp = encoder, bases_of, batch_bp
        self._progress, self._n_to_do, self._n_done = progress, n_to_do, 0
        self.n_encoded = self.n_forward_passes = 0

    def embed(self, keys: list[str]) -> Vectors:
        vectors = np.empty((len(keys), self._encoder.spec.hidden_dim), dtype=np.float32)
        for rows in make_buckets([len(self._bases_of[key]) for key in keys], self._batch_bp):
            vectors[rows] = self._encoder.embed([self._bases_of[keys[row]] for row in rows])
            self.n_forward_passes += 1
            self.n_encoded += len(rows)
            self.count_done(len(rows))
        return vectors

    def count_done(self, n_sequences: int) -> None:
        """Count sequences as done."""
        self._n_done += n_sequences
        if self._progress is not None and n_sequences:
            self._progress(self._n_done, self._n_to_do)


def _key(bases: str, spec: EncoderSpec) -> str | None:
    """Id under which a sequence is stored, None where there is nothing to read."""
    if unknown_fraction(bases, spec.min_bp) > REFUSE_ABOVE:
        return None
    return sequence_id(canonical_strand(bases) if spec.reads_both_strands else bases)


def available_cores() -> int:
    """Cores this process may use: those of the SLURM task, of its affinity mask and of its container's quota."""
    from joblib import cpu_count

    cores: int = cpu_count()
    return min(cores, int(os.environ.get("SLURM_CPUS_PER_TASK", cores)))


@contextmanager
def _all_cores() -> Iterator[None]:
    """Give torch all cores, whatever a worker pool around it has set: the number decides the last bits."""
    torch = sys.modules.get("torch")  # an encoder without torch must not cost its import
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(available_cores())
    try:
        yield
    finally:
        torch.set_num_threads(before)
