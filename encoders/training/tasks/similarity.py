"""Which sequences are alike or overlap: k-mers shared, places shared, and the clusters that follow.

A k-mer and its reverse complement count as one. Sequences of more than 512 bases are compared by a fixed share of
their k-mers (a scaled sketch), shorter ones by all of them.
"""

# ruff: noqa: F722

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64
from scipy import sparse

from encoders.genome.intervals import Interval

K = 12
WHOLE = 512
"""Bases up to which all k-mers of a sequence are compared."""

_ROWS = 1024
_UNKNOWN = 4
_CODES = np.full(256, _UNKNOWN, dtype=np.uint8)
_CODES[np.frombuffer(b"ACGT", np.uint8)] = np.arange(4)
_MIX = np.uint64(0x9E3779B97F4A7C15)

Pairs = Int64[np.ndarray, "n_pairs 2"]


def similar_pairs(sequences: Sequence[str], *, identity: float = 0.9) -> Pairs:
    """Pairs of sequences of which the shorter lies in the longer one, on either strand, with at least this identity.

    The share c of the shorter one's k-mers that both have stands for an identity of c to the power of 1 / k. A shift
    lowers c as differences do, so windows that overlap by most of their length are pairs too.

    Parameters
    ----------
    sequences : sequence of str
        Upper case.
    identity : float
        Above 0, at most 1.

    Returns
    -------
    int64 [n_pairs, 2]
        Each with the smaller index first, ascending.

    References
    ----------
    Ondov et al. 2016, doi:10.1186/s13059-016-0997-x; containment: Koslicki & Zabeti 2019,
    doi:10.1016/j.amc.2019.02.018.

    Examples
    --------
    >>> import numpy as np
    >>> from encoders.genome.sequences import reverse_complement
    >>> from encoders.training.tasks.similarity import similar_pairs
    >>> bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 60))
    >>> similar_pairs([bases, "ACGT" * 15, reverse_complement(bases)[4:]]).tolist()
    [[0, 2]]
    """
    held, sizes = _kmer_table(sequences)
    needed = identity**K
    pairs = []
    for first in range(0, len(sequences), _ROWS):
        shared = (held[first : first + _ROWS] @ held.T).tocoo()
        row, column = shared.row.astype(np.int64) + first, shared.col.astype(np.int64)
        alike = (row < column) & (shared.data >= needed * np.minimum(sizes[row], sizes[column]) - 1e-9)
        pairs.append(np.column_stack([row[alike], column[alike]]))
    found = np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=np.int64)
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def _kmer_table(sequences: Sequence[str]) -> tuple["sparse.csr_array", Float64[np.ndarray, " n"]]:
    """Which sequence holds which k-mer of those that several hold, and k-mers of every sequence."""
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    text = np.frombuffer("N".join(sequences).encode(), np.uint8)
    n_windows = len(text) - K + 1
    if n_windows < 1:
        return sparse.csr_array((len(sequences), 1), dtype=np.int32), np.zeros(len(sequences))
    codes = _CODES[text]
    forward, backward = np.zeros(n_windows, dtype=np.uint64), np.zeros(n_windows, dtype=np.uint64)
    known = np.ones(n_windows, dtype=bool)
    for place in range(K):
        base = codes[place : place + n_windows]
        known &= base != _UNKNOWN
        forward = forward * np.uint64(4) + base
        backward += (np.uint64(3) - base) * np.uint64(4**place)
    kmers = np.minimum(forward, backward)
    scale = max(1, int(lengths.max()) // WHOLE)
    if scale > 1:
        known &= (kmers * _MIX) >> np.uint64(32) < np.uint64(2**32 // scale)
    owner = np.repeat(np.arange(len(sequences)), lengths + 1)[:n_windows]
    distinct, columns = np.unique(kmers[known], return_inverse=True)
    held = sparse.csr_array(
        (np.ones(len(columns), np.int32), (owner[known], columns)), shape=(len(sequences), max(1, len(distinct)))
    )
    held.sum_duplicates()
    held.data[:] = 1
    sizes = np.asarray(held.sum(axis=1), dtype=np.float64)
    several = np.flatnonzero(np.asarray(held.sum(axis=0)) > 1)
    return held[:, several], np.maximum(sizes, 1.0)


def overlapping_pairs(places: Sequence[Interval]) -> Pairs:
    """Pairs that chain all stretches which share bases, on either strand, within a contig."""
    order = sorted(range(len(places)), key=lambda row: (places[row].chrom, places[row].start))
    pairs, reaching = [], -1
    for row in order:
        place = places[row]
        if reaching >= 0 and places[reaching].chrom == place.chrom and place.start < places[reaching].end:
            pairs.append((min(row, reaching), max(row, reaching)))
            reaching = row if place.end > places[reaching].end else reaching
        else:
            reaching = row
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def find_clusters(n: int, *pairs: Pairs) -> Int64[np.ndarray, " n"]:
    """Number of the cluster of every sequence: those that pairs chain together are one.

    Examples
    --------
    >>> import numpy as np
    >>> from encoders.training.tasks.similarity import find_clusters
    >>> find_clusters(4, np.array([[0, 2]]), np.array([[2, 3]])).tolist()
    [0, 1, 0, 0]
    """
    every = np.concatenate([np.empty((0, 2), dtype=np.int64), *pairs])
    links = sparse.coo_array((np.ones(len(every), np.int8), (every[:, 0], every[:, 1])), shape=(n, n))
    return np.asarray(sparse.csgraph.connected_components(links, directed=False)[1], dtype=np.int64)
